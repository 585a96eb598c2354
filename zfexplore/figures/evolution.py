"""How features came about (ZF figure 4): channels as rows, epochs as columns, and how early stages settled.

Each tile is the projection of the channel's strongest unit after that epoch, on its own scale: what a
channel looks for shows from the first epoch on, however weak it is then. The paper shows projections alone.
Here the last column is what the unit saw at the end, and a bar before a tile marks another image than the
epoch before: a jump there is a change of image first, and of the feature perhaps.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from zfexplore.figures.blocks import BlockUnit, Field, block_from, patch_tile, projection_tile
from zfexplore.figures.figure import Figure
from zfexplore.figures.grid import FRAME, blank_page, checked_tile, paste_framed
from zfexplore.figures.occlusion import OKABE_ITO
from zfexplore.figures.paper import Paper
from zfexplore.figures.plots import Chart, Curve, line_chart
from zfexplore.figures.provenance import ATLAS, CHECKPOINT, COMMAND
from zfexplore.figures.sheet import sheet
from zfexplore.figures.tables import write_tables
from zfexplore.figures.text import FAINT, INK, MARGIN, shorten, width, write
from zfexplore.units import Unit

TILE = 72
GAP = 6  # between two frames: room for the bar
BEFORE_PATCH = 14
BAR = (213, 94, 0)  # before a tile whose image is another than the epoch before
LETTERS = 13
LINE = 20
HEADING = 500  # pixels up to which a block of few epochs is widened
BELOW = 14  # the tiles, for the numbers
SAW = "saw"
BLUE_TO_YELLOW = OKABE_ITO[:6] + ((0, 0, 0),)  # its last yellow is too pale for a line


@dataclass(frozen=True)
class EvolvedChannel:
    """A channel such as ``conv5:130``: its strongest unit after each epoch, None where it has none.

    ``side`` is the edge in input pixels of the square that a tile shows.
    """

    name: str
    side: int
    units: tuple[BlockUnit | None, ...]

    def rows(self, epochs: Sequence[float]) -> list[dict[str, Any]]:
        """Give a row of plain values for each epoch; ``another_image`` than the epoch before or not."""
        usual = next((unit.row() for unit in self.units if unit is not None), {})
        return [
            {"channel": self.name, "epoch": epoch}
            | {
                name: value
                for name, value in (unit.row() if unit else dict.fromkeys(usual)).items()
                if name != "rank"
            }
            | {"another_image": self.jumps(number)}
            for number, (epoch, unit) in enumerate(zip(epochs, self.units, strict=True))
        ]

    def jumps(self, number: int) -> bool:
        """Tell whether the unit's image is another than that of the epoch before."""
        before = self.units[number - 1] if number else None
        unit = self.units[number]
        return before is not None and unit is not None and before.index != unit.index


def evolved_from(
    channel: Unit, exemplars: Sequence[Any], field: Field, classes: Sequence[str] = ()
) -> EvolvedChannel:
    """Make it of one exemplar an epoch, or None; ``field`` and ``classes`` as for ``block_from``."""
    block = block_from(
        channel, [one for one in exemplars if one is not None], field, classes=classes, most=None
    )
    units = iter(block.units)
    return EvolvedChannel(str(channel), block.side, tuple(one and next(units) for one in exemplars))


@dataclass(frozen=True, eq=False, repr=False)
class EvolutionFigure(Figure):
    """The figure, its table of units, and ``filters``: how each stage's filters correlate."""

    filters: list[dict[str, Any]]

    def save(self, path: str | os.PathLike[str] | None = None) -> list[Path]:
        """Write the figure, its units as CSV, and both tables as JSON; give the files written."""
        (path,) = super().save(path)
        chunks = self.chunks(path)
        origin = {name: chunks[name] for name in (COMMAND, CHECKPOINT, ATLAS)}
        rows = [row for table in self.tables.values() for row in table]
        return [path, *write_tables(path, rows, {"filters": self.filters, **origin})]


def evolution_figure(
    stages: Sequence[tuple[str, Sequence[EvolvedChannel]]], epochs: Sequence[float],
    settling: Sequence[Any], *,
    tile: int = TILE, title: str | None = None, subtitle: str | None = None,
) -> Image.Image:  # fmt: skip
    """Draw a block for each of ``stages`` (its heading, its channels), and the curves of ``settling`` last.

    ``settling`` are records of ``studies.evolution.Settling``. Raises ExploreError for a tile or a page that
    is too small or too large.
    """
    tile = checked_tile(tile)
    across = _room(tile, len(epochs), [heading for heading, _ in stages])
    columns = max(1, round((1.5 * sum(_height(tile, len(one)) for _, one in stages) / across) ** 0.5))
    columns = min(columns, len(stages) + 1)
    size = (columns * across, sum(_height(tile, len(one)) for _, one in stages))
    blank_page(size, f"{sum(len(one) for _, one in stages):,} channels", tile, "fewer channels")
    blocks = [_block(heading, channels, epochs, settling, tile, across) for heading, channels in stages]
    blocks += [_curves(settling, epochs)] if len(epochs) > 1 and settling else []
    return sheet(blocks, columns=columns, title=title, subtitle=subtitle)


def settling_rows(settling: Sequence[Any], epochs: Sequence[float]) -> list[dict[str, Any]]:
    """Give a row of plain values for each stage and epoch but the last."""
    return [
        {
            "stage": one.stage,
            "epoch": epoch,
            "next_epoch": after,
            "with_next": with_next,
            "with_last": with_last,
        }
        for one in settling
        for epoch, after, with_next, with_last in zip(
            epochs, epochs[1:], one.with_next, one.with_last, strict=False
        )
    ]


def _room(tile: int, epochs: int, headings: Sequence[str]) -> int:
    """Give the width of a block, with its margins: of its tiles, or of few epochs that of the headings."""
    tiles = 44 + (epochs + 1) * (tile + 2 * FRAME + GAP) + BEFORE_PATCH
    longest = max((width(heading, LETTERS + 2) for heading in headings), default=0)
    return 2 * MARGIN + max(tiles, min(longest, HEADING))


def _height(tile: int, channels: int) -> int:
    return MARGIN + 3 * LINE + channels * (tile + 2 * FRAME + GAP) + BELOW


def _block(
    heading: str,
    channels: Sequence[EvolvedChannel],
    epochs: Sequence[float],
    settling: Sequence[Any],
    tile: int,
    across: int,
) -> Image.Image:
    step, left = tile + 2 * FRAME + GAP, MARGIN + 44
    canvas = Paper((across, _height(tile, len(channels))))
    draw = ImageDraw.Draw(canvas)
    y = MARGIN // 2 + LETTERS
    write(draw, (MARGIN, y), shorten(heading, LETTERS + 2, canvas.width - 2 * MARGIN), LETTERS + 2)
    y += LINE + 4
    write(draw, (MARGIN, y), "epoch", LETTERS, colour=FAINT)
    patches = left + len(epochs) * step + BEFORE_PATCH
    for number, epoch in enumerate(epochs):
        write(draw, (left + number * step + step // 2, y), f"{epoch:.4g}", LETTERS, colour=FAINT, anchor="ms")
    write(draw, (patches + step // 2, y), SAW, LETTERS, colour=FAINT, anchor="ms")
    y += 8
    for channel in channels:
        name = channel.name.rpartition(":")[2]
        write(draw, (left - 8, y + tile // 2), name, LETTERS, colour=INK, anchor="rm")
        for column, unit in enumerate(channel.units):
            x = left + column * step
            picture = None if unit is None else projection_tile(unit, channel.side, tile)
            paste_framed(canvas, picture, x, y, tile)
            if channel.jumps(column):
                draw.rectangle((x - 4, y, x - 3, y + tile + 1), fill=BAR)
        final = channel.units[-1]
        paste_framed(
            canvas, None if final is None else patch_tile(final, channel.side, tile), patches, y, tile
        )
        y += step
    _numbers(draw, channels, epochs, settling, left, y + LETTERS, step)
    return canvas


def _numbers(
    draw: ImageDraw.ImageDraw, channels: Sequence[EvolvedChannel], epochs: Sequence[float],
    settling: Sequence[Any], left: int, y: int, step: int,
) -> None:  # fmt: skip
    """Write below each epoch how the stage's filters correlate with the last ones."""
    stage = channels[0].name.rpartition(":")[0] if channels else ""
    found = next((one for one in settling if one.stage == stage), None)
    if found is None:
        return
    for number, value in enumerate(found.with_last):
        text = f"{value:.2f}"
        write(draw, (left + number * step + step // 2, y), text, LETTERS, colour=FAINT, anchor="ms")
    told = "like the last"
    after = left + (len(epochs) - 1) * step
    if after + width(told, LETTERS) < left + (len(epochs) + 1) * step + BEFORE_PATCH:
        write(draw, (after, y), told, LETTERS, colour=FAINT)


def _curves(settling: Sequence[Any], epochs: Sequence[float]) -> Image.Image:
    curves = tuple(
        Curve(one.stage, one.stage, BLUE_TO_YELLOW[number % len(BLUE_TO_YELLOW)])
        for number, one in enumerate(settling)
    )
    records = [
        {"epoch": epoch} | {one.stage: (*one.with_last, 1.0)[number] for one in settling}
        for number, epoch in enumerate(epochs)
    ]
    return line_chart(Chart("correlation of filters with the last ones", curves), records)
