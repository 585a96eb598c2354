"""What one kind of move does to a picture, as lines over its amounts: distances, and a class's probability.

The charts stand above each other on one axis, at the bottom. A line goes up through them where the cursor is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from zfexplore.choices import Move
from zfexplore.studies.courses import Invariance
from zfexplore.tui.drawing.curves import Cells, dots_of, glyph
from zfexplore.tui.widgets.channels import number
from zfexplore.tui.widgets.rows import fitted

SCALE = 8  # columns left of the lines, for their numbers
UNITS: dict[Move, str] = {
    "translation": "pixels down", "scale": "times as large", "rotation": "degrees counter-clockwise",
}  # fmt: skip


@dataclass(frozen=True)
class MoveChart:
    """A line: its ``values`` by amount, of which the axis shows 0 to ``highest``, and what they are."""

    name: str
    values: Sequence[float]
    highest: float
    length: float = 0.0  # of the feature vector before the move, for a distance
    percent: bool = False

    def form(self, value: float) -> str:
        """Write a value."""
        return f"{value:.1%}" if self.percent else number(value)

    def told(self, place: int) -> str:
        """Say the value at a place: a distance against the length of the feature vector, too."""
        value = self.values[place]
        if self.percent:
            return f"{self.name}: {value:.1%}"
        share = f", {value / self.length:.0%} of its length" if self.length else ""
        return f"{self.name}: distance {number(value)}{share}"


class MoveCharts(Widget):
    """Draws the ``kind``-th course of ``view``, with the cursor at the ``place``-th of its amounts."""

    COMPONENT_CLASSES = {"moves--distance", "moves--probability", "moves--axis", "moves--here"}
    DEFAULT_CSS = """
    MoveCharts { height: 1fr; width: 1fr; }
    MoveCharts > .moves--distance { color: $primary; }
    MoveCharts > .moves--probability { color: $success; }
    MoveCharts > .moves--axis { color: $text-muted; }
    MoveCharts > .moves--here { color: $accent; text-style: bold; }
    """

    view: reactive[Invariance | None] = reactive(None)
    kind: reactive[int] = reactive(0)
    place: reactive[int] = reactive(0)
    braille: reactive[bool] = reactive(True)

    class Picked(Message):
        """The user clicked at this place."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    def render_line(self, y: int) -> Strip:
        """Draw a title, a row of a line, or the axis."""
        width, height = self.size
        if self.view is None:
            return Strip.blank(width, self.rich_style)
        if y == height - 1:
            return self._strip(self._axis(self.view))
        charts = charts_of(self.view, self.kind)
        each = max((height - 1) // len(charts), 2)
        which, row = divmod(y, each)
        if which >= len(charts):
            return Strip.blank(width, self.rich_style)
        chart, name = charts[which], "probability" if charts[which].percent else "distance"
        if row == 0:
            return self._strip([Segment(fitted(chart.told(self.place), width), self._style(name))])
        return self._strip(self._line(self.view, chart, name, row - 1, each - 1))

    def _line(self, view: Invariance, chart: MoveChart, name: str, row: int, rows: int) -> list[Segment]:
        amounts, columns = view.courses[self.kind].amounts, self._columns
        line = [
            (across(amounts, amount), value / chart.highest)
            for amount, value in zip(amounts, chart.values, strict=True)
        ]
        cells: Cells = dots_of(line, columns, rows)
        here = self._column(amounts[self.place])
        label = chart.form(chart.highest) if row == 0 else chart.form(0) if row == rows - 1 else ""
        segments = [Segment(f"{label:>{SCALE - 1}} ", self._style("axis"))]
        for column, dots in enumerate(cells[row]):
            style = self._style("here" if column == here else name)
            empty = "│" if self.braille else "|"
            text = glyph(dots, braille=self.braille) if dots or column != here else empty
            segments.append(Segment(text, style))
        return segments

    def _axis(self, view: Invariance) -> list[Segment]:
        course = view.courses[self.kind]
        low, high = f"{course.amounts[0]:g}", f"{course.amounts[-1]:g}"
        unit = UNITS[course.kind]
        room = self._columns - len(low) - len(high)
        between = f"{unit:^{room}}" if len(unit) + 2 <= room else " " * max(room, 1)
        return [Segment(f"{'':{SCALE}}{low}{between}{high}", self._style("axis"))]

    @property
    def _columns(self) -> int:
        return max(self.size.width - SCALE - 1, 1)

    def _column(self, amount: float) -> int:
        assert self.view is not None
        return round(across(self.view.courses[self.kind].amounts, amount) * (2 * self._columns - 1)) // 2

    def _strip(self, segments: list[Segment]) -> Strip:
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"moves--{name}")

    def on_click(self, event: events.Click) -> None:
        """Go to the amount nearest to the click."""
        where = event.get_content_offset(self)
        if self.view is None or where is None or where.x < SCALE:
            return
        amounts = self.view.courses[self.kind].amounts
        share = (where.x - SCALE) / max(self._columns - 1, 1)
        self.post_message(
            self.Picked(min(range(len(amounts)), key=lambda one: abs(across(amounts, amounts[one]) - share)))
        )


def charts_of(view: Invariance, kind: int) -> list[MoveChart]:
    """Give the charts of a kind of move: a distance for each stage, then the probability if there is one.

    Distances at a stage have one scale for all kinds, so that these can be compared.
    """
    course = view.courses[kind]
    charts = []
    for place, stage in enumerate(view.stages):
        highest = max(float(one.distance[:, place].max()) for one in view.courses) or 1.0
        values = course.distance[:, place].tolist()
        charts.append(MoveChart(stage, values, highest, float(view.norm[place])))
    if course.probability is not None:
        name = view.class_name or "its class"
        charts.append(MoveChart(name, course.probability.tolist(), 1.0, percent=True))
    return charts


def across(amounts: Sequence[float], amount: float) -> float:
    """Give where an amount stands on the axis, 0 to 1."""
    return (amount - amounts[0]) / ((amounts[-1] - amounts[0]) or 1.0)
