"""The net's layers: a list beside the channels, or one line of tabs if the list has no room."""

from __future__ import annotations

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from zfexplore.printable import printable
from zfexplore.tui.messages import Stage
from zfexplore.tui.widgets.rows import Column, Rows

SHORT = 6  # cells of a name such as conv12


class LayerList(Rows):
    """The layers from the input upwards, with their maps and receptive fields."""

    ABOUT = (
        ("layer", "the layer's name, from the image upwards"),
        ("ch", "how many channels it has"),
        ("map", "rows and columns of each channel's map: so many places where it can fire"),
        ("sees", "rows of the image that one unit sees, in pixels of the net's input"),
    )

    stages: reactive[tuple[Stage, ...]] = reactive((), init=False)

    def columns(self) -> tuple[Column, ...]:
        """Name, channels, map and field. Names of modules are long, and told apart by their ends."""
        if any(len(stage.name) > SHORT for stage in self.stages):
            return (
                Column("layer", SHORT, right=False, rest=True, front=True),
                Column("ch", 4),
                Column("map", 7, pane=40),
                Column("sees", 4, pane=34),
            )
        return (
            Column("layer", SHORT, right=False),
            Column("ch", 4),
            Column("map", 7, pane=22),
            Column("sees", 4, pane=27),
        )

    def count(self) -> int:
        """Number of layers."""
        return len(self.stages)

    def texts(self, index: int) -> tuple[str, ...]:
        """One layer."""
        stage = self.stages[index]
        size = "x".join(str(length) for length in stage.map_size) or "1"
        field = str(stage.field_size[0]) if stage.field_size else "all"
        return stage.name, str(stage.channels), size, field

    def empty_text(self) -> str:
        """Give the line that stands here until the net is loaded."""
        return "loading the net"

    def watch_stages(self) -> None:
        """Draw the new layers."""
        self.changed()


class LayerTabs(Widget):
    """The layers' names in one line, the present one marked; at the right, what the grid shows."""

    COMPONENT_CLASSES = {"tabs--here"}
    DEFAULT_CSS = """
    LayerTabs { height: 1; color: $text-muted; }
    LayerTabs > .tabs--here { background: $primary; color: $background; text-style: bold; }
    """

    names: reactive[tuple[str, ...]] = reactive(())
    here: reactive[str] = reactive("")
    showing: reactive[str] = reactive("")

    class Picked(Message):
        """The user clicked a layer."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def render_line(self, y: int) -> Strip:
        """Draw the names that fit around the present one, and what the grid shows."""
        plain, here = self.rich_style, self.get_component_rich_style("tabs--here")
        showing = printable(self.showing)
        room = self.size.width - len(showing) - 1
        segments = [
            Segment(f"[{shown}]" if name == self.here else f" {shown} ", here if name == self.here else plain)
            for name, shown in self._in_sight(room).items()
        ]
        used = sum(len(segment.text) for segment in segments)
        gap = max(0, self.size.width - used - len(showing))
        segments.append(Segment(" " * gap + showing, plain))
        return Strip(segments).adjust_cell_length(self.size.width, plain)

    def on_click(self, event: events.Click) -> None:
        """Go to the layer that was clicked."""
        edge = 0
        for name, shown in self._in_sight(self.size.width - len(printable(self.showing)) - 1).items():
            edge += len(shown) + 2
            if event.x < edge:
                self.post_message(self.Picked(name))
                return

    def _in_sight(self, room: int) -> dict[str, str]:
        """Give by name what is shown; names at the end further from the present one drop until all fits."""
        names, shown = list(self.names), {name: printable(name) for name in self.names}
        while names and sum(len(shown[name]) + 2 for name in names) > room and len(names) > 1:
            middle = names.index(self.here) if self.here in names else 0
            names.pop(-1 if middle < len(names) / 2 else 0)
        return {name: shown[name] for name in names}
