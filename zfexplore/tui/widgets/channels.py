"""The channels of one layer with what the images say of each."""

from __future__ import annotations

from dataclasses import replace

from textual.reactive import reactive

from zfexplore.tui.messages import Layer, StageStatistics
from zfexplore.tui.widgets.rows import Column, Rows

SORTED = "▾"  # beside the title of the column that they are sorted by


class ChannelList(Rows):
    """Channels as ``order`` has them, which filters and sorts; statistics may still be missing."""

    stage: reactive[Layer | None] = reactive(None, init=False)
    statistics: reactive[StageStatistics | None] = reactive(None, init=False)
    order: reactive[tuple[int, ...]] = reactive((), init=False)
    sorted_by: reactive[str] = reactive("ch")

    def columns(self) -> tuple[Column, ...]:
        """Number, maximum, mean of the image maxima, share of images where it fires, selectivity, class."""
        columns = (
            Column("ch", 4),
            Column("max", 6),
            Column("fires", 6, pane=20),
            Column("mean", 6, pane=28),
            Column("sel", 4, pane=34),
            Column("best class", 10, right=False, pane=42, rest=True),
        )
        return tuple(
            replace(column, title=f"{column.title}{SORTED}")
            if column.title == self.sorted_by != "ch"
            else column
            for column in columns
        )

    def count(self) -> int:
        """Number of channels shown."""
        return len(self.order)

    def texts(self, index: int) -> tuple[str, ...]:
        """One channel; dots where nothing is known yet."""
        channel = self.order[index]
        known = self.statistics
        if known is None or channel >= len(known.maximum):
            return str(channel), "·", "·", "·", "·", ""
        if known.maximum[channel] <= 0:
            return str(channel), "dead", "0%", "0", "", ""
        return (
            str(channel),
            number(known.maximum[channel]),
            f"{100 * known.firing[channel]:.0f}%",
            number(known.mean[channel]),
            f"{known.selectivity[channel]:.2f}" if len(known.selectivity) else "",
            known.best_class[channel] if len(known.best_class) else "",
        )

    def is_faint(self, index: int) -> bool:
        """A channel that no image excites."""
        known, channel = self.statistics, self.order[index]
        return known is not None and channel < len(known.maximum) and known.maximum[channel] <= 0

    def empty_text(self) -> str:
        """Say why there is nothing."""
        return "no channel" if self.stage else ""

    @property
    def channel(self) -> int | None:
        """The channel under the cursor."""
        return self.order[self.cursor] if self.order else None

    def watch_statistics(self) -> None:
        """Fill in what has become known."""
        self.refresh()

    def watch_order(self) -> None:
        """Draw the new rows."""
        self.changed()


def number(value: float) -> str:
    """Write a value in at most six characters: 21.43, 0.0123, 1234."""
    if abs(value) >= 1000:
        return f"{value:.3g}" if abs(value) >= 1e6 else f"{value:.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.4f}"
