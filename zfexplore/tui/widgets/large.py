"""One picture, as large as its pane allows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.segment import Segment
from textual import events
from textual.filter import LineFilter
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from zfexplore.tui.drawing.bitmap import Bitmap, Cut, Size, Tile
from zfexplore.tui.drawing.kitty import NUMBERS
from zfexplore.tui.drawing.strips import DrawnStrip, drawing_of, in_pixels
from zfexplore.tui.drawing.tiles import Tiles
from zfexplore.tui.drawing.unseen import of_pictures


class LargePicture(Widget):
    """Draws ``bitmap``, square, in the middle; in pixels where it has them and the terminal too."""

    DEFAULT_CSS = "LargePicture { height: 1fr; width: 1fr; }"

    bitmap: reactive[Bitmap | None] = reactive(None)
    mode: reactive[str] = reactive("quadrants")
    cell: reactive[tuple[int, int]] = reactive((0, 0), init=False)  # pixels, where the terminal draws them
    covered: reactive[bool] = reactive(False, init=False)  # by a dialog, as in a PictureGrid

    class Came(Message):
        """The picture is on the screen: where the terminal draws pixels, the app gives it what it needs."""

        def __init__(self, picture: LargePicture) -> None:
            super().__init__()
            self.picture = picture

    class Clicked(Message):
        """The user clicked the picture at ``y, x``, both in [0, 1]."""

        def __init__(self, y: float, x: float) -> None:
            super().__init__()
            self.y, self.x = y, x

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.tiles = Tiles()  # the terminal's, once the app has given them
        self.spare = 0  # columns at the right that hold no picture

    def on_mount(self) -> None:
        """Ask the app for the terminal's tiles."""
        self.post_message(self.Came(self))

    def on_unmount(self) -> None:
        """Want nothing any more."""
        self.tiles.want(self.id or "", ())

    def on_resize(self) -> None:
        """Want the picture in another size."""
        self.want()

    def watch_bitmap(self) -> None:
        """Want another picture."""
        self.want()

    def watch_cell(self) -> None:
        """Want the picture for other cells."""
        self.want()

    def watch_covered(self) -> None:
        """Want nothing below a dialog."""
        self.want()

    def want(self) -> None:
        """Tell which picture the terminal should have in pixels."""
        tile = None if self.covered else self._tile
        self.tiles.want(self.id or "", () if tile is None else (tile,))

    def redraw(self, tiles: Iterable[Tile]) -> None:
        """Draw the picture if it is one of these, which the terminal has by now."""
        tile = self._tile
        if tile is not None and tile in tiles:
            self.refresh()

    @property
    def cut(self) -> Cut | None:
        """The cells for which a tile may be made; None where there are to be no pixels."""
        cells = self._cells
        able = self.size.area and self.cell != (0, 0) and cells.width <= len(NUMBERS)
        return (cells.height, cells.width, self.cell) if able else None

    @property
    def _tile(self) -> Tile | None:
        cut = self.cut
        return None if self.bitmap is None or cut is None else self.bitmap.tiles.get(cut)

    @property
    def drawn_size(self) -> Size:
        """The size at which the picture is drawn."""
        cells = self._cells
        return cells.height, cells.width, self.mode

    @property
    def _cells(self) -> Region:
        """Where the picture stands in the pane."""
        width, height = self.size.width - self.spare, self.size.height
        rows = max(1, min(height, width // 2))
        columns = min(width, 2 * rows)
        return Region((width - columns) // 2, (height - rows) // 2, columns, rows)

    def on_click(self, event: events.Click) -> None:
        """Post where in the picture the click was."""
        place, cells = event.get_content_offset(self), self._cells
        if place is not None and cells.contains_point(place):
            y, x = (place.y - cells.y + 0.5) / cells.height, (place.x - cells.x + 0.5) / cells.width
            self.post_message(self.Clicked(y, x))

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Spare the pictures the look for unseen characters."""
        return of_pictures(super().get_line_filters())

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        left, top, columns, rows = self._cells
        width, line = self.size.width, y - top
        if self.bitmap is None or not 0 <= line < rows:
            return Strip.blank(width, self.rich_style)
        plain = self.rich_style
        pixels = None if self.covered else in_pixels(self.tiles, self._tile, line, plain)
        drawn = pixels or drawing_of(self.bitmap, rows, columns, self.mode)[line]
        right = width - left - columns
        return DrawnStrip([Segment(" " * left, plain), drawn, Segment(" " * right, plain)], width)


def cuts_of(pictures: Iterable[LargePicture]) -> tuple[Cut, ...]:
    """Give the cells for which tiles are made of what these show, each once."""
    return tuple({cut: None for picture in pictures if (cut := picture.cut) is not None})
