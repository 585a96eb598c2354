from __future__ import annotations

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest

from zfexplore.errors import ExploreError
from zfexplore.figures.correspondence import CorrespondenceFigure, correspondence_figure, correspondence_rows
from zfexplore.figures.figure import Made
from zfexplore.figures.occlusion import OKABE_ITO
from zfexplore.figures.provenance import Origin
from zfexplore.settings import Command
from zfexplore.units import Window


def distance(part, value, error=0.01):
    return SimpleNamespace(
        stage="conv5", part=part, images=2, pairs=1, distance=value, error=error, random=0.2,
        random_error=0.02, above=3, draws=4,
    )  # fmt: skip


@pytest.fixture
def found():
    grey = np.full((20, 20, 3), 90, np.uint8)
    parts = {"eye": Window(2, 2, 6, 8), "nose": Window(9, 9, 15, 15)}
    picture = SimpleNamespace(name="a", pixels=grey, parts=parts, within=Window(0, 0, 20, 20))
    return SimpleNamespace(
        rows=(distance("eye", 0.05), distance("nose", 0.15, None)), pictures=(picture, picture), within=None
    )


def test_a_part_has_one_colour_in_the_pictures_and_in_the_plot(found):
    image = np.array(correspondence_figure(found, tile=40))
    places = []
    for colour in OKABE_ITO[:2]:
        y, x = np.nonzero((image == colour).all(axis=2))
        boxes, dots = y < y.min() + 60, y > y.min() + 60
        assert boxes.any()
        assert dots.any()
        places.append(x[dots].mean())
    # The dots lie on one scale: .05 and .15 of the highest, .22.
    assert places[1] - places[0] == pytest.approx(380 * 0.1 / (1.05 * 0.22), abs=2)
    with pytest.raises(ExploreError, match="a tile of 5 pixels"):
        correspondence_figure(found, tile=5)


def test_it_is_saved_with_its_table(found, tmp_path):
    made = Made(Origin("n", "w", "", "i", 2), Command(("export", "correspondence", "p.json")), "t", "p.png")
    rows = correspondence_rows(found)
    figure = CorrespondenceFigure(correspondence_figure(found, tile=40), made, {}, rows, {"within": None})
    _, table, record = figure.save(tmp_path / "p.png")
    with table.open() as file:
        first, second = csv.DictReader(file)
    assert (first["layer"], first["part"], first["distance"], first["above"]) == ("conv5", "eye", "0.05", "3")
    assert second["error"] == ""
    assert json.loads(record.read_text())["distances"] == rows
