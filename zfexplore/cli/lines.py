"""Lines over an axis in the terminal, drawn with the dots of braille characters: the figure's charts, small.

A row of charts for each kind of move. Lines have their pictures' colours, where the terminal has colours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from zfexplore.printable import printable
from zfexplore.tui.drawing.curves import dots_of, glyph

if TYPE_CHECKING:
    from zfexplore.figures.text import Colour
    from zfexplore.figures.varied import Chart
    from zfexplore.varied import Varied

ROWS = 7  # of a chart, without its title and its axis
NARROWEST, WIDEST = 16, 48  # columns of a chart's lines
SCALE = 8  # columns left of a chart, for its numbers


def lines_of(varied: Varied, width: int, *, braille: bool = True) -> Iterator[Text]:
    """Give the lines of text that show a ``Varied`` in so many columns: names, then a row of charts a move.

    Charts that do not fit beside each other stand below each other.
    """
    from zfexplore.figures.occlusion import OKABE_ITO
    from zfexplore.figures.varied import MANY, colours_of, rows_of

    names = varied.names()
    many = len(names) > MANY
    colours = [OKABE_ITO[0]] if many else colours_of(len(names))
    for name, colour in zip([f"mean of {len(names):,} pictures"] if many else names, colours, strict=True):
        yield Text.assemble(("━━ " if braille else "-- ", _style(colour)), printable(name))
    for course, row in zip(varied.found[0].courses, rows_of(varied.found), strict=True):
        beside = max(min(len(row.charts), width // (SCALE + NARROWEST)), 1)
        columns = min(max(width // beside - SCALE, NARROWEST), WIDEST)
        yield Text()
        yield Text(f"{course.kind}, {row.charts[0].unit}", style="bold")
        for start in range(0, len(row.charts), beside):
            drawn = [
                list(_chart(chart, colours, columns, many, braille))
                for chart in row.charts[start : start + beside]
            ]
            for parts in zip(*drawn, strict=True):
                line = Text.assemble(*parts)
                line.rstrip()
                yield line


def _chart(
    chart: Chart, colours: Sequence[Colour], columns: int, mean: bool, braille: bool
) -> Iterator[Text]:
    low, high = min(chart.across), max(chart.across)
    span = (high - low) or 1.0
    lines = chart.lines.mean(0, keepdims=True) if mean else chart.lines
    drawn = [
        dots_of(
            [((x - low) / span, y / chart.highest) for x, y in zip(chart.across, line, strict=True)],
            columns,
            ROWS,
        )
        for line in lines.tolist()
    ]
    yield Text(f"{'':{SCALE}}{chart.title[:columns]:<{columns}}")
    for row in range(ROWS):
        label = chart.form(chart.highest) if row == 0 else chart.form(0) if row == ROWS - 1 else ""
        text = Text(f"{label:>{SCALE - 2}} " + ("│" if braille else "|"), style="dim")
        for column in range(columns):
            dots, style = 0, ""
            for line, colour in zip(drawn, colours, strict=True):
                if line[row][column]:
                    dots, style = dots | line[row][column], _style(colour)
            text.append(glyph(dots, braille=braille), style)
        yield text
    ends = f"{low:g}", f"{high:g}"
    yield Text(f"{'':{SCALE}}{ends[0]:<{columns - len(ends[1])}}{ends[1]}", style="dim")


def _style(colour: Colour) -> str:
    return f"rgb({colour[0]},{colour[1]},{colour[2]})"
