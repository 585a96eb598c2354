"""One picture as large as its pane allows."""

from __future__ import annotations

from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from zfexplore.tui.messages import Bitmap
from zfexplore.tui.widgets.pictures import drawn


class LargePicture(Widget):
    """Draws ``bitmap``, square, in the middle."""

    DEFAULT_CSS = "LargePicture { height: 1fr; width: 1fr; }"

    bitmap: reactive[Bitmap | None] = reactive(None)
    mode: reactive[str] = reactive("quadrant")

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        width, height = self.size
        rows = max(1, min(height, width // 2))
        columns = min(width, 2 * rows)
        line = y - (height - rows) // 2
        if self.bitmap is None or not 0 <= line < rows:
            return Strip.blank(width, self.rich_style)
        strip = drawn(self.bitmap, rows, columns, self.mode)[line]
        left = (width - columns) // 2
        return Strip.join(
            [
                Strip.blank(left, self.rich_style),
                strip,
                Strip.blank(width - left - columns, self.rich_style),
            ]
        )
