"""How well each stage tells other classes apart: accuracy by stage, the paper's beside ours (ZF table 7).

A line is one number of training images a class. Bars are the standard deviation over the splits, the dashed
line at the bottom is what guessing scores.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageDraw

from zfexplore.figures.captions import SEPARATOR, weights_in_words
from zfexplore.figures.figure import Made
from zfexplore.figures.paper import Paper, paste_curve
from zfexplore.figures.plots import BLUE, ORANGE, ticks
from zfexplore.figures.rows import FigureWithRows
from zfexplore.figures.text import FAINT, INK, MARGIN, RULE, Colour, Heading, shorten, width, write

COLOURS: tuple[Colour, ...] = (ORANGE, BLUE, (0, 130, 100), (190, 80, 150), (90, 90, 96))
STEP, TALL = 74, 320  # pixels a stage, and of the whole scale
LABEL_ROOM = 44
LETTERS = 13
FINE = 4  # lines are drawn this many times larger and scaled down, which smooths them
RADIUS = 4


@dataclass(frozen=True, eq=False, repr=False)
class TransferFigure(FigureWithRows):
    """The figure, and the table that is written beside it."""

    @classmethod
    def draw(cls, found: Any, made: Made) -> TransferFigure:
        """Draw a ``Transfer`` of ``studies.records``."""
        told = weights_in_words(made.origin) if made.origin.random else None
        return cls(draw_transfer(found, title=made.title, weights=told), made, {}, rows=found.rows())


def draw_transfer(found: Any, *, title: str, weights: str | None = None) -> Image.Image:
    """Draw a ``Transfer``: the stages from left to right, accuracy upwards; ``weights`` ends the caption."""
    stages = list(dict.fromkeys(one.stage for one in found.scores))
    sizes = sorted({one.per_class for one in found.scores})
    room = max(LABEL_ROOM + STEP * len(stages), 560)
    heading = Heading(title, SEPARATOR.join(filter(None, [caption(found), weights])), room)
    legend = heading.height + 4
    top, left = legend + 30, MARGIN + LABEL_ROOM
    canvas = Paper((room + 2 * MARGIN, top + TALL + 30 + MARGIN))
    draw = ImageDraw.Draw(canvas)
    heading.draw(draw)
    across = {stage: left + STEP * (number + 0.5) for number, stage in enumerate(stages)}
    _scale(draw, across, top, left, room + MARGIN)
    _dashed(draw, left, room + MARGIN, _height(found.chance, top))
    x = float(left)
    for number, size in enumerate(sizes):
        colour = COLOURS[number % len(COLOURS)]
        scores = [one for one in found.scores if one.per_class == size]
        _line(canvas, [(across[one.stage], _height(one.mean, top)) for one in scores], colour)
        for one in scores:
            _bar(draw, across[one.stage], one.mean, one.spread, top, colour)
        x = _named(draw, x, legend, f"{size} a class", colour)
    papers = [one for one in found.scores if one.paper is not None]
    for one in papers:
        _ring(canvas, (across[one.stage], _height(one.paper, top)))
    if papers:
        x += 2 * RADIUS
        _ring(canvas, (x, legend + 8))
        told = f"ZF, {papers[0].per_class} a class of Caltech-101, trained on ImageNet"
        write(draw, (x + 10, legend + 8), told, LETTERS, colour=FAINT, anchor="lm")
    return canvas


def caption(found: Any) -> str:
    """Say what was measured."""
    splits = f"mean of {found.splits} splits" if found.splits > 1 else "one split"
    *first, last = (f"{count:,}" for count in found.tested.values())
    tested = f"{', '.join(first)} and {last}" if first else last
    return (
        f"a linear classifier on each layer's features, {found.classes} classes of {found.images}: "
        f"mean accuracy of a class on {tested} test images, {splits}; dashed: guessing"
    )


def _height(share: float, top: int) -> float:
    return top + TALL * (1 - share)


def _scale(draw: ImageDraw.ImageDraw, across: dict[str, float], top: int, left: int, right: int) -> None:
    for value in ticks(0, 100, most=5):
        y = _height(value / 100, top)
        draw.line((left, y, right, y), fill=RULE if value else INK)
        write(
            draw,
            (left - 8, y),
            f"{value:g}{' %' if value == 100 else ''}",
            LETTERS,
            colour=FAINT,
            anchor="rm",
        )
    for stage, x in across.items():
        write(draw, (x, top + TALL + 20), shorten(stage, LETTERS, STEP - 6), LETTERS, anchor="ms")


def _dashed(draw: ImageDraw.ImageDraw, left: int, right: int, y: float) -> None:
    for x in range(left, right, 8):
        draw.line((x, y, min(x + 4, right), y), fill=FAINT)


def _line(canvas: Image.Image, places: Sequence[tuple[float, float]], colour: Colour) -> None:
    mask = Image.new("L", (canvas.width * FINE, canvas.height * FINE), 0)
    draw = ImageDraw.Draw(mask)
    fine = [(FINE * x, FINE * y) for x, y in places]
    draw.line(fine, fill=255, width=2 * FINE, joint="curve")
    for x, y in fine:
        reach = RADIUS * FINE
        draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=255)
    smooth = mask.resize(canvas.size, Image.Resampling.BOX)
    paste_curve(canvas, colour, (0, 0, *canvas.size), smooth, places, 2, RADIUS)


def _bar(
    draw: ImageDraw.ImageDraw, x: float, mean: float, spread: float | None, top: int, colour: Colour
) -> None:
    if spread is None:
        return
    low, high = _height(mean - spread, top), _height(mean + spread, top)
    draw.line((x, low, x, high), fill=colour, width=2)
    for y in (low, high):
        draw.line((x - 5, y, x + 5, y), fill=colour, width=2)


def _ring(canvas: Image.Image, place: tuple[float, float]) -> None:
    """Draw the paper's value: an open circle."""
    side = 2 * RADIUS + 6
    mask = Image.new("L", (side * FINE, side * FINE), 0)
    edge = 2 * FINE
    ImageDraw.Draw(mask).ellipse(
        (edge, edge, (side - 2) * FINE, (side - 2) * FINE), outline=255, width=2 * FINE
    )
    small = mask.resize((side, side), Image.Resampling.BOX)
    corner = (round(place[0] - side / 2), round(place[1] - side / 2))
    middle, radius = side / 2, side / 2 - 3  # of the line, which is 2 wide
    around = [math.radians(angle) for angle in range(0, 361, 10)]
    points = [
        (corner[0] + middle + radius * math.cos(one), corner[1] + middle + radius * math.sin(one))
        for one in around
    ]
    paste_curve(canvas, INK, corner, small, points, 2)


def _named(draw: ImageDraw.ImageDraw, x: float, y: int, name: str, colour: Colour) -> float:
    """Write an entry of the legend; give where the next begins."""
    draw.line((x, y + 8, x + 22, y + 8), fill=colour, width=2)
    draw.ellipse((x + 11 - RADIUS, y + 8 - RADIUS, x + 11 + RADIUS, y + 8 + RADIUS), fill=colour)
    write(draw, (x + 30, y + 8), name, LETTERS, colour=FAINT, anchor="lm")
    return x + 30 + width(name, LETTERS) + 24
