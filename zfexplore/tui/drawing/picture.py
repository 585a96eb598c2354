"""A picture becomes a drawing: its pixels in cells of two colours, with its box, as lines."""

from __future__ import annotations

from zfexplore.tui.drawing.bitmap import Bitmap, Drawing
from zfexplore.tui.drawing.cells import boxed_blocks, drawable, to_cells
from zfexplore.tui.drawing.runs import to_lines


def draw(bitmap: Bitmap, rows: int, columns: int, mode: str) -> Drawing:
    """Draw a picture in ``rows`` x ``columns`` cells, or give the drawing of that size which it has."""
    drawing = bitmap.drawings.get((rows, columns, mode))
    if drawing is None:
        pixels = drawable(bitmap.pixels, rows, columns, mode)
        if bitmap.box is not None:
            pixels = boxed_blocks(pixels, bitmap.box, rows, columns, mode)
        drawing = to_lines(to_cells(pixels, rows, columns, mode))
    return drawing
