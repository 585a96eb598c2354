"""How a net begins: a panel of gradient norms for each start, and below them why they are what they are.

All panels share one logarithmic scale, and steps are logarithmic too, since what explodes does so at once.
What lies beyond a scale's ends is drawn on them, and a gradient of exactly zero on the lower one. Layers go
from dark (conv1) to light (the logits).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageDraw

from zfexplore.figures.occlusion import VIRIDIS
from zfexplore.figures.paper import Paper, paste_finer
from zfexplore.figures.text import FAINT, INK, MARGIN, RULE, Colour, Heading, width, write

COLUMNS = 4
PANEL_WIDTH, PANEL_HEIGHT = 300, 190
LABEL_ROOM = 46  # left of a panel, for the numbers
ABOVE, BELOW = 46, 34  # of a panel: what it is and became; the steps
GAP = 26
FINE = 4  # lines are drawn this many times larger and scaled down, which smooths them
THICK = 6  # of those finer pixels
LETTERS = 13
MOST_DECADES = 8  # on each side of 1
DASH = 9  # pixels

RED: Colour = (185, 28, 28)
GREEN: Colour = (21, 128, 61)
COLOURS: tuple[Colour, ...] = ((213, 94, 0), (86, 180, 233), (0, 114, 178), (0, 158, 115))  # of the starts


@dataclass(frozen=True)
class Line:
    """One line of a panel: ``values`` at 1, 2, 3 ..; None leaves a gap."""

    name: str
    values: Sequence[float]
    colour: Colour
    dashed: bool = False


@dataclass(frozen=True)
class LogPanel:
    """Lines over one another; ``marks`` are (place, text) along the lower edge.

    With ``dots`` the places are names, evenly spread; otherwise they are steps, on a logarithmic scale.
    """

    title: str
    lines: Sequence[Line]
    marks: Sequence[tuple[float, str]]
    note: str = ""
    note_colour: Colour = FAINT
    dots: bool = False


def gradients_figure(found: Any, *, title: str | None = None) -> Image.Image:
    """Draw a Beginnings of ``studies.starts``, four starts in a row."""
    panels = [_panel(run, found.blind) for run in found.runs]
    low, high = _decades([value for panel in panels for line in panel.lines for value in line.values])
    step = LABEL_ROOM + PANEL_WIDTH + GAP
    columns = max(3, min(COLUMNS, len(panels)))  # with two, the panels of why would not hold their words
    rows = math.ceil(len(panels) / columns)
    heading = Heading(title or "How a net begins", _caption(found), columns * step - GAP)
    legend = heading.height + 6
    top = legend + 24
    tall = ABOVE + PANEL_HEIGHT + BELOW
    canvas = Paper((heading.room + 2 * MARGIN, top + rows * tall + 60 + tall))
    heading.draw(ImageDraw.Draw(canvas))
    _legend(canvas, panels[0].lines, MARGIN + LABEL_ROOM, legend)
    for number, panel in enumerate(panels):
        row, column = divmod(number, columns)
        left, y = MARGIN + column * step + LABEL_ROOM, top + row * tall + ABOVE
        _draw_panel(canvas, panel, (left, y), PANEL_WIDTH, (low, high))
    y = top + rows * tall + 22
    why = _why(found)
    _legend(canvas, why[0].lines, MARGIN + LABEL_ROOM, y)
    wide = (heading.room - GAP) // 2 - LABEL_ROOM
    for number, panel in enumerate(why):
        ends = _decades([value for line in panel.lines for value in line.values])
        left = MARGIN + number * (wide + LABEL_ROOM + GAP) + LABEL_ROOM
        _draw_panel(canvas, panel, (left, y + 14 + ABOVE), wide, ends)
    return canvas


def _caption(found: Any) -> str:
    return (
        f"Norm of the gradient of each layer's weights, step by step · {found.images:,} images of "
        f"{found.classes} classes at {found.size} pixels, batches of {found.batch_size}, fc {found.fc:,}, "
        f"seed {found.seed}, SGD with momentum 0.9 · a loss of {found.blind:.2f} is that of a guess that "
        "looks at no image · zero, and what is beyond a scale, is drawn on its edge"
    )


def _panel(run: Any, blind: float) -> LogPanel:
    start, outcome = run.start, run.outcome(blind)
    colours = _shades(len(run.stages))
    lines = [
        Line(name, [row[number] for row in run.gradients], colours[number])
        for number, name in enumerate(run.stages)
    ]
    colour = RED if outcome.startswith("explodes") else GREEN if outcome == "learns" else INK
    last = len(run.losses)
    powers = [10.0**power for power in range(4) if 10**power <= last / 4]
    marks = [
        *((power, f"{power:g}") for power in powers),
        (float(last), f"{last} step{'s' if last > 1 else ''}"),
    ]
    way = [_short(run.losses[0]), _short(run.last_loss)]
    if max(run.losses) > 2 * run.losses[0]:
        way.insert(1, _short(max(run.losses)))
    losses = f"loss {', '.join(way)}"
    return LogPanel(str(start), lines, marks, f"{outcome}: {losses}", colour)


def _why(found: Any) -> list[LogPanel]:
    """Give two panels over the layers before any step is taken: their maps, and their gradients."""
    inits = list(dict.fromkeys(run.start.init for run in found.runs))
    seen: set[tuple[str, float]] = set()
    signals, gradients = [], []
    for run in found.runs:
        start = run.start
        if (start.init, start.scale) in seen:  # the rate does not matter yet
            continue
        seen.add((start.init, start.scale))
        name = str(start).partition(", rate")[0]
        colour, dashed = COLOURS[inits.index(start.init) % len(COLOURS)], start.scale == 1
        signals.append(Line(name, run.signals, colour, dashed))
        gradients.append(Line(name, run.gradients[0], colour, dashed))
    marks = [(float(number), name) for number, name in enumerate(found.runs[0].stages, start=1)]
    return [
        LogPanel(
            "Why, before the first step: root mean square of each layer's map", signals, marks, dots=True
        ),
        LogPanel("and the gradients that follow from it", gradients, marks, dots=True),
    ]


def _shades(count: int) -> list[Colour]:
    """Give ``count`` colours from dark to light; the lightest of viridis is too pale for paper."""
    last = len(VIRIDIS) - 2
    return [VIRIDIS[round(number * last / max(count - 1, 1))] for number in range(count)]


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """Give the powers of ten between which positive ``values`` lie, within ``MOST_DECADES`` of 1."""
    logs = [math.log10(value) for value in values if 0 < value < math.inf]
    low = math.floor(min(logs, default=-1.0) + 1e-9)
    high = math.ceil(max(logs, default=1.0) - 1e-9)
    low, high = max(low, -MOST_DECADES), min(high, MOST_DECADES)
    return (low, high) if high > low else (low - 1, low + 1)


def _draw_panel(
    canvas: Image.Image, panel: LogPanel, corner: tuple[int, int], wide: int, ends: tuple[int, int]
) -> None:
    draw, (left, top) = ImageDraw.Draw(canvas), corner
    write(draw, (left, top - 26), panel.title, LETTERS)
    write(draw, (left, top - 9), panel.note, LETTERS, colour=panel.note_colour)
    low, high = ends
    last = max((len(line.values) for line in panel.lines), default=1)
    plot = Paper((wide * FINE, PANEL_HEIGHT * FINE))
    fine = ImageDraw.Draw(plot)

    def height(value: float) -> float:
        log = low if value <= 0 else high if not value < math.inf else math.log10(value)
        y = FINE * PANEL_HEIGHT * (1 - (min(max(log, low), high) - low) / (high - low))
        return min(max(y, THICK / 2), FINE * PANEL_HEIGHT - THICK / 2)  # no line is cut by the edge

    def across(place: float) -> float:
        if panel.dots:  # points on the edge would be cut in half
            return FINE * wide * (0.06 + 0.88 * (place - 1) / max(last - 1, 1))
        return FINE * wide * math.log(place) / math.log(max(last, 2))

    apart = max((high - low) // 6, 1)
    for power in (power for power in range(low, high + 1) if power % apart == 0):
        y = height(10.0**power)
        fine.line((0, y, plot.width, y), fill=RULE, width=FINE)
        write(draw, (left - 7, top + y / FINE), f"1e{power}", LETTERS, colour=FAINT, anchor="rm")
    for line in panel.lines:
        places = [(across(number), height(value)) for number, value in enumerate(line.values, start=1)]
        _polyline(fine, places, line, dots=panel.dots)
    paste_finer(canvas, plot, corner, FINE)
    draw.line((left, top + PANEL_HEIGHT, left + wide, top + PANEL_HEIGHT), fill=INK)
    for place, text in panel.marks:
        x = left + across(place) / FINE
        anchor = "mt" if panel.dots else "lt" if place == 1 else "rt" if place == last else "mt"
        write(draw, (x, top + PANEL_HEIGHT + 7), text, LETTERS, colour=FAINT, anchor=anchor)


def _polyline(
    draw: ImageDraw.ImageDraw, places: Sequence[tuple[float, float]], line: Line, *, dots: bool
) -> None:
    if line.dashed:
        for start, end in zip(places, places[1:], strict=False):
            _dashes(draw, start, end, line.colour)
    elif len(places) > 1:
        draw.line(places, fill=line.colour, width=THICK, joint="curve")
    radius = 2.6 * FINE if dots or len(places) == 1 else 0
    for x, y in places if radius else ():
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=line.colour)


def _dashes(
    draw: ImageDraw.ImageDraw, start: tuple[float, float], end: tuple[float, float], colour: Colour
) -> None:
    (x0, y0), (x1, y1) = start, end
    count = max(1, round(math.dist(start, end) / (DASH * FINE)))
    for number in range(0, count, 2):
        a, b = number / count, min((number + 1) / count, 1.0)
        ends = (x0 + a * (x1 - x0), y0 + a * (y1 - y0), x0 + b * (x1 - x0), y0 + b * (y1 - y0))
        draw.line(ends, fill=colour, width=THICK)


def _legend(canvas: Image.Image, lines: Sequence[Line], left: int, baseline: int) -> None:
    draw = ImageDraw.Draw(canvas)
    for line in lines:
        y = baseline - 5
        if line.dashed:
            draw.line((left, y, left + 8, y), fill=line.colour, width=2)
            draw.line((left + 14, y, left + 22, y), fill=line.colour, width=2)
        else:
            draw.line((left, y, left + 22, y), fill=line.colour, width=2)
        write(draw, (left + 28, baseline), line.name, LETTERS, colour=FAINT)
        left += 28 + width(line.name, LETTERS) + 18


def _short(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 1000 else f"{value:.0e}".replace("e+", "e")
