"""Feeds from: what drives a unit on a picture, and what drives that, down to the picture itself."""

from __future__ import annotations

from collections.abc import Mapping

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from zfexplore.studies.records import INPUT, Feeds
from zfexplore.tui import keys
from zfexplore.tui.messages import ShownUnit
from zfexplore.tui.questions import Chosen, FeedsFrom, SeeFeed
from zfexplore.tui.screens.study import StudyScreen
from zfexplore.tui.screens.zoom import ZoomScreen
from zfexplore.tui.widgets.channels import number
from zfexplore.tui.widgets.feeds import FeedList, name_of
from zfexplore.tui.widgets.keybar import KeyBar
from zfexplore.tui.widgets.large import LargePicture, cuts_of
from zfexplore.tui.widgets.rows import Rows
from zfexplore.tui.widgets.sidebar import entitle
from zfexplore.tui.widgets.told import Told
from zfexplore.units import Unit

ROOM_FOR_WHERE = 34  # rows of the screen, from which the image stands below the projection


class FeedsScreen(StudyScreen):
    """Lists what feeds ``unit``, and shows the one under the cursor; enter dives to it, and back.

    ``nearest`` names the stage that the panes show in the place of another, as in ``NetLoaded``.
    """

    HELP = "on feeds"
    COLUMNS = FeedList.ABOUT
    BINDINGS = keys.bindings(keys.FEEDS)

    def __init__(
        self, chosen: Chosen, unit: Unit, mode: str, nearest: Mapping[str, str],
        pixels: type[Widget] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(chosen, mode)
        self.pixels = pixels
        self.seen: ShownUnit | None = None  # the picture of the row under the cursor, once it has come
        self.wanted: Unit | None = None  # the unit of that row
        self.path = [unit]  # from the first unit down
        self.left_at = [0]  # the cursor in each list
        self.nearest = nearest
        self.found: Feeds | None = None

    def compose(self) -> ComposeResult:
        """The way down, the sum, the list, and beside it the unit under the cursor."""
        yield Told(id="feeds-title")
        yield Told(id="feeds-sum")
        with Horizontal(id="feeds-body"):
            yield FeedList(id="feeds-list")
            with Vertical(id="feeds-seen"):
                yield LargePicture(id="feeds-projection")
                yield LargePicture(id="feeds-where")
        yield KeyBar()

    def on_mount(self) -> None:
        """Ask about the first unit."""
        for picture in self.query(LargePicture):
            picture.mode = self.mode
        self.query_one(FeedList).focus()
        self._ask()

    def on_resize(self, event: events.Resize) -> None:
        """Show where on the image the unit is, if there is room."""
        self.query_one("#feeds-where").display = event.size.height >= ROOM_FOR_WHERE

    # -- answers -----------------------------------------------------------------------------------

    def show(self, answer: Feeds | ShownUnit) -> None:
        """List what feeds the unit, the cursor where it was left; or show the one under the cursor."""
        if isinstance(answer, ShownUnit):
            self.seen = answer
            self._draw_seen(answer)
            return
        self.found = answer
        self.path[-1] = answer.unit  # with its place
        listed = self.query_one(FeedList)
        listed.feeds = answer.feeds
        listed.cursor = self.left_at[-1]
        self._write_way()
        self.query_one("#feeds-sum", Told).update(f" {sum_of(answer)}")
        self._look()

    def show_refusal(self, text: str) -> None:
        """Show why there is nothing."""
        if self.found is not None:  # it was the picture of a row that was asked for
            self._draw_seen(None, f"✗ {text}")
            return
        self.query_one(FeedList).notice = "nothing to list"
        self.query_one("#feeds-sum", Told).update(f" ✗ {text}")

    # -- keys --------------------------------------------------------------------------------------

    def action_dive(self) -> None:
        """Go to the channel under the cursor, and list what feeds that."""
        row = self.query_one(FeedList).here
        if row is None:
            return
        if row.unit.stage == INPUT:
            self.app.notify("this is the picture itself: nothing lies below", markup=False)
            return
        self.left_at[-1] = self.query_one(FeedList).cursor
        self.path.append(row.unit)
        self.left_at.append(0)
        self._ask()

    def action_back(self) -> None:
        """Go back up to the unit from which this one was reached."""
        if len(self.path) > 1:
            self.path.pop()
            self.left_at.pop()
            self._ask()

    def action_go(self) -> None:
        """Show the channel under the cursor in the panes."""
        row = self.query_one(FeedList).here
        if row is None:
            return
        if (shown := self.nearest.get(row.unit.stage)) is None:
            self.app.notify("the panes do not show this one", markup=False)
        else:
            self.leave(Unit(shown, row.unit.channel))

    def action_zoom(self) -> None:
        """Show the projection of the unit under the cursor large."""
        if self.seen is None or self.wanted is None:
            self.app.notify("there is no projection under the cursor yet", markup=False)
            return
        self.app.push_screen(
            ZoomScreen(self.wanted, (self.seen,), 0, self.mode, boxed=True, pixels=self.pixels, savable=False)
        )

    def on_rows_moved(self) -> None:
        """Show the unit under the cursor."""
        self._look()

    def on_rows_opened(self) -> None:
        """A second click dives."""
        self.action_dive()

    def on_rows_sideways(self, event: Rows.Sideways) -> None:
        """Right dives, left comes back."""
        event.stop()
        if event.step > 0:
            self.action_dive()
        else:
            self.action_back()

    # -- drawing -----------------------------------------------------------------------------------

    def _look(self) -> None:
        """Ask for the projection of the unit under the cursor; the one before stays until it comes."""
        row, chosen = self.query_one(FeedList).here, self.chosen
        assert chosen is not None
        unit = None if row is None else row.unit
        if unit is not None and unit == self.wanted:
            return
        self.seen, self.wanted = None, unit
        if unit is None or unit.stage == INPUT:
            self._draw_seen(None, "" if unit is None else f"{name_of(unit)}, a pixel")
        else:
            cuts = cuts_of(self.query(LargePicture))
            self.ask(lambda number: SeeFeed(number, chosen, unit, cuts))

    def _draw_seen(self, shown: ShownUnit | None, title: str = "") -> None:
        projection, where = (
            self.query_one(f"#feeds-{name}", LargePicture) for name in ("projection", "where")
        )
        projection.bitmap = None if shown is None else shown.projection
        where.bitmap = None if shown is None else shown.whole
        entitle(projection, title if shown is None else f"{self.wanted}, {number(shown.value)}")
        entitle(where, "" if shown is None else "where it is")

    def _ask(self) -> None:
        chosen, unit = self.chosen, self.path[-1]
        assert chosen is not None
        self.found = self.wanted = self.seen = None
        listed = self.query_one(FeedList)
        listed.notice, listed.feeds = "looking …", ()
        self._write_way()
        self.query_one("#feeds-sum", Told).update(" …")
        self.ask(lambda number: FeedsFrom(number, chosen, unit))

    def _write_way(self) -> None:
        way = " › ".join(str(unit) for unit in self.path)
        self.query_one("#feeds-title", Told).update(f" {way} on {self.chosen.name if self.chosen else ''}")


def sum_of(found: Feeds) -> str:
    """Write how the contributions add up to the activation."""
    if len(found.feeds) == 1 and found.bias == 0:
        return f"{number(found.activation)}, the one place that this pool chose"
    drive = sum(max(row.contribution, 0.0) for row in found.feeds)
    brake = sum(min(row.contribution, 0.0) for row in found.feeds)
    parts = f"drive {number(drive)}, hold down {number(brake)}, bias {number(found.bias)}"
    rectified = (
        "" if found.activation == found.preactivation else f", after the ReLU {number(found.activation)}"
    )
    return f"{len(found.feeds)} channels {parts}: {number(found.preactivation)}{rectified}"
