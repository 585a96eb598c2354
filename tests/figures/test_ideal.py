from __future__ import annotations

import csv

import numpy as np
import pytest

from zfexplore.errors import ExploreError
from zfexplore.figures.figure import Made
from zfexplore.figures.ideal import IdealBlock, IdealFigure, ideal_page
from zfexplore.figures.provenance import Origin
from zfexplore.settings import Command


def block(name="conv2:7", starts=2, strongest=2.0, colour=200):
    images = np.full((starts, 6, 6, 3), colour, np.uint8)
    return IdealBlock(name, images, [5.0 - rank for rank in range(starts)], strongest, "a wheel")


def test_every_picture_stands_on_the_page_in_its_own_colours():
    page = np.asarray(ideal_page([block(colour=40 + number) for number in range(5)], tile=32))
    for number in range(5):
        assert (page == 40 + number).all(axis=2).sum() == 2 * 32 * 32


def test_a_table_says_how_much_stronger_than_on_the_images():
    rows = block().rows()
    assert [(row["rank"], row["activation"], row["ratio"]) for row in rows] == [(1, 5.0, 2.5), (2, 4.0, 2.0)]
    dead = block(strongest=0.0)
    assert (dead.ratio, dead.rows()[0]["ratio"]) == (None, None)


def test_it_is_saved_with_its_table(tmp_path):
    made = Made(Origin("zfnet", "c0ffee", "a71a5", "f00d", 3), Command(("export", "ideal")), "t", "x.png")
    figure = IdealFigure(ideal_page([block()], tile=16), made, {"conv2:7": block().rows()})
    written = figure.save(tmp_path / "x.png")
    assert [path.name for path in written] == ["x.png", "x.csv", "x.json"]
    with open(tmp_path / "x.csv", newline="") as file:
        assert [float(row["activation"]) for row in csv.DictReader(file)] == [5.0, 4.0]


def test_a_page_of_absurd_size_is_refused():
    with pytest.raises(ExploreError, match="choose fewer channels or a smaller --tile"):
        ideal_page([block(starts=16)] * 300, tile=512)
