"""The channels of the layer below that drive a unit, and those that hold it down."""

from __future__ import annotations

from textual.reactive import reactive

from zfexplore.tui.questions import INPUT, FeedRow
from zfexplore.tui.widgets.channels import number
from zfexplore.tui.widgets.rows import Column, Rows
from zfexplore.units import Unit

BAR = 20  # cells of the largest share
COLOURS = ("red", "green", "blue")  # the channels of the picture


class FeedList(Rows):
    """Channels below, from the strongest driver to the strongest inhibitor."""

    feeds: reactive[tuple[FeedRow, ...]] = reactive((), init=False)
    notice: reactive[str] = reactive("")

    def columns(self) -> tuple[Column, ...]:
        """Unit below, contribution, share of all, own activation, and a bar."""
        return (
            Column("unit", 16, right=False),
            Column("adds", 8),
            Column("share", 6),
            Column("value", 6, pane=46),
            Column(" drives ━  holds down ╌", 0, right=False, pane=60, rest=True),
        )

    def count(self) -> int:
        """Number of channels."""
        return len(self.feeds)

    def texts(self, index: int) -> tuple[str, ...]:
        """One channel."""
        feed = self.feeds[index]
        sign = "+" if feed.contribution >= 0 else "-"
        largest = max(abs(each.share) for each in (self.feeds[0], self.feeds[-1]))
        return (
            name_of(feed.unit),
            f"{sign}{number(abs(feed.contribution))}",
            f"{100 * feed.share:.1f}%",
            number(feed.activation),
            f" {bar(feed.share, largest)}",
        )

    def is_faint(self, index: int) -> bool:
        """A channel that adds nothing."""
        return self.feeds[index].contribution == 0

    def empty_text(self) -> str:
        """Say why there is nothing."""
        return self.notice

    @property
    def here(self) -> FeedRow | None:
        """The channel under the cursor."""
        return self.feeds[self.cursor] if self.feeds else None

    def watch_notice(self) -> None:
        """Draw the line that stands for the rows."""
        self.refresh()

    def watch_feeds(self) -> None:
        """Draw the new rows."""
        self.cursor = 0
        self.changed()


def bar(share: float, largest: float, cells: int = BAR) -> str:
    """Draw a share as a line, solid where it drives, broken where it holds down."""
    return ("━" if share > 0 else "╌") * round(cells * abs(share) / (largest or 1.0))


def name_of(unit: Unit) -> str:
    """Name a unit as the list does: a pixel of the picture by its colour, ``red@12,30``."""
    if unit.stage != INPUT or unit.channel >= len(COLOURS):
        return str(unit)
    return f"{COLOURS[unit.channel]}@{unit.y},{unit.x}"
