"""All channels of a layer as blocks, the stronger the brighter. The arrows walk through them.

A character cell holds two channels, one above the other. The channel under the cursor is a triangle that
points to its half of the cell, so that it can be seen without colour too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.color import Color
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.filter import LineFilter
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from zfexplore.tui import keys
from zfexplore.tui.drawing.strips import style
from zfexplore.tui.drawing.unseen import of_pictures

HERE = 0xE06C5A
UPPER_HALF = "▀"
UPPER_HERE, LOWER_HERE = "▲", "▼"


class Minimap(Widget, can_focus=True):
    """Is told each channel's strength and the cursor's channel; posts where the user moved."""

    BINDINGS = keys.bindings(keys.PANES)

    _plain = Style.null()
    _drawn: dict[int, Strip]  # lines by their first channel, without a cursor
    _drawn_for: tuple[object, ...] = ()
    _strongest = 1.0

    strengths: reactive[tuple[float, ...]] = reactive(())
    cursor: reactive[int] = reactive(0, repaint=False)

    class Moved(Message):
        """The user moved to another channel."""

        def __init__(self, channel: int) -> None:
            super().__init__()
            self.channel = channel

    # -- cursor ------------------------------------------------------------------------------------

    def action_step(self, down: int, across: int) -> None:
        """Move to a neighbour."""
        self._move(self.cursor + down * self._columns + across)

    def action_page(self, direction: int) -> None:
        """Move four rows."""
        self._move(self.cursor + 4 * direction * self._columns)

    def action_edge(self, direction: int) -> None:
        """Move to the first or last channel."""
        self._move(0 if direction < 0 else len(self.strengths) - 1)

    def on_click(self, event: events.Click) -> None:
        """Go to the upper of the two channels that were clicked."""
        place = event.get_content_offset(self)
        if place is not None and place.x // self._cells < self._columns:
            self._move((self._top + 2 * place.y) * self._columns + place.x // self._cells)

    def _move(self, channel: int) -> None:
        if 0 <= channel < len(self.strengths) and channel != self.cursor:
            self.post_message(self.Moved(channel))

    # -- drawing -----------------------------------------------------------------------------------

    def watch_cursor(self, old: int, new: int) -> None:
        """Draw the lines that the cursor left and came to; all where others have come into sight."""
        if self._top_at(old) != self._top_at(new):
            self.refresh()
            return
        for channel in (old, new):
            line = (channel // self._columns - self._top) // 2
            self.refresh(Region(0, line, self.size.width, 1))

    @property
    def _columns(self) -> int:
        """Channels in a row: the map is square (16 x 16 for conv5) if the pane is wide enough."""
        return max(1, min(math.isqrt(max(len(self.strengths) - 1, 0)) + 1, self.size.width))

    @property
    def _cells(self) -> int:
        """Width of a channel in cells."""
        return 2 if 2 * self._columns <= self.size.width else 1

    @property
    def _top(self) -> int:
        return self._top_at(self.cursor)

    def _top_at(self, cursor: int) -> int:
        """The first row of channels in sight, even. If not all fit, the cursor's is near the middle."""
        rows, room = math.ceil(len(self.strengths) / self._columns), 2 * self.size.height
        top = min(cursor // self._columns - room // 2, rows - room)
        return max(0, top + top % 2)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Spare the pictures the look for unseen characters."""
        return of_pictures(super().get_line_filters())

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw the pane from lines that are kept: walking through a layer changes only the cursor's."""
        drawn_for = (self.strengths, self.size, self.rich_style)
        if self._drawn_for != drawn_for:
            self._drawn, self._drawn_for = {}, drawn_for
            self._plain = self.rich_style
            self._strongest = max(self.strengths, default=0.0) or 1.0
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Draw two rows of channels."""
        columns = self._columns
        first = (self._top + 2 * y) * columns
        if first <= self.cursor < first + 2 * columns:
            return self._line(first, columns)
        if first not in self._drawn:
            self._drawn[first] = self._line(first, columns)
        return self._drawn[first]

    def _line(self, first: int, columns: int) -> Strip:
        upper = range(first, min(first + columns, len(self.strengths)))
        segments = [self._pair(channel, channel + columns) for channel in upper]
        blank = [Segment(" ", self._plain)]
        return Strip(segments or blank).adjust_cell_length(self.size.width, self._plain)

    def _pair(self, upper: int, lower: int) -> Segment:
        if lower == self.cursor:
            return Segment(LOWER_HERE * self._cells, style(HERE, self._colour(upper)))
        here = upper == self.cursor
        glyph, ink = (UPPER_HERE, HERE) if here else (UPPER_HALF, self._colour(upper))
        if lower < len(self.strengths):
            return Segment(glyph * self._cells, style(ink, self._colour(lower)))
        alone = Style.from_color(Color.from_triplet(_triplet(ink)), self._plain.bgcolor)
        return Segment(glyph * self._cells, alone)

    def _colour(self, channel: int) -> int:
        return shade(self.strengths[channel] / self._strongest)


def shade(share: float) -> int:
    """Give the colour of a strength in [0, 1]: dark blue-grey to pale amber; near black for a dead one."""
    if share <= 0:
        return 0x181A1D
    share = math.sqrt(min(share, 1.0))  # most channels are far weaker than the strongest
    dark, bright = (38, 46, 58), (255, 226, 170)
    red, green, blue = (round(low + share * (high - low)) for low, high in zip(dark, bright, strict=True))
    return red << 16 | green << 8 | blue


def strengths(values: Sequence[float]) -> tuple[float, ...]:
    """Give the values that the map shows: zero for those below zero."""
    return tuple(max(0.0, float(value)) for value in values)


def _triplet(packed: int) -> ColorTriplet:
    return ColorTriplet(packed >> 16, packed >> 8 & 255, packed & 255)
