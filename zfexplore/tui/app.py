"""The explorer: panes on one screen, told by value what to show, and the engine behind them.

The event loop never computes. A key moves a cursor and sends a request; pictures come back one by
one as messages and carry the generation of the request they answer, so late ones are dropped. The
engine's thread starts once the first frame is up, and only there are torch and numpy imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from textual import events
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical
from textual.theme import Theme
from textual.widget import Widget
from textual.widgets import Footer

from zfexplore.tui import keys
from zfexplore.tui import messages as say
from zfexplore.tui.screens.help import HelpScreen
from zfexplore.tui.screens.question import ErrorScreen, QuestionScreen
from zfexplore.tui.session import Session, load_keymap, load_session, save_session
from zfexplore.tui.widgets.channels import ChannelList
from zfexplore.tui.widgets.jobs import JobBar
from zfexplore.tui.widgets.layers import LayerList, LayerTabs
from zfexplore.tui.widgets.pictures import PictureGrid
from zfexplore.tui.widgets.rows import Rows
from zfexplore.tui.widgets.status import StatusBar
from zfexplore.tui.widgets.top import TopList
from zfexplore.units import Unit

BOTH_GRIDS = 100  # columns from which projections and patches stand side by side
MODES = ("quadrant", "half", "sextant", "ascii")  # as in cells.py, which needs numpy

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


class Worker(Protocol):
    """What the explorer asks of its engine; tests put an instant one in its place."""

    def start(self, post: Callable[[Any], Any]) -> None:
        """Begin loading; ``post`` takes messages from any thread."""

    def ask(self, request: Any) -> None:
        """Take a request."""

    def cancel(self) -> None:
        """Give up what is being computed."""

    def stop(self) -> None:
        """End, saving what can be resumed."""


class ExplorerApp(App[None]):
    """Look at what every channel of a net responds to."""

    TITLE = "zfexplore"
    CSS_PATH = "theme.tcss"
    BINDINGS = keys.bindings("everywhere")
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (70, "-narrow"), (BOTH_GRIDS, "-normal"), (160, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]

    def __init__(self, setup: say.Setup, engine: Worker, *, mode: str = "") -> None:
        super().__init__()
        self.setup, self.engine = setup, engine
        self.session = load_session()
        self.mode = mode or (self.session.mode if self.session.mode in MODES else MODES[0])
        self.stages: tuple[say.Layer, ...] = ()
        self.statistics: dict[str, say.StageStatistics] = {}
        self.stage = ""
        self.visited: dict[str, int] = {}  # the channel last looked at, by layer
        self.images, self.image_count = "", 0
        self.generation = 0
        self.settled = -1  # the generation of which all pictures have come
        self.failure = ""  # why nothing can be explored

    def compose(self) -> ComposeResult:
        """Lay the panes out; theme.tcss says where they stand."""
        yield StatusBar(id="status")
        yield LayerTabs(id="tabs")
        with Horizontal(id="body"):
            with Vertical(id="sidebar"):
                yield _titled(LayerList(id="layers"), "1 layers")
                yield _titled(ChannelList(id="channels"), "2 channels")
            with Vertical(id="stage"):
                with Horizontal(id="grids"):
                    yield _titled(PictureGrid("projection", id="projections"), "3 projections")
                    yield _titled(PictureGrid("patch", id="patches"), "4 patches")
                yield _titled(TopList(id="top"), "5 top activations")
                yield JobBar(id="jobs")
        yield Footer()

    def on_mount(self) -> None:
        """Show the empty panes first; only then let the engine import what is heavy."""
        self.register_theme(DARKROOM)
        self.theme = DARKROOM.name
        self.set_keymap(load_keymap())
        for grid in self.grids:
            grid.mode, grid.notice = self.mode, "loading the net …"
        self._name_grid()
        self.query_one(ChannelList).focus()
        self.call_after_refresh(self.engine.start, self.post_message)

    def on_unmount(self) -> None:
        """Let the engine save its state, and remember where the user was."""
        self.engine.stop()
        if self.stage:
            save_session(Session(self.stage, self.visited.get(self.stage, 0), self.mode))

    def on_resize(self, event: events.Resize) -> None:
        """Tell jobs in the status bar where there is no job bar."""
        self.query_one(StatusBar).brief = event.size.width < BOTH_GRIDS
        self.refresh_bindings()

    # -- where the user is -------------------------------------------------------------------------

    @property
    def grids(self) -> tuple[PictureGrid, PictureGrid]:
        """Projections and patches."""
        return self.query_one("#projections", PictureGrid), self.query_one("#patches", PictureGrid)

    @property
    def channel(self) -> int | None:
        """The channel under the cursor."""
        return self.query_one(ChannelList).channel

    def go_to(self, stage: str, channel: int | None = None) -> None:
        """Show a layer, at ``channel`` or where the user last was in it."""
        summary = next((known for known in self.stages if known.name == stage), None)
        if summary is None:
            return
        wanted = self.visited.get(stage, 0) if channel is None else channel
        self.stage = stage
        channels = self.query_one(ChannelList)
        channels.statistics = self.statistics.get(stage)
        channels.stage = summary
        channels.cursor = min(wanted, summary.channels - 1)
        channels.border_title = f"2 channels of {stage}"
        self.query_one(LayerList).cursor = self.stages.index(summary)
        self.query_one(LayerTabs).here = stage
        self.show_channel()

    def show_channel(self) -> None:
        """Ask for the pictures of the channel under the cursor; keep the old ones, dimmed, until then."""
        if self.channel is None:
            return
        self.visited[self.stage] = self.channel
        self.generation += 1
        self.query_one(StatusBar).unit = str(Unit(self.stage, self.channel))
        for grid in self.grids:
            grid.stale = True
        self.engine.ask(say.ShowChannel(self.stage, self.channel, self.generation))

    # -- what the panes say ------------------------------------------------------------------------

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """Follow the cursor of a list."""
        if isinstance(event.rows, LayerList):
            self.go_to(self.stages[event.index].name)
        elif isinstance(event.rows, ChannelList):
            self.show_channel()
        else:
            self._link_cursors(event.index)

    def on_rows_sideways(self, event: Rows.Sideways) -> None:
        """Left and right in a list walk the layers; from the layers, right leads to the channels."""
        if isinstance(event.rows, LayerList):
            self.query_one(ChannelList).focus()
        else:
            self.action_layer(event.step)

    def on_picture_grid_moved(self, event: PictureGrid.Moved) -> None:
        """One cursor for projections, patches and table."""
        self._link_cursors(event.rank)

    def on_picture_grid_sized(self, event: PictureGrid.Sized) -> None:
        """Let the engine draw thumbnails at the size they are shown."""
        self.engine.ask(say.TileSize(event.rows, event.columns, self.mode))

    def on_layer_tabs_picked(self, event: LayerTabs.Picked) -> None:
        """Go to the layer that was clicked."""
        self.go_to(event.name)

    def _link_cursors(self, rank: int) -> None:
        for grid in self.grids:
            grid.cursor = rank
        self.query_one(TopList).cursor = rank

    # -- what the engine says ----------------------------------------------------------------------

    def on_net_loaded(self, event: say.NetLoaded) -> None:
        """Show the layers; go where the last session ended, or to the highest convolution."""
        self.stages = event.stages
        self.query_one(StatusBar).net = f"{event.title} on {event.device}"
        self.query_one(LayerList).stages = event.stages
        self.query_one(LayerTabs).names = tuple(stage.name for stage in event.stages)
        for grid in self.grids:
            grid.notice = "waiting for the atlas …"
        names = [stage.name for stage in event.stages]
        if self.session.stage in names:
            self.go_to(self.session.stage, self.session.channel)
        else:
            self.go_to([stage.name for stage in event.stages if stage.kind == "conv"][-1])

    def on_images_opened(self, event: say.ImagesOpened) -> None:
        """Name the images."""
        self.images, self.image_count = event.name, event.count
        self.query_one(StatusBar).images = f"{event.name}, {event.count} images"

    def on_atlas_changed(self, event: say.AtlasChanged) -> None:
        """Fill the lists in."""
        self.statistics = event.statistics
        self.query_one(ChannelList).statistics = event.statistics.get(self.stage)
        seen = f"{event.images} images" if event.complete else f"{event.images} of {self.image_count} images"
        self.query_one(StatusBar).images = f"{self.images}, {seen}"
        for grid in self.grids:
            grid.notice = ""

    def on_job_changed(self, event: say.JobChanged) -> None:
        """Show what is being computed."""
        self.query_one(StatusBar).job = self.query_one(JobBar).job = event.job

    def on_top_listed(self, event: say.TopListed) -> None:
        """Show the places of the channel asked for last."""
        if event.generation == self.generation:
            self.query_one(TopList).places = event.rows

    def on_picture_arrived(self, event: say.PictureArrived) -> None:
        """The first picture of a channel replaces the old ones; the others join or renew them."""
        if event.generation != self.generation:
            return
        rank = event.shown.rank
        for grid in self.grids:
            there = () if grid.stale else grid.pictures
            grid.pictures = (*there[:rank], event.shown, *there[rank + 1 :])
            grid.stale = False

    def on_channel_shown(self, event: say.ChannelShown) -> None:
        """Say so where a channel has no pictures."""
        if event.generation != self.generation:
            return
        self.settled = event.generation
        for grid in self.grids:
            grid.stale = False
            grid.pictures = grid.pictures[: event.count]
            if event.count == 0:
                grid.notice = f"{event.stage}:{event.channel} fires on none of these images"

    def on_figure_saved(self, event: say.FigureSaved) -> None:
        """Say where."""
        self.notify(str(event.path), title="saved", markup=False)

    def on_overwrite_asked(self, event: say.OverwriteAsked) -> None:
        """Ask before a file of another origin is lost."""
        self.push_screen(
            QuestionScreen(f"{event.path} {event.reason}. Replace it?"),
            lambda yes: (
                self.engine.ask(say.SaveChannel(event.request.stage, event.request.channel, overwrite=True))
                if yes
                else None
            ),
        )

    def on_noted(self, event: say.Noted) -> None:
        """Show a remark."""
        self.notify(event.text, markup=False)

    def on_failed(self, event: say.Failed) -> None:
        """A toast, or, where nothing can be shown, a dialog."""
        if event.fatal:
            self.failure = event.text
            for grid in self.grids:
                grid.notice = "nothing to show"
            self.push_screen(ErrorScreen(event.text))
        else:
            self.notify(event.text, severity="error", title="that did not work", markup=False)

    # -- what keys do ------------------------------------------------------------------------------

    def action_layer(self, step: int) -> None:
        """Go to the next layer up or down."""
        names = [stage.name for stage in self.stages]
        if self.stage in names:
            self.go_to(names[max(0, min(names.index(self.stage) + step, len(names) - 1))])

    def action_save(self) -> None:
        """Project the channel and save its figure."""
        if self.channel is not None:
            self.engine.ask(say.SaveChannel(self.stage, self.channel))

    def action_swap(self) -> None:
        """Show the other grid where only one fits."""
        self.screen.toggle_class("-patches")
        self._name_grid()

    def action_mode(self) -> None:
        """Draw pictures with the next kind of glyphs."""
        self.mode = MODES[(MODES.index(self.mode) + 1) % len(MODES)]
        for grid in self.grids:
            grid.mode = self.mode
            grid.on_resize()
        self.notify(f"pictures drawn with {self.mode} glyphs", timeout=2)

    def action_pane(self, name: str) -> None:
        """Focus a pane, bringing the grid asked for into sight."""
        if name in ("projections", "patches") and self.size.width < BOTH_GRIDS:
            self.screen.set_class(name == "patches", "-patches")
            self._name_grid()
        pane = self.query_one(f"#{name}")
        self.call_after_refresh(lambda: pane.display and pane.focus())

    def action_cancel(self) -> None:
        """Stop what is being computed."""
        self.engine.cancel()
        for grid in self.grids:
            grid.stale = False

    def action_help(self) -> None:
        """Open the help."""
        self.push_screen(HelpScreen())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave swapping out where both grids are in sight."""
        return not (action == "swap" and self.size.width >= BOTH_GRIDS)

    def _name_grid(self) -> None:
        patches = self.screen.has_class("-patches")
        self.query_one(LayerTabs).showing = "patches" if patches else "projections"


def _titled(pane: Widget, title: str) -> Widget:
    pane.border_title = title
    return pane
