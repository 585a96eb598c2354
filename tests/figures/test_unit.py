from __future__ import annotations

import numpy as np
import pytest

from zfexplore.errors import ExploreError
from zfexplore.figures.blocks import BlockUnit
from zfexplore.figures.channel import CAPTION_ROOM
from zfexplore.figures.grid import FRAME
from zfexplore.figures.text import MARGIN
from zfexplore.figures.unit import unit_figure, unit_rows
from zfexplore.units import Window


@pytest.fixture
def unit():
    """A projection that is positive all over, a green patch, and the window low in a grey image."""
    return BlockUnit(
        projection=np.ones((3, 8, 8), np.float32),
        patch=np.full((8, 8, 3), (0, 200, 0), np.uint8),
        top=0, left=0, window=Window(20, 4, 28, 12), image=np.full((32, 32, 3), 90, np.uint8),
        rank=1, value=3.5, index=7, name="a.png", label="disc", y=5, x=1,
    )  # fmt: skip


def test_projection_patch_and_whole_image_stand_side_by_side(unit):
    figure = np.asarray(unit_figure(unit, 8, tile=64))
    step = (figure.shape[1] - 2 * MARGIN + 26) // 3
    top = figure.shape[0] - MARGIN - CAPTION_ROOM - FRAME - 32  # the middle of the pictures
    middle = [figure[top, MARGIN + place * step + FRAME + 32] for place in range(3)]

    assert (middle[0] == 255).all()
    np.testing.assert_array_equal(middle[1], (0, 200, 0))
    np.testing.assert_array_equal(middle[2], (90, 90, 90))


def test_the_same_cell_gives_the_same_picture(unit):
    first, second = (unit_figure(unit, 8, tile=64, title="conv1:0@5,1") for _ in range(2))

    assert first.tobytes() == second.tobytes()


def test_a_row_below_another_looks_the_same(unit):
    one = np.asarray(unit_rows([unit], ["3.5"], 8, tile=64))
    two = np.asarray(unit_rows([unit, unit], ["3.5", "3.5"], 8, tile=64))
    step = two.shape[0] - one.shape[0]
    top = MARGIN + CAPTION_ROOM
    height = 64 + 2 * FRAME + CAPTION_ROOM
    np.testing.assert_array_equal(two[top : top + height], two[top + step : top + step + height])
    np.testing.assert_array_equal(two[: top + height], one[: top + height])


def test_too_many_rows_are_refused(unit):
    with pytest.raises(ExploreError, match="choose fewer pictures or a smaller --tile"):
        unit_rows([unit] * 300, [""] * 300, 8, tile=512)
