"""Feeds from: what drives a unit on a picture, and what drives that, down to the picture itself."""

from __future__ import annotations

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.widgets import Static

from zfexplore.studies.records import INPUT, Feeds
from zfexplore.tui import keys
from zfexplore.tui.questions import Chosen, FeedsFrom
from zfexplore.tui.screens.study import StudyScreen
from zfexplore.tui.widgets.channels import number
from zfexplore.tui.widgets.feeds import FeedList
from zfexplore.tui.widgets.keybar import KeyBar
from zfexplore.tui.widgets.rows import Rows
from zfexplore.units import Unit


class FeedsScreen(StudyScreen):
    """Lists what feeds ``unit``; enter dives to the channel under the cursor, and back.

    ``nearest`` names the stage that the panes show in the place of another, as in ``NetLoaded``.
    """

    HELP = "on feeds"
    BINDINGS = keys.bindings(keys.FEEDS)

    def __init__(self, chosen: Chosen, unit: Unit, mode: str, nearest: Mapping[str, str]) -> None:
        super().__init__(chosen, mode)
        self.path = [unit]  # from the first unit down
        self.left_at = [0]  # the cursor in each list
        self.nearest = nearest
        self.found: Feeds | None = None

    def compose(self) -> ComposeResult:
        """The way down, the sum, and the list."""
        yield Static(id="feeds-title", markup=False)
        yield Static(id="feeds-sum", markup=False)
        yield FeedList(id="feeds-list")
        yield KeyBar()

    def on_mount(self) -> None:
        """Ask about the first unit."""
        self.query_one(FeedList).focus()
        self._ask()

    # -- answers -----------------------------------------------------------------------------------

    def show(self, answer: Feeds) -> None:
        """List what feeds the unit, the cursor where it was left."""
        self.found = answer
        self.path[-1] = answer.unit  # with its place
        listed = self.query_one(FeedList)
        listed.feeds = answer.feeds
        listed.cursor = self.left_at[-1]
        self._write_way()
        self.query_one("#feeds-sum", Static).update(f" {sum_of(answer)}")

    def show_refusal(self, text: str) -> None:
        """Show why there is nothing."""
        self.query_one(FeedList).notice = "nothing to list"
        self.query_one("#feeds-sum", Static).update(f" ✗ {text}")

    # -- keys --------------------------------------------------------------------------------------

    def action_dive(self) -> None:
        """Go to the channel under the cursor, and list what feeds that."""
        row = self.query_one(FeedList).here
        if row is None or self.waiting:
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

    def _ask(self) -> None:
        chosen, unit = self.chosen, self.path[-1]
        assert chosen is not None
        listed = self.query_one(FeedList)
        listed.notice, listed.feeds = "looking …", ()
        self._write_way()
        self.query_one("#feeds-sum", Static).update(" …")
        self.ask(lambda number: FeedsFrom(number, chosen, unit))

    def _write_way(self) -> None:
        way = " › ".join(str(unit) for unit in self.path)
        self.query_one("#feeds-title", Static).update(f" {way} on {self.chosen.name if self.chosen else ''}")


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
