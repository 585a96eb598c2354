"""Several figures on one sheet: all stages (replication figure 3), and the first layer's filters."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from zfexplore.errors import ExploreError
from zfexplore.figures.blocks import kernel_tile
from zfexplore.figures.grid import GAP, MOST_PIXELS, Page, paste_framed, step_of
from zfexplore.figures.paper import Paper
from zfexplore.figures.text import FAINT, MARGIN, Heading, write

KERNELS_IN_A_ROW = 16
NUMBER = 11  # text size of a filter's number
NUMBER_ROOM = 14


def sheet(
    figures: Sequence[Image.Image], *, columns: int = 2, title: str | None = None, subtitle: str | None = None
) -> Image.Image:
    """Lay out ``figures`` in ``columns``, row by row, each row as high as its highest; a heading above."""
    rows = [figures[start : start + columns] for start in range(0, len(figures), columns)]
    widths = [
        max(figure.width for figure in figures[column::columns])
        for column in range(min(columns, len(figures)))
    ]
    heights = [max(figure.height for figure in row) for row in rows]
    heading = Heading(title, subtitle, sum(widths) - 2 * MARGIN)
    # The figures have their own margins, so without a heading nothing is added above them.
    top = heading.height if title or subtitle else 0
    canvas = Paper((sum(widths), top + sum(heights)))
    heading.draw(ImageDraw.Draw(canvas))
    for row, figures_of_row in enumerate(rows):
        for column, figure in enumerate(figures_of_row):
            canvas.paste(figure, (sum(widths[:column]), top + sum(heights[:row])))
    return canvas


def check_sheet(pages: Sequence[Page]) -> None:
    """Raise ExploreError if the pages are too large together; nothing has to be drawn on them yet."""
    pixels = sum(page.size[0] * page.size[1] for page in pages)
    channels = sum(page.count for page in pages)
    if pixels > MOST_PIXELS:
        raise ExploreError(
            f"{channels:,} channels and more make a sheet of over {pixels // 10**6} million pixels: choose "
            "fewer channels or a smaller --tile, or draw layer by layer with `zfexplore export grid`",
            usage=True,
        )


def paragraph(text: str, width: int) -> Image.Image:
    """Write ``text`` in small type, wrapped to a sheet of ``width`` pixels with a page's margins."""
    written = Heading(None, text, width - 2 * MARGIN)
    canvas = Paper((width, written.height))
    written.draw(ImageDraw.Draw(canvas))
    return canvas


def kernel_sheet(kernels: NDArray[np.float32], width: int) -> Image.Image:
    """Draw all filters ``[n, 3, k, k]``, sixteen per row, each above its number, ``width`` pixels wide.

    Each is shown on its own scale, as layer 0 in the replication, with a page's margins at the sides.
    """
    count = len(kernels)
    columns = min(KERNELS_IN_A_ROW, max(count, 1))
    tile = max((width - 2 * MARGIN + GAP) // columns - step_of(0), 1)
    rows, height = math.ceil(count / columns), step_of(tile) + NUMBER_ROOM
    canvas = Paper((width, rows * height))
    draw = ImageDraw.Draw(canvas)
    for channel, kernel in enumerate(kernels):
        row, column = divmod(channel, columns)
        left, top = MARGIN + column * step_of(tile), row * height
        paste_framed(canvas, kernel_tile(kernel, tile), left, top, tile)
        below = (left + step_of(tile) // 2, top + height - GAP - 3)
        write(draw, below, str(channel), NUMBER, colour=FAINT, anchor="ms")
    return canvas
