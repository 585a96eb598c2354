"""Layers above the channels of one of them, which are filtered by what is typed and sorted by a column."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from zfexplore.errors import ExploreError
from zfexplore.tui import keys
from zfexplore.tui.choice import SORTS, choose, column, unfinished
from zfexplore.tui.messages import Stage, StageStatistics
from zfexplore.tui.widgets.channels import SORTED, ChannelList
from zfexplore.tui.widgets.layers import LayerList
from zfexplore.tui.widgets.line import Line
from zfexplore.tui.widgets.rows import Rows


class FilterLine(Line):
    """What to filter by; its keys are told at the foot while it is typed."""

    BINDINGS = keys.bindings(keys.FILTER)


class Sidebar(Vertical):
    """Told a layer and what is known of it; ``filter`` and ``sort`` say which channels it lists, and how."""

    class Entered(Message):
        """The cursor came to ``channel`` by the filter, which leaves out the one it was on."""

        def __init__(self, channel: int) -> None:
            super().__init__()
            self.channel = channel

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.sort = "ch"
        self.filter = ""
        self._shown: int | None = None  # the channel to come back to from a filter that hides it
        self._nothing = False  # is shown by the panes: the filter has left no channel of the layer
        self._typing = False  # a filter: until it is entered the cursor may be on another channel

    def compose(self) -> ComposeResult:
        """Two lists, and between them the line to type in."""
        yield LayerList(id="layers")
        yield FilterLine(id="filter", placeholder="0-15 dead class:face max>20", compact=True)
        yield ChannelList(id="channels")

    def on_mount(self) -> None:
        """Name the lists."""
        entitle(self.layer_list, "1 layers")
        self._name_channels()

    @property
    def layer_list(self) -> LayerList:
        """The layers."""
        return self.query_one(LayerList)

    @property
    def channel_list(self) -> ChannelList:
        """The channels of the present layer."""
        return self.query_one(ChannelList)

    # -- what is shown -----------------------------------------------------------------------------

    def show_layer(
        self, layer: Stage, known: StageStatistics | None, channel: int, *, named: bool = False
    ) -> None:
        """List a layer's channels, the cursor on ``channel`` or the first that the filter leaves.

        If it was ``named`` by the user, a filter that hides it ends.
        """
        if named and channel not in choose(layer.channels, known, self.filter, names=layer.names):
            self._forget_filter()
        self.channel_list.statistics = known
        self.channel_list.stage = layer
        self.layer_list.cursor = self.layer_list.stages.index(layer)
        self._shown = channel
        self.order_channels(channel)
        self._nothing = self.channel_list.channel is None
        if not self._nothing:
            self._shown = self.channel_list.channel

    def show_statistics(self, known: StageStatistics | None) -> None:
        """Fill in what has become known of the layer."""
        self.channel_list.statistics = known
        if self.filter or self.sort != "ch":
            before = self.channel_list.channel
            self.order_channels()
            if not self._typing and self.channel_list.channel != before:
                self._enter()

    def order_channels(self, at: int | None = None) -> None:
        """Filter and sort the channels, the cursor on ``at``, or staying on its channel, if that is left.

        Raises ExploreError where the filter cannot be read.
        """
        channels = self.channel_list
        if channels.stage is None:
            return
        here = self._shown if self._typing or channels.channel is None else channels.channel
        wanted = here if at is None else at
        stage = channels.stage
        order = choose(stage.channels, channels.statistics, self.filter, self.sort, names=stage.names)
        channels.sorted_by = self.sort
        channels.order = order
        channels.cursor = order.index(wanted) if wanted in order else 0
        self._name_channels()

    def go_to(self, channel: int) -> None:
        """Put the cursor on a channel, ending a filter that hides it."""
        if channel not in self.channel_list.order:
            self._forget_filter()
        self._shown, self._nothing = channel, False
        self.order_channels(channel)

    def _name_channels(self) -> None:
        layer = self.channel_list.stage
        if layer is None:
            title = "2 channels"
        elif self.filter:
            title = f"2 {layer.name}, {self.channel_list.count()} of {layer.channels}"
        else:
            title = f"2 channels of {layer.name}"
        entitle(self.channel_list, title)

    def sort_by_next(self, step: int) -> None:
        """Sort by the next column, or the one before; what is not known of these images is passed over."""
        known = self.channel_list.statistics
        sorts = [name for name in SORTS if known is None or name == "ch" or len(column(known, name))]
        self.sort = sorts[(sorts.index(self.sort) + step) % len(sorts)] if self.sort in sorts else "ch"
        self.order_channels()

    @on(Rows.Titled)
    def _title_clicked(self, event: Rows.Titled) -> None:
        """Sort by the column whose title was clicked; again by number if it was sorted so."""
        event.stop()
        name = event.title.removesuffix(SORTED)
        if event.rows is self.channel_list and name in SORTS:
            self.sort = name if name != self.sort else SORTS[0]
            self.order_channels()

    # -- filter ------------------------------------------------------------------------------------

    def open_filter(self) -> None:
        """Show the line to type in."""
        self._typing = True
        line = self.query_one(Input)
        line.display = True
        line.focus()

    def close_filter(self) -> bool:
        """Show all channels again; tell whether there was a filter."""
        if not (self.query_one(Input).display or self.filter):
            return False
        asleep = self._nothing or self.channel_list.channel is None
        self.order_channels(self._forget_filter())
        self.channel_list.focus()
        if asleep:
            self._enter()
        return True

    def _forget_filter(self) -> int | None:
        """Empty the line and hide it; give the channel to come back to."""
        line = self.query_one(Input)
        if line.has_focus:
            self.channel_list.focus()
        back = self._shown if self._typing or self.channel_list.channel is None else None
        line.value, line.display, self.filter, self._typing = "", False, "", False
        return back

    def _enter(self) -> None:
        """Go to the channel that the cursor has come to; where none is left, stay with the one shown."""
        if (channel := self.channel_list.channel) is not None:
            self._shown, self._nothing = channel, False
            self.post_message(self.Entered(channel))

    @on(Rows.Moved)
    def _went_on(self, event: Rows.Moved) -> None:
        """The cursor was moved, by the mouse if a filter is being typed."""
        if event.rows is self.channel_list:
            self._shown, self._nothing, self._typing = self.channel_list.channel, False, False

    @on(Input.Changed)
    def _filter_typed(self, event: Input.Changed) -> None:
        """Filter as the user types; what cannot be read yet leaves the list as it is."""
        before, self.filter = self.filter, event.value
        self._typing = event.input.has_focus
        try:
            self.order_channels()
        except ExploreError:
            self.filter = before
            event.input.add_class("-unreadable")
            if not unfinished(event.value):
                entitle(self.channel_list, "2 ✗ this is no filter")
        else:
            event.input.remove_class("-unreadable")

    @on(Input.Submitted)
    def _filter_done(self, event: Input.Submitted) -> None:
        """Go to the first channel that is left, or say what is wrong."""
        if event.input.has_class("-unreadable"):
            try:
                choose(0, None, event.value)
            except ExploreError as error:
                self.app.notify(str(error), severity="error", markup=False)
            return
        self._typing = False
        event.input.display = bool(self.filter)
        self.channel_list.focus()
        self._enter()


def entitle(pane: Widget, title: str) -> None:
    """Write a pane's title, if it is a new one: setting it draws the whole pane anew."""
    if pane.border_title != title:
        pane.border_title = title
