"""A table that draws only the rows in sight: the base of the lists of layers, channels and places.

A row is asked for only when it is drawn: changing from one layer's 384 channels to another's costs one
repaint. Drawn rows are kept until the rows or the pane change, because a list scrolls fast under a held key.
The line under the cursor has a mark besides its colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.strip import Strip

from zfexplore.printable import printable
from zfexplore.tui import keys
from zfexplore.tui.drawing.lines import drawn_lines

MARK = "▸"
HEADER = -1  # the titles' place among the rows


@dataclass(frozen=True)
class Column:
    """A column: title, width in cells, alignment, and the width of the pane from which on it is shown."""

    title: str
    width: int
    right: bool = True
    pane: int = 0
    rest: bool = False  # takes what is left of the pane
    front: bool = False  # a long text loses its beginning, because its end tells it from others


class SteadyBar(ScrollBar):
    """A scrollbar that moves by whole cells: under a held key, it is drawn anew once a few rows only."""

    def validate_position(self, position: float) -> float:
        """Give the position at which the bar's end stands between two cells."""
        rows = max(1.0, self.window_virtual_size / max(1, self.size.height))  # that a cell stands for
        last = self.window_virtual_size - self.window_size
        return last if position >= last else position // rows * rows


class Rows(ScrollView, can_focus=True):
    """A scrolled table with one cursor line; subclasses give its contents."""

    ABOUT: ClassVar[tuple[tuple[str, str], ...]] = ()  # what each column says, for the help
    COMPONENT_CLASSES = {"rows--header", "rows--cursor", "rows--faint"}
    DEFAULT_CSS = """
    Rows { background: $background; overflow-x: hidden; scrollbar-size-vertical: 1; }
    Rows > .rows--header { color: $text-muted; text-style: bold; }
    Rows > .rows--cursor { background: $surface-lighten-2; }
    Rows:focus > .rows--cursor { background: $primary; color: $background; text-style: bold; }
    Rows > .rows--faint { color: $text-disabled; }
    """
    BINDINGS = keys.bindings(keys.PANES)

    cursor: reactive[int] = reactive(0, init=False, repaint=False)
    _plain = Style.null()
    _columns: tuple[Column, ...] = ()
    _drawn: dict[int, Strip]  # rows by index, except the one under the cursor
    _written: dict[int, str]  # what rows say, from edge to edge
    _drawn_for: tuple[object, ...] = ()  # the width, style and columns of the drawn rows
    _all_columns: tuple[Column, ...] = ()  # those without room too
    _shown: list[bool]  # which of them have room
    _rooms: list[int] = []  # cells of each of those

    class Moved(Message):
        """The user moved the cursor to another row."""

        def __init__(self, rows: Rows, index: int) -> None:
            super().__init__()
            self.rows, self.index = rows, index

        @property
        def control(self) -> Rows:
            """The table."""
            return self.rows

    class Sideways(Message):
        """The user asked for what lies to the left (-1) or right (1) of the table."""

        def __init__(self, rows: Rows, step: int) -> None:
            super().__init__()
            self.rows, self.step = rows, step

    class Opened(Message):
        """The user clicked a row twice."""

        def __init__(self, rows: Rows) -> None:
            super().__init__()
            self.rows = rows

    class Titled(Message):
        """The user clicked the title of a column."""

        def __init__(self, rows: Rows, title: str) -> None:
            super().__init__()
            self.rows, self.title = rows, title

    # -- for subclasses ----------------------------------------------------------------------------

    def columns(self) -> tuple[Column, ...]:
        """Give the columns."""
        raise TypeError(f"{type(self).__name__} names no columns")

    def count(self) -> int:
        """Give the number of rows."""
        return 0

    def texts(self, index: int) -> tuple[str, ...]:
        """Give a row's texts, one a column."""
        return ()

    def is_faint(self, index: int) -> bool:
        """Tell whether a row is drawn faintly."""
        return False

    def empty_text(self) -> str:
        """Give the line that is drawn if there are no rows."""
        return ""

    # -- cursor ------------------------------------------------------------------------------------

    def changed(self) -> None:
        """Redraw after the rows have changed; the cursor stays within them."""
        self.virtual_size = Size(0, self.count() + self._header_rows)
        self.cursor = self.cursor
        self.redraw()

    def redraw(self) -> None:
        """Redraw after the texts of the rows have changed."""
        self._drawn_for = ()
        self.refresh()

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor on a row."""
        return max(0, min(cursor, self.count() - 1))

    def watch_cursor(self, old: int, new: int) -> None:
        """Scroll to the cursor's row; draw the two rows that changed."""
        height = self._body_height
        top = round(self.scroll_target_y)
        if new < top:
            self.scroll_to(y=new, animate=False, force=True, immediate=True)
        elif new >= top + height:
            self.scroll_to(y=new - height + 1, animate=False, force=True, immediate=True)
        for index in {old, new}:
            line = index - round(self.scroll_offset.y) + self._header_rows
            if 0 <= line < self.size.height:
                self.refresh(Region(0, line, self.size.width, 1))

    def move(self, index: int) -> None:
        """Move the cursor as the user would, and post it."""
        before = self.cursor
        self.cursor = index
        if self.cursor != before:
            self.post_message(self.Moved(self, self.cursor))

    def action_step(self, down: int, across: int) -> None:
        """Move one row, or sideways."""
        if across:
            self.post_message(self.Sideways(self, across))
        else:
            self.move(self.cursor + down)

    def action_page(self, direction: int) -> None:
        """Move half a page."""
        self.move(self.cursor + direction * max(1, self._body_height // 2))

    def action_edge(self, direction: int) -> None:
        """Move to the first or last row."""
        self.move(0 if direction < 0 else self.count() - 1)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the clicked row; the second click opens it. Post the click on a title."""
        place = event.get_content_offset(self)
        if place is None:
            return
        if place.y < self._header_rows:
            self._tell_title(place.x)
            return
        index = round(self.scroll_offset.y) + place.y - self._header_rows
        if index < self.count():
            self.move(index)
            if event.chain == 2:
                self.post_message(self.Opened(self))

    def _tell_title(self, x: int) -> None:
        """Post which column's title is ``x`` cells from the left."""
        edge = 1  # after the cursor's mark
        for column, room in zip(self._columns, self._rooms, strict=True):
            edge += room + 1
            if x < edge:
                self.post_message(self.Titled(self, column.title))
                return

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self.virtual_size = Size(0, self.count() + self._header_rows)
        self.call_after_refresh(self.watch_cursor, self.cursor, self.cursor)

    # -- drawing -----------------------------------------------------------------------------------

    @property
    def vertical_scrollbar(self) -> ScrollBar:
        """Give the scrollbar; a common one took a fourth of the time of a frame in which the list scrolls."""
        if self._vertical_scrollbar is None:
            self._vertical_scrollbar = SteadyBar(name="vertical", thickness=self.scrollbar_size_vertical)
            self._vertical_scrollbar.display = False
            self.app._start_widget(self, self._vertical_scrollbar)
        return self._vertical_scrollbar

    @cached_property
    def _header_rows(self) -> int:
        return int(any(column.title for column in self.columns()))

    @property
    def _body_height(self) -> int:
        return max(1, self.scrollable_content_region.height - self._header_rows)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw the pane. Its style is looked up once and not for every line."""
        width, plain, columns = self.scrollable_content_region.width, self.rich_style, self.columns()
        if self._drawn_for != (width, plain, columns):
            self._drawn, self._written, self._drawn_for = {}, {}, (width, plain, columns)
            self._plain, self._all_columns = plain, columns
            self._columns = tuple(column for column in columns if width >= column.pane)
            self._shown = [width >= column.pane for column in columns]
            fixed = sum(column.width + 1 for column in self._columns if not column.rest)
            rest = max(0, width - 2 - fixed)
            self._rooms = [rest if column.rest else column.width for column in self._columns]
        return drawn_lines(self, crop, super().render_lines)

    def render_line(self, y: int) -> Strip:
        """Draw one line of the pane."""
        index = HEADER if y < self._header_rows else round(self.scroll_offset.y) + y - self._header_rows
        if index in self._drawn and index != self.cursor:
            return self._drawn[index]
        width = self.scrollable_content_region.width
        if index == HEADER:
            strip = self._row(index, width, " ", "rows--header")
        elif index >= self.count():
            empty = self.empty_text() if self.count() == 0 and y == self._header_rows else ""
            return _padded(f" {empty}"[:width], width, self._style("rows--faint"))
        elif index == self.cursor:
            return self._row(index, width, MARK, "rows--cursor")
        else:
            strip = self._row(index, width, " ", "rows--faint" if self.is_faint(index) else None)
        self._drawn[index] = strip
        return strip

    def _row(self, index: int, width: int, mark: str, look: str | None) -> Strip:
        if index not in self._written:
            self._written[index] = self._line(index)
        return _padded(mark + self._written[index], width, self._style(look))

    def _style(self, name: str | None) -> Style:
        return self.get_component_rich_style(name) if name else self._plain

    def _line(self, index: int) -> str:
        titles = tuple(column.title for column in self._columns)
        texts = titles if index == HEADER else tuple(compress(self.texts(index), self._shown))
        columns = zip(texts, self._columns, self._rooms, strict=True)
        return " ".join(
            fitted(text, room, right=column.right, front=column.front) for text, column, room in columns
        )

    def titles(self) -> Sequence[str]:
        """Give the titles of all columns, which ``texts`` follows."""
        return [column.title for column in self._all_columns or self.columns()]

    def room_of(self, title: str) -> int | None:
        """Give the width in cells of a column in sight; None before the first drawing, and out of sight."""
        rooms = zip(self._columns, self._rooms, strict=True)
        return next((room for column, room in rooms if column.title == title), None)


def fitted(text: str, room: int, *, right: bool = False, front: bool = False) -> str:
    """Give ``text`` in exactly ``room`` cells, made printable.

    If it is longer, ``…`` replaces its end, or its ``front``.
    """
    if text.isascii() and text.isprintable() and len(text) <= room:  # nearly every text
        return text.rjust(room) if right else text.ljust(room)
    text = printable(text)
    if cell_len(text) > room:
        if front and room > 1:
            while cell_len(text) >= room:
                text = text[1:]
            return set_cell_size("…" + text, room)
        return set_cell_size(text, room - 1) + "…" if room > 1 else set_cell_size(text, room)
    space = " " * (room - cell_len(text))
    return space + text if right else text + space


def _padded(text: str, width: int, style: Style) -> Strip:
    return Strip([Segment(set_cell_size(printable(text), width), style)], width)
