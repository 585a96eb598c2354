"""One unit on one image, large: its projection, what it saw, and where in the image that was."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from zfexplore.figures.blocks import Cell, enlarged, patch_tile, projection_tile
from zfexplore.figures.captions import channel_caption
from zfexplore.figures.channel import BETWEEN, CAPTION, CAPTION_ROOM, boxed
from zfexplore.figures.grid import FRAME, paste_framed
from zfexplore.figures.provenance import provenance_of, save_png
from zfexplore.figures.text import FAINT, MARGIN, PAPER, Heading, shorten, write
from zfexplore.units import Unit

TILE = 448
HEADINGS = ("projection", "what the unit saw", "where in the image")


def unit_figure(
    cell: Cell, side: int, *, tile: int = TILE, title: str | None = None, subtitle: str | None = None
) -> Image.Image:
    """Draw ``cell`` as three squares of ``tile`` pixels, ``side`` input pixels in the first two.

    Below them the rank and activation, the unit's row and column, and the image's class and name.
    """
    step = tile + 2 * FRAME + BETWEEN
    heading = Heading(title, subtitle, 3 * step - BETWEEN)
    top = heading.height + CAPTION_ROOM
    canvas = Image.new(
        "RGB", (heading.room + 2 * MARGIN, top + tile + 2 * FRAME + CAPTION_ROOM + MARGIN), PAPER
    )
    draw = ImageDraw.Draw(canvas)
    heading.draw(draw)
    longest = max(cell.image.shape[:2])
    height, width = (round(tile * edge / longest) for edge in cell.image.shape[:2])
    pictures = (
        projection_tile(cell, side, tile),
        patch_tile(cell, side, tile),
        boxed(enlarged(cell.image, height, width), cell.window, tile / longest),
    )
    captions = (
        f"{cell.rank + 1}. {cell.value:.4g}, full brightness at {cell.scale:.3g}",
        f"row {cell.y}, column {cell.x}: image rows {cell.window.y0}-{cell.window.y1 - 1}, "
        f"columns {cell.window.x0}-{cell.window.x1 - 1}",
        f"{cell.label}, {cell.name}" if cell.label is not None else cell.name,
    )
    for place, (what, picture, caption) in enumerate(zip(HEADINGS, pictures, captions, strict=True)):
        x = MARGIN + place * step
        write(draw, (x, top - 8), what, CAPTION + 1)
        paste_framed(canvas, picture, x, top, tile)
        below = (x + 2, top + tile + 2 * FRAME + CAPTION + 3)
        write(draw, below, shorten(caption, CAPTION, tile), CAPTION, colour=FAINT)
    return canvas


def save_unit(
    cell: Cell, side: int, path: str | os.PathLike[str], *, unit: Unit, checkpoint: Any, atlas: Any,
    command: str,
) -> Path:  # fmt: skip
    """Draw ``cell``, of ``unit``, and write it to the PNG ``path`` with its origin; give the path.

    ``command`` makes the figure of the channel.
    """
    caption = channel_caption(unit.stage, unit.channel, checkpoint, atlas)
    chunks = provenance_of(checkpoint, atlas, command=command, title=str(unit)).chunks(
        {str(unit): [cell.row()]}
    )
    save_png(unit_figure(cell, side, title=str(unit), subtitle=caption), path, chunks)
    return Path(path)
