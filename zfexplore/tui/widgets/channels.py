"""The channels of one layer, with what the images tell about each."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate

from textual.reactive import reactive

from zfexplore.tui.messages import Stage, StageStatistics
from zfexplore.tui.widgets.names import told_apart
from zfexplore.tui.widgets.rows import Column, Rows

NEIGHBOURS = (1, -1, 2)  # rows from the cursor, the likeliest first
SORTED = "▾"  # beside the title of the sorted column


COLUMNS = (
    Column("ch", 4),
    Column("max", 6),
    Column("fires", 6),
    Column("mean", 6),
    Column("sel", 4),
    Column("best class", 10, right=False, rest=True),
)
STRIKING = Column("striking", 9)  # shown where it is sorted by
NAME = Column("class", 12, right=False)  # that the channel itself stands for


class ChannelList(Rows):
    """The channels in ``order``, which is filtered and sorted; statistics may still be missing."""

    ABOUT = (
        ("ch", "the channel's number; 130 in conv5 is written conv5:130"),
        ("class", "the class that the channel itself stands for, in the last layer"),
        ("max", "its highest activation on any image; dead: it fires on none"),
        ("fires", "the share of images on which it fires somewhere"),
        ("mean", "each image's highest activation, averaged over all images"),
        ("sel", "how much it prefers its best class, 0 to 1: (b - o) / (b + o), b its mean on that class's "
         "images, o on the other classes'"),
        ("best class", "the class on whose images it fires most, on average"),
        ("striking", "how much it is worth a look, at best 1: strong on a few images that look alike, less "
         "what a more striking one shows; in sight while it sorts the list"),
    )  # fmt: skip

    stage: reactive[Stage | None] = reactive(None, init=False)
    statistics: reactive[StageStatistics | None] = reactive(None, init=False)
    order: reactive[tuple[int, ...]] = reactive((), init=False)
    sorted_by: reactive[str] = reactive("ch")

    def columns(self) -> tuple[Column, ...]:
        """Number, maximum, own class, mean of the image maxima, share of images where it fires, selectivity,
        best class.

        Columns that need labels are left out without labels. If the sorted column would have no room, it
        takes the second place; so does how striking channels are, which is shown only if sorted by.
        """
        known = self.statistics
        unlabelled = known is not None and not len(known.best_class)
        told = COLUMNS[:-2] if unlabelled else COLUMNS
        columns = _with_room((*told[:2], NAME, *told[2:]) if self.stage and self.stage.names else told)
        chosen = next((column for column in columns if column.title == self.sorted_by != "ch"), None)
        chosen = STRIKING if self.sorted_by == STRIKING.title else chosen
        if chosen is None:
            return columns
        marked = replace(chosen, title=f"{chosen.title}{SORTED}")
        if chosen is not STRIKING and chosen.pane <= self.scrollable_content_region.width:
            return tuple(marked if column is chosen else column for column in columns)
        others = (column for column in columns[1:] if column is not chosen)
        return _with_room((columns[0], marked, *others))

    def cells(self, index: int) -> dict[str, str]:
        """One channel's texts by column; dots for what is not known yet."""
        channel = self.order[index]
        known = self.statistics
        names = self.stage.names if self.stage else ()
        cells = {"ch": str(channel), "class": names[channel] if names else ""}
        if known is None or channel >= len(known.maximum):
            return cells | {"max": "·", "fires": "·", "mean": "·", "sel": "·"}
        if known.maximum[channel] <= 0:
            return cells | {"max": "dead", "fires": "0%", "mean": "0"}
        return cells | {
            "max": number(known.maximum[channel]),
            "fires": f"{100 * known.firing[channel]:.0f}%",
            "mean": number(known.mean[channel]),
            "sel": f"{known.selectivity[channel]:.2f}" if len(known.selectivity) else "",
            "best class": known.best_class[channel] if len(known.best_class) else "",
            "striking": f"{known.striking[channel]:.2f}" if len(known.striking) else "",
        }

    def count(self) -> int:
        """Number of channels shown."""
        return len(self.order)

    def texts(self, index: int) -> tuple[str, ...]:
        """One channel, in the order of the columns; names that are too long are still told apart."""
        cells = self.cells(index)
        known, names = self.statistics, self.stage.names if self.stage else ()
        for title, every in (("class", names), ("best class", known.best_class if known else ())):
            if cells.get(title) and (room := self.room_of(title)) is not None:
                cells[title] = told_apart(tuple(every), room)[cells[title]]
        return tuple(cells.get(title.removesuffix(SORTED), "") for title in self.titles())

    def is_faint(self, index: int) -> bool:
        """Tell whether no image excites the channel."""
        known, channel = self.statistics, self.order[index]
        return known is not None and channel < len(known.maximum) and known.maximum[channel] <= 0

    def empty_text(self) -> str:
        """Say why the list is empty."""
        return "no channel" if self.stage else ""

    def neighbours(self) -> tuple[int, ...]:
        """Give the next channels of the list that the cursor may reach, the likeliest first."""
        return tuple(
            self.order[self.cursor + step] for step in NEIGHBOURS if 0 <= self.cursor + step < len(self.order)
        )

    @property
    def channel(self) -> int | None:
        """The channel under the cursor."""
        return self.order[self.cursor] if self.order else None

    def watch_statistics(self) -> None:
        """Fill in the new statistics."""
        self.redraw()

    def watch_order(self) -> None:
        """Draw the new rows."""
        self.changed()


def _with_room(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """Show each column only if it has room after those before it."""
    ends = accumulate((column.width + 1 for column in columns), initial=1)
    return tuple(replace(column, pane=end) for column, end in zip(columns, list(ends)[1:], strict=True))


def number(value: float) -> str:
    """Write a value in at most six characters: 21.4, 0.0123, 1234, -0.012, 1.2e6, 3e-09."""
    size = abs(value)
    if value and not (1e-4 if value > 0 else 1e-3) <= size < 99999.5:
        brief = (f"{value:.{decimals}e}".replace("e+", "e").replace("e0", "e") for decimals in (1, 0))
        return next(text for text in brief if len(text) <= 6)
    if size >= 999.95:
        return f"{value:.0f}"
    if size >= 10:
        return f"{value:.1f}"
    decimals = 2 if size >= 0.1 or not value else 3 if value < 0 else 4
    return f"{value:.{decimals}f}"
