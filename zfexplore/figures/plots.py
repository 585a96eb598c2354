"""Curves of a training run, drawn with Pillow alone: loss, accuracy and learning rate over the epochs.

Records are the lines of a run's ``log.jsonl``. A value that a record lacks, or that is null, NaN or too large
to be drawn, leaves a gap in its curve.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image, ImageDraw

from zfexplore.figures.paper import Paper, paste_curve
from zfexplore.figures.text import FAINT, INK, MARGIN, RULE, Colour, Heading, shorten, width, write

Point = tuple[float, float]

BLUE: Colour = (37, 99, 235)
ORANGE: Colour = (217, 119, 6)
CHART_WIDTH, CHART_HEIGHT = 400, 270
LABEL_ROOM = 56  # left of the axis, for the numbers
GAP = 34
LARGEST, SMALLEST = 1e15, 1e-100  # values that are drawn; smaller ones are drawn as 0
FINE = 4  # lines are drawn this many times larger and scaled down, which smooths them
LETTERS = 13
LEGEND_LINE = 22


@dataclass(frozen=True)
class Curve:
    """One curve: its name in the legend and the key under which a record holds it."""

    name: str
    key: str
    colour: Colour


@dataclass(frozen=True)
class Chart:
    """Curves that share a vertical axis; ``logarithmic`` for values that span orders of magnitude."""

    title: str
    curves: tuple[Curve, ...]
    logarithmic: bool = False
    percent: bool = False


CHARTS = (
    Chart(
        "loss",
        (
            Curve("training", "loss", BLUE),
            Curve("held out", "held_out_loss", ORANGE),
        ),
    ),
    Chart(
        "held-out accuracy, %",
        (Curve("top-1", "top1", BLUE), Curve("top-5", "top5", ORANGE)),
        percent=True,
    ),
    Chart("learning rate", (Curve("", "lr", BLUE),), logarithmic=True),
)


def curves(
    records: Sequence[Mapping[str, Any]], *, title: str | None = None, subtitle: str | None = None
) -> Image.Image:
    """Draw the curves of a run from its ``records``, one per epoch, each with its ``epoch``.

    Accuracies are shares in [0, 1] and shown in per cent. Records without ``epoch`` are ignored.
    """
    epochs = [record for record in records if _number(record.get("epoch")) is not None]
    chart_step = LABEL_ROOM + CHART_WIDTH + GAP
    heading = Heading(title, subtitle, len(CHARTS) * chart_step - GAP)
    top = heading.height
    canvas = Paper((heading.room + 2 * MARGIN, top + CHART_HEIGHT + 74))
    heading.draw(ImageDraw.Draw(canvas))
    for index, chart in enumerate(CHARTS):
        _chart(canvas, chart, epochs, MARGIN + index * chart_step + LABEL_ROOM, top + 26)
    return canvas


def line_chart(chart: Chart, records: Sequence[Mapping[str, Any]]) -> Image.Image:
    """Draw one chart alone, with the names of its curves below it, as many as they are."""
    named = [curve for curve in chart.curves if curve.name]
    widest = max((width(curve.name, LETTERS) for curve in named), default=0)
    columns = max(CHART_WIDTH // (widest + 40), 1)
    lines = math.ceil(len(named) / columns)
    below = MARGIN + 26 + CHART_HEIGHT + 70
    size = (2 * MARGIN + LABEL_ROOM + CHART_WIDTH, below + lines * LEGEND_LINE + MARGIN // 2)
    canvas = Paper(size)
    left = MARGIN + LABEL_ROOM
    bare = tuple(replace(curve, name="") for curve in chart.curves)
    _chart(canvas, replace(chart, curves=bare), records, left, MARGIN + 26)
    draw = ImageDraw.Draw(canvas)
    for number, curve in enumerate(named):
        line, column = divmod(number, columns)
        x, y = left + column * CHART_WIDTH // columns, below + line * LEGEND_LINE
        draw.line((x, y - 5, x + 18, y - 5), fill=curve.colour, width=2)
        write(draw, (x + 24, y), shorten(curve.name, LETTERS, CHART_WIDTH - 24), LETTERS, colour=FAINT)
    return canvas


def points(records: Sequence[Mapping[str, Any]], curve: Curve, factor: float = 1.0) -> list[Point]:
    """Give the (epoch, value) pairs of one curve, without missing and non-finite values."""
    found = []
    for record in records:
        epoch = _number(record.get("epoch"))
        value = _number(record.get(curve.key))
        if epoch is not None and value is not None:
            found.append((epoch, factor * value))
    return found


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Give round numbers (1, 2 or 5 times a power of ten apart) within ``low`` to ``high``."""
    if not high > low:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


@dataclass(frozen=True)
class _Axes:
    """The position of values in the chart whose upper left corner is (left, top)."""

    left: int
    top: int
    x_range: Point
    y_range: Point
    logarithmic: bool

    def place(self, point: Point) -> Point:
        x, y = point[0], self._height(point[1])
        low, high = self._height(self.y_range[0]), self._height(self.y_range[1])
        across = (x - self.x_range[0]) / (self.x_range[1] - self.x_range[0])
        return self.left + CHART_WIDTH * across, self.top + CHART_HEIGHT * (1 - (y - low) / (high - low))

    def _height(self, value: float) -> float:
        return math.log10(value) if self.logarithmic else value


def _chart(
    canvas: Image.Image, chart: Chart, records: Sequence[Mapping[str, Any]], left: int, top: int
) -> None:
    draw = ImageDraw.Draw(canvas)
    write(draw, (left, top - 10), chart.title, LETTERS + 1)
    drawn = [(curve, points(records, curve, 100.0 if chart.percent else 1.0)) for curve in chart.curves]
    if chart.logarithmic:
        drawn = [(curve, [point for point in found if point[1] > 0]) for curve, found in drawn]
    drawn = [(curve, found) for curve, found in drawn if found]
    if not drawn:
        draw.rectangle((left, top, left + CHART_WIDTH, top + CHART_HEIGHT), outline=RULE)
        middle = (left + CHART_WIDTH / 2, top + CHART_HEIGHT / 2)
        write(draw, middle, "nothing recorded", LETTERS, colour=FAINT, anchor="mm")
        return
    axes = _axes(chart, [point for _, found in drawn for point in found], left, top)
    _rules(draw, axes)
    for curve, found in drawn:
        _curve(canvas, [axes.place(point) for point in found], curve.colour)
    _legend(draw, [curve for curve, _ in drawn], left + CHART_WIDTH, top - 10)


def _axes(chart: Chart, found: list[Point], left: int, top: int) -> _Axes:
    across, values = [point[0] for point in found], [point[1] for point in found]
    x_range = (min(across), max(across)) if max(across) > min(across) else (across[0] - 1, across[0] + 1)
    low, high = min(values), max(values)
    if chart.logarithmic:
        low, high = 10 ** math.floor(math.log10(low) + 1e-9), 10 ** math.ceil(math.log10(high) - 1e-9)
        y_range = (low, high) if high > low else (low / 10, high * 10)
    elif chart.percent:
        y_range = (0.0, min(100.0, ticks(0, 1.2 * high if high > 0 else 1)[-1]) if high < 100 else 100.0)
    else:
        y_range = (min(low, 0.0), 1.05 * high) if high > min(low, 0.0) else (low - 1, high + 1)
    return _Axes(left, top, x_range, y_range, chart.logarithmic)


def _rules(draw: ImageDraw.ImageDraw, axes: _Axes) -> None:
    bottom, right = axes.top + CHART_HEIGHT, axes.left + CHART_WIDTH
    for value in _powers(*axes.y_range) if axes.logarithmic else ticks(*axes.y_range):
        y = axes.place((axes.x_range[0], value))[1]
        draw.line((axes.left, y, right, y), fill=RULE)
        write(draw, (axes.left - 7, y), f"{value:g}", LETTERS, colour=FAINT, anchor="rm")
    for epoch in (tick for tick in ticks(*axes.x_range, most=8) if tick == int(tick)):
        x = axes.place((epoch, axes.y_range[0]))[0]
        draw.line((x, bottom, x, bottom + 4), fill=FAINT)
        write(draw, (x, bottom + 8), f"{epoch:g}", LETTERS, colour=FAINT, anchor="mt")
    draw.line((axes.left, bottom, right, bottom), fill=INK)
    write(draw, ((axes.left + right) / 2, bottom + 28), "epoch", LETTERS, colour=FAINT, anchor="mt")


def _curve(canvas: Image.Image, places: list[Point], colour: Colour) -> None:
    mask = Image.new("L", (canvas.width * FINE, canvas.height * FINE), 0)
    draw = ImageDraw.Draw(mask)
    fine = [(FINE * x, FINE * y) for x, y in places]
    draw.line(fine, fill=255, width=2 * FINE, joint="curve")
    radius = 2.5 * FINE if len(places) <= 40 else 0
    for x, y in fine:
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    smooth = mask.resize(canvas.size, Image.Resampling.BOX)
    paste_curve(canvas, colour, (0, 0, *canvas.size), smooth, places, 2, radius / FINE)


def _legend(draw: ImageDraw.ImageDraw, curves: list[Curve], right: int, baseline: int) -> None:
    for curve in reversed([curve for curve in curves if curve.name]):
        write(draw, (right, baseline), curve.name, LETTERS, colour=FAINT, anchor="rs")
        right -= width(curve.name, LETTERS) + 8
        draw.line((right - 18, baseline - 5, right, baseline - 5), fill=curve.colour, width=2)
        right -= 34


def _powers(low: float, high: float) -> list[float]:
    first, last = round(math.log10(low)), round(math.log10(high))
    return [10.0**power for power in range(first, last + 1, max((last - first) // 6, 1))]


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        return None
    return float(value) if abs(value) >= SMALLEST else 0.0
