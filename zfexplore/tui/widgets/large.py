"""One picture, as large as its pane allows."""

from __future__ import annotations

from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from zfexplore.tui.drawing.bitmap import Bitmap, Size
from zfexplore.tui.drawing.strips import strips_of


class LargePicture(Widget):
    """Draws ``bitmap``, square, in the middle."""

    DEFAULT_CSS = "LargePicture { height: 1fr; width: 1fr; }"

    bitmap: reactive[Bitmap | None] = reactive(None)
    mode: reactive[str] = reactive("quadrants")

    class Clicked(Message):
        """The user clicked the picture at ``y, x``, both in [0, 1]."""

        def __init__(self, y: float, x: float) -> None:
            super().__init__()
            self.y, self.x = y, x

    @property
    def drawn_size(self) -> Size:
        """The size at which the picture is drawn."""
        cells = self._cells
        return cells.height, cells.width, self.mode

    @property
    def _cells(self) -> Region:
        """Where the picture stands in the pane."""
        width, height = self.size
        rows = max(1, min(height, width // 2))
        columns = min(width, 2 * rows)
        return Region((width - columns) // 2, (height - rows) // 2, columns, rows)

    def on_click(self, event: events.Click) -> None:
        """Post where in the picture the click was."""
        place, cells = event.get_content_offset(self), self._cells
        if place is not None and cells.contains_point(place):
            y, x = (place.y - cells.y + 0.5) / cells.height, (place.x - cells.x + 0.5) / cells.width
            self.post_message(self.Clicked(y, x))

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        left, top, columns, rows = self._cells
        width, line = self.size.width, y - top
        if self.bitmap is None or not 0 <= line < rows:
            return Strip.blank(width, self.rich_style)
        strip = strips_of(self.bitmap, rows, columns, self.mode)[line]
        return Strip.join(
            [
                Strip.blank(left, self.rich_style),
                strip,
                Strip.blank(width - left - columns, self.rich_style),
            ]
        )
