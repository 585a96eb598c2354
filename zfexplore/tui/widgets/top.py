"""The table of a channel's strongest places, one an image."""

from __future__ import annotations

from textual.reactive import reactive

from zfexplore.tui.messages import TopRow
from zfexplore.tui.widgets.channels import number
from zfexplore.tui.widgets.rows import Column, Rows

COLUMNS = (
    Column("#", 1),
    Column("value", 6),
    Column("y,x", 7, right=False, pane=36),
    Column("class", 16, right=False, pane=50),
    Column("image", 0, right=False, rest=True),
)


class TopList(Rows):
    """Nine places, the strongest first."""

    places: reactive[tuple[TopRow, ...]] = reactive((), init=False)
    notice: reactive[str] = reactive("nothing yet")
    stale: reactive[bool] = reactive(False, init=False)  # they are still another channel's

    def columns(self) -> tuple[Column, ...]:
        """Rank, activation, place in the map, class (of labelled images), image."""
        return COLUMNS if any(place.label for place in self.places) else (*COLUMNS[:3], *COLUMNS[4:])

    def count(self) -> int:
        """Number of places."""
        return len(self.places)

    def texts(self, index: int) -> tuple[str, ...]:
        """One place."""
        place = self.places[index]
        where = "all" if place.y < 0 else f"{place.y},{place.x}"
        cells = (str(place.rank + 1), number(place.value), where, place.label, place.name)
        return cells if len(self.columns()) == len(cells) else (*cells[:3], *cells[4:])

    def empty_text(self) -> str:
        """Say why there is nothing."""
        return self.notice

    def is_faint(self, index: int) -> bool:
        """All of another channel's."""
        return self.stale

    def watch_stale(self) -> None:
        """Draw them faintly, or not."""
        self.redraw()

    def watch_places(self) -> None:
        """Draw the new places."""
        self.changed()
