"""Layers, and below them the channels of one layer, filtered by what is typed and sorted by a column."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from zfexplore.errors import ExploreError
from zfexplore.printable import printable
from zfexplore.tui import keys
from zfexplore.tui.choice import SORTS, choose, column, unfinished
from zfexplore.tui.messages import Stage, StageStatistics
from zfexplore.tui.widgets.channels import SORTED, ChannelList
from zfexplore.tui.widgets.layers import LayerList
from zfexplore.tui.widgets.line import Line
from zfexplore.tui.widgets.rows import Rows


class FilterLine(Line):
    """The line for the filter. While the user types, the line at the foot shows its keys."""

    BINDINGS = keys.bindings(keys.FILTER)


class Sidebar(Vertical):
    """Is told a layer and its statistics; ``filter`` and ``sort`` choose and order the channels."""

    class Entered(Message):
        """The filter moved the cursor to ``channel``, because it hides the one before."""

        def __init__(self, channel: int) -> None:
            super().__init__()
            self.channel = channel

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.sort = "ch"
        self.filter = ""
        self._shown: int | None = None  # the channel to return to when a filter that hides it ends
        self._nothing = False  # the panes show nothing: no channel of the layer passes the filter
        self._typing = False  # while a filter is typed, the cursor may be on another channel than the panes

    def compose(self) -> ComposeResult:
        """Two lists, and between them the line for the filter."""
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
        """List a layer's channels with the cursor on ``channel``, or the first that passes the filter.

        If the user ``named`` the channel, a filter that hides it ends.
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
        """Fill in the layer's new statistics."""
        self.channel_list.statistics = known
        if self.filter or self.sort != "ch":
            before = self.channel_list.channel
            self.order_channels()
            if not self._typing and self.channel_list.channel != before:
                self._enter()

    def order_channels(self, at: int | None = None) -> None:
        """Filter and sort the channels; put the cursor on ``at``, or leave it on its channel, if that passes.

        Raises ExploreError if the filter cannot be read.
        """
        channels = self.channel_list
        if channels.stage is None:
            choose(0, None, self.filter)  # what is no filter is none before the net is known, too
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
        """Put the cursor on a channel; a filter that hides it ends."""
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
        """Sort by the next column or the one before, passing over columns unknown for these images."""
        known = self.channel_list.statistics
        sorts = [name for name in SORTS if known is None or name == "ch" or len(column(known, name))]
        self.sort = sorts[(sorts.index(self.sort) + step) % len(sorts)] if self.sort in sorts else "ch"
        self.order_channels()

    @on(Rows.Titled)
    def _title_clicked(self, event: Rows.Titled) -> None:
        """Sort by the column whose title was clicked; by number if that was the sorted one."""
        event.stop()
        name = event.title.removesuffix(SORTED)
        if event.rows is self.channel_list and name in SORTS:
            self.sort = name if name != self.sort else SORTS[0]
            self.order_channels()

    # -- filter ------------------------------------------------------------------------------------

    def open_filter(self) -> None:
        """Show the line for the filter."""
        self._typing = True
        line = self.query_one(Input)
        line.display = True
        line.focus()

    def close_filter(self) -> bool:
        """End the filter and show all channels; tell whether there was one."""
        if not (self.query_one(Input).display or self.filter):
            return False
        asleep = self._nothing or self.channel_list.channel is None
        self.order_channels(self._forget_filter())
        self.channel_list.focus()
        if asleep:
            self._enter()
        return True

    def _forget_filter(self) -> int | None:
        """Empty and hide the line; give the channel to return to."""
        line = self.query_one(Input)
        if line.has_focus:
            self.channel_list.focus()
        back = self._shown if self._typing or self.channel_list.channel is None else None
        line.value, line.display, self.filter, self._typing = "", False, "", False
        return back

    def _enter(self) -> None:
        """Post the cursor's channel; if none passes the filter, stay with the one shown."""
        if (channel := self.channel_list.channel) is not None:
            self._shown, self._nothing = channel, False
            self.post_message(self.Entered(channel))

    @on(Rows.Moved)
    def _went_on(self, event: Rows.Moved) -> None:
        """Note that the user moved the cursor, with the mouse if a filter is being typed."""
        if event.rows is self.channel_list:
            self._shown, self._nothing, self._typing = self.channel_list.channel, False, False

    @on(Input.Changed)
    def _filter_typed(self, event: Input.Changed) -> None:
        """Filter as the user types; a filter that cannot be read leaves the list as it is."""
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
        """Go to the cursor's channel, or say what is wrong with the filter."""
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
    """Write a pane's title, made printable, if it is new, because setting it redraws the whole pane."""
    title = printable(title)
    if pane.border_title != title:
        pane.border_title = title
