"""A picture of one's own: its classes, and the channels that it excites, each brought back on the picture."""

from __future__ import annotations

import asyncio
import os
import time
from collections import OrderedDict

from textual import events, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.timer import Timer

from zfexplore.arguments import pasted_paths
from zfexplore.tui import keys
from zfexplore.tui.questions import Chosen, Ranking, RankPicture, SaveUnit, SeeUnit, UnitSeen
from zfexplore.tui.screens.choice import ChoiceScreen
from zfexplore.tui.screens.path import PathLine, PathScreen
from zfexplore.tui.screens.study import StudyScreen
from zfexplore.tui.watching import Watched
from zfexplore.tui.widgets.keybar import KeyBar
from zfexplore.tui.widgets.own import UnitPictures
from zfexplore.tui.widgets.ranked import COLUMNS, PathList, RankedList
from zfexplore.tui.widgets.rows import Rows
from zfexplore.tui.widgets.told import Told
from zfexplore.units import Unit

WIDE = 160  # columns, from which the list has room to spare
ALL = "all layers"
SECONDS_TO_REST = 0.04  # without a step to another row, before its unit is asked for
SECONDS_TO_CLEAR = 0.15  # for which the pictures of the row before may stand
SECONDS_TO_LOOK = 0.1  # between two looks at what is watched, and at least as long as the look took
AHEAD, BEHIND = 3, 1  # rows that are asked for too
KEPT = 32  # units whose pictures are kept, 1 MB each


class PictureScreen(PathScreen):
    """Asks for a path, then ranks all channels of ``stages``; ``path`` stands in the prompt at first.

    With ``at_once`` that picture is looked at without asking.
    """

    HELP = "on a picture of your own"
    COLUMNS = COLUMNS
    BINDINGS = keys.bindings(keys.PICTURE)
    HORIZONTAL_BREAKPOINTS = [*(StudyScreen.HORIZONTAL_BREAKPOINTS or []), (WIDE, "-wide")]

    class Study(Message):
        """The user asks for more of a channel on this picture: ``how`` is "occlude", "vary" or "feeds"."""

        def __init__(self, how: str, chosen: Chosen, unit: Unit) -> None:
            super().__init__()
            self.how, self.chosen, self.unit = how, chosen, unit

    def __init__(self, path: str, stages: tuple[str, ...], mode: str, *, at_once: bool = False) -> None:
        super().__init__(None, mode)
        self.path, self.stages, self.at_once = path, stages, at_once
        self.ranking: Ranking | None = None
        self.ranked_by = 0  # the number of the question that it answers
        self.ranked: Chosen | None = None  # what it is of; ``chosen`` may be the next frame already
        self.expecting = ""  # what was asked for: "ranking" or "unit"
        self.seen: OrderedDict[Unit, UnitSeen] = OrderedDict()
        self.boxed = True
        self.named = -1  # which of the most probable classes was gone to
        self.watched: Watched | None = None
        self.asks_what_to_watch = False
        self._rest: Timer | None = None
        self._clear: Timer | None = None
        self._covered = False  # by another screen

    def compose(self) -> ComposeResult:
        """A line on what is shown, the classes, the prompt, and a list beside the pictures."""
        yield Told(id="own-title")
        yield PathLine(self.path, id="own-path", placeholder="path of a picture; tab completes", compact=True)
        yield Told(id="own-classes")
        with Horizontal():
            with Vertical(id="own-lists"):
                yield PathList(id="own-files")
                yield RankedList(id="own-channels")
            yield UnitPictures(id="own-unit")
        yield KeyBar()

    def on_mount(self) -> None:
        """Begin with the line for the path, or with the picture."""
        self.pictures.set_mode(self.mode)
        if self.at_once:
            self.take_path(self.path)
        else:
            self.action_path()

    @property
    def channels(self) -> RankedList:
        """The list of channels."""
        return self.query_one(RankedList)

    @property
    def pictures(self) -> UnitPictures:
        """The pictures beside it."""
        return self.query_one(UnitPictures)

    # -- the path ----------------------------------------------------------------------------------

    def action_path(self) -> None:
        """Ask for a picture."""
        self.asks_what_to_watch = False
        if not self.has_class("-refused"):
            self._tell(" a picture of your own")
        super().action_path()

    def action_list(self) -> None:
        """Go from the prompt into the list below it."""
        (self.query_one(PathList) if self.asking else self.channels).focus()

    def take_path(self, path: str) -> None:
        """Go into a folder, or ask about a file; or watch either."""
        if self.asks_what_to_watch:
            self._watch(path)
        elif os.path.isdir(os.path.expanduser(path)):
            self.add_class("-asking")
            self.enter_folder(path)
        else:
            self._end_watching()
            self.write_path(path)
            self._begin(f" {os.path.basename(path)} · looking …")
            self._rank(path)

    def on_paste(self, event: events.Paste) -> None:
        """Look at a picture whose path is pasted; of several at the first."""
        event.stop()
        paths = pasted_paths(event.text)
        if len(paths) > 1:
            self.notify(f"{len(paths)} paths were pasted: this is the first", markup=False)
        if paths and not self.asks_what_to_watch:
            self.take_path(paths[0])

    def _begin(self, told: str) -> None:
        """Show nothing of a picture before, and wait for nothing of it."""
        if self.waiting:
            self.give_up()
        self.expecting = ""
        self.ranking = self.ranked = None
        self.seen.clear()
        self.channels.notice, self.channels.ranked = "looking …", ()
        self.pictures.show_picture(None)
        self.pictures.show_nothing()
        self.query_one("#own-classes", Told).update("")
        self._tell(told)
        self.remove_class("-asking")
        self.channels.focus()

    def _rank(self, path: str) -> None:
        self.chosen = chosen = Chosen(os.path.basename(path), path=path)
        self.expecting = "ranking"
        self.ask(lambda number: RankPicture(number, chosen))

    # -- answers -----------------------------------------------------------------------------------

    def show(self, answer: Ranking | UnitSeen) -> None:
        """Show what has come."""
        if isinstance(answer, Ranking):
            self.expecting = ""
            self._show_ranking(answer)
        else:
            self._keep(answer)
            if (row := self.channels.here) is not None and row.unit == answer.unit:
                self._draw_unit()

    def _show_ranking(self, answer: Ranking) -> None:
        """List the channels, and the classes; the channel gone to stays while pictures follow each other."""
        kept = self.channels.here if self.watched is not None and self.channels.cursor else None
        self.ranking, self.ranked, self.ranked_by, self.named = answer, self.chosen, self.number, -1
        self.seen.clear()
        self.channels.notice = "no channel"
        self.channels.ranked = answer.channels
        if kept is not None:
            self.channels.go_to(kept.unit)
        likely = " · ".join(f"{each.name} {each.probability:.1%}" for each in answer.classes)
        self.query_one("#own-classes", Told).update(f" {likely}" if likely else "")
        self._headline()
        self.call_after_refresh(self._moved)  # once the pictures know how large they are

    def show_refusal(self, text: str) -> None:
        """Show what is wrong, and focus the path if there is no picture."""
        asked, self.expecting = self.expecting, ""
        if asked != "ranking":
            self._tell(f" ✗ {text}", refused=True)
        elif self.watched is None:
            self.channels.notice = "nothing to rank"
            self._tell(f" ✗ {text}", refused=True)
            self.action_path()
        elif not self.watched.unreadable():  # it is no half of a file that is still being written
            self._tell(f" watching {self.watched.path} · its newest cannot be read: {text}")

    def _keep(self, answer: UnitSeen) -> None:
        self.seen[answer.unit] = answer
        self.seen.move_to_end(answer.unit)
        while len(self.seen) > KEPT:
            self.seen.popitem(last=False)

    # -- the unit under the cursor -----------------------------------------------------------------

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """Show the unit under the cursor."""
        if isinstance(event.rows, RankedList):
            self._moved()

    def on_resize(self) -> None:
        """The pictures are drawn at another size, or come into sight."""
        self.refresh_bindings()
        self.call_after_refresh(self._moved)

    def on_screen_resume(self) -> None:
        """Ask anew what another screen's question has ended."""
        covered, self._covered = self._covered, False
        if covered and self.expecting == "ranking" and self.chosen is not None:
            self._rank(self.chosen.path)
        else:
            self._see()

    def on_screen_suspend(self) -> None:
        """Remember that another screen's question may end this one's."""
        self._covered = True

    def _moved(self) -> None:
        """Draw the unit if it is known; ask for it once the cursor rests."""
        self._draw_unit()
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(SECONDS_TO_REST, self._see)

    def _draw_unit(self) -> None:
        """Draw the unit under the cursor, or the box around what it sees while its pictures are coming."""
        row = self.channels.here
        if self.ranking is None or not self.is_mounted:
            return
        if self._clear is not None:
            self._clear.stop()
        known = None if row is None else self.seen.get(row.unit)
        window = None if row is None else row.window
        if self.boxed or known is None:
            whole = None if known is None or window is None else known.here.whole
            self.pictures.show_picture(whole or self.ranking.picture.boxed(window))
        if known is not None:
            self.pictures.show_unit(known.here, known.best, known.notice, boxed=self.boxed)
        else:
            self._clear = self.set_timer(SECONDS_TO_CLEAR, self._clear_unknown)

    def _clear_unknown(self) -> None:
        """Clear the pictures of the row before, unless those of this one have come meanwhile."""
        row = self.channels.here
        if row is None or row.unit not in self.seen:
            self.pictures.show_nothing()

    def _see(self) -> None:
        """Ask for the unit under the cursor, and for those of the next rows.

        Below another screen nothing is asked: that would end the other screen's question, which nobody would
        ask again.
        """
        if not self.is_active:
            return
        rows, here = self.channels.rows, self.channels.cursor
        if self.ranking is None or self.ranked is None or self.expecting == "ranking":
            return
        near = [here, *range(here + 1, here + 1 + AHEAD), *range(here - 1, here - 1 - BEHIND, -1)]
        wanted = [rows[index].unit for index in near if 0 <= index < len(rows)]
        missing = tuple(unit for unit in wanted if unit not in self.seen)
        sizes = self.pictures.sizes
        if missing and sizes:
            # All are asked under the number of the ranking, so that those on their way are not lost.
            self.number, self.waiting, self.expecting = self.ranked_by, True, "unit"
            self.post_message(
                self.Asked(
                    SeeUnit(self.number, self.ranked, missing[0], missing[1:], sizes, self.pictures.cuts)
                )
            )

    # -- keys --------------------------------------------------------------------------------------

    def on_rows_opened(self) -> None:
        """A second click takes a path, or goes to a channel."""
        self.action_go()

    def on_rows_sideways(self, event: Rows.Sideways) -> None:
        """Left and right walk the layers."""
        event.stop()
        if isinstance(event.rows, RankedList):
            self.action_layer(event.step)

    def action_layer(self, step: int) -> None:
        """Show the channels of the next layer alone; before the first stand all together."""
        if self.ranking is not None:
            names = self._layers()
            self._show_layer(names[(names.index(self.channels.layer) + step) % len(names)])

    def action_layers(self) -> None:
        """Ask which layer's channels to show."""
        if self.ranking is None:
            return

        def answered(name: str | None) -> None:
            if name is not None:
                self._show_layer("" if name == ALL else name)

        names = [name or ALL for name in self._layers()]
        self.app.push_screen(ChoiceScreen("layer", names, self.channels.layer or ALL), answered)

    def _layers(self) -> list[str]:
        assert self.ranking is not None
        ranked = {row.unit.stage for row in self.ranking.channels}
        return ["", *(name for name in self.stages if name in ranked)]

    def _show_layer(self, name: str) -> None:
        self.channels.layer = name
        self._headline()
        self._moved()

    def action_predicted(self) -> None:
        """Go to the unit of the most probable class, then to that of the next one."""
        if self.ranking is None:
            return
        if not self.ranking.classes:
            self.notify("this net has no named classes", markup=False)
            return
        self.named = (self.named + 1) % len(self.ranking.classes)
        likely = self.ranking.classes[self.named]
        rows = self.ranking.channels
        unit = next((row.unit for row in rows if row.name and row.unit.channel == likely.index), None)
        if unit is None:
            self.notify("the layer of the classes is not among those explored", markup=False)
            return
        if self.channels.layer != unit.stage:
            self.channels.layer = unit.stage
        self.channels.go_to(unit)
        self._headline()
        self._moved()

    def action_go(self) -> None:
        """Take the path under the cursor, or go to the channel under it."""
        if self.asking:
            path = self.query_one(PathList).here
            if path and os.path.isdir(os.path.expanduser(path)):
                self.enter_folder(path)
            elif path:
                self.take_path(path)
        elif (row := self.channels.here) is not None:
            self.leave(Unit(row.unit.stage, row.unit.channel))

    def action_study(self, how: str) -> None:
        """Ask more about the channel under the cursor on this picture."""
        row = self.channels.here
        if self.ranked is not None and row is not None:
            self.post_message(self.Study(how, self.ranked, row.unit))

    def action_box(self) -> None:
        """Change between whole images and what the unit saw of them."""
        self.boxed = not self.boxed
        self._draw_unit()

    def action_other(self) -> None:
        """Show the list or the pictures, where only one fits."""
        self.toggle_class("-pictures")
        self.call_after_refresh(self._moved)

    def action_close(self) -> None:
        """Go back from a path to what is listed or watched; end watching; or leave."""
        if self.asking and self.ranking is not None and (self.asks_what_to_watch or self.watched is not None):
            self.asks_what_to_watch = False
            self.remove_class("-asking")
            self.channels.focus()
            self._headline()
        elif self.watched is not None:
            self._end_watching()
        else:
            self.leave(None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Switch off what is text while a path is typed, and swapping where all is in sight."""
        if action == "layers":
            return not self.asking
        return action != "other" or self.has_class("-tiny")

    # -- the figure --------------------------------------------------------------------------------

    def action_save(self) -> None:
        """Save the figure of the unit under the cursor; in the list of paths take the one under it."""
        if self.asking:
            self.action_go()
            return
        row = self.channels.here
        if row is not None and self.ranked is not None:
            moves = self.watched is not None
            self.post_message(self.Asked(SaveUnit(self.ranked_by, self.ranked, row.unit, moves=moves)))

    # -- watching ----------------------------------------------------------------------------------

    def action_watch(self) -> None:
        """Ask what to watch, or end it."""
        if self.watched is not None:
            self._end_watching()
            return
        super().action_path()
        self.asks_what_to_watch = True
        self._tell(" watch a file or a folder: ⏎ follows its newest picture")

    def _watch(self, path: str) -> None:
        self.asks_what_to_watch = False
        self.write_path(path)
        self.watched = Watched(path)
        self._begin(f" watching {path} …")
        self._follow(self.watched)

    def _end_watching(self) -> None:
        if self.watched is not None:
            self.watched = None
            self.workers.cancel_group(self, "watching")
            self.channels.notice = "no channel"
            if self.ranking is not None:
                self._headline()
            else:
                self.action_path()

    @work(exclusive=True, group="watching")
    async def _follow(self, watched: Watched) -> None:
        """Look again and again, and rank what is new, one picture at a time."""
        pause = SECONDS_TO_LOOK
        while self.watched is watched:
            await self._uncovered()  # or it would end another screen's question
            if self.expecting != "ranking":
                started = time.monotonic()
                sight = await asyncio.to_thread(watched.look)
                pause = max(SECONDS_TO_LOOK, time.monotonic() - started)
                if self.watched is not watched:
                    return
                if sight.path:
                    await self._uncovered()
                    self._rank(sight.path)
                elif sight.waiting and self.ranking is None:
                    self.channels.notice = f"waiting: {sight.waiting}"
            await asyncio.sleep(pause)

    async def _uncovered(self) -> None:
        """Wait until no other screen is above this one."""
        while not self.is_active:
            await asyncio.sleep(SECONDS_TO_LOOK)

    # -- drawing -----------------------------------------------------------------------------------

    def _headline(self) -> None:
        """Write what the list compares with what."""
        if self.ranking is None or self.ranked is None:
            return
        layer = self.channels.layer or ALL
        against = f"{self.ranking.images} images{'' if self.ranking.complete else ' so far'}"
        watching = "" if self.watched is None else "watching · "
        self._tell(f" {watching}{self.ranked.name} · {layer} · percent of {against} that excite it less")

    def _tell(self, text: str, *, refused: bool = False) -> None:
        self.set_class(refused, "-refused")
        self.query_one("#own-title", Told).update(text)
