from __future__ import annotations

from types import SimpleNamespace

import pytest
from PIL import Image

from zfexplore.figures.gradients import (
    GREEN,
    PANEL_HEIGHT,
    RED,
    Line,
    LogPanel,
    _decades,
    _draw_panel,
    gradients_figure,
)

BLACK = (0, 0, 0)


def drawn(values, ends):
    """A panel of one black line, 100 pixels wide."""
    canvas = Image.new("RGB", (200, PANEL_HEIGHT + 100), (255, 255, 255))
    _draw_panel(canvas, LogPanel("", [Line("", values, BLACK)], []), (60, 50), 100, ends)
    return canvas.crop((60, 50, 160, 50 + PANEL_HEIGHT))


def rows_of(picture, column):
    return [y for y in range(picture.height) if sum(picture.getpixel((column, y))) < 300]


@pytest.mark.parametrize(
    ("value", "height"), [(1.0, 0.5), (0.1, 0.75), (1e9, 0.0), (float("inf"), 0.0), (0.0, 1.0)]
)
def test_a_value_stands_at_its_logarithm_and_beyond_the_scale_on_its_edge(value, height):
    rows = rows_of(drawn([value] * 5, (-2, 2)), 50)
    assert min(abs(row - height * PANEL_HEIGHT) for row in rows) <= 1.5


def test_steps_are_logarithmic():
    rows = drawn([1e-2] * 10 + [1e2] * 90, (-2, 2))  # it rises after the tenth of a hundred steps: halfway
    assert rows_of(rows, 40)[-1] > 0.9 * PANEL_HEIGHT
    assert rows_of(rows, 60)[0] < 0.1 * PANEL_HEIGHT


def test_a_scale_holds_whole_decades_near_one():
    assert _decades([0.5, 30.0]) == (-1, 2)
    assert _decades([1e-30, 1e30, 0.0]) == (-8, 8)
    assert _decades([0.0]) == (-1, 1)
    assert _decades([1.0]) == (-1, 1)


def beginnings(outcome):
    """Two starts of three steps, as ``studies.starts`` gives them."""

    class Start(SimpleNamespace):
        def __str__(self):
            return f"{self.init}, inputs in [0, 1], rate 1"

    runs = [
        SimpleNamespace(
            start=Start(init=init, scale=scale), stages=("conv1", "fc2"), losses=(2.0, 50.0, 1.0),
            gradients=((1.0, 2.0), (3.0, 4.0), (5.0, 6.0)), signals=(1.0, 0.1), last_loss=1.0,
            outcome=lambda blind: outcome,
        )
        for init, scale in (("paper", 1), ("xavier", 255))
    ]  # fmt: skip
    return SimpleNamespace(
        runs=runs, blind=1.5, images=4, classes=2, batch_size=2, size=64, fc=8, seed=0,
        rows=lambda: [{"step": 1, "conv1": 1.0}, {"step": 2, "conv1": 3.0}],
    )  # fmt: skip


@pytest.mark.parametrize(("outcome", "colour"), [("learns", GREEN), ("explodes, then is dead", RED)])
def test_the_outcome_has_its_colour(outcome, colour):
    colours = {one for _, one in gradients_figure(beginnings(outcome)).getcolors(1 << 20)}
    assert colour in colours
    assert ({GREEN, RED} - {colour}).isdisjoint(colours)
