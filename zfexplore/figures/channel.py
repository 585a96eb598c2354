"""One channel, large: each projection, the patch it looked at, and where in the image that was."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from zfexplore.figures.blocks import SHOWN, Cell, ChannelBlock, enlarged, patch_tile, projection_tile
from zfexplore.figures.captions import channel_caption
from zfexplore.figures.grid import FRAME, GAP, ROWS, paste_framed, step_of
from zfexplore.figures.provenance import provenance_of, save_png
from zfexplore.figures.tables import write_tables
from zfexplore.figures.text import FAINT, MARGIN, PAPER, Heading, shorten, width, write
from zfexplore.units import Unit, Window

TILE = 224
BETWEEN = 26
CAPTION = 13  # text size
CAPTION_ROOM = 24
HEADINGS = ("projections", "what the units saw", "where in the images")
BOX = ((255, 255, 255), (220, 38, 38))  # a red line between white ones shows on any photograph


def channel_figure(
    block: ChannelBlock, *, tile: int = TILE, title: str | None = None, subtitle: str | None = None
) -> Image.Image:
    """Draw ``block`` as three 3 x 3 blocks in one order: projections, patches, whole images.

    Below each projection its rank and activation, below the patch the unit's row and column, below
    the image its class, or its name. The red box on the image is the unit's window.
    """
    third = ROWS * step_of(tile) - GAP
    height = ROWS * (step_of(tile) + CAPTION_ROOM)
    heading = Heading(title, subtitle, 3 * third + 2 * BETWEEN)
    top = heading.height + CAPTION_ROOM
    canvas = Image.new("RGB", (heading.room + 2 * MARGIN, top + height + MARGIN), PAPER)
    draw = ImageDraw.Draw(canvas)
    heading.draw(draw)
    for picture, what in enumerate(HEADINGS):
        write(draw, (MARGIN + picture * (third + BETWEEN), top - 8), what, CAPTION + 1)
    for position in range(SHOWN):
        row, column = divmod(position, ROWS)
        x, y = MARGIN + column * step_of(tile), top + row * (step_of(tile) + CAPTION_ROOM)
        cell = block.cells[position] if position < len(block.cells) else None
        for picture, left in enumerate(range(x, x + 3 * (third + BETWEEN), third + BETWEEN)):
            paste_framed(canvas, _picture(cell, picture, block.side, tile), left, y, tile)
        if cell is not None:
            _captions(draw, cell, x, y + tile + 2 * FRAME, tile, third + BETWEEN)
    return canvas


def save_channel(
    block: ChannelBlock, path: str | os.PathLike[str], *, checkpoint: Any, atlas: Any, command: str,
    tile: int = TILE, title: str | None = None,
) -> list[Path]:  # fmt: skip
    """Draw ``block`` and write it to the PNG ``path``, its table beside as CSV and JSON; give the paths.

    ``command`` is what a user types to make the same files again. ``checkpoint`` and ``atlas`` are those
    that the block came from; only plain values of theirs are read.
    """
    unit, title = Unit.parse(block.name), title or block.name
    caption = channel_caption(unit.stage, unit.channel, checkpoint, atlas)
    record = atlas.stage(unit.stage)
    chunks = provenance_of(checkpoint, atlas, command=command, title=title).chunks({block.name: block.rows()})
    save_png(channel_figure(block, tile=tile, title=title, subtitle=caption), path, chunks)
    about = {
        "channel": block.name,
        "max": float(record.max[unit.channel]),
        "mean": float(record.mean[unit.channel]),
        "share_firing": float(record.share_firing[unit.channel]),
        "command": command,
        "checkpoint": chunks["checkpoint"],
        "atlas": chunks["atlas"],
    }
    return [Path(path), *write_tables(path, block.rows(), about)]


def boxed(image: Image.Image, window: Window, scale: float) -> Image.Image:
    """Draw ``window`` (input pixels, ``scale`` picture pixels each) on a copy of ``image``."""
    image = image.copy()
    draw = ImageDraw.Draw(image)
    y0, x0 = round(window.y0 * scale), round(window.x0 * scale)
    y1, x1 = round(window.y1 * scale) - 1, round(window.x1 * scale) - 1
    for inset, colour in enumerate((BOX[0], BOX[1], BOX[1], BOX[0])):
        if x1 - x0 > 2 * inset and y1 - y0 > 2 * inset:
            draw.rectangle((x0 + inset, y0 + inset, x1 - inset, y1 - inset), outline=colour)
    return image


def _picture(cell: Cell | None, picture: int, side: int, tile: int) -> Image.Image | None:
    if cell is None:
        return None
    if picture == 0:
        return projection_tile(cell, side, tile)
    if picture == 1:
        return patch_tile(cell, side, tile)
    longest = max(cell.image.shape[:2])
    height, width = (round(tile * edge / longest) for edge in cell.image.shape[:2])
    return boxed(enlarged(cell.image, height, width), cell.window, tile / longest)


def _captions(draw: ImageDraw.ImageDraw, cell: Cell, x: int, y: int, tile: int, step: int) -> None:
    baseline = y + CAPTION + 3
    what = cell.label if cell.label is not None else cell.name
    rank = f"{cell.rank + 1}."
    write(draw, (x + 2, baseline), rank, CAPTION)
    write(draw, (x + 8 + width(rank, CAPTION), baseline), f"{cell.value:.4g}", CAPTION, colour=FAINT)
    write(draw, (x + step + 2, baseline), f"row {cell.y}, column {cell.x}", CAPTION, colour=FAINT)
    write(draw, (x + 2 * step + 2, baseline), shorten(what, CAPTION, tile - 6), CAPTION, colour=FAINT)
