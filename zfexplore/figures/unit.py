"""One unit large, on one image or on several: its projection, what it saw, and its place in the image."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from zfexplore.figures.blocks import BlockUnit, ChannelBlock, patch_tile, projection_tile
from zfexplore.figures.channel import BETWEEN, CAPTION, CAPTION_ROOM, image_tile
from zfexplore.figures.figure import Figure, Made
from zfexplore.figures.grid import FRAME, blank_page, checked_tile, paste_framed
from zfexplore.figures.text import FAINT, MARGIN, Heading, shorten, width, write

TILE = 448
BETWEEN_ROWS = 10  # below a row's captions
HEADINGS = ("projection", "what the unit saw", "where in the image")


def unit_figure(
    unit: BlockUnit, side: int, *, tile: int = TILE, title: str | None = None, subtitle: str | None = None
) -> Image.Image:
    """Draw ``unit`` as three squares of ``tile`` pixels; the first two show ``side`` input pixels.

    Below them stand the rank and activation, the unit's row and column, and the image's class and name.
    """
    first = f"{unit.rank + 1}. {unit.value:.4g}, full brightness at {unit.scale:.3g}"
    return unit_rows([unit], [first], side, tile=tile, title=title, subtitle=subtitle)


def unit_rows(
    units: Sequence[BlockUnit], captions: Sequence[str], side: int, *,
    tile: int = TILE, title: str | None = None, subtitle: str | None = None,
) -> Image.Image:  # fmt: skip
    """Draw each of ``units`` as a row of three squares, as ``unit_figure`` does.

    ``captions`` are what stands below the projections. Raises ExploreError for a tile or a page that is too
    small or too large.
    """
    tile = checked_tile(tile)
    step, row_step = tile + 2 * FRAME + BETWEEN, tile + 2 * FRAME + CAPTION_ROOM + BETWEEN_ROWS
    heading = Heading(title, subtitle, 3 * step - BETWEEN)
    top = heading.height + CAPTION_ROOM
    size = (heading.room + 2 * MARGIN, top + len(units) * row_step - BETWEEN_ROWS + MARGIN)
    canvas = blank_page(size, f"{len(units):,} pictures", tile, "fewer pictures")
    draw = ImageDraw.Draw(canvas)
    heading.draw(draw)
    for place, what in enumerate(HEADINGS):
        write(draw, (MARGIN + place * step, top - 8), shorten(what, CAPTION + 1, step - 6), CAPTION + 1)
    for row, (unit, caption) in enumerate(zip(units, captions, strict=True)):
        _row(canvas, unit, caption, top + row * row_step, side, tile)
    return canvas


def _row(canvas: Image.Image, unit: BlockUnit, first: str, top: int, side: int, tile: int) -> None:
    draw = ImageDraw.Draw(canvas)
    pictures = (projection_tile(unit, side, tile), patch_tile(unit, side, tile), image_tile(unit, tile))
    place, window = f"row {unit.y}, column {unit.x}", unit.window
    whole = f"{place}: image rows {window.y0}-{window.y1 - 1}, columns {window.x0}-{window.x1 - 1}"
    captions = (
        first if width(first, CAPTION) <= tile else first.partition(", ")[0],
        whole if width(whole, CAPTION) <= tile else place,
        f"{unit.label}, {unit.name}" if unit.label is not None else unit.name,
    )
    for column, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        x = MARGIN + column * (tile + 2 * FRAME + BETWEEN)
        paste_framed(canvas, picture, x, top, tile)
        below = (x + 2, top + tile + 2 * FRAME + CAPTION + 3)
        write(draw, below, shorten(caption, CAPTION, tile), CAPTION, colour=FAINT)


@dataclass(frozen=True, eq=False, repr=False)
class UnitFigure(Figure):
    """One of a channel's exemplars, large. Its command makes the figure of the whole channel."""

    @classmethod
    def draw(cls, block: ChannelBlock, rank: int, made: Made, caption: str) -> UnitFigure:
        """Draw the unit of ``block`` with this ``rank``, below the title of ``made`` and a ``caption``."""
        unit = next(unit for unit in block.units if unit.rank == rank)
        image = unit_figure(unit, block.side, title=made.title, subtitle=caption)
        return cls(image, made, {made.title: [unit.row()]})

    def chunks(self, path: str | os.PathLike[str]) -> dict[str, str]:
        """Give the text chunks that ``save`` writes."""
        return self.made.chunks(Path(path).with_name(self.made.name), self.tables)
