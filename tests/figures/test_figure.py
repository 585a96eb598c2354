from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from zfexplore.figures.blocks import block_from
from zfexplore.figures.channel import ChannelFigure
from zfexplore.figures.figure import Drawing, Figure, Made
from zfexplore.figures.grid import Page
from zfexplore.figures.provenance import Origin, read_chunks
from zfexplore.figures.unit import UnitFigure
from zfexplore.progress import Finished, Progress, finish
from zfexplore.settings import Command

ORIGIN = Origin("zfnet", "c0ffee", "a71a5", "f00d", 9)
MADE = Made(ORIGIN, Command(("export", "grid"), {"--layer": "conv2", "--out": None}), "conv2", "conv2.png")
KNOWN = {
    "max": 10.0, "mean": 5.0, "share_firing": 1.0, "dead": False, "selectivity": None, "best_class": None,
}  # fmt: skip


@pytest.fixture
def blocks(nine, field):
    return [block_from(f"conv2:{channel}", nine, field) for channel in range(3)]


def test_a_drawing_ends_with_the_figure_of_all_its_pages(blocks):
    pages = {"first": Page(1, tile=16), "second": Page(2, tile=16)}
    progress = Progress("projecting", 1, 3, 1.0, None)
    drawing = Drawing(pages, [blocks[0], progress, *blocks[1:]], MADE, lambda pages: pages[1].image)
    events = list(drawing.events())
    figure = events[-1].result
    assert isinstance(events[-1], Finished)
    assert progress in events
    assert {event.task for event in events[:-1]} >= {"drawing first", "drawing second"}
    assert list(figure.tables) == ["conv2:0", "conv2:1", "conv2:2"]
    assert figure.image == pages["second"].image


def test_what_is_drawn_when_it_is_interrupted_can_be_kept(blocks, tmp_path):
    drawing = Drawing({"conv2": Page(3, tile=16)}, blocks, MADE)
    assert drawing.keep(tmp_path / "conv2.png") is None
    next(drawing.events())
    kept = drawing.keep(tmp_path / "conv2.png")
    assert kept == tmp_path / "conv2-partial.png"
    chunks = read_chunks(kept)
    assert [key for key in chunks if key.startswith("unit ")] == ["unit conv2:0"]
    assert chunks["command"] == f"zfexplore export grid --layer conv2 --out {tmp_path / 'conv2.png'}"


def test_the_command_names_the_file_only_where_it_is_not_the_usual_one(blocks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    figure = finish(Drawing({"conv2": Page(3, tile=16)}, blocks, MADE).events())
    assert [path.as_posix() for path in figure.save()] == ["out/conv2.png"]
    assert read_chunks("out/conv2.png")["command"] == "zfexplore export grid --layer conv2"
    figure.save("x.png")
    assert read_chunks("x.png")["command"] == "zfexplore export grid --layer conv2 --out x.png"
    with Image.open("x.png") as image:
        np.testing.assert_array_equal(np.asarray(image), np.asarray(figure.image))


def test_a_file_of_other_origin_is_told_apart(blocks, tmp_path):
    figure = finish(Drawing({"conv2": Page(3, tile=16)}, blocks, MADE).events())
    path = tmp_path / "x.png"
    assert MADE.replaces(path) is None
    figure.save(path)
    assert MADE.replaces(path) is None
    other = Made(Origin("zfnet", "other", "a71a5", "f00d", 9), MADE.command, "conv2", "conv2.png")
    assert other.replaces(path) == "came from another checkpoint"


def test_a_notebook_shows_the_picture_and_the_repr_is_short():
    figure = Figure(Image.new("RGB", (30, 20), (1, 2, 3)), MADE, {"conv2:0": []})
    with Image.open(io.BytesIO(figure._repr_png_())) as image:
        assert (image.size, image.getpixel((0, 0))) == ((30, 20), (1, 2, 3))
    assert repr(figure) == "<Figure 'conv2': 1 channels, 30 x 20 pixels>"


def test_a_channels_figure_comes_with_its_tables_and_its_arrays(blocks, tmp_path):
    options = {"--out": None, "--npz": None}
    made = Made(ORIGIN, Command(("export", "channel", "conv2:0"), options), "conv2:0", "conv2-0.png")
    figure = ChannelFigure.draw(blocks[0], KNOWN, made, tile=16)
    written = figure.save(tmp_path / "x.png", npz=True)
    assert [path.name for path in written] == ["x.png", "x.csv", "x.json", "x.npz"]
    assert all(path.exists() for path in written)
    assert read_chunks(written[0])["command"].endswith(f"--out {tmp_path / 'x.png'} --npz")
    assert [path.name for path in figure.save(tmp_path / "y.png")] == ["y.png", "y.csv", "y.json"]


def test_a_units_figure_tells_the_command_of_its_channels(blocks, tmp_path):
    made = Made(
        ORIGIN, Command(("export", "channel", "conv2:0"), {"--out": None}), "conv2:0@1,1", "conv2-0.png"
    )
    figure = UnitFigure.draw(blocks[0], 3, made, "a caption")
    (path,) = figure.save(tmp_path / "conv2-0-1-1-rank4.png")
    chunks = read_chunks(path)
    assert chunks["command"] == f"zfexplore export channel conv2:0 --out {tmp_path / 'conv2-0.png'}"
    assert list(figure.tables) == ["conv2:0@1,1"]
    assert figure.tables["conv2:0@1,1"][0]["rank"] == 4
