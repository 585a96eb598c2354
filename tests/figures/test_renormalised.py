from __future__ import annotations

import numpy as np

from zfexplore.figures.grid import FRAME, step_of
from zfexplore.figures.renormalised import BETWEEN, COLUMNS, Side, renormalised_figure
from zfexplore.figures.text import MARGIN


def test_filters_of_a_side_share_one_scale_and_sides_have_their_own():
    kernels = np.zeros((13, 3, 2, 2), np.float32)
    kernels[0], kernels[12] = 1.0, -0.5
    sides = [Side("a", "", kernels), Side("b", "", kernels / 2)]
    picture = renormalised_figure(sides, tile=20)
    top = picture.height - MARGIN - 2 * step_of(20)
    right = MARGIN + COLUMNS * step_of(20) - 2 + BETWEEN
    for left in (MARGIN, right):
        inside = left + FRAME + 10

        def at(column, row, inside=inside):
            return picture.getpixel((inside + column * step_of(20), top + FRAME + 10 + row * step_of(20)))

        assert at(0, 0) == (255,) * 3  # the largest of its side
        assert at(0, 1) == (64,) * 3  # the thirteenth, half as far the other way: 128 - 127 / 2
        assert at(1, 0) == (128,) * 3
        assert at(1, 1) == (255,) * 3  # the paper
