"""A first layer's filters with and without renormalisation, side by side (ZF figure 6 a, c).

All filters of a side share one scale, whose ends are the largest value of any of them. So a filter that
dominates is vivid and the others are grey beside it, which a scale for each would hide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from zfexplore.figures.display import to_rgb
from zfexplore.figures.grid import GAP, paste_framed, step_of
from zfexplore.figures.paper import Paper
from zfexplore.figures.text import FAINT, MARGIN, Heading, shorten, write

COLUMNS = 12
BETWEEN = 40
LETTERS = 14
ABOVE = 48  # of a side: its name, and what it says of its filters


@dataclass(frozen=True, eq=False)
class Side:
    """One side: its ``kernels [n, 3, k, k]`` below a name and a line of numbers."""

    name: str
    note: str
    kernels: NDArray[np.float32]


def renormalised_figure(
    sides: Sequence[Side], *, tile: int = 36, title: str | None = None, subtitle: str | None = None
) -> Image.Image:
    """Draw the sides beside one another; ``tile`` is the edge of one filter in pixels."""
    wide = COLUMNS * step_of(tile) - GAP
    rows = max(math.ceil(len(side.kernels) / COLUMNS) for side in sides)
    heading = Heading(title, subtitle, len(sides) * (wide + BETWEEN) - BETWEEN)
    top = heading.height + ABOVE
    canvas = Paper((heading.room + 2 * MARGIN, top + rows * step_of(tile) + MARGIN))
    draw = ImageDraw.Draw(canvas)
    heading.draw(draw)
    for number, side in enumerate(sides):
        left = MARGIN + number * (wide + BETWEEN)
        write(draw, (left, top - 30), shorten(side.name, LETTERS, wide), LETTERS)
        write(draw, (left, top - 10), shorten(side.note, LETTERS, wide), LETTERS, colour=FAINT)
        scale = float(np.abs(side.kernels).max())
        for place, kernel in enumerate(side.kernels):
            row, column = divmod(place, COLUMNS)
            rgb, _ = to_rgb(kernel, scale=scale)
            picture = Image.fromarray(rgb).resize((tile, tile), Image.Resampling.NEAREST)
            paste_framed(canvas, picture, left + column * step_of(tile), top + row * step_of(tile), tile)
    return canvas
