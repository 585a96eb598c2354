from __future__ import annotations

import csv

import numpy as np
import pytest

from zfexplore.figures.figure import Made
from zfexplore.figures.provenance import Origin, read_chunks
from zfexplore.figures.transfer import COLOURS, INK, TransferFigure, draw_transfer
from zfexplore.settings import Command
from zfexplore.studies.records import StageTransfer, Transfer


def found(*scores):
    made = [
        StageTransfer(stage, 10, size, accuracies, (1e-4,) * len(accuracies), paper)
        for stage, size, accuracies, paper in scores
    ]
    return Transfer("birds", 4, 2, 0, {15: 80, 30: 40}, tuple(made))


def heights(image, colour, x):
    """The rows of a column of the picture that have a colour."""
    pixels = np.asarray(image.convert("RGB"))
    return np.flatnonzero((pixels[:, x] == colour).all(1))


def test_every_stage_stands_at_its_accuracy_with_the_papers_beside_it():
    image = draw_transfer(
        found(("conv1", 15, (0.25, 0.25), None), ("conv2", 15, (0.5, 1.0), 1.0)), title="birds"
    )
    first, second = 28 + 44 + 37, 28 + 44 + 74 + 37  # the middle of each stage's 74 pixels
    scale = heights(image, COLOURS[0], first)
    below = heights(image, COLOURS[0], second)
    axis = heights(image, INK, image.width - 30).max()  # at 0; the scale is 320 pixels tall
    assert scale[scale > axis - 200].mean() == pytest.approx(axis - 80, abs=1)
    middle, spread = 0.75, np.std([0.5, 1.0], ddof=1)
    assert below[below > axis - 330].max() == pytest.approx(axis - 320 * (middle - spread), abs=2)
    ring = heights(image, INK, second - 4)
    assert ring[(ring > axis - 330) & (ring < axis - 5)].mean() == pytest.approx(axis - 320, abs=1)


def test_the_numbers_are_written_beside_the_figure(tmp_path):
    made = Made(Origin("zfnet", "w1", "", "i1", 3), Command(("transfer",)), "birds", "transfer.png")
    figure = TransferFigure.draw(found(("conv1", 15, (0.25, 0.75), 0.5)), made)
    picture, table = figure.save(tmp_path / "birds.png")
    assert read_chunks(picture)["command"] == f"zfexplore transfer --out {picture}"
    (row,) = csv.DictReader(table.read_text().splitlines())
    assert row == {
        "stage": "conv1", "features": "10", "per_class": "15", "mean": "0.5",
        "spread": str(np.std([0.25, 0.75], ddof=1)), "paper": "0.5",
        "split_0": "0.25", "split_1": "0.75", "penalty_0": "0.0001", "penalty_1": "0.0001",
    }  # fmt: skip


@pytest.mark.parametrize("random", [False, True])
def test_the_figure_says_that_weights_are_random(tmp_path, random):
    made = Made(
        Origin("alexnet", "0123456789", "", "i1", 3, random=random), Command(("transfer",)), "t", "t.png"
    )
    figure = TransferFigure.draw(found(("conv1", 15, (0.25, 0.75), None)), made)
    figure.save(tmp_path / "t.svg")
    assert ("random weights 01234567" in (tmp_path / "t.svg").read_text()) is random
