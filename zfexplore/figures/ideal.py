"""What channels would like best, on a page: each channel with its few pictures, the strongest first.

A picture has all the colours of a photograph, so it is shown as it is, and not about grey as projections are.
Below each stands the channel's activation, and beside its name how much the first one's is of the channel's
strongest on the images.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from zfexplore.figures.blocks import enlarged
from zfexplore.figures.figure import Figure
from zfexplore.figures.grid import (
    BETWEEN_BLOCKS,
    GAP,
    PROPORTION,
    blank_page,
    checked_tile,
    paste_framed,
    step_of,
)
from zfexplore.figures.provenance import ATLAS, CHECKPOINT, COMMAND
from zfexplore.figures.tables import write_tables
from zfexplore.figures.text import FAINT, MARGIN, Heading, shorten, width, write

TILE = 160
CAPTION = 13  # text size
CAPTION_ROOM = 22
LEAST_ROOM = 480  # pixels for the heading, also above a single picture


@dataclass(frozen=True, eq=False)
class IdealBlock:
    """A channel or unit ``name`` and its pictures ``images [n, h, w, 3]`` uint8, the strongest first.

    ``activations [n]`` are the unit's on them, and ``strongest`` its highest on the images of the atlas.
    ``class_name`` is what a channel of the logits stands for.
    """

    name: str
    images: NDArray[np.uint8]
    activations: Sequence[float]
    strongest: float
    class_name: str | None = None

    @property
    def ratio(self) -> float | None:
        """The activation on the best picture over that on the strongest image; None for a dead channel."""
        return float(self.activations[0]) / self.strongest if self.strongest > 0 else None

    def rows(self) -> list[dict[str, Any]]:
        """Give the channel's table, one row per picture."""
        return [
            {
                "rank": rank,
                "channel": self.name,
                "activation": float(activation),
                "strongest_on_images": self.strongest,
                "ratio": float(activation) / self.strongest if self.strongest > 0 else None,
            }
            for rank, activation in enumerate(self.activations, start=1)
        ]


def ideal_page(
    blocks: Sequence[IdealBlock], *, tile: int = TILE, title: str | None = None, subtitle: str | None = None
) -> Image.Image:
    """Draw the channels one after another, as many in a row as bring the page near 3 : 2.

    Raises ExploreError for a tile or a page that is too small or too large.
    """
    tile = checked_tile(tile)
    each = max(len(block.images) for block in blocks) * step_of(tile) - GAP
    high = 2 * CAPTION_ROOM + step_of(tile) - GAP
    columns = _columns(len(blocks), each, high)
    heading = Heading(title, subtitle, max(columns * (each + BETWEEN_BLOCKS) - BETWEEN_BLOCKS, LEAST_ROOM))
    rows = math.ceil(len(blocks) / columns)
    size = (heading.room + 2 * MARGIN, heading.height + rows * (high + BETWEEN_BLOCKS // 2) + MARGIN // 2)
    canvas = blank_page(size, f"{len(blocks):,} channels", tile, "fewer channels")
    draw = ImageDraw.Draw(canvas)
    heading.draw(draw)
    for number, block in enumerate(blocks):
        row, column = divmod(number, columns)
        left = MARGIN + column * (each + BETWEEN_BLOCKS)
        top = heading.height + row * (high + BETWEEN_BLOCKS // 2)
        _name(draw, block, left, top + CAPTION + 2, each)
        for place, (image, activation) in enumerate(zip(block.images, block.activations, strict=True)):
            x, y = left + place * step_of(tile), top + CAPTION_ROOM
            paste_framed(canvas, enlarged(image, tile, tile), x, y, tile)
            write(draw, (x + 2, y + step_of(tile) + CAPTION), f"{activation:.4g}", CAPTION, colour=FAINT)
    return canvas


@dataclass(frozen=True, eq=False, repr=False)
class IdealFigure(Figure):
    """What channels would like best; saved with its table as CSV and JSON beside it."""

    def save(self, path: str | os.PathLike[str] | None = None) -> list[Path]:
        """Write the figure, the CSV and the JSON; give the files written."""
        (path,) = super().save(path)
        chunks = self.chunks(path)
        rows = [row for table in self.tables.values() for row in table]
        return [path, *write_tables(path, rows, {key: chunks[key] for key in (COMMAND, CHECKPOINT, ATLAS)})]


def _name(draw: ImageDraw.ImageDraw, block: IdealBlock, x: int, baseline: int, room: int) -> None:
    write(draw, (x, baseline), block.name, CAPTION + 1)
    told = "never fires on the images" if block.ratio is None else f"{block.ratio:.1f} times its strongest"
    left = x + width(f"{block.name}  ", CAPTION + 1)
    if left + width(told, CAPTION) < x + room:
        write(draw, (x + room, baseline), told, CAPTION, colour=FAINT, anchor="rs")
        room -= width(f"  {told}", CAPTION)
    if block.class_name is not None:
        name = shorten(block.class_name, CAPTION + 1, max(x + room - left, 0))
        write(draw, (left, baseline), name, CAPTION + 1)


def _columns(count: int, each: int, high: int) -> int:
    def untidiness(columns: int) -> float:
        rows = math.ceil(count / columns)
        return abs(math.log(columns * each / (rows * high) / PROPORTION)) + (columns * rows - count) / count

    return min(range(1, count + 1), key=untidiness)
