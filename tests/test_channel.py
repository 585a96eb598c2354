"""A Channel with exemplars made by hand; test_explorer.py has those of a net."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from zfexplore.atlas.records import Place
from zfexplore.channel import Channel
from zfexplore.exemplars.records import Exemplar
from zfexplore.figures.blocks import block_from
from zfexplore.figures.figure import Made
from zfexplore.figures.provenance import Origin, read_chunks
from zfexplore.settings import Command
from zfexplore.showing import Records, place_table
from zfexplore.units import Unit, Window

UNIT = Unit("conv2", 7)
FIELD = SimpleNamespace(size=(4, 4), jump=(2, 2), start=(0, 0))
KNOWN = {
    "channel": "conv2:7", "max": 5.0, "mean": 2.5, "share_firing": 1.0, "dead": False, "selectivity": None,
    "best_class": None,
}  # fmt: skip


@pytest.fixture
def channel():
    random = np.random.default_rng(0)
    exemplars = tuple(
        Exemplar(
            UNIT, Place(rank, 5.0 - rank, rank, f"{rank}.png", None, 1, rank),
            random.normal(size=(3, 4, 4)).astype(np.float32), Window(2, 2 * rank, 6, 2 * rank + 4),
            random.integers(0, 256, (12, 12, 3), dtype=np.uint8), 5.0 - rank,
        )
        for rank in range(3)
    )  # fmt: skip
    options = {"--tile": None, "--title": None, "--out": None, "--npz": None, "--images": "album"}
    command = Command(("export", "channel", "conv2:7"), options)
    made = Made(Origin("zfnet", "c0ffee", "a71a5", "f00d", 3), command, "conv2:7", "conv2-7.png")
    places = Records([], "conv2:7", place_table)
    return Channel(UNIT, exemplars, KNOWN, places, block_from(UNIT, exemplars, FIELD), made)


def test_it_is_its_exemplars(channel):
    assert len(channel) == 3
    assert list(channel) == [channel[0], channel[1], channel[2]]
    assert channel[1].unit == Unit("conv2", 7, 1, 1)
    np.testing.assert_array_equal(channel[2].patch, channel[2].image[2:6, 4:8])
    assert channel[2].pixels.shape == (3, 12, 12)


def test_what_differs_from_the_defaults_is_in_the_command(channel, tmp_path):
    channel.figure(tile=32, title="mine").save(tmp_path / "x.png")
    chunks = read_chunks(tmp_path / "x.png")
    command = (
        f"zfexplore export channel conv2:7 --tile 32 --title mine --out {tmp_path / 'x.png'} --images album"
    )
    assert chunks["command"] == command
    assert chunks["Title"] == "mine"


def test_it_is_saved_with_its_table(channel, tmp_path):
    written = channel.save(tmp_path / "x.png")
    assert [path.name for path in written] == ["x.png", "x.csv", "x.json"]
    record = json.loads(written[2].read_text())
    assert [unit["activation"] for unit in record["units"]] == [5.0, 4.0, 3.0]
    assert record["command"] == read_chunks(written[0])["command"]


def test_one_of_its_units_has_a_figure_of_its_own(channel):
    figure = channel.unit_figure(2, channel[2].unit)
    (rows,) = figure.tables.values()
    assert (figure.made.title, rows[0]["rank"]) == ("conv2:7@1,2", 3)
