"""What moving pictures does, as lines (ZF figure 5): a row for each kind of move.

In each row stand moved pictures, then for each stage the distance of the feature vector from that of the
picture as it was, then the probability of one class. A distance is shown as it is (Euclidean), each chart on
its own scale, for stages have feature vectors of very different lengths.

Each picture has a colour of its own, up to seven. Of more, the lines are pale and their mean is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from zfexplore.figures.blocks import enlarged
from zfexplore.figures.grid import FRAME, blank_page, paste_framed
from zfexplore.figures.occlusion import OKABE_ITO
from zfexplore.figures.paper import paste_curve
from zfexplore.figures.plots import ticks
from zfexplore.figures.text import FAINT, INK, MARGIN, RULE, Colour, Heading, shorten, write

Floats = NDArray[np.floating]

TILE = 96  # of a moved picture
ROWS_OF_TILES, COLUMNS_OF_TILES = 2, 3
CHART_WIDTH, CHART_HEIGHT = 300, 200
LABEL_ROOM = 58  # left of a chart, for its numbers
ABOVE, BELOW = 28, 44  # of a row: what is shown; the numbers below the charts
GAP = 26
LETTERS = 13
UNDER_LEGEND = 10
LINE = 20
LARGE = 1000  # from here on, numbers of an axis are whole
FINE = 4  # lines are drawn this many times larger and scaled down, which smooths them
MANY = len(OKABE_ITO)  # pictures with a colour of their own
ACROSS = {"translation": "pixels downwards", "scale": "factor", "rotation": "degrees counter-clockwise"}


@dataclass(frozen=True)
class Chart:
    """Lines over one axis: ``lines [lines, places]`` over ``across [places]``, from 0 to ``highest``."""

    title: str
    unit: str
    across: Sequence[float]
    lines: Floats
    highest: float
    percent: bool = False

    def form(self, value: float) -> str:
        """Write a number of the vertical axis."""
        if self.percent:
            return f"{value:.0%}"
        return f"{value:,.0f}" if value >= LARGE else f"{value:.4g}"


@dataclass(frozen=True)
class Row:
    """A row of the figure: moved pictures with their captions, and the charts."""

    pictures: Sequence[tuple[NDArray[np.uint8], str]]
    charts: Sequence[Chart]


def varied_figure(
    rows: Sequence[Row], names: Sequence[str], *, title: str | None = None, subtitle: str | None = None
) -> Image.Image:
    """Draw ``rows``; ``names`` are what the lines of all charts are called, one for each picture."""
    colours = colours_of(len(names))
    tiles_width = COLUMNS_OF_TILES * (TILE + 2 * FRAME + 4)
    chart_step = LABEL_ROOM + CHART_WIDTH + GAP
    heading = Heading(
        title, subtitle, tiles_width + GAP // 2 + max(len(row.charts) for row in rows) * chart_step - GAP
    )
    legend = _legend_lines(names)
    row_step = ABOVE + max(CHART_HEIGHT, ROWS_OF_TILES * (TILE + 2 * FRAME + LINE)) + BELOW
    size = (
        heading.room + 2 * MARGIN,
        heading.height + len(legend) * LINE + UNDER_LEGEND + len(rows) * row_step + MARGIN // 2,
    )
    canvas = blank_page(size, f"{len(rows)} rows", TILE, "fewer layers")
    draw = ImageDraw.Draw(canvas)
    heading.draw(draw)
    for number, (name, colour) in enumerate(legend):
        y = heading.height + number * LINE
        draw.line((MARGIN, y + 8, MARGIN + 22, y + 8), fill=colour, width=3)
        write(draw, (MARGIN + 30, y + LETTERS), shorten(name, LETTERS, heading.room - 30), LETTERS)
    top = heading.height + len(legend) * LINE + UNDER_LEGEND + ABOVE
    for row in rows:
        _pictures(canvas, row.pictures, MARGIN, top)
        for number, chart in enumerate(row.charts):
            left = MARGIN + tiles_width + GAP // 2 + number * chart_step + LABEL_ROOM
            draw_chart(canvas, chart, colours, left, top)
        top += row_step
    return canvas


def draw_chart(canvas: Image.Image, chart: Chart, colours: Sequence[Colour], left: int, top: int) -> None:
    """Draw a chart with the corner of its axes at (left, top), its title above and its numbers around it."""
    draw = ImageDraw.Draw(canvas)
    right, bottom = left + CHART_WIDTH, top + CHART_HEIGHT
    write(draw, (left, top - 10), shorten(chart.title, LETTERS + 1, CHART_WIDTH), LETTERS + 1)
    low, high = min(chart.across), max(chart.across)
    span = (high - low) or 1.0
    for value in ticks(0.0, chart.highest, most=5):
        y = bottom - CHART_HEIGHT * value / chart.highest
        draw.line((left, y, right, y), fill=RULE)
        write(draw, (left - 7, y), chart.form(value), LETTERS, colour=FAINT, anchor="rm")
    for value in ticks(low, high, most=6):
        x = left + CHART_WIDTH * (value - low) / span
        draw.line((x, bottom, x, bottom + 4), fill=FAINT)
        write(draw, (x, bottom + 8), f"{value:g}", LETTERS, colour=FAINT, anchor="mt")
    draw.line((left, bottom, right, bottom), fill=INK)
    write(draw, ((left + right) / 2, bottom + 26), chart.unit, LETTERS, colour=FAINT, anchor="mt")
    for line, colour in zip(chart.lines, colours, strict=True):
        _line(canvas, chart, line, colour, left, top)
    if len(colours) > MANY:
        _line(canvas, chart, chart.lines.mean(0), OKABE_ITO[0], left, top)


def colours_of(count: int) -> list[Colour]:
    """Give a colour for each of ``count`` lines; pale ones where they are too many to tell apart."""
    return list(OKABE_ITO[:count]) if count <= MANY else [RULE] * count


def rows_of(varied: Sequence[Any]) -> list[Row]:
    """Make the rows from the ``Invariance`` records of ``studies.invariance``, of equal stages and moves."""
    first = varied[0]
    rows = []
    for place, course in enumerate(first.courses):
        courses = [one.courses[place] for one in varied]
        shown = _spread(course.amounts, ROWS_OF_TILES * COLUMNS_OF_TILES)
        pictures = [
            (varied[number % len(varied)].moved(course.kind, amount), f"{amount:g}")
            for number, amount in enumerate(shown)
        ]
        unit = ACROSS[course.kind]
        charts = []
        for stage, name in enumerate(first.stages):
            lines = np.stack([one.distance[:, stage] for one in courses])
            charts.append(Chart(f"{name}, distance", unit, course.amounts, lines, _highest(varied, stage)))
        if course.probability is not None:
            lines = np.stack([one.probability for one in courses])
            charts.append(Chart("probability of the class", unit, course.amounts, lines, 1.0, percent=True))
        rows.append(Row(pictures, charts))
    return rows


def _highest(varied: Sequence[Any], stage: int) -> float:
    """Give the largest distance at a stage over all moves, so that the rows of a stage can be compared."""
    return max(float(course.distance[:, stage].max()) for one in varied for course in one.courses) or 1.0


def _spread(amounts: Sequence[float], count: int) -> list[float]:
    """Give up to ``count`` of the amounts, from the first to the last."""
    places = np.linspace(0, len(amounts) - 1, min(count, len(amounts))).round().astype(int)
    return [amounts[place] for place in places]


def _legend_lines(names: Sequence[str]) -> list[tuple[str, Colour]]:
    if len(names) > MANY:
        return [(f"mean of {len(names):,} pictures", OKABE_ITO[0]), ("each of them", RULE)]
    return list(zip(names, colours_of(len(names)), strict=True))


def _pictures(
    canvas: Image.Image, pictures: Sequence[tuple[NDArray[np.uint8], str]], left: int, top: int
) -> None:
    draw = ImageDraw.Draw(canvas)
    for number, (pixels, told) in enumerate(pictures):
        row, column = divmod(number, COLUMNS_OF_TILES)
        x, y = left + column * (TILE + 2 * FRAME + 4), top + row * (TILE + 2 * FRAME + LINE)
        paste_framed(canvas, enlarged(pixels, TILE, TILE), x, y, TILE)
        write(
            draw, (x + TILE / 2, y + TILE + 2 * FRAME + LETTERS), told, LETTERS - 2, colour=FAINT, anchor="ms"
        )


def _line(canvas: Image.Image, chart: Chart, values: Floats, colour: Colour, left: int, top: int) -> None:
    """Draw a smooth line over a chart; a single place is a dot."""
    margin = 4  # of the mask, so that a line along the edge keeps its width
    low, high = min(chart.across), max(chart.across)
    size = (CHART_WIDTH + 2 * margin, CHART_HEIGHT + 2 * margin)
    mask = Image.new("L", (size[0] * FINE, size[1] * FINE), 0)
    draw = ImageDraw.Draw(mask)
    places = [
        (
            FINE * (margin + CHART_WIDTH * (x - low) / ((high - low) or 1.0)),
            FINE * (margin + CHART_HEIGHT * (1 - y / chart.highest)),
        )
        for x, y in zip(chart.across, values.tolist(), strict=True)
    ]
    if len(places) == 1:
        ((x, y),) = places
        draw.ellipse((x - 3 * FINE, y - 3 * FINE, x + 3 * FINE, y + 3 * FINE), fill=255)
    draw.line(places, fill=255, width=2 * FINE, joint="curve")
    start = (left - margin, top - margin)
    points = [(start[0] + x / FINE, start[1] + y / FINE) for x, y in places]
    smooth = mask.resize(size, Image.Resampling.BOX)
    paste_curve(canvas, colour, start, smooth, points, 2, 3 if len(points) == 1 else 0)
