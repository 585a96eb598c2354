"""How a training goes: loss and accuracy as lines over its epochs, and below them a slider over its weights.

One row shows numbers and the slider; more rows show the lines too. Both lines share the axis of the slider;
the loss has its scale at the left and the accuracy at the right.
"""

from __future__ import annotations

import math

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from zfexplore.printable import printable
from zfexplore.tui.drawing.curves import dots_of, glyph
from zfexplore.tui.following import Course, Kept, Places, nearest
from zfexplore.tui.widgets.rows import fitted

TALL, TALLEST = 32, 50  # rows of the screen from which there are lines, and from which they are higher
SCALE = 7  # columns of each scale
SLIDER = 11  # columns of the slider where it shares its row, at least


def rows_of_course(height: int) -> int:
    """Give the rows of the widget on a screen of so many."""
    return 1 if height < TALL else 5 if height < TALLEST else 7


class CourseBar(Widget):
    """Shows ``course``; ``present`` are the weights that the panes show, ``awaited`` those on their way."""

    COMPONENT_CLASSES = {
        "course--loss",
        "course--accuracy",
        "course--here",
        "course--axis",
        "course--trouble",
    }
    DEFAULT_CSS = """
    CourseBar { height: 1; background: $surface; }
    CourseBar > .course--loss { color: $primary; }
    CourseBar > .course--accuracy { color: $success; }
    CourseBar > .course--here { color: $accent; text-style: bold; }
    CourseBar > .course--axis { color: $text-muted; }
    CourseBar > .course--trouble { color: $error; text-style: bold; }
    """

    course: reactive[Course | None] = reactive(None)
    present: reactive[Kept | None] = reactive(None)
    awaited: reactive[Kept | None] = reactive(None)
    braille: reactive[bool] = reactive(True)

    class Picked(Message):
        """The user clicked the slider at these weights."""

        def __init__(self, kept: Kept) -> None:
            super().__init__()
            self.kept = kept

    # -- drawing -----------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """Draw the title, the lines, or the slider below them."""
        width, rows = self.size
        if self.course is None:
            return self._strip([Segment(" reading the run …" if not y else "", self._style("axis"))])
        if rows == 1:
            return self._in_one_row(self.course, width)
        if y == 0:
            return self._strip(self._numbers(self.course, width))
        if y < rows - 1:
            return self._strip(self._curves(self.course, y - 1, rows - 2, max(1, width - 2 * SCALE)))
        return self._strip(self._slider_row(self.course, max(1, width - 2 * SCALE)))

    def _in_one_row(self, course: Course, width: int) -> Strip:
        numbers, left, columns = self._beside_numbers(course, width)
        gap = Segment(" ", self._style())
        return self._strip([*numbers, gap, *self._slider(course, columns)])

    def _beside_numbers(self, course: Course, width: int) -> tuple[list[Segment], int, int]:
        """Give the numbers of a single row, and where in it the slider begins and how long it is."""
        numbers = self._numbers(course, width - SLIDER - 2)
        used = sum(segment.cell_length for segment in numbers)
        return numbers, used + 1, max(1, width - used - 2)

    def _numbers(self, course: Course, room: int) -> list[Segment]:
        if course.trouble:
            return [Segment(fitted(f" {course.name}: {course.trouble}", room), self._style("trouble"))]
        parts: list[tuple[str, str]] = [(printable(f" {course.name} {course.condition}"), "")]
        of = f"/{course.epochs}" if course.epochs else ""
        parts.append((f"epoch {round(course.done, 1):g}{of}", ""))
        if course.losses:
            parts.append((f"loss {course.losses[-1][1]:.3g}", "loss"))
        if course.accuracies:
            parts.append((f"top-1 {course.accuracies[-1][1]:.1%}", "accuracy"))
        parts.append((self._shown(), "here"))
        segments: list[Segment] = []
        for number, (text, name) in enumerate(part for part in parts if part[0]):
            before = "  " if number else ""
            if sum(segment.cell_length for segment in segments) + len(before + text) > room:
                break
            segments.append(Segment(before + text, self._style(name)))
        return segments

    def _shown(self) -> str:
        """Say which weights the panes show."""
        if self.awaited is not None and self.awaited != self.present:
            return f"◆ {self.awaited.called} comes …"
        if self.present is not None:
            return f"◆ {self.present.called}"
        return "loading …" if self.course and self.course.weights else "no weights yet"

    def _curves(self, course: Course, row: int, rows: int, columns: int) -> list[Segment]:
        """Draw a row of the lines between their scales."""
        if not course.losses:
            told = "the lines begin after the first epoch" if row == rows // 2 else ""
            return [Segment(f"{told:^{columns + 2 * SCALE}}", self._style("axis"))]
        loss, low, high = _scaled(course.losses, course.length)
        accuracy, least, most = _scaled(course.accuracies, course.length, floor=0.0)
        of_loss = dots_of(loss, columns, rows)[row]
        of_accuracy = dots_of(accuracy, columns, rows)[row]
        here = None if self.present is None else place_of(self.present.epochs, course.length, columns)
        segments = [Segment(_label(row, rows, f"{high:.3g}", f"{low:.3g}", "loss"), self._style("loss"))]
        for column, (first, second) in enumerate(zip(of_loss, of_accuracy, strict=True)):
            if first or second:
                style = self._style("accuracy" if second else "loss")
                segments.append(Segment(glyph(first | second, braille=self.braille), style))
            else:
                segments.append(Segment("│" if column == here else " ", self._style("axis")))
        if accuracy:
            right = _label(row, rows, f"{most:.0%}", f"{least:.0%}", "top-1").strip()
            segments.append(Segment(f" {right}", self._style("accuracy")))
        return segments

    def _slider_row(self, course: Course, columns: int) -> list[Segment]:
        axis = self._style("axis")
        return [
            Segment(f"{'epoch':>{SCALE - 1}} ", axis),
            *self._slider(course, columns),
            Segment(f" {course.length:g}", axis),
        ]

    def _slider(self, course: Course, columns: int) -> list[Segment]:
        here = self.awaited or self.present
        text = slider(course, here, columns)
        place = None if here is None else place_of(here.epochs, course.length, columns)
        axis, mark = self._style("axis"), self._style("here")
        if place is None:
            return [Segment(text, axis)]
        return [Segment(text[:place], axis), Segment(text[place], mark), Segment(text[place + 1 :], axis)]

    def _strip(self, segments: list[Segment]) -> Strip:
        return Strip(segments).adjust_cell_length(self.size.width, self._style())

    def _style(self, name: str = "") -> Style:
        return self.get_component_rich_style(f"course--{name}") if name else self.rich_style

    # -- the mouse ---------------------------------------------------------------------------------

    def on_click(self, event: events.Click) -> None:
        """Go to the weights nearest to the click."""
        place = event.get_content_offset(self)
        if self.course is None or place is None or not self.course.weights:
            return
        width, rows = self.size
        if rows == 1:
            _, left, columns = self._beside_numbers(self.course, width)
        else:
            left, columns = SCALE, max(1, width - 2 * SCALE)
        epochs = (place.x - left) / max(columns - 1, 1) * self.course.length
        if place.x >= left:
            self.post_message(self.Picked(self.course.weights[nearest(self.course.weights, epochs)]))


def place_of(epochs: float, length: float, columns: int) -> int:
    """Give the column of so many epochs on an axis of ``length``."""
    return round(min(1.0, epochs / length) * (columns - 1))


def slider(course: Course, here: Kept | None, columns: int) -> str:
    """Draw the axis: what is done as a line, weights as dots, and those ``here`` as a diamond."""
    done = place_of(course.done, course.length, columns)
    cells = ["━" if column <= done else "╌" for column in range(columns)]
    for kept in course.weights:
        cells[place_of(kept.epochs, course.length, columns)] = "●"
    if here is not None:
        cells[place_of(here.epochs, course.length, columns)] = "◆"
    return "".join(cells)


def _scaled(places: Places, length: float, floor: float | None = None) -> tuple[Places, float, float]:
    """Bring a line to 0 to 1, without what is no number; give it with the values at its bottom and top."""
    places = tuple(place for place in places if math.isfinite(place[1]))
    values = [value for _, value in places]
    low = min(values, default=0.0) if floor is None else floor
    high = max(values, default=0.0)
    span = (high - low) or 1.0
    return tuple((epochs / length, (value - low) / span) for epochs, value in places), low, high


def _label(row: int, rows: int, top: str, bottom: str, name: str) -> str:
    """Give a scale's text beside a row: its ends, and its name between them where there is room."""
    text = top if row == 0 else bottom if row == rows - 1 else name if row == rows // 2 else ""
    return f"{text:>{SCALE - 1}} "
