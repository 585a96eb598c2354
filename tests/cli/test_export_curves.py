# tests zfexplore/curves.py too: the command only writes what it draws
from __future__ import annotations

import json
import xml.etree.ElementTree as tree

import pytest

from zfexplore.curves import draw_curves
from zfexplore.errors import ExploreError
from zfexplore.figures.provenance import read_chunks
from zfexplore.training.recipe import recipe

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def begin(tmp_path):
    """Write a run of some epochs, as ``train`` leaves it."""

    def written(name, epochs, **changes):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        settings = {
            "format": 1, "asked": {}, "seed": 0, "recipe": recipe(epochs=epochs or 1, **changes).to_json(),
            "images": {"name": "photos", "count": 1300, "training": 1200, "fingerprint": "abc"},
        }  # fmt: skip
        (folder / "run.json").write_text(json.dumps(settings))
        lines = [
            {
                "epoch": epoch,
                "size": 64,
                "loss": 2 / epoch,
                "lr": 0.01,
                "top1": 0.1 * epoch,
                "dead": {"fc6": 1},
            }
            for epoch in range(1, epochs + 1)
        ]
        (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    return written


def test_the_curves_are_lines_and_text_and_the_epochs_a_table(zfexplore, begin, tmp_path):
    begin("first", 2)
    words = ("export", "curves", "first", "--format", "svg", "--dpi", "100")
    code, out, told = zfexplore(*words, source=())
    assert (code, out) == (0, "wrote out/first-curves.svg\nwrote out/first-curves.csv\n"), told
    root = tree.parse(tmp_path / "out" / "first-curves.svg").getroot()
    written = [each.text for each in root.iter(f"{SVG}text")]
    assert {"The training first", "loss", "top-1", "learning rate"} <= set(written)
    assert any("1,200 training images of photos" in text for text in written)
    drawn = [each.attrib["points"].split() for each in root.iter(f"{SVG}polyline")]
    assert sum(len(points) >= 2 for points in drawn) >= 3  # loss, top-1, rate
    assert not list(root.iter(f"{SVG}image"))
    assert read_chunks(tmp_path / "out" / "first-curves.svg")["command"] == (
        "zfexplore export curves first --format svg --dpi 100"
    )
    head, *rows = (tmp_path / "out" / "first-curves.csv").read_text().splitlines()
    assert head.startswith("epoch,loss,held_out_loss,top1,")
    assert [row.split(",")[:4] for row in rows] == [["1", "2.0", "", "0.1"], ["2", "1.0", "", "0.2"]]


def test_a_longer_run_replaces_its_figure_and_another_run_does_not(zfexplore, begin):
    words = ("export", "curves", "run", "--out", "c.png")
    begin("run", 1)
    assert zfexplore(*words, source=())[0] == 0
    begin("run", 3)
    assert zfexplore(*words, source=())[0] == 0
    begin("run", 3, lr=0.5)
    code, _, told = zfexplore(*words, source=())
    assert (code, "give another --out, or --overwrite" in told) == (1, True)


def test_a_folder_without_a_run_and_a_run_without_an_epoch_are_told(zfexplore, begin, tmp_path):
    (tmp_path / "empty").mkdir()
    begin("new", 0)
    for name, why in (("empty", "holds no run"), ("new", "has no epoch yet"), ("gone", "is not there")):
        code, _, told = zfexplore("export", "curves", name, source=())
        assert (code, why in told) == (2, True), told


def test_the_curves_can_be_had_from_python(begin, tmp_path):
    begin("first", 2)
    figure = draw_curves(tmp_path / "first", title="Losses")
    assert (figure.made.title, figure.made.name) == ("Losses", "first-curves.png")
    assert [(row["epoch"], row["loss"], row["held_out_loss"]) for row in figure.rows] == [
        (1, 2.0, None),
        (2, 1.0, None),
    ]
    with pytest.raises(ExploreError, match="the folder of a run must be a name or a path, not 3"):
        draw_curves(3)
