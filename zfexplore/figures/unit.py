"""One unit on one image, large: its projection, what it saw, and its place in the image."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from zfexplore.figures.blocks import BlockUnit, ChannelBlock, enlarged, patch_tile, projection_tile
from zfexplore.figures.channel import BETWEEN, CAPTION, CAPTION_ROOM, boxed
from zfexplore.figures.figure import Figure, Made
from zfexplore.figures.grid import FRAME, paste_framed
from zfexplore.figures.text import FAINT, MARGIN, PAPER, Heading, shorten, write

TILE = 448
HEADINGS = ("projection", "what the unit saw", "where in the image")


def unit_figure(
    unit: BlockUnit, side: int, *, tile: int = TILE, title: str | None = None, subtitle: str | None = None
) -> Image.Image:
    """Draw ``unit`` as three squares of ``tile`` pixels; the first two show ``side`` input pixels.

    Below them stand the rank and activation, the unit's row and column, and the image's class and name.
    """
    step = tile + 2 * FRAME + BETWEEN
    heading = Heading(title, subtitle, 3 * step - BETWEEN)
    top = heading.height + CAPTION_ROOM
    canvas = Image.new(
        "RGB", (heading.room + 2 * MARGIN, top + tile + 2 * FRAME + CAPTION_ROOM + MARGIN), PAPER
    )
    draw = ImageDraw.Draw(canvas)
    heading.draw(draw)
    longest = max(unit.image.shape[:2])
    height, width = (round(tile * edge / longest) for edge in unit.image.shape[:2])
    pictures = (
        projection_tile(unit, side, tile),
        patch_tile(unit, side, tile),
        boxed(enlarged(unit.image, height, width), unit.window, tile / longest),
    )
    captions = (
        f"{unit.rank + 1}. {unit.value:.4g}, full brightness at {unit.scale:.3g}",
        f"row {unit.y}, column {unit.x}: image rows {unit.window.y0}-{unit.window.y1 - 1}, "
        f"columns {unit.window.x0}-{unit.window.x1 - 1}",
        f"{unit.label}, {unit.name}" if unit.label is not None else unit.name,
    )
    for place, (what, picture, caption) in enumerate(zip(HEADINGS, pictures, captions, strict=True)):
        x = MARGIN + place * step
        write(draw, (x, top - 8), what, CAPTION + 1)
        paste_framed(canvas, picture, x, top, tile)
        below = (x + 2, top + tile + 2 * FRAME + CAPTION + 3)
        write(draw, below, shorten(caption, CAPTION, tile), CAPTION, colour=FAINT)
    return canvas


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
