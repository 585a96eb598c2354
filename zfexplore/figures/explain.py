"""What a net makes of one picture: its classes, and the channels that the picture excites unusually.

At the left is the picture as the net saw it, with the most probable classes below. At the right, each
channel has four tiles: its projection on this very picture and the patch that the unit saw there, then
the same of the channel's strongest exemplar. What both pairs share is what the channel looks for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from zfexplore.figures.blocks import BlockUnit, ChannelBlock, enlarged, patch_tile, projection_tile
from zfexplore.figures.grid import FRAME, PROPORTION, blank_page, checked_tile, paste_framed, step_of
from zfexplore.figures.text import EMPTY, FAINT, INK, MARGIN, Colour, Heading, shorten, width, write

TILE = 96
PICTURE = 320  # edge of the picture
LETTERS = 13
LINE = 19
HEADING_ROOM = 26
BETWEEN_PAIRS = 8
BETWEEN_CELLS = 28
BELOW_CELL = 14
BAR: Colour = (113, 137, 190)
BAR_HEIGHT = 5
NARROWEST = 300  # of a cell: its line of text wants this much


@dataclass(frozen=True)
class ExcitedChannel:
    """A channel as the figure shows it: its unit on the picture, and its strongest exemplar, if it has one.

    Each block holds one unit, or none. ``percentile`` is in words. ``class_name`` is the class that the
    channel stands for, empty if there is none. A fully connected channel is not ``placed``.
    """

    own: ChannelBlock
    strongest: ChannelBlock
    percentile: str
    class_name: str = ""
    placed: bool = True


@dataclass(frozen=True)
class _Layout:
    """Where things are on the page, in pixels."""

    tile: int
    columns: int
    rows: int

    @property
    def pair(self) -> int:
        return 2 * step_of(self.tile) - (step_of(self.tile) - self.tile - 2 * FRAME)

    @property
    def cell(self) -> tuple[int, int]:
        """Width and height of a channel's place, its text included."""
        tiles = 2 * self.pair + BETWEEN_PAIRS
        return max(tiles, NARROWEST), LINE + self.tile + 2 * FRAME + LINE + BELOW_CELL

    @property
    def width(self) -> int:
        if not self.columns:
            return PICTURE + 2 * FRAME
        return PICTURE + 2 * FRAME + self.columns * (self.cell[0] + BETWEEN_CELLS)

    def place(self, number: int) -> tuple[int, int]:
        """Give the corner of a channel's place, from the corner of the picture."""
        row, column = divmod(number, self.columns)
        x = PICTURE + 2 * FRAME + BETWEEN_CELLS + column * (self.cell[0] + BETWEEN_CELLS)
        return x, row * self.cell[1]


def explain_figure(
    image: NDArray[np.uint8], classes: Sequence[tuple[str, float]], channels: Sequence[ExcitedChannel], *,
    seen: str = "", tile: int = TILE, title: str | None = None, subtitle: str | None = None,
) -> Image.Image:  # fmt: skip
    """Draw ``image [h, w, 3]``, its ``classes`` with their probabilities, and the ``channels``.

    ``tile`` is the edge of one of a channel's four pictures, ``seen`` says which part of the picture
    ``image`` is. Raises ExploreError for a tile or a page that is too small or too large.
    """
    tile = checked_tile(tile)
    left_height = PICTURE + 2 * FRAME + (LINE if seen else 0) + (len(classes) + 2) * (LINE + BAR_HEIGHT)
    layout = _tidy(len(channels), tile)
    heading = Heading(title, subtitle, max(layout.width, 2 * PICTURE if channels else 0))
    top = heading.height + HEADING_ROOM
    height = max(left_height, layout.rows * layout.cell[1])
    size = (heading.room + 2 * MARGIN, top + height + MARGIN)
    canvas = blank_page(size, f"{len(channels):,} channels", tile, "fewer with --count,")
    draw = ImageDraw.Draw(canvas)
    heading.draw(draw)
    _left(canvas, image, seen, classes, top)
    for number, channel in enumerate(channels):
        x, y = layout.place(number)
        if number < layout.columns:
            _headings(draw, MARGIN + x, top - 8, layout)
        _channel(canvas, number, channel, MARGIN + x, top + y, layout)
    return canvas


def in_per_cent(probability: float) -> str:
    """Write a probability with one digit; none is written as zero."""
    return "<0.1%" if probability < 0.0005 else f"{probability:.1%}"


def _tidy(count: int, tile: int) -> _Layout:
    """Choose the columns that bring the page near 3 : 2."""

    def untidiness(layout: _Layout) -> float:
        page = layout.width / max(layout.rows * layout.cell[1], PICTURE)
        return abs(math.log(page / PROPORTION)) + (layout.columns * layout.rows - count) / max(count, 1)

    if not count:
        return _Layout(tile, 0, 0)
    return min(
        (_Layout(tile, columns, math.ceil(count / columns)) for columns in range(1, count + 1)),
        key=untidiness,
    )


def _left(
    canvas: Image.Image, image: NDArray[np.uint8], seen: str, classes: Sequence[tuple[str, float]], top: int
) -> None:
    """Draw the picture, and below it the classes with a bar each."""
    draw = ImageDraw.Draw(canvas)
    longest = max(image.shape[:2])
    height, across = (max(round(PICTURE * edge / longest), 1) for edge in image.shape[:2])
    write(draw, (MARGIN, top - 8), "what the network saw", LETTERS + 1)
    paste_framed(canvas, enlarged(image, height, across), MARGIN, top, PICTURE)
    y = top + PICTURE + 2 * FRAME
    if seen:
        write(draw, (MARGIN + 2, y + LETTERS + 3), shorten(seen, LETTERS, PICTURE), LETTERS, colour=FAINT)
        y += LINE
    if not classes:
        return
    y += LINE + LETTERS
    write(draw, (MARGIN, y), "the most probable classes", LETTERS + 1)
    for name, probability in classes:
        y += LINE + BAR_HEIGHT
        told = in_per_cent(probability)
        room = PICTURE - width(told, LETTERS) - 12
        write(draw, (MARGIN, y), shorten(name, LETTERS, room), LETTERS)
        write(draw, (MARGIN + PICTURE, y), told, LETTERS, colour=FAINT, anchor="rs")
        below = y + 4
        draw.rectangle((MARGIN, below, MARGIN + PICTURE, below + BAR_HEIGHT - 1), fill=EMPTY)
        if filled := round(PICTURE * min(max(probability, 0.0), 1.0)):
            draw.rectangle((MARGIN, below, MARGIN + filled, below + BAR_HEIGHT - 1), fill=BAR)


def _headings(draw: ImageDraw.ImageDraw, x: int, y: int, layout: _Layout) -> None:
    """Write what the two pairs of a column are."""
    for left, what in ((x, "on this picture"), (x + layout.pair + BETWEEN_PAIRS, "strongest exemplar")):
        write(draw, (left, y), shorten(what, LETTERS + 1, layout.pair), LETTERS + 1)


def _channel(
    canvas: Image.Image, number: int, channel: ExcitedChannel, x: int, y: int, layout: _Layout
) -> None:
    draw = ImageDraw.Draw(canvas)
    baseline, room = y + LETTERS + 1, layout.cell[0]
    write(draw, (x + room, baseline), channel.percentile, LETTERS, colour=FAINT, anchor="rs")
    room -= width(channel.percentile, LETTERS) + 10
    rank = f"{number + 1}."
    write(draw, (x, baseline), rank, LETTERS, colour=FAINT)
    x_name = x + width(rank, LETTERS) + 6
    name = shorten(channel.own.name, LETTERS, room - (x_name - x))
    write(draw, (x_name, baseline), name, LETTERS, colour=INK)
    x_class = x_name + width(name, LETTERS) + 8
    write(
        draw, (x_class, baseline), shorten(channel.class_name, LETTERS, max(x + room - x_class, 0)), LETTERS
    )
    tiles = y + LINE
    pairs = ((x, channel.own), (x + layout.pair + BETWEEN_PAIRS, channel.strongest))
    for left, block in pairs:
        unit = block.units[0] if block.units else None
        _pair(canvas, unit, block.side, left, tiles, layout.tile)
        caption = _place(unit, channel.placed) if block is channel.own else _source(unit, block)
        below = (left + 2, tiles + layout.tile + 2 * FRAME + LETTERS + 2)
        write(draw, below, shorten(caption, LETTERS, layout.pair - 2), LETTERS, colour=FAINT)


def _pair(canvas: Image.Image, unit: BlockUnit | None, side: int, x: int, y: int, tile: int) -> None:
    projection = None if unit is None else projection_tile(unit, side, tile)
    patch = None if unit is None else patch_tile(unit, side, tile)
    paste_framed(canvas, projection, x, y, tile)
    paste_framed(canvas, patch, x + step_of(tile), y, tile)


def _place(unit: BlockUnit | None, placed: bool) -> str:
    if unit is None:
        return ""
    return f"{unit.value:.4g} at row {unit.y}, column {unit.x}" if placed else f"{unit.value:.4g}"


def _source(unit: BlockUnit | None, block: ChannelBlock) -> str:
    """Say how strong the exemplar is and on what: its class, or its file."""
    if unit is None:
        return "its image cannot be read" if block.unreadable else "dead: fires on none of the images"
    return f"{unit.value:.4g} on {unit.label if unit.label is not None else unit.name}"
