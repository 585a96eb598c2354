from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from zfexplore.errors import ExploreError
from zfexplore.figures.blocks import projection_tile
from zfexplore.figures.evolution import BAR, EvolutionFigure, evolution_figure, evolved_from, settling_rows
from zfexplore.figures.figure import Made
from zfexplore.figures.paper import Text
from zfexplore.figures.provenance import Origin, read_chunks
from zfexplore.settings import Command
from zfexplore.units import Unit

EPOCHS = [1, 2.5, 7]
SETTLING = [SimpleNamespace(stage="conv2", with_next=(0.5, 0.75), with_last=(0.25, 0.75))]


@pytest.fixture
def evolved(exemplar, field):
    """Silent, then on one image, then on another: an exemplar's image goes by its rank."""
    return evolved_from(Unit("conv2", 3), [None, exemplar(0), exemplar(1)], field)


def test_a_row_for_each_epoch_tells_when_the_image_changes(evolved):
    rows = evolved.rows(EPOCHS)
    assert [row["epoch"] for row in rows] == EPOCHS
    assert [row["activation"] for row in rows] == [None, 10.0, 9.0]
    assert [row["image"] for row in rows] == [None, 10, 11]
    assert [row["another_image"] for row in rows] == [False, False, True]
    assert len({tuple(row) for row in rows}) == 1


def test_each_projection_is_drawn_and_a_bar_stands_before_another_image(evolved):
    image = np.array(evolution_figure([("conv2", [evolved])], EPOCHS, SETTLING, tile=40))
    tile = np.array(projection_tile(evolved.units[2], evolved.side, 40))
    height, width = image.shape[0] - 40, image.shape[1] - 40
    corners = [
        (y, x)
        for y, x in np.argwhere((image[:height, :width] == tile[0, 0]).all(axis=2))
        if (image[y : y + 40, x : x + 40] == tile).all()
    ]
    assert len(corners) == 1
    bar = np.argwhere((image == BAR).all(axis=2))
    y, x = corners[0]
    assert set(bar[bar[:, 0] == y][:, 1]) == {x - 5, x - 4}
    with pytest.raises(ExploreError, match="a tile of 8 pixels"):
        evolution_figure([("conv2", [evolved])], EPOCHS, SETTLING, tile=8)


def test_a_heading_is_whole_however_few_the_epochs(evolved):
    heading = "conv2 · layer 2 in Zeiler & Fergus, layer 1 in the replication"
    image = evolution_figure([(heading, [evolved])], EPOCHS[:2], [], tile=16)
    assert heading in [thing.text for thing in image.things if isinstance(thing, Text)]


def test_it_is_saved_with_both_tables(evolved, tmp_path):
    made = Made(Origin("zfnet", "w1 w2", "a", "i", 5), Command(("export", "evolution", "run")), "t", "e.png")
    image = evolution_figure([("conv2", [evolved])], EPOCHS, SETTLING, tile=16)
    filters = settling_rows(SETTLING, EPOCHS)
    figure = EvolutionFigure(image, made, {"conv2:3": evolved.rows(EPOCHS)}, filters)
    png, csv, record = figure.save(tmp_path / "e.png")
    assert read_chunks(png)["checkpoint"] == "w1 w2"
    assert csv.read_text().splitlines()[0].startswith("channel,epoch,activation,")
    assert len(csv.read_text().splitlines()) == 4
    assert json.loads(record.read_text())["filters"] == [
        {"stage": "conv2", "epoch": 1, "next_epoch": 2.5, "with_next": 0.5, "with_last": 0.25},
        {"stage": "conv2", "epoch": 2.5, "next_epoch": 7, "with_next": 0.75, "with_last": 0.75},
    ]
