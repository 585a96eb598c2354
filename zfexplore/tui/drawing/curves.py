"""Lines over an axis, drawn with the dots of braille characters: two across and four down in each cell.

A line is points ``(x, y)`` with both in 0 to 1, x growing to the right and y upwards. Where there is no
braille, a cell shows about how high the line passes through it.
"""

from __future__ import annotations

from collections.abc import Sequence

ACROSS, DOWN = 2, 4  # dots of a cell
BRAILLE = 0x2800
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by row and column in a cell
HEIGHTS = ("'", "-", "-", ".")  # in place of braille, by the row of the highest dot

Cells = list[list[int]]  # for each row and column the dots of that cell, 0 for none


def dots_of(line: Sequence[tuple[float, float]], columns: int, rows: int) -> Cells:
    """Give the dots of a line in so many cells; a single point is a dot."""
    cells = [[0] * columns for _ in range(rows)]
    width, height = columns * ACROSS - 1, rows * DOWN - 1
    places = [(round(_clipped(x) * width), (1 - _clipped(y)) * height) for x, y in line]
    for (left, start), (right, end) in zip(places[:1] + places, places, strict=False):
        above = round(start)
        for x in range(left, right + 1):
            y = round(start + (end - start) * (x - left) / max(right - left, 1)) if x < right else round(end)
            step = 1 if y > above else -1
            for dot in {y, *range(above + step, y, step)}:  # a steep line has no gaps
                cells[dot // DOWN][x // ACROSS] |= DOTS[dot % DOWN][x % ACROSS]
            above = y
    return cells


def glyph(dots: int, *, braille: bool = True) -> str:
    """Give the character of a cell; a blank for none."""
    if not dots:
        return " "
    if braille:
        return chr(BRAILLE + dots)
    return next(HEIGHTS[row] for row, (left, right) in enumerate(DOTS) if dots & (left | right))


def _clipped(share: float) -> float:
    return min(1.0, max(0.0, share))
