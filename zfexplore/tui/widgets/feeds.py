"""The channels of the layer below that drive a unit or hold it down."""

from __future__ import annotations

import math

from textual.reactive import reactive

from zfexplore.studies.records import INPUT, Feed
from zfexplore.tui.widgets.channels import number
from zfexplore.tui.widgets.rows import Column, Rows
from zfexplore.units import Unit

BAR = 20  # cells of the largest share
COLOURS = ("red", "green", "blue")  # the channels of the picture


class FeedList(Rows):
    """Channels below, from the strongest driver to the strongest inhibitor; then the tiny ones as one sum."""

    ABOUT = (
        ("unit", "a channel of the layer below, and the row and column that count most of it"),
        ("adds", "its products of weight and value, summed; with the bias, all make the unit's activation"),
        ("share", "the same as a part of all sums' sizes; below zero it holds the unit down"),
        ("value", "the lower channel's own activation at that place"),
        ("drives", "the share as a bar"),
    )

    feeds: reactive[tuple[Feed, ...]] = reactive((), init=False)
    told: tuple[Feed, ...] = ()  # the feeds with a line of their own
    notice: reactive[str] = reactive("")

    def columns(self) -> tuple[Column, ...]:
        """Unit below, its contribution, share and activation, and a bar."""
        return (
            Column("unit", 22, right=False),
            Column("adds", 8),
            Column("share", 6),
            Column("value", 6, pane=52),
            Column(" drives ━  holds down ╌", 0, right=False, pane=66, rest=True),
        )

    def count(self) -> int:
        """Number of lines."""
        return len(self.told) + (len(self.told) < len(self.feeds))

    def texts(self, index: int) -> tuple[str, ...]:
        """One channel, or the sum of the tiny ones."""
        if index == len(self.told):
            tiny = [feed.contribution for feed in self.feeds if is_tiny(feed)]
            return (f"and {len(tiny)} more together", signed(math.fsum(tiny)), "", "", "")
        feed = self.told[index]
        largest = max(abs(each.share) for each in (self.feeds[0], self.feeds[-1]))
        return (
            name_of(feed.unit),
            signed(feed.contribution),
            f"{100 * feed.share:.1f}%",
            number(feed.activation),
            f" {bar(feed.share, largest)}",
        )

    def is_faint(self, index: int) -> bool:
        """Tell whether a line is of a channel that adds nothing, or of the tiny ones."""
        return index == len(self.told) or self.told[index].contribution == 0

    def empty_text(self) -> str:
        """Say why the list is empty."""
        return self.notice

    @property
    def here(self) -> Feed | None:
        """The channel under the cursor."""
        return self.told[self.cursor] if self.cursor < len(self.told) else None

    def watch_notice(self) -> None:
        """Draw the line that stands in place of the rows."""
        self.refresh()

    def watch_feeds(self) -> None:
        """Draw the new rows."""
        self.told = tuple(feed for feed in self.feeds if not is_tiny(feed)) or self.feeds
        self.cursor = 0
        self.changed()


def is_tiny(feed: Feed) -> bool:
    """Tell whether a share is written as 0.0%."""
    return f"{100 * abs(feed.share):.1f}" == "0.0"


def signed(value: float) -> str:
    """Write a value with its sign."""
    return f"{'+' if value >= 0 else '-'}{number(abs(value))}"


def bar(share: float, largest: float, cells: int = BAR) -> str:
    """Draw a share as a line: solid if it drives, broken if it holds down."""
    return ("━" if share > 0 else "╌") * round(cells * abs(share) / (largest or 1.0))


def name_of(unit: Unit) -> str:
    """Name a unit; a pixel of the picture by its colour: ``red@12,30``."""
    if unit.stage != INPUT or unit.channel >= len(COLOURS):
        return str(unit)
    return f"{COLOURS[unit.channel]}@{unit.y},{unit.x}"
