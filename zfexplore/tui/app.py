"""The explorer: where the user is, what keys do, and the engine behind the panes.

The event loop only draws, and the engine has drawn the thumbnails before. A
key moves a cursor and sends a request; pictures come back one by one and carry the generation of the
request they answer, so late ones are dropped. The engine is another process, started once the first
frame is up: torch is never imported here, and numpy only to draw at a size that was not foreseen.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from functools import partial, singledispatchmethod
from typing import TYPE_CHECKING, Any, get_args

from textual.css.query import NoMatches
from textual.filter import ANSIToTruecolor, LineFilter
from textual.theme import Theme
from textual.widget import Widget

from zfexplore.choices import Drawn, Glyphs
from zfexplore.printable import printable, printable_lines
from zfexplore.tui import keys
from zfexplore.tui import messages as say
from zfexplore.tui.client import Worker
from zfexplore.tui.drawing.unseen import Unseen
from zfexplore.tui.follow_app import FollowApp
from zfexplore.tui.garbage import SECONDS_AT_REST, Garbage
from zfexplore.tui.log import log_path
from zfexplore.tui.pixel_app import following
from zfexplore.tui.screens.explorer import ExplorerScreen
from zfexplore.tui.session import Session, load_keymap, load_session, save_session
from zfexplore.tui.terminal import leave_when_told, share_suspension, tell_when_gone
from zfexplore.tui.widgets.pictures import ROOM_FOR_BOTH, PictureGrid
from zfexplore.tui.widgets.rows import Rows
from zfexplore.units import Unit

if TYPE_CHECKING:
    from textual.command import Provider


ENOUGH_TO_STRIKE = 18  # images: among fewer, nine strongest say little
SOON_ENOUGH = 100  # images, at which a channel to open is chosen before all have been seen
SECONDS_TO_CONFIRM = 5.0  # a second ctrl+c
ANYWHERE = ("interrupt", "suspend_process")  # what keys do on every screen, dialogs included
DIED = "the engine has died: ⏎ starts it again"
UNSEEN = Unseen()
DRAWN: tuple[Drawn, ...] = ("pixels", *get_args(Glyphs))

DARKROOM = Theme(
    name="darkroom",
    primary="#e0a458",  # a safelight's amber
    secondary="#7d8ca3",
    accent="#f2c57c",
    foreground="#d8d4cc",
    background="#101214",
    surface="#1a1d20",
    panel="#3a3f45",
    error="#e06c5a",
    warning="#e0a458",
    success="#8fb573",
    dark=True,
)


def _commands() -> type[Provider]:
    from zfexplore.tui.commands import ExplorerCommands

    return ExplorerCommands


class ExplorerApp(FollowApp):
    """Look at what every channel of a net responds to."""

    TITLE = "zfexplore"
    CSS_PATH = "theme.tcss"
    BINDINGS = keys.bindings(keys.EVERYWHERE)
    COMMANDS = {_commands}

    def __init__(
        self, setup: say.Setup, engine: Worker, *, mode: str = "", pixels: type[Widget] | None = None,
        start: tuple[str, int | None] | None = None,
    ) -> None:  # fmt: skip
        self.start = start  # the layer, and its channel, that the user named
        self.opened = setup  # what the engine begins with
        self.session = load_session()
        self.wished_mode = self.session.mode  # what the next run begins with: only ``m`` changes it
        wish = mode or (self.session.mode if self.session.mode in DRAWN else "")
        super().__init__(wish, forced=mode == "pixels")
        self.register_theme(DARKROOM)
        self.theme = DARKROOM.name  # before the style sheets are read, for they would be read again
        self.setup, self.engine, self.pixels = setup, engine, pixels
        self.panes = ExplorerScreen(self.mode, follows=setup.follow is not None)
        self.stage_name = ""
        self.visited: dict[str, int] = {}  # the channel last looked at, by layer
        self.generation = 0
        self.settled = -1  # the generation of which all pictures have come
        self.interrupted = float("-inf")  # when ctrl+c was pressed last
        self.failure = ""  # why nothing can be explored
        self._opened_at = -1  # the generation at which a layer was opened that nobody chose
        self.garbage = Garbage()

    def get_default_screen(self) -> ExplorerScreen:
        """Give the screen of panes."""
        return self.panes

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Leave out the filter that turns the terminal's own 16 colours into true ones: none are used here.

        It looks at every run of cells that is drawn, which took a quarter of the time of a frame of pictures.
        """
        filters = super().get_line_filters()
        return [*(one for one in filters if not isinstance(one, ANSIToTruecolor)), UNSEEN]

    def refresh_css(self, animate: bool = True) -> None:
        """Read the style sheets again, with the theme's colours; before there is a screen, take these only.

        Textual would read them all before the first frame, and then once more with those of the first screen.
        """
        if self.screen_stack:
            super().refresh_css(animate)
        else:
            self.stylesheet.set_variables(self.get_css_variables())

    def _handle_exception(self, error: Exception) -> None:
        """Pass over that a widget is gone to which something was still to be done when the app was left."""
        if not (self._exit and isinstance(error, NoMatches)):
            super()._handle_exception(error)

    def notify(self, message: str, *, title: str = "", **options: Any) -> None:
        """Show a message; names in it are made printable."""
        super().notify(printable_lines(message), title=printable(title), **options)

    def on_load(self) -> None:
        """Set the signals on which to leave before the screen is taken: it would stay as it is after them."""
        leave_when_told(self.exit, self.hang_up)

    def on_mount(self) -> None:
        """Set the keys, and what happens when the terminal goes and when the process was stopped."""
        self.keymap = load_keymap()
        self.set_keymap(self.keymap)
        if not self.is_headless and sys.__stdin__ is not None:
            tell_when_gone(sys.__stdin__.fileno())
        back = share_suspension(self._pause, partial(self._come_back, asyncio.get_running_loop()))

        def resumed(_: object) -> None:
            back()
            self.refresh(layout=True)

        self.app_resume_signal.subscribe(self, resumed)
        self.set_interval(SECONDS_AT_REST, lambda: self.garbage.look(self.generation))

    def on_explorer_screen_drawn(self) -> None:
        """The first frame is up: only now may the engine import what is heavy."""
        self.engine.start(self.hear)
        self.ask_terminal()
        self.run_worker(self.load_the_rest())

    def on_unmount(self) -> None:
        """Stop the engine, and save where the user was."""
        self.free_tiles()
        self.engine.stop()
        self.save_place()

    def hang_up(self) -> None:
        """Do the same, from any thread, where the terminal is gone."""
        self.save_place()
        self.engine.hurry()

    def save_place(self) -> None:
        """Save where the user is, for the next run."""
        if self.stage_name:
            save_session(Session(self.stage_name, self.visited.get(self.stage_name, 0), self.wished_mode))

    def _pause(self) -> None:
        self.engine.pause()

    def _come_back(self, loop: asyncio.AbstractEventLoop) -> None:
        self.engine.go_on()
        loop.call_soon_threadsafe(partial(self.refresh, layout=True))  # the shell may have written meanwhile

    # -- where the user is -------------------------------------------------------------------------

    @property
    def stages(self) -> tuple[say.Stage, ...]:
        """The net's layers, none before it is loaded."""
        return self.panes.stages

    @property
    def channel(self) -> int | None:
        """The channel under the cursor."""
        return self.panes.channel

    def go_to(self, stage_name: str, channel: int | None = None) -> None:
        """Show a layer, at ``channel``, ending a filter that hides it, or where the user last was in it."""
        layer = next((known for known in self.stages if known.name == stage_name), None)
        if layer is None:
            self.notify(f"there is no layer {stage_name}", severity="error", markup=False)
            return
        wanted = self.visited.get(stage_name, 0) if channel is None else channel
        if stage_name != self.stage_name or wanted != self.channel:
            self.stage_name = stage_name
            named, wanted = channel is not None, min(wanted, layer.channels - 1)
            if layer is not self.panes.stage:
                self.panes.show_layer(layer, wanted, named=named)
            elif named:
                self.panes.sidebar.go_to(wanted)
        self.show_channel()

    def show_channel(self) -> None:
        """Ask for the pictures of the channel under the cursor; clear the panes where there is none."""
        if self.channel is None:
            self.engine.cancel()
            self.settled = self.generation = self.generation + 1
            self.panes.show_no_channel()
            return
        self.visited[self.stage_name] = self.channel
        self.generation += 1
        self.panes.expect_channel()
        if self.died_of:
            self.settled = self.generation
            self.panes.settle(DIED)
            return
        ahead = self.panes.sidebar.channel_list.neighbours()
        here = self.stage_name, self.channel, self.generation, ahead
        twin = self.pair.unit if self.pair else None
        self.engine.ask(say.ShowChannel(*here, self.net, self.beside, twin))

    def on_explorer_screen_went(self, event: ExplorerScreen.Went) -> None:
        """The user moved a cursor."""
        self.go_to(event.stage_name, event.channel)

    def on_explorer_screen_walked(self) -> None:
        """The user moved the cursor in the channels."""
        self.show_channel()

    def on_explorer_screen_sideways(self, event: ExplorerScreen.Sideways) -> None:
        """The user walks the layers."""
        self.action_layer(event.step)

    def on_picture_grid_opened(self) -> None:
        """The user clicked a picture twice."""
        self.action_zoom()

    def on_picture_grid_sized(self, event: PictureGrid.Sized) -> None:
        """Tell the engine how thumbnails are shown, so that it draws them so."""
        self.engine.ask(event.tile)

    # -- what the engine says ----------------------------------------------------------------------

    @singledispatchmethod
    def take(self, record: object) -> None:
        """Take a record with the method for its class; answers go to the base class."""
        super().take(record)

    @take.register
    def take_net_loaded(self, event: say.NetLoaded) -> None:
        """Show the net, at once or with its statistics if they come next."""
        if event.indexed:
            self._arriving = event
        else:
            self._show_net(event, {})

    def _show_net(self, event: say.NetLoaded, statistics: dict[str, say.StageStatistics]) -> None:
        """Go where the user was, or where the last session ended, or to the highest convolution."""
        again = bool(self.stage_name) and event.stages == self.stages  # the engine has been started again
        another = bool(self.stage_name) and event.setup not in (None, self.setup)
        aim = self.arrived(event.setup)
        target = (aim or self.target(event, self.stages)) if another else None
        self.nearest, self.net, self.setup = event.nearest, event.setup, event.setup or self.setup
        self.panes.show_net(event)
        if target is not None:
            self.stage_name = ""  # the layer is to be listed anew although it may have the same name
            self.panes.forget_net(statistics, self.beside.name if self.beside else "")
            self.go_to(target.stage, target.channel)
        elif again:
            self.go_to(self.stage_name, self.channel)
        elif self._has_start():
            assert self.start is not None
            self.go_to(*self.start)
        elif self.session.stage in [layer.name for layer in event.stages]:
            self.go_to(self.session.stage, self.session.channel)
        else:
            self.go_to([layer.name for layer in event.stages if layer.kind == "conv"][-1])
            self._opened_at = self.generation

    def _has_start(self) -> bool:
        """Whether the user named where to start, and the net has it; say so where it has not."""
        if self.start is None:
            return False
        name, channel = self.start
        layer = next((known for known in self.stages if known.name == name), None)
        if layer is None:
            there = f"the layers are {', '.join(known.name for known in self.stages)}"
            self.notify(f"there is no layer {name}: {there}", severity="error", markup=False)
        elif channel is not None and channel >= layer.channels:
            there = f"it has 0-{layer.channels - 1}"
            self.notify(f"{name} has no channel {channel}: {there}", severity="error", markup=False)
        return layer is not None and (channel is None or channel < layer.channels)

    @take.register
    def take_images_opened(self, event: say.ImagesOpened) -> None:
        """Show the name of the images."""
        self.panes.show_images(event)

    @take.register
    def take_atlas_changed(self, event: say.AtlasChanged) -> None:
        """Show the statistics in the lists."""
        if self._arriving is not None:
            net, self._arriving = self._arriving, None
            self._show_net(net, event.statistics)
        self.panes.show_atlas(event)
        if event.complete or event.images >= SOON_ENOUGH:
            self._open_on_what_strikes(event)

    def _open_on_what_strikes(self, event: say.AtlasChanged) -> None:
        """Go to the layer's most striking channel, once, unless the user has done anything yet."""
        opened_at, self._opened_at = self._opened_at, -1
        known = event.statistics.get(self.stage_name)
        untouched = (
            opened_at == self.generation and self.screen is self.panes and not self.panes.sidebar.filter
        )
        if untouched and known is not None and event.images >= ENOUGH_TO_STRIKE and len(known.striking):
            best = max(known.striking)
            if best > 0:
                self.go_to(self.stage_name, list(known.striking).index(best))

    @take.register
    def take_job_changed(self, event: say.JobChanged) -> None:
        """Show what is being computed."""
        self.panes.show_job(event.job)

    @take.register
    def take_top_listed(self, event: say.TopListed) -> None:
        """Show the places of the channel asked for last."""
        if event.generation == self.generation:
            self.panes.show_places(event.rows)

    @take.register
    def take_picture_arrived(self, event: say.PictureArrived) -> None:
        """Show the pictures of the channel asked for last."""
        if event.generation == self.generation:
            self.panes.show_picture(event.shown)
            here = None if self.channel is None else Unit(self.stage_name, self.channel)
            large = self.large
            if large is not None and (large.unit, self.zoomed) == (here, self.net):
                large.renew(self.panes.grids[0].pictures)

    @take.register
    def take_tile_drawn(self, event: say.TileDrawn) -> None:
        """Take a picture of the channel asked for last in pixels; the terminal gets it when it can."""
        if event.generation == self.generation and (self.both or not event.beside):
            self.panes.show_tile(event)

    @take.register
    def take_channel_shown(self, event: say.ChannelShown) -> None:
        """Note that all pictures of the channel have come."""
        if event.generation == self.generation:
            self.settled = event.generation
            self.panes.show_end(event)

    @take.register
    def take_images_gone(self, event: say.ImagesGone) -> None:
        """Say in the place of the pictures why there are none."""
        if event.generation == self.generation:
            self.settled = event.generation
            self.panes.show_gone()

    @take.register
    def take_noted(self, event: say.Noted) -> None:
        """Show the remark."""
        self.notify(event.text, markup=False)

    @take.register
    def take_failed(self, event: say.Failed) -> None:
        """Show the failure and the log: as a toast, or as a dialog where nothing can be shown."""
        text = f"{event.text}\n\nlog: {log_path()}"
        if event.setup is not None:
            self.refused(event.setup)
            self.show_channel()  # which the engine has given up for the other net
        if event.fatal:
            self.failure = event.text
            from zfexplore.tui.screens.dialogs import ErrorScreen

            self.panes.tell("nothing to show")
            self.push_screen(ErrorScreen(text))
        else:
            if event.generation == self.generation:
                self.panes.settle("this channel could not be shown whole")
            self.notify(text, severity="error", title="that did not work", markup=False)

    @take.register
    def take_engine_died(self, event: say.EngineDied) -> None:
        """Offer to start the engine again; nothing waits for it any more."""
        self.died_of = f"the engine has died: {event.reason}"
        self.refused(self.wanted)
        self.panes.show_job(None)
        self.settled = self.generation = self.generation + 1
        self.panes.settle(DIED)
        self.refuse_all()
        self.offer_to_start()

    def offer_to_start(self) -> None:
        """Ask whether to start the engine again."""
        from zfexplore.tui.screens.dialogs import ConfirmScreen

        def answered(yes: bool | None) -> None:
            if yes and self.died_of:
                self.died_of = ""
                self.panes.tell("loading …")
                self.engine.start(self.hear)
                for grid in self.panes.grids:
                    grid.tell_size()
                if self.setup != self.opened:
                    self.explore(self.setup)

        self.push_screen(ConfirmScreen(f"{self.died_of}.\nlog: {log_path()}\n\nStart it again?"), answered)

    # -- what keys do ------------------------------------------------------------------------------

    def action_layer(self, step: int) -> None:
        """Go to the next layer up or down."""
        names = [layer.name for layer in self.stages]
        if self.stage_name in names:
            self.go_to(names[max(0, min(names.index(self.stage_name) + step, len(names) - 1))])

    def action_interrupt(self) -> None:
        """Leave, after asking once; where text is marked, copy it."""
        if marked := self.screen.get_selected_text():
            self.copy_to_clipboard(marked)
        elif time.monotonic() - self.interrupted < SECONDS_TO_CONFIRM:
            self.exit()
        else:
            self.interrupted = time.monotonic()
            leaves = keys.written(self.keymap.get("quit", "q"))
            text = f"ctrl+c again leaves the explorer; in the panes {leaves} does so at once"
            self.notify(text, timeout=SECONDS_TO_CONFIRM, markup=False)

    def action_zoom(self) -> None:
        """Show the picture under the cursor large."""
        from zfexplore.tui.drawing.pixels import pixel_widget
        from zfexplore.tui.screens.zoom import ZoomScreen

        if (found := self._under_cursor()) is None:
            return
        unit, shown = found
        pictures, boxed = self.panes.grid_in_use.pictures, self.panes.boxed
        called = self.panes.called(unit).removeprefix(str(unit)).strip()
        self.zoomed = self.setup_in_use
        if self.zoomed is not None and self.zoomed.mark:
            called = f"{called} of {self.zoomed.name}".strip()
        screen = ZoomScreen(
            unit,
            pictures,
            shown.rank,
            self.mode,
            boxed=boxed,
            called=called,
            pixels=self.pixels or pixel_widget(self.known),
        )
        self.push_screen(screen, lambda left_at: self.panes.link_cursors(left_at or 0))

    def action_pin(self) -> None:
        """Pin the channel for comparing, or let it go, or the other net."""
        if self.both:
            self.action_both_nets()
        elif self.panes.pinned is not None:
            self.panes.unpin()
        elif self.channel is None or self.settled != self.generation or not self.panes.grids[0].pictures:
            self.notify("there are no pictures of this channel to pin", markup=False)
        else:
            self.panes.pin(str(Unit(self.stage_name, self.channel)))

    def action_box(self) -> None:
        """Change between patches and whole images, where the second grid shows these."""
        if self.both:
            self.notify("the second grid holds another net: W lets it go", markup=False)
        else:
            self.panes.toggle_box()

    def action_filter(self) -> None:
        """Open the line for a filter."""
        self.panes.sidebar.open_filter()

    def action_sort(self, step: int) -> None:
        """Sort the channels by another column."""
        self.panes.sidebar.sort_by_next(step)

    def action_swap(self) -> None:
        """Show the other grid where only one fits."""
        self.panes.toggle_class("-patches")
        self.panes.name_panes()

    def action_mode(self) -> None:
        """Draw pictures with the next kind of glyphs."""
        self.wish = self.wished_mode = following(self.drawn, DRAWN, pixels=self.can_pixels)
        self.draw_as(self.wish)
        drawn = {"pixels": "in pixels", "halves": "with half blocks", "ascii": "in ASCII"}
        self.notify(f"pictures drawn {drawn.get(self.drawn, f'with {self.drawn}')}", timeout=2)

    def action_pane(self, name: str) -> None:
        """Focus a pane, and show its grid; at once, because the next key may be for that pane."""
        swap = name in ("projections", "patches") and self.size.width < ROOM_FOR_BOTH
        if swap and self.panes.has_class("-patches") != (name == "patches"):
            self.panes.set_class(name == "patches", "-patches")
            self.panes.name_panes()
            self.call_after_refresh(self._focus_if_in_sight, name)
        else:
            self._focus_if_in_sight(name)

    def _focus_if_in_sight(self, name: str) -> None:
        pane = self.panes.query_one(f"#{name}")
        if pane.region.area:
            pane.focus()
        else:
            self.notify(f"there is no room for the {keys.PLACES.get(name, name)} here", markup=False)

    def action_cancel(self) -> None:
        """End filtering, or stop what is being computed."""
        if self.panes.sidebar.close_filter():
            return
        # Before there is an atlas nothing of the channel is computed: there it is only waited for.
        if self.panes.statistics and self.settled != self.generation:
            self.engine.cancel()
            self.settled = self.generation = self.generation + 1
            self.panes.settle("stopped")

    def action_help(self) -> None:
        """Open the help, first what can be done here."""
        from zfexplore.tui.screens.help import HelpScreen, idle_keys

        if (large := self.large) is not None:
            place = "in the large view"
            self.push_screen(HelpScreen(place, self.keymap, idle=idle_keys(place, large)))
            return
        pane = self.focused
        columns = pane.ABOUT if isinstance(pane, Rows) else ()
        place = (pane.id or "") if pane else ""
        self.push_screen(HelpScreen(place, self.keymap, columns, self.resting_keys()))

    def resting_keys(self) -> list[str]:
        """Give the keys of the panes, by id, that do nothing now: neither help nor palette lists them."""
        hidden = [name for name in keys.CONCERNS if not self.panes.query_one(f"#{name}").region.area]
        resting = [key.id for key in keys.EVERYWHERE if key.action in {f"pane('{name}')" for name in hidden}]
        if self.size.width >= ROOM_FOR_BOTH:
            resting.append("swap")
        else:  # there these two come in turn
            resting = [id for id in resting if id not in ("focus-3", "focus-4")]
        if self.other is None:
            resting += keys.OF_SEVERAL_NETS
        if not self.follows:
            resting += [key.id for key in keys.FOLLOWING]
        return resting

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Switch off swapping where both grids are in sight, and the keys of the panes below a dialog."""
        if action == "swap" and self.size.width >= ROOM_FOR_BOTH:
            return False
        if action in ANYWHERE:
            return True
        if action.startswith("snapshot") and not self.follows:
            return False
        if isinstance(self.screen, ExplorerScreen):
            typing = self.focused is not None and self.focused.check_consume_key("1", "1")
            return not (action == "pane" and typing)  # its keys, which come first, are text there
        large = self.large
        here = set() if large is None else {key.action for key in keys.LARGE}
        if large is not None and not large.savable and action in ("save_shown", "copy"):
            return False
        ours = {key.action.partition("(")[0] for key in (*keys.EVERYWHERE, *keys.FOLLOWING)}
        return action not in ours or f"app.{action}" in here
