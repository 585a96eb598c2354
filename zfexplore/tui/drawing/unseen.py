"""The last look at what is drawn: no widget, Textual's own neither, sends a terminal what it would obey.

Our widgets make texts printable before they measure them (``widgets/``), and so do messages (``app.py``).
Whatever still comes here takes no cell, so that it can only be left out.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from zfexplore.printable import UNSEEN, all_seen


class Unseen(LineFilter):
    """Leaves unseen characters out of a line; its cells stay where they are."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Give the segments as they are, but for those that hold such characters."""
        if all_seen("".join([segment.text for segment in segments])):
            return segments
        return [
            segment if segment.control else segment._replace(text=_without_unseen(segment.text))
            for segment in segments
        ]


def of_pictures(filters: Sequence[LineFilter]) -> list[LineFilter]:
    """Give the filters of a widget of pictures: it draws no names, and many runs of cells to look at."""
    return [one for one in filters if not isinstance(one, Unseen)]


def _without_unseen(text: str) -> str:
    return set_cell_size(UNSEEN.sub("", text), cell_len(text))
