"""The most probable class at each place of the square: a letter for each place, and a legend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from string import ascii_lowercase

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from zfexplore.tui.questions import Occlusion
from zfexplore.tui.widgets.rows import MARK, fitted

UNKNOWN = "·"  # a place where the square has not been yet
RARE = "*"  # classes beyond the alphabet
BESIDE = 16  # cells that the legend needs beside the map
# Okabe and Ito's colours in the figure's order, lighter because the ground is dark.
COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#8cc8f0", "#f0e442")


class ClassMap(Widget):
    """Draws ``view`` and marks the place under the cursor. The commonest class is a, the next b, and so on.

    The legend stands beside the map if the pane is wide enough, else below it.
    """

    DEFAULT_CSS = "ClassMap { height: 1fr; width: 1fr; }"

    view: reactive[Occlusion | None] = reactive(None)
    place: reactive[tuple[int, int]] = reactive((0, 0))

    class Clicked(Message):
        """The user clicked a place."""

        def __init__(self, place: tuple[int, int]) -> None:
            super().__init__()
            self.place = place

    def on_click(self, event: events.Click) -> None:
        """Post the place that was clicked."""
        offset = event.get_content_offset(self)
        if offset is None or self.view is None or not self.view.best:
            return
        rows, columns = len(self.view.best), len(self.view.best[0])
        scrolled = self.size.width - 2 * columns - 2 >= BESIDE
        row, column = offset.y + (self._top(rows) if scrolled else 0), (offset.x - 1) // 2
        if row < rows and 0 <= column < columns:
            self.post_message(self.Clicked((row, column)))

    def render_line(self, y: int) -> Strip:
        """Draw a row of the map, or a line of the legend below it."""
        plain, width = self.rich_style, self.size.width
        if self.view is None or not self.view.best:
            text = " this net has no classes" if self.view is not None and y == 0 else ""
            return Strip([Segment(fitted(text, width), plain)], width)
        letters, rows = letters_of(self.view.best), len(self.view.best)
        lines = legend(self.view, letters)
        room = width - 2 * len(self.view.best[0]) - 2
        if room >= BESIDE:
            row = y + self._top(rows)
            segments = self._row(row, letters) if row < rows else [Segment(" " * (width - room), plain)]
            segments += self._named(lines, y, room)
        else:
            segments = self._row(y, letters) if y < rows else self._named(lines, y - rows - 1, width)
        return Strip(segments).adjust_cell_length(width, plain)

    def _top(self, rows: int) -> int:
        """The first row in sight. If not all rows fit, the cursor's row is near the middle."""
        return max(0, min(self.place[0] - self.size.height // 2, rows - self.size.height))

    def _named(self, lines: list[str], line: int, room: int) -> list[Segment]:
        text = lines[line] if 0 <= line < len(lines) else ""
        return [Segment(fitted(text, room), self.rich_style + _ink(line))]

    def _row(self, row: int, letters: dict[int, str]) -> list[Segment]:
        assert self.view is not None
        segments = [Segment(" ", self.rich_style)]
        for column, label in enumerate(self.view.best[row]):
            here = (row, column) == self.place
            letter = letters.get(label, UNKNOWN if label < 0 else RARE)
            ink = _ink(ascii_lowercase.find(letter))
            style = self.rich_style + ink + Style(bold=here, reverse=here)
            segments.append(Segment(f"{MARK if here else ' '}{letter}", style))
        return [*segments, Segment(" ", self.rich_style)]


def letters_of(best: Sequence[Sequence[int]]) -> dict[int, str]:
    """Give each class of a map its letter, the commonest class first, equally common ones by number."""
    labels = [label for label, _ in _counted(best)]
    return dict(zip(labels, ascii_lowercase, strict=False))


def legend(view: Occlusion, letters: dict[int, str]) -> list[str]:
    """Say for each letter its class, and on what share of the places that comes first: ``a 81% face``."""
    counted = _counted(view.best)
    places = sum(count for _, count in counted)
    return [
        f" {letters.get(label, RARE)} {count / places:.0%} {view.names.get(label, label)}"
        for label, count in counted
    ]


def _counted(best: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    counts = Counter(label for row in best for label in row if label >= 0)
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _ink(rank: int) -> Style:
    return Style(color=COLOURS[rank]) if 0 <= rank < len(COLOURS) else Style.null()
