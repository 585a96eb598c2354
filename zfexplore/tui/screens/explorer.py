"""The screen of panes: it lays them out, and gives each what it shows of the engine's messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message

from zfexplore.progress import Progress
from zfexplore.tui import messages as say
from zfexplore.tui.drawing.compositor import FrugalCompositor
from zfexplore.tui.screens.grids import KINDS, GridsScreen, join
from zfexplore.tui.screens.sharing import TALL, WIDE, four_grids, rows_of_facts
from zfexplore.tui.widgets.channels import ChannelList
from zfexplore.tui.widgets.jobs import JobBar
from zfexplore.tui.widgets.keybar import KeyBar
from zfexplore.tui.widgets.layers import LayerList, LayerTabs
from zfexplore.tui.widgets.minimap import Minimap, strengths
from zfexplore.tui.widgets.pictures import ROOM_FOR_BOTH, PictureGrid
from zfexplore.tui.widgets.rows import Rows
from zfexplore.tui.widgets.sidebar import Sidebar, entitle
from zfexplore.tui.widgets.status import StatusBar
from zfexplore.tui.widgets.top import TopList
from zfexplore.units import Unit

if TYPE_CHECKING:
    from zfexplore.tui.widgets.course import CourseBar

NAME_CELLS = 24  # of a net's name


class ExplorerScreen(GridsScreen):
    """Gives the panes their values, and tells the app in messages what the user did in them."""

    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (70, "-narrow"), (ROOM_FOR_BOTH, "-normal"), (WIDE, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (TALL, "-tall")]

    class Went(Message):
        """The user went to a layer (and, if given, a channel of it)."""

        def __init__(self, stage_name: str, channel: int | None = None) -> None:
            super().__init__()
            self.stage_name, self.channel = stage_name, channel

    class Walked(Message):
        """The user moved the cursor to another channel of the layer."""

    class Sideways(Message):
        """The user asked for the next layer up (1) or down (-1)."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    class Drawn(Message):
        """The empty panes are on the screen."""

    def __init__(self, mode: str, *, follows: bool = False) -> None:
        super().__init__()
        self.follows = follows  # whether a training is followed
        self._compositor = FrugalCompositor()
        self.mode = mode
        self.stages: tuple[say.Stage, ...] = ()
        self.stage: say.Stage | None = None
        self.statistics: dict[str, say.StageStatistics] = {}
        self.complete = False  # whether the atlas has seen all images
        self.silent = ""  # the channel that has just been found to fire on none
        self.images, self.image_count = "", 0
        self.net = ""  # the short name of the net in view

    def compose(self) -> ComposeResult:
        """Lay the panes out; theme.tcss says where they stand."""
        yield StatusBar(id="status")
        yield LayerTabs(id="tabs")
        with Horizontal(id="body"):
            yield Sidebar(id="sidebar")
            with Vertical(id="stage"):
                with Horizontal(id="grids"):
                    yield PictureGrid("projection", id="projections")
                    yield PictureGrid("patch", id="patches")
                    yield PictureGrid("projection", id="pinned-projections", told=False)
                    yield PictureGrid("patch", id="pinned-patches", told=False)
                with Horizontal(id="facts"):
                    yield TopList(id="top")
                    yield Minimap(id="map")
                yield JobBar(id="jobs")
        if self.follows:
            from zfexplore.tui.widgets.course import CourseBar

            yield CourseBar(id="course")
        yield KeyBar()

    def on_mount(self) -> None:
        """Name the panes, and focus the channels."""
        self.share_rows(*self.app.size)
        self.set_mode(self.mode)
        self.watch(self.grids[0], "dim", self._dim_places, init=False)
        self.tell("loading …")
        entitle(self.query_one(TopList), "5 top activations")
        self.name_panes()
        self.sidebar.channel_list.focus()
        self.call_after_refresh(self.post_message, self.Drawn())

    def on_resize(self, event: events.Resize) -> None:
        """Show jobs in the status bar where there is no job bar, and divide the rows anew."""
        self.query_one(StatusBar).brief = event.size.width < ROOM_FOR_BOTH
        self.share_rows(*event.size)
        self.refresh_bindings()

    def on_screen_suspend(self) -> None:
        """Show glyphs below a dialog: it tints all colours, and those of pixels tell which picture it is."""
        for grid in self.all_grids:
            grid.covered = grid.cell != (0, 0)

    def on_screen_resume(self) -> None:
        """Show pixels again."""
        for grid in self.all_grids:
            grid.covered = False

    @property
    def course(self) -> CourseBar:
        """The bar of the training, which is there only if one is followed: its module is imported then."""
        from zfexplore.tui.widgets.course import CourseBar

        return self.query_one(CourseBar)

    def share_rows(self, width: int, height: int) -> None:
        """Give table and map the rows that the grids do not need; in narrow windows theme.tcss does it."""
        if self.follows:
            from zfexplore.tui.widgets.course import rows_of_course

            self.course.styles.height = rows = rows_of_course(height)
            height -= rows
        self.share_grids(width, height)
        facts = self.query_one("#facts").styles
        if width < ROOM_FOR_BOTH:
            facts.clear_rule("height")
            facts.clear_rule("display")
            return
        four = four_grids(width, height) if self.pinned is not None else None
        rows = rows_of_facts(width, height) if four is None else four.facts
        facts.height, facts.display = rows or 1, "block" if rows else "none"

    # -- what is shown -----------------------------------------------------------------------------

    @property
    def unit_in_use(self) -> Unit | None:
        """The channel whose pictures that grid shows, or is to show; None where a filter leaves none."""
        if self.pinned is not None and self.grid_in_use in self.pinned_grids:
            return Unit.parse(self.pinned[0])
        if self.on_other:
            return self.other_unit
        if self.stage is None or self.channel is None:
            return None
        return Unit(self.stage.name, self.channel)

    @property
    def sidebar(self) -> Sidebar:
        """The lists of layers and channels."""
        return self.query_one(Sidebar)

    @property
    def channel(self) -> int | None:
        """The channel under the cursor."""
        return self.sidebar.channel_list.channel

    def called(self, unit: Unit) -> str:
        """Give a channel as it is written, with its name if it has one."""
        layer = next((layer for layer in self.stages if layer.name == unit.stage), None)
        return str(unit) if layer is None else layer.called(unit.channel)

    def show_layer(self, layer: say.Stage, channel: int, *, named: bool) -> None:
        """List a layer's channels, with the cursor on ``channel`` if the filter leaves it.

        It ends a filter if it was ``named`` by the user and not only remembered.
        """
        self.stage = layer
        self.query_one(LayerTabs).here = layer.name
        self.sidebar.show_layer(layer, self.statistics.get(layer.name), channel, named=named)
        self.show_map()
        self.name_panes()

    def show_map(self) -> None:
        """Colour the map by what is known of the layer."""
        minimap = self.query_one(Minimap)
        known = self.statistics.get(self.stage.name) if self.stage else None
        count = self.stage.channels if self.stage else 0
        minimap.strengths = strengths(known.maximum) if known else (0.0,) * count
        minimap.cursor = self.channel or 0

    def expect_channel(self) -> str:
        """Dim the old pictures until the first new one comes; give the channel's name."""
        assert self.stage is not None
        unit = self.stage.called(self.channel or 0)
        self.query_one(StatusBar).unit = unit
        for grid in self.awaiting_grids:
            grid.stale = True
        for grid in self.live_grids:
            grid.notice = grid.notice if self.statistics == {} else ""
        if self.other:
            self.other_unit = None
        self.query_one(Minimap).cursor = self.channel or 0
        return unit

    def show_no_channel(self) -> None:
        """Clear the panes where the filter leaves no channel of the layer."""
        assert self.stage is not None
        self.query_one(StatusBar).unit = self.stage.name
        for grid in self.awaiting_grids:
            grid.stale = True
        self.settle(f"no channel of {self.stage.name} passes the filter")

    def settle(self, notice: str) -> None:
        """Stop expecting pictures; those of another channel go, and ``notice`` says why there are none."""
        for grid in self.awaiting_grids:
            if grid.stale:
                grid.pictures = ()
            grid.stale, grid.notice = False, notice
        if not self.grids[0].pictures:
            self.show_places((), notice)

    def name_panes(self) -> None:
        """Write the titles: what each pane shows now."""
        projections, patches = self.grids
        pinned = f"{self.called(Unit.parse(self.pinned[0]))}, pinned" if self.pinned else ""
        here = f", {short(self.net)}" if self.other else ", here" if self.pinned else ""
        entitle(projections, f"3 {KINDS[projections.kind]}{here}")
        second = KINDS[patches.kind]
        if self.other:
            of = f" of {self.other_called}" if self.other_called else ""
            entitle(patches, f"4 {second}{of}, {short(self.other)}")
        else:
            entitle(patches, f"4 {second}{here}" if not pinned or self.four else f"4 {second} of {pinned}")
        for grid in self.own_grids:
            entitle(grid, f"{KINDS[grid.kind]} of {pinned}" if self.four else "")
        here = self.stage.name if self.stage else ""
        entitle(self.query_one(Minimap), f"6 map of {here}, by max" if here else "6 map")
        swapped = f"pinned {self.pinned[0]}" if self.pinned else short(self.other) or second
        first = short(self.net) if self.other else KINDS[projections.kind]
        self.query_one(LayerTabs).showing = swapped if self.has_class("-patches") else first

    # -- what the engine says ----------------------------------------------------------------------

    def show_net(self, event: say.NetLoaded) -> None:
        """Show the layers."""
        self.stages = event.stages
        self.net = event.name
        named = "" if event.title.split(",")[0] == event.name or not event.name else f"{short(event.name)}: "
        self.query_one(StatusBar).net = f"{named}{event.title} on {event.device}"
        self.sidebar.layer_list.stages = event.stages
        self.query_one(LayerTabs).names = tuple(layer.name for layer in event.stages)
        self.tell("waiting for the atlas …")

    def forget_net(self, statistics: dict[str, say.StageStatistics], other: str) -> None:
        """Let go what was shown of the net before; ``statistics`` are what is known of the new one."""
        self.statistics, self.complete, self.silent = statistics, False, ""
        if self.pinned is not None:
            self.unpin()
        if not self.follows:  # there they stay until those of the new weights come
            for grid in self.grids:
                grid.pictures = ()
            self.show_places((), "" if statistics else "waiting for the atlas …")
        if other:
            self.show_other(other)
        self.name_panes()

    def show_images(self, event: say.ImagesOpened) -> None:
        """Show the name of the images."""
        self.images, self.image_count = event.name, event.count
        self.query_one(StatusBar).images = f"{event.name}, {event.count} images"

    def show_atlas(self, event: say.AtlasChanged) -> None:
        """Fill the lists in."""
        if not self.statistics:
            self.tell("")
        self.statistics, self.complete = event.statistics, event.complete
        seen = f"{event.images} images" if event.complete else f"{event.images} of {self.image_count} images"
        self.query_one(StatusBar).images = f"{self.images}, {seen}"
        self._tell_silence()
        if self.stage is not None:
            self.sidebar.show_statistics(event.statistics.get(self.stage.name))
            self.show_map()

    def show_job(self, job: Progress | None) -> None:
        """Show what is being computed."""
        self.query_one(StatusBar).job = self.query_one(JobBar).job = job

    def show_places(self, rows: tuple[say.PlaceRow, ...], notice: str = "") -> None:
        """Fill the table of top activations, or say why it is empty."""
        table = self.query_one(TopList)
        table.places, table.notice = rows, notice

    def show_picture(self, shown: say.ShownUnit) -> None:
        """The first picture of a channel replaces the old ones; the others join or renew them."""
        for grid in self.live_grids:
            join(grid, shown)

    def show_tile(self, event: say.TileDrawn) -> None:
        """Keep a picture in pixels with the picture, for the grids that show it."""
        for grid in self.grids[1:] if event.beside else self.live_grids:
            if event.rank < len(grid.pictures) and not grid.stale:
                getattr(grid.pictures[event.rank], event.kind).keep(event.tile)
                grid.want()
                if grid.tiles.number(event.tile) is not None:  # its content has been sent before
                    grid.redraw([event.tile])

    def show_end(self, event: say.ChannelShown) -> None:
        """All pictures have come; say so where there are none."""
        for grid in self.live_grids:
            grid.stale = False
            grid.pictures = grid.pictures[: event.count]
        self.silent = "" if event.count else self.called(Unit(event.stage_name, event.channel))
        self._tell_silence()

    def show_gone(self) -> None:
        """Say that the images are gone; the places of the table are known all the same."""
        for grid in self.live_grids:
            grid.pictures, grid.stale, grid.notice = (), False, "the images are gone"

    def _tell_silence(self) -> None:
        """Where a channel has no pictures, say that no image excites it, or none so far."""
        if self.silent and self.silent == self.query_one(StatusBar).unit:
            far = "" if self.complete else " so far"
            dead = "is dead: it " if self.complete else ""  # images that are still to come may excite it
            for grid in self.live_grids:
                grid.notice = f"{self.silent} {dead}fires on none of these images{far}"
            self.show_places((), f"{'dead: ' if dead else ''}fires on no image{far}")

    def _dim_places(self, dim: bool) -> None:
        """The table is another channel's as long as the pictures are."""
        self.query_one(TopList).stale = dim

    def tell(self, notice: str) -> None:
        """Write into the empty grids."""
        for grid in self.grids:
            grid.notice = notice

    # -- what the panes say ------------------------------------------------------------------------

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """Follow the cursor of a list."""
        if isinstance(event.rows, LayerList):
            self.post_message(self.Went(self.stages[event.index].name))
        elif isinstance(event.rows, ChannelList):
            # Not the row of the event: with quick keys the cursor may be further by now.
            self.post_message(self.Walked())
        elif isinstance(event.rows, TopList):
            self.link_cursors(event.index)

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """A second click on a place shows its picture large."""
        if isinstance(event.rows, TopList):
            self.post_message(PictureGrid.Opened())

    def on_rows_sideways(self, event: Rows.Sideways) -> None:
        """Left and right in a list walk the layers; from the layers, right leads to the channels."""
        if isinstance(event.rows, LayerList):
            self.sidebar.channel_list.focus()
        else:
            self.post_message(self.Sideways(event.step))

    def on_picture_grid_moved(self, event: PictureGrid.Moved) -> None:
        """One cursor for projections, patches and table."""
        self.link_cursors(event.rank)

    def on_sidebar_entered(self, event: Sidebar.Entered) -> None:
        """Go to the channel that a filter has left."""
        if self.stage is not None:
            self.post_message(self.Went(self.stage.name, event.channel))

    def on_layer_tabs_picked(self, event: LayerTabs.Picked) -> None:
        """Go to the layer that was clicked."""
        self.post_message(self.Went(event.name))

    def on_minimap_moved(self, event: Minimap.Moved) -> None:
        """Go to the channel, ending a filter that hides it."""
        if self.stage is not None:
            self.post_message(self.Went(self.stage.name, event.channel))

    def link_cursors(self, rank: int) -> None:
        """Put the three cursors on one picture."""
        for grid in self.all_grids:
            grid.cursor = rank
        self.query_one(TopList).cursor = rank

    # -- views -------------------------------------------------------------------------------------

    def set_mode(self, mode: str) -> None:
        """Draw pictures and lines with glyphs of another kind."""
        self.mode = mode
        for grid in self.all_grids:
            grid.mode = mode
        if self.follows:
            self.course.braille = mode != "ascii"


def short(name: str) -> str:
    """Cut a net's name in front, for its end is what tells it apart."""
    return name if len(name) <= NAME_CELLS else f"…{name[1 - NAME_CELLS :]}"
