"""A picture of one's own: its path, typed or completed, then the channels that it excites."""

from __future__ import annotations

import asyncio
import os

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Static

from zfexplore.tui import keys
from zfexplore.tui.paths import completed, completions
from zfexplore.tui.questions import Chosen, Ranking, RankPicture
from zfexplore.tui.screens.study import StudyScreen
from zfexplore.tui.widgets.keybar import KeyBar
from zfexplore.tui.widgets.large import LargePicture
from zfexplore.tui.widgets.line import Line
from zfexplore.tui.widgets.ranked import PathList, RankedList
from zfexplore.tui.widgets.rows import Rows
from zfexplore.units import Unit


class PathLine(Line):
    """The path; its keys are told at the foot while it is typed."""

    BINDINGS = keys.bindings(keys.PATH)


class PictureScreen(StudyScreen):
    """Asks for a path, then ranks all channels of ``stages``; ``path`` stands in the prompt at first."""

    HELP = "on a picture of your own"
    BINDINGS = keys.bindings(keys.PICTURE)

    class Study(Message):
        """The user asks for more of a channel on this picture: ``how`` is "occlude" or "feeds"."""

        def __init__(self, how: str, chosen: Chosen, unit: Unit) -> None:
            super().__init__()
            self.how, self.chosen, self.unit = how, chosen, unit

    def __init__(self, path: str, stages: tuple[str, ...], mode: str) -> None:
        super().__init__(None, mode)
        self.path, self.stages = path, stages
        self.ranking: Ranking | None = None

    def compose(self) -> ComposeResult:
        """A line on what is shown, the prompt, and a list beside the picture."""
        yield Static(" a picture of your own", id="own-title", markup=False)
        yield PathLine(self.path, id="own-path", placeholder="path of a picture; tab completes", compact=True)
        with Horizontal():
            with Vertical():
                yield PathList(id="own-files")
                yield RankedList(id="own-channels")
            yield LargePicture(id="own-picture")
        yield KeyBar()

    def on_mount(self) -> None:
        """Begin with the line for the path."""
        self.query_one(LargePicture).mode = self.mode
        self.action_path()

    # -- the path ----------------------------------------------------------------------------------

    def action_path(self) -> None:
        """Focus the line for the path."""
        self.add_class("-asking")
        self.query_one(Input).focus()
        self._complete(self.query_one(Input).value)

    @work(exclusive=True, group="completing")
    async def action_complete(self) -> None:
        """Complete the path as far as all completions agree, unless it changes while its folder is read."""
        line = self.query_one(Input)
        text = line.value
        found = await asyncio.to_thread(completions, text)
        if line.value == text and (longer := completed(text, found)).startswith(text):
            line.value = longer
            line.cursor_position = len(longer)

    def action_list(self) -> None:
        """Go from the prompt into the list below it."""
        shown = self.query_one(PathList) if self.has_class("-asking") else self.query_one(RankedList)
        shown.focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._complete(event.value)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        self._choose(event.value)

    def _choose(self, path: str) -> None:
        """Go into a folder, or ask about a file."""
        line = self.query_one(Input)
        if not path:
            return
        if os.path.isdir(os.path.expanduser(path)):
            line.value = os.path.join(path, "")
            line.cursor_position = len(line.value)
            line.focus()
            return
        line.value = path
        self.chosen = chosen = Chosen(os.path.basename(path), path=path)
        channels = self.query_one(RankedList)
        self.ranking, channels.ranked, self.query_one(LargePicture).bitmap = None, (), None
        channels.notice = "looking …"
        self._tell(f" {chosen.name} · looking …")
        self.remove_class("-asking")
        channels.focus()
        self.ask(lambda number: RankPicture(number, chosen))

    @work(exclusive=True)
    async def _complete(self, text: str) -> None:
        """List the completions, in a thread: reading a folder may be slow."""
        self.query_one(PathList).paths = await asyncio.to_thread(completions, text)

    # -- the channels ------------------------------------------------------------------------------

    def show(self, answer: Ranking) -> None:
        """List the channels, and what the net saw."""
        self.ranking = answer
        channels = self.query_one(RankedList)
        channels.notice = "no channel"
        channels.ranked = answer.channels
        self._box_the_unit()
        self._headline()

    def show_refusal(self, text: str) -> None:
        """Show what is wrong, and focus the path."""
        self.query_one(RankedList).notice = "nothing to rank"
        self._tell(f" ✗ {text}")
        self.add_class("-refused")
        self.action_path()

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """Show what the unit under the cursor sees."""
        if isinstance(event.rows, RankedList):
            self._box_the_unit()

    def _box_the_unit(self) -> None:
        """Draw a box around what the unit under the cursor sees of the picture."""
        row = self.query_one(RankedList).here
        if self.ranking is not None:
            box = row.window if row is not None else None
            self.query_one(LargePicture).bitmap = self.ranking.picture.boxed(box)

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
        if self.ranking is None:
            return
        channels = self.query_one(RankedList)
        ranked = {row.unit.stage for row in self.ranking.channels}
        names = ["", *(name for name in self.stages if name in ranked)]
        channels.layer = names[(names.index(channels.layer) + step) % len(names)]
        self._box_the_unit()
        self._headline()

    def action_go(self) -> None:
        """Take the path under the cursor, or go to the channel under it."""
        if self.has_class("-asking"):
            self._choose(self.query_one(PathList).here)
        elif (row := self.query_one(RankedList).here) is not None:
            self.leave(Unit(row.unit.stage, row.unit.channel))

    def action_study(self, how: str) -> None:
        """Ask more about the channel under the cursor on this picture."""
        row = self.query_one(RankedList).here
        if self.chosen is not None and row is not None:
            self.post_message(self.Study(how, self.chosen, row.unit))

    def _headline(self) -> None:
        """Write what the list compares with what."""
        if self.ranking is None or self.chosen is None:
            return
        layer = self.query_one(RankedList).layer or "all layers"
        against = f"{self.ranking.images} images{'' if self.ranking.complete else ' so far'}"
        self._tell(f" {self.chosen.name} · {layer} · percent of {against} that excite the channel less")

    def _tell(self, text: str) -> None:
        self.remove_class("-refused")
        self.query_one("#own-title", Static).update(text)
