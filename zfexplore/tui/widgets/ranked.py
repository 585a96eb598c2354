"""The channels that a picture excites, highest percentile first; and the paths to choose a picture from."""

from __future__ import annotations

from textual.reactive import reactive

from zfexplore.printable import printable
from zfexplore.studies.records import RankedChannel
from zfexplore.tui.widgets.channels import number
from zfexplore.tui.widgets.rows import Column, Rows, fitted
from zfexplore.units import Unit

UNIT = 15  # cells: conv5:130@10,10; of longer names the ends are shown, where the pane has no more room
ROOM_FOR_BOUNDS = 53  # columns of the pane
ROOM_FOR_NAME = 20  # more, where the channels of one layer stand for classes

COLUMNS = (
    ("unit", "the channel, and the row and column of its map where your picture excites it most"),
    ("percent", "of the images of the atlas that excite the channel less; ~ marks an estimate"),
    (
        "between",
        "the bounds of an estimate: of each channel the atlas keeps the nine strongest images, and counts "
        "the others in bins of a quarter octave. Without bounds the percentage is exact",
    ),
    ("value", "how strongly your picture excites the channel, in the channel's own units"),
    ("top 9", "the place of your picture among the nine strongest; best is above them all"),
)


class RankedList(Rows):
    """Ranked channels of one ``layer``, or of all layers if it is empty."""

    ranked: reactive[tuple[RankedChannel, ...]] = reactive((), init=False)
    layer: reactive[str] = reactive("", init=False)
    notice: reactive[str] = reactive("")
    rows: tuple[RankedChannel, ...] = ()
    _some_named = False  # whether the rows are of a layer whose channels stand for classes

    def columns(self) -> tuple[Column, ...]:
        """Unit, percentile, its bounds, activation, rank among the nine strongest images."""
        return (
            Column("unit", UNIT, right=False, front=True, rest=True),
            Column("percent", 7),
            Column("between", 13, pane=ROOM_FOR_BOUNDS + (ROOM_FOR_NAME if self._some_named else 0)),
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
            self._named(row),
            f"{'' if exact else '~'}{row.percentile:.{0 if row.percentile == 100 else 1}f}",
            "" if exact else f"{row.lowest:.1f}-{row.highest:.1f}",
            number(row.activation),
            "best" if row.rank == 1 else f"#{row.rank}" if row.rank else "",
        )

    def _named(self, row: RankedChannel) -> str:
        """Give the unit and the class that it stands for, whose end may be cut off."""
        if not row.name:
            return str(row.unit)
        room = self._rooms[0] if self._columns else UNIT
        return fitted(f"{row.unit} {row.name}", room).rstrip()

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
        self._choose()

    def go_to(self, channel: Unit) -> bool:
        """Put the cursor on a channel; tell whether it is there."""
        wanted = (channel.stage, channel.channel)
        for index, row in enumerate(self.rows):
            if (row.unit.stage, row.unit.channel) == wanted:
                self.cursor = index
                return True
        return False

    def watch_layer(self) -> None:
        """Draw the rows of the layer."""
        self._choose()

    def _choose(self) -> None:
        self.rows = tuple(row for row in self.ranked if self.layer in ("", row.unit.stage))
        self._some_named = bool(self.layer and self.rows and self.rows[0].name)
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
        room, path = max(8, self.size.width - 3), printable(self.paths[index])
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
