"""One channel, large: each projection, the patch that the unit saw, and its place in the image."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from zfexplore.figures.blocks import SHOWN, BlockUnit, ChannelBlock, enlarged, patch_tile, projection_tile
from zfexplore.figures.captions import channel_caption
from zfexplore.figures.figure import Figure, Made
from zfexplore.figures.grid import FRAME, GAP, ROWS, checked_tile, paste_framed, step_of
from zfexplore.figures.ideal import IdealBlock
from zfexplore.figures.paper import Paper
from zfexplore.figures.provenance import ATLAS, CHECKPOINT, COMMAND
from zfexplore.figures.tables import keep_arrays, write_tables
from zfexplore.figures.text import FAINT, MARGIN, Heading, shorten, width, write
from zfexplore.units import Unit, Window

TILE = 224
BETWEEN = 26
CAPTION = 13  # text size
CAPTION_ROOM = 24
HEADINGS = ("projections", "what the units saw", "where in the images")
LIKES_BEST = "would like best"
BOX = ((255, 255, 255), (220, 38, 38))  # a red line between white ones shows on any photograph


def channel_figure(
    block: ChannelBlock, *, tile: int = TILE, title: str | None = None, subtitle: str | None = None,
    ideal: IdealBlock | None = None,
) -> Image.Image:  # fmt: skip
    """Draw ``block`` as three 3 x 3 blocks in the same order: projections, patches, whole images.

    Below each projection stand its rank and activation, below the patch the unit's row and column, and
    below the image its class or name. The red box on the image is the unit's window. ``ideal`` adds a column
    with up to three pictures that the channel would like best. Raises ExploreError for a tile that is too
    small or too large.
    """
    tile = checked_tile(tile)
    third = ROWS * step_of(tile) - GAP
    height = ROWS * (step_of(tile) + CAPTION_ROOM)
    more = 0 if ideal is None else BETWEEN + step_of(tile) - GAP
    heading = Heading(title, subtitle, 3 * third + 2 * BETWEEN + more)
    top = heading.height + CAPTION_ROOM
    canvas = Paper((heading.room + 2 * MARGIN, top + height + MARGIN))
    draw = ImageDraw.Draw(canvas)
    heading.draw(draw)
    for picture, what in enumerate(HEADINGS):
        write(draw, (MARGIN + picture * (third + BETWEEN), top - 8), what, CAPTION + 1)
    for position in range(SHOWN):
        row, column = divmod(position, ROWS)
        x, y = MARGIN + column * step_of(tile), top + row * (step_of(tile) + CAPTION_ROOM)
        unit = block.units[position] if position < len(block.units) else None
        for picture, left in enumerate(range(x, x + 3 * (third + BETWEEN), third + BETWEEN)):
            paste_framed(canvas, _picture(unit, picture, block.side, tile), left, y, tile)
        if unit is not None:
            _captions(draw, unit, x, y + tile + 2 * FRAME, tile, third + BETWEEN)
    if ideal is not None:
        _ideals(canvas, ideal, MARGIN + 3 * (third + BETWEEN), top, tile)
    return canvas


@dataclass(frozen=True, eq=False, repr=False)
class ChannelFigure(Figure):
    """One channel, large; saved with its table as CSV and JSON beside it.

    ``known`` is what the atlas knows about the channel, a row of ``atlas.tables.channel_row``.
    """

    block: ChannelBlock
    known: Mapping[str, Any]

    @classmethod
    def draw(
        cls, block: ChannelBlock, known: Mapping[str, Any], made: Made, *, tile: int = TILE,
        ideal: IdealBlock | None = None,
    ) -> ChannelFigure:  # fmt: skip
        """Draw ``block`` below the title of ``made`` and a line with what is ``known``."""
        caption = channel_caption(Unit.parse(block.name), known, made.origin)
        image = channel_figure(block, tile=tile, title=made.title, subtitle=caption, ideal=ideal)
        return cls(image, made, {block.name: block.rows()}, block, known)

    def save(self, path: str | os.PathLike[str] | None = None, *, npz: bool = False) -> list[Path]:
        """Write the figure, the CSV and the JSON, and with ``npz`` the raw arrays; give the files written."""
        known = {name: self.known[name] for name in ("max", "mean", "share_firing", "dead")}
        return save_with_tables(self, self.block, {"channel": self.block.name, **known}, path, npz=npz)


def save_with_tables(
    figure: Figure, block: ChannelBlock, about: Mapping[str, Any], path: str | os.PathLike[str] | None, *,
    npz: bool,
) -> list[Path]:  # fmt: skip
    """Write a figure of ``block`` as PNG, its only table as CSV, and that with ``about`` as JSON.

    With ``npz`` the block's raw arrays too; the command then says so. Gives the files written.
    """
    made = replace(figure.made, command=figure.made.command.with_options(npz=npz))
    plain = Figure(figure.image, made, figure.tables)
    (path,) = plain.save(path)
    chunks, (rows,) = plain.chunks(path), figure.tables.values()
    origin = {name: chunks[name] for name in (COMMAND, CHECKPOINT, ATLAS)}
    written = [path, *write_tables(path, rows, {**about, **origin})]
    if npz:
        written.append(path.with_suffix(".npz"))
        deque(keep_arrays([block], written[-1]), maxlen=0)
    return written


def boxed(image: Image.Image, window: Window, scale: float) -> Image.Image:
    """Draw ``window`` on a copy of ``image``; one input pixel is ``scale`` pixels of the image wide."""
    image = image.copy()
    draw = ImageDraw.Draw(image)
    y0, x0 = round(window.y0 * scale), round(window.x0 * scale)
    y1, x1 = round(window.y1 * scale) - 1, round(window.x1 * scale) - 1
    for inset, colour in enumerate((BOX[0], BOX[1], BOX[1], BOX[0])):
        if x1 - x0 > 2 * inset and y1 - y0 > 2 * inset:
            draw.rectangle((x0 + inset, y0 + inset, x1 - inset, y1 - inset), outline=colour)
    return image


def image_tile(unit: BlockUnit, tile: int) -> Image.Image:
    """Give the whole image in a square of ``tile`` pixels, with the unit's window on it."""
    longest = max(unit.image.shape[:2])
    height, width = (round(tile * edge / longest) for edge in unit.image.shape[:2])
    return boxed(enlarged(unit.image, height, width), unit.window, tile / longest)


def _picture(unit: BlockUnit | None, picture: int, side: int, tile: int) -> Image.Image | None:
    if unit is None:
        return None
    if picture == 0:
        return projection_tile(unit, side, tile)
    if picture == 1:
        return patch_tile(unit, side, tile)
    return image_tile(unit, tile)


def _ideals(canvas: Image.Image, ideal: IdealBlock, x: int, top: int, tile: int) -> None:
    """Draw the pictures that a channel would like best, one below the other, each with its activation."""
    draw = ImageDraw.Draw(canvas)
    write(draw, (x, top - 8), shorten(LIKES_BEST, CAPTION + 1, tile), CAPTION + 1)
    for row, (image, activation) in enumerate(zip(ideal.images[:ROWS], ideal.activations, strict=False)):
        y = top + row * (step_of(tile) + CAPTION_ROOM)
        paste_framed(canvas, enlarged(image, tile, tile), x, y, tile)
        place = (x + 2, y + tile + 2 * FRAME + CAPTION + 3)
        write(draw, place, f"{activation:.4g}", CAPTION, colour=FAINT)


def _captions(draw: ImageDraw.ImageDraw, unit: BlockUnit, x: int, y: int, tile: int, step: int) -> None:
    baseline = y + CAPTION + 3
    what = unit.label if unit.label is not None else unit.name
    rank = f"{unit.rank + 1}."
    write(draw, (x + 2, baseline), rank, CAPTION)
    write(draw, (x + 8 + width(rank, CAPTION), baseline), f"{unit.value:.4g}", CAPTION, colour=FAINT)
    write(draw, (x + step + 2, baseline), f"row {unit.y}, column {unit.x}", CAPTION, colour=FAINT)
    write(draw, (x + 2 * step + 2, baseline), shorten(what, CAPTION, tile - 6), CAPTION, colour=FAINT)
