from __future__ import annotations

import csv
import json

import numpy as np

from zfexplore.figures.blocks import FIELDS, block_from
from zfexplore.figures.tables import keep_arrays, write_tables
from zfexplore.progress import Progress


def test_csv_and_json_stand_beside_the_figure_and_agree(tmp_path, nine, field):
    rows = block_from("conv2:7", nine, field).rows()
    written = write_tables(tmp_path / "conv2-7.png", rows, {"channel": "conv2:7", "mean": 3.5})
    assert written == [tmp_path / "conv2-7.csv", tmp_path / "conv2-7.json"]
    record = json.loads(written[1].read_text(encoding="utf-8"))
    assert record["channel"] == "conv2:7"
    assert record["units"] == rows
    with open(written[0], newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [float(line["activation"]) for line in lines] == [row["activation"] for row in rows]
    assert tuple(lines[0]) == FIELDS
    assert [line["name"] for line in lines] == [row["name"] for row in rows]


def test_a_channel_that_never_fires_has_an_empty_table(tmp_path):
    table, record = write_tables(tmp_path / "conv2-7.png", [], {})
    assert table.read_text() == "rank,activation,image,name,label,y,x,y0,x0,y1,x1,scale\n"
    assert json.loads(record.read_text()) == {"units": []}


def test_arrays_are_kept_as_blocks_pass(tmp_path, nine, exemplar, field):
    whole = block_from("conv2:7", nine, field)
    clipped = block_from("conv2:8", [exemplar(y=0, x=0)], field)
    dead = block_from("conv2:9", [], field)
    passed = list(keep_arrays([whole, clipped, dead], tmp_path / "grid.npz"))
    assert [block.name for block in passed] == ["conv2:7", "conv2:8", "conv2:9"]
    with np.load(tmp_path / "grid.npz") as arrays:
        assert (arrays["conv2-7.pixels"][3] == whole.units[3].projection).all()
        assert (arrays["conv2-7.patches"][3] == whole.units[3].patch).all()
        assert arrays["conv2-7.activation"].tolist() == [10.0 - rank for rank in range(9)]
        assert arrays["conv2-8.window"].tolist() == [[0, 0, 5, 5]]
        assert arrays["conv2-8.position"].tolist() == [[0, 0]]
        assert (arrays["conv2-8.pixels"][0, :, 1:, 1:] == clipped.units[0].projection).all()
        assert not arrays["conv2-8.pixels"][0, :, 0].any()
        assert arrays["conv2-9.pixels"].shape == (0, 3, 1, 1)
        assert arrays["conv2-9.position"].shape == (0, 2)


def test_progress_passes_the_arrays_by(tmp_path, nine, field):
    told = Progress("projecting", 1, 2, 1.0, 1.0, "projections")
    block = block_from("conv2:7", nine, field)
    assert list(keep_arrays([told, block], tmp_path / "grid.npz")) == [told, block]
    with np.load(tmp_path / "grid.npz") as arrays:
        assert {name.split(".")[0] for name in arrays} == {"conv2-7"}


def test_arrays_left_halfway_leave_no_file(tmp_path, nine, field):
    passing = keep_arrays([block_from("conv2:7", nine, field)] * 3, tmp_path / "grid.npz")
    next(passing)
    passing.close()
    assert list(tmp_path.iterdir()) == []
