"""The channels that a picture excites, highest percentile first; and the paths to choose a picture from."""

from __future__ import annotations

from textual.reactive import reactive

from zfexplore.studies.records import RankedChannel
from zfexplore.tui.widgets.channels import number
from zfexplore.tui.widgets.rows import Column, Rows

UNIT, LONG_UNIT = 15, 22  # cells: conv5:130@10,10; of longer names the ends are shown


class RankedList(Rows):
    """Ranked channels of one ``layer``, or of all layers if it is empty."""

    ranked: reactive[tuple[RankedChannel, ...]] = reactive((), init=False)
    layer: reactive[str] = reactive("", init=False)
    notice: reactive[str] = reactive("")
    rows: tuple[RankedChannel, ...] = ()
    room = UNIT  # cells of the units, which have long names in nets of modules

    def columns(self) -> tuple[Column, ...]:
        """Unit, percentile, its bounds, activation, rank among the nine strongest images."""
        return (
            Column("unit", self.room, right=False, front=True),
            Column("percent", 7),
            Column("between", 13, pane=60 + self.room - UNIT),
            Column("value", 6),
            Column("top 9", 5),
        )

    def count(self) -> int:
        """Number of channels shown."""
        return len(self.rows)

    def texts(self, index: int) -> tuple[str, ...]:
        """One channel; ``~`` marks a percentile that is an estimate between its bounds."""
        row = self.rows[index]
        exact = row.lowest == row.highest
        return (
            str(row.unit),
            f"{'' if exact else '~'}{row.percentile:.{0 if row.percentile == 100 else 1}f}",
            "" if exact else f"{row.lowest:.1f}-{row.highest:.1f}",
            number(row.activation),
            "best" if row.rank == 1 else f"#{row.rank}" if row.rank else "",
        )

    def is_faint(self, index: int) -> bool:
        """Tell whether the picture leaves the channel silent."""
        return self.rows[index].activation <= 0

    def empty_text(self) -> str:
        """Say why the list is empty."""
        return self.notice

    @property
    def here(self) -> RankedChannel | None:
        """The channel under the cursor."""
        return self.rows[self.cursor] if self.rows else None

    def watch_notice(self) -> None:
        """Draw the line that stands in place of the rows."""
        self.refresh()

    def watch_ranked(self) -> None:
        """Draw the new rows."""
        longest = max((len(str(row.unit)) for row in self.ranked), default=0)
        self.room = min(max(longest, UNIT), LONG_UNIT)
        self._choose()

    def watch_layer(self) -> None:
        """Draw the rows of the layer."""
        self._choose()

    def _choose(self) -> None:
        self.rows = tuple(row for row in self.ranked if self.layer in ("", row.unit.stage))
        self.cursor = 0
        self.changed()


class PathList(Rows):
    """Folders and pictures to which the typed path may be completed."""

    paths: reactive[tuple[str, ...]] = reactive((), init=False)

    def columns(self) -> tuple[Column, ...]:
        """The path."""
        return (Column("", 0, right=False, rest=True),)

    def count(self) -> int:
        """Number of paths."""
        return len(self.paths)

    def texts(self, index: int) -> tuple[str, ...]:
        """One path. A long one loses its beginning, because the ends tell paths apart."""
        room, path = max(8, self.size.width - 3), self.paths[index]
        return (path if len(path) <= room else f"…{path[1 - room :]}",)

    def empty_text(self) -> str:
        """Say why the list is empty."""
        return "no picture and no folder of that name"

    @property
    def here(self) -> str:
        """The path under the cursor."""
        return self.paths[self.cursor] if self.paths else ""

    def watch_paths(self) -> None:
        """Draw the new paths."""
        self.cursor = 0
        self.changed()
