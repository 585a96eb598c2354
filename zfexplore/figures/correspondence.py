"""Which parts a net relates (ZF table 1): the pictures with their boxes, and a plot of distances per layer.

In the plot, a part's distance is a dot with its standard error. The grey dot below it is that of random
parts of the same sizes, with the standard deviation of one draw. A part left of its grey dot changes the
layer more alike, from image to image, than just any part does.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from zfexplore.figures.blocks import enlarged
from zfexplore.figures.figure import Figure
from zfexplore.figures.grid import GAP, checked_tile, paste_framed, step_of
from zfexplore.figures.occlusion import OKABE_ITO
from zfexplore.figures.paper import Paper
from zfexplore.figures.plots import ticks
from zfexplore.figures.provenance import CHECKPOINT, COMMAND
from zfexplore.figures.tables import write_tables
from zfexplore.figures.text import FAINT, INK, MARGIN, PAPER, RULE, Colour, Heading, shorten, write

TILE = 150
MOST_PICTURES = 12
LETTERS = 13
ROW = 44  # of a part in a plot
NAMES, NUMBERS = 130, 260  # pixels left and right of a plot
PLOT = 380
BETWEEN = 30


@dataclass(frozen=True, eq=False, repr=False)
class CorrespondenceFigure(Figure):
    """The figure; ``rows`` are its table, and ``about`` what else the JSON says."""

    rows: list[dict[str, Any]]
    about: Mapping[str, Any]

    def save(self, path: str | os.PathLike[str] | None = None) -> list[Path]:
        """Write the figure, the table as CSV, and all of it as JSON; give the files written."""
        (path,) = super().save(path)
        chunks = self.chunks(path)
        origin = {name: chunks[name] for name in (COMMAND, CHECKPOINT)}
        return [path, *write_tables(path, self.rows, {**self.about, **origin}, called="distances")]


def correspondence_rows(found: Any) -> list[dict[str, Any]]:
    """Give a row of plain values for each stage and part of a ``studies.correspondence.Correspondence``."""
    return [
        {
            "layer": row.stage, "part": row.part, "images": row.images, "pairs": row.pairs,
            "distance": row.distance, "error": row.error, "random": row.random,
            "random_error": row.random_error, "above": row.above, "draws": row.draws,
        }
        for row in found.rows
    ]  # fmt: skip


def correspondence_figure(
    found: Any, *, tile: int = TILE, title: str | None = None, subtitle: str | None = None
) -> Image.Image:
    """Draw a ``studies.correspondence.Correspondence``; ``tile`` is the edge of a picture.

    Raises ExploreError for a tile that is too small or too large.
    """
    tile = checked_tile(tile)
    shown = found.pictures[:MOST_PICTURES]
    parts = list(dict.fromkeys(row.part for row in found.rows))
    colours = {part: OKABE_ITO[number % len(OKABE_ITO)] for number, part in enumerate(parts)}
    stages = list(dict.fromkeys(row.stage for row in found.rows))
    room = max(NAMES + PLOT + NUMBERS, min(len(shown), 6) * step_of(tile) - GAP)
    heading = Heading(title, subtitle, room)
    lines = -(-len(shown) // max((room + GAP) // step_of(tile), 1))
    plots = heading.height + lines * step_of(tile) + BETWEEN
    height = plots + len(stages) * (BETWEEN + ROW * len(parts) + BETWEEN + 20) + MARGIN // 2
    canvas = Paper((room + 2 * MARGIN, height))
    draw = ImageDraw.Draw(canvas)
    heading.draw(draw)
    _pictures(canvas, shown, colours, heading.height, tile, room)
    highest = max(
        value + (spread or 0)
        for row in found.rows
        for value, spread in ((row.distance, row.error), (row.random, row.random_error))
    )
    for number, stage in enumerate(stages):
        top = plots + number * (BETWEEN + ROW * len(parts) + BETWEEN + 20)
        write(draw, (MARGIN, top + LETTERS), stage, LETTERS + 2)
        _plot(draw, [row for row in found.rows if row.stage == stage], colours, top + BETWEEN, highest)
    return canvas


def _pictures(
    canvas: Image.Image, shown: Sequence[Any], colours: Mapping[str, Colour], top: int, tile: int, room: int
) -> None:
    """Draw what the net saw, with the boxes of the parts in their colours, and a thin one that is around."""
    in_a_row = max((room + GAP) // step_of(tile), 1)
    for number, one in enumerate(shown):
        row, column = divmod(number, in_a_row)
        picture = Paper((tile, tile))
        picture.paste(enlarged(one.pixels, tile, tile), (0, 0))
        draw, scale = ImageDraw.Draw(picture), tile / len(one.pixels)
        boxes = [(window, colours[part], 2) for part, window in one.parts.items()]
        if min(one.within.height, one.within.width) < len(one.pixels):
            boxes.insert(0, (one.within, PAPER, 1))
        for window, colour, thick in boxes:
            corners = [round(edge * scale) for edge in (window.x0, window.y0, window.x1, window.y1)]
            draw.rectangle((*corners[:2], corners[2] - 1, corners[3] - 1), outline=colour, width=thick)
        paste_framed(canvas, picture, MARGIN + column * step_of(tile), top + row * step_of(tile), tile)


def _plot(
    draw: ImageDraw.ImageDraw, rows: Sequence[Any], colours: Mapping[str, Colour], top: int, highest: float
) -> None:
    """Draw one line per part: its distance, below it that of random parts, and both in numbers."""
    left, bottom = MARGIN + NAMES, top + ROW * len(rows)
    end = 1.05 * highest or 1.0

    def across(value: float) -> float:
        return left + PLOT * min(max(value / end, 0.0), 1.0)

    for tick in ticks(0.0, end):
        draw.line((across(tick), top, across(tick), bottom), fill=RULE)
        write(draw, (across(tick), bottom + 6), f"{tick:g}", LETTERS, colour=FAINT, anchor="mt")
    draw.line((left, bottom, left + PLOT, bottom), fill=INK)
    for number, row in enumerate(rows):
        y = top + number * ROW + 14
        write(draw, (left - 12, y + 8), shorten(row.part, LETTERS, NAMES - 14), LETTERS, anchor="rm")
        _dot(draw, across, row.distance, row.error, y, colours[row.part])
        _dot(draw, across, row.random, row.random_error, y + 16, FAINT)
        at = left + PLOT + 16
        write(draw, (at, y + 5), _with_error(row.distance, row.error), LETTERS)
        told = f"{_with_error(row.random, row.random_error)} random, {row.above} of {row.draws} above"
        write(draw, (at, y + 21), told, LETTERS, colour=FAINT)


def _dot(
    draw: ImageDraw.ImageDraw, across: Any, value: float, spread: float | None, y: int, colour: Colour
) -> None:
    if spread:
        low, high = across(value - spread), across(value + spread)
        draw.line((low, y, high, y), fill=colour, width=2)
        for x in (low, high):
            draw.line((x, y - 3, x, y + 3), fill=colour, width=2)
    x = across(value)
    draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=colour)


def _with_error(value: float, error: float | None) -> str:
    return f"{value:.3f}" if error is None else f"{value:.3f} +- {error:.3f}"
