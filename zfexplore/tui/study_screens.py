"""The part of the app that opens the screens of the studies, and passes their questions and answers on.

The screens that open later, and what is only said there, are imported where they are used: the first frame
does not wait for them. Once it is up, ``load_the_rest`` imports them, so that no key does either.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

from textual import events, work
from textual.app import App
from textual.message import Message
from textual.widget import Widget

from zfexplore.arguments import pasted_paths
from zfexplore.tui.messages import Save, Setup, ShownUnit
from zfexplore.units import Unit

if TYPE_CHECKING:
    from zfexplore.tui.client import Worker
    from zfexplore.tui.questions import Chosen
    from zfexplore.tui.screens.explorer import ExplorerScreen
    from zfexplore.tui.screens.picture import PictureScreen
    from zfexplore.tui.screens.study import StudyScreen

# Each is imported in one go, for which a key may wait.
LATER = ("questions", "screens.help", "screens.study", "screens.dialogs", "screens.occlusion",
         "screens.varied", "screens.zoom", "screens.feeds", "screens.ideal", "screens.company",
         "screens.picture", "drawing.pixels", "commands")  # fmt: skip
NO_ENGINE = "the engine has died; start it again with ⏎ in the panes, then ask anew"


class Said(Message):
    """The engine has said ``record``."""

    def __init__(self, record: object) -> None:
        super().__init__()
        self.record = record


class StudyApp(App[None]):
    """What the explorer's app builds on; it has the engine, the panes and where the user is."""

    engine: Worker
    panes: ExplorerScreen
    stage_name: str
    mode: str
    pixels: type[Widget] | None = None  # draws real pixels in the large view
    keymap: Mapping[str, str] = {}  # the keys that the user has changed, by id

    def __init__(self) -> None:
        super().__init__()
        self.own_path = ""  # of the picture looked at last
        self.nearest: Mapping[str, str] = {}  # stages shown in the place of others, as in NetLoaded
        self.net: Setup | None = None  # the net in view, once it is loaded: what requests are about
        self.trail: list[Unit] = []  # where the user jumped from
        self.died_of = ""  # what the engine has died of, until it is started again

    @property
    def channel(self) -> int | None:
        """The channel under the cursor."""
        return self.panes.channel

    def go_to(self, stage_name: str, channel: int | None = None) -> None:
        """Show a channel; the explorer says how."""

    async def load_the_rest(self) -> None:
        """Import what the first frame did without, with room for keys in between."""
        for name in LATER:
            import_module(f"zfexplore.tui.{name}")
            await asyncio.sleep(0)

    # -- what keys do ------------------------------------------------------------------------------

    def action_picture(self) -> None:
        """Look at a picture of the user's own."""
        if not self.panes.stages:
            self.notify("the net is not loaded yet", markup=False)
            return
        self._open_picture(self.own_path, at_once=False)

    def _open_picture(self, path: str, *, at_once: bool) -> None:
        from zfexplore.tui.screens.picture import PictureScreen

        stages = tuple(layer.name for layer in self.panes.stages)
        self.push_screen(PictureScreen(path, stages, self.mode, at_once=at_once), self._jump)

    def on_paste(self, event: events.Paste) -> None:
        """Look at the picture whose path was pasted into the panes."""
        if self.screen is self.panes and event.text.strip():
            event.stop()
            self._take_pasted(event.text)

    @work(exclusive=True, group="pasting")
    async def _take_pasted(self, text: str) -> None:
        """Open what was pasted, if it is there; asking the disk, which may be slow, in a thread."""
        paths, there = await asyncio.to_thread(_pasted, text)
        if not self.panes.stages:
            self.notify("the net is not loaded yet", markup=False)
        elif there:
            if len(paths) > 1:
                self.notify(f"{len(paths)} paths were pasted: this is the first", markup=False)
            self._open_picture(paths[0], at_once=True)
        else:
            self.notify(f"what was pasted is no file here: {text.strip()[:80]!r}", markup=False)

    def action_occlude(self) -> None:
        """Ask what matters in the picture under the cursor to the channel."""
        if (found := self._under_cursor()) is not None:
            unit, shown = found
            self._open_occlusion(_chosen(shown), unit)

    def action_vary(self) -> None:
        """Ask what stays the same when the picture under the cursor is moved."""
        if (found := self._under_cursor()) is not None:
            self._open_varied(_chosen(found[1]))

    def action_feeds(self) -> None:
        """Ask what drives the unit under the cursor."""
        if (found := self._under_cursor()) is not None:
            unit, shown = found
            placed = Unit(unit.stage, unit.channel, *shown.place)
            self._open_feeds(_chosen(shown), placed)

    def action_ideal(self) -> None:
        """Ask what picture the channel would like best."""
        if (unit := self._channel_in_use()) is not None:
            from zfexplore.tui.screens.ideal import IdealScreen

            self.push_screen(IdealScreen(unit, self.panes.called(unit), self.mode))

    def action_company(self) -> None:
        """Ask which channels of its layer fire on the same images as the channel."""
        if (unit := self._channel_in_use()) is not None:
            from zfexplore.tui.screens.company import CompanyScreen

            known = self.panes.statistics.get(unit.stage)
            best = () if known is None else known.best_class
            self.push_screen(CompanyScreen(unit, self.panes.called, best, self.mode), self._jump)

    def action_jump_back(self) -> None:
        """Go back to where the user last jumped from."""
        if self.trail:
            unit = self.trail.pop()
            self.go_to(unit.stage, unit.channel)

    # -- what screens and engine say ---------------------------------------------------------------

    def hear(self, record: object) -> None:
        """Take what the engine says, from any thread."""
        self.post_message(Said(record))

    def on_said(self, event: Said) -> None:
        """Take what the engine has said."""
        self.take(event.record)

    def take(self, record: object) -> None:
        """Give an answer to the screen that asked, if it is still there."""
        from zfexplore.tui.questions import Answered

        if isinstance(record, Answered):
            for screen in self._studies():
                if screen.number == record.number:
                    screen.take(record.answer)

    def refuse_all(self) -> None:
        """Refuse the questions that are waiting for an answer of an engine that has died."""
        from zfexplore.tui.questions import Refused

        for screen in self._studies():
            if screen.waiting:
                screen.take(Refused(NO_ENGINE))

    def on_study_screen_asked(self, event: StudyScreen.Asked) -> None:
        """Pass a screen's request on."""
        from zfexplore.tui.questions import RankPicture

        if isinstance(event.request, RankPicture):
            self.own_path = event.request.chosen.path
        if self.died_of and isinstance(event.request, Save):
            self.notify(NO_ENGINE, markup=False)
        elif self.died_of:
            self.refuse_all()
        else:
            self.engine.ask(replace(event.request, setup=self.net))

    def on_picture_screen_study(self, event: PictureScreen.Study) -> None:
        """Open what the user asks of a channel on a picture of their own, above its ranking."""
        if event.how == "occlude":
            self._open_occlusion(event.chosen, event.unit)
        elif event.how == "vary":
            self._open_varied(event.chosen)
        else:
            self._open_feeds(event.chosen, event.unit)

    # -- pieces ------------------------------------------------------------------------------------

    def _channel_in_use(self) -> Unit | None:
        """Give the channel in view; say so where there is none."""
        unit = self.panes.unit_in_use
        if unit is None:
            known = self.panes.stage is not None
            self.notify("no channel passes the filter" if known else "the net is not loaded yet")
        return unit

    def _under_cursor(self) -> tuple[Unit, ShownUnit] | None:
        """Give the picture under the cursor and its channel; say so where there is none yet."""
        grid, unit = self.panes.grid_in_use, self.panes.unit_in_use
        if unit is None and self.panes.stage is not None:
            self.notify("no channel passes the filter", markup=False)
            return None
        if unit is None or grid.stale or not grid.pictures:  # those there may be the channel before's
            self.notify("there is no picture under the cursor yet", markup=False)
            return None
        return unit, grid.pictures[min(grid.cursor, len(grid.pictures) - 1)]

    def _studies(self) -> list[StudyScreen]:
        """Give the studies that are open, the one in sight last."""
        from zfexplore.tui.screens.study import StudyScreen

        return [screen for screen in self.screen_stack if isinstance(screen, StudyScreen)]

    def _open_occlusion(self, chosen: Chosen, unit: Unit) -> None:
        from zfexplore.tui.screens.occlusion import OcclusionScreen

        self.push_screen(OcclusionScreen(chosen, unit.stage, unit.channel, self.mode))

    def _open_varied(self, chosen: Chosen) -> None:
        from zfexplore.tui.screens.varied import VariedScreen

        self.push_screen(VariedScreen(chosen, self.mode))

    def _open_feeds(self, chosen: Chosen, unit: Unit) -> None:
        from zfexplore.tui.screens.feeds import FeedsScreen

        screen = FeedsScreen(chosen, unit, self.mode, self.nearest, self.pixels)
        self.push_screen(screen, self._jump)

    def _jump(self, unit: Unit | None) -> None:
        """Go to a channel, remembering the one that is left."""
        if unit is None:
            return
        while self.screen in self._studies():  # the ranking below a list of feeds
            self.pop_screen()
        if self.channel is not None:
            self.trail.append(Unit(self.stage_name, self.channel))
        self.go_to(unit.stage, unit.channel)


def _pasted(text: str) -> tuple[tuple[str, ...], bool]:
    """Give the paths that were pasted, and whether the first is there."""
    paths = pasted_paths(text)
    return paths, bool(paths) and os.path.exists(os.path.expanduser(paths[0]))


def _chosen(shown: ShownUnit) -> Chosen:
    from zfexplore.tui.questions import Chosen

    return Chosen(shown.name, shown.label, shown.image)
