"""Nine pictures, three by three: a channel's projections, or the patches of the images they come from.

Above each tile stands a caption with its rank and activation, which also separates it from the tile above.
The cursor marks a caption. Tiles are square if a cell is twice as high as wide. The last channel's pictures
stay until the first new picture comes, and are dimmed if that takes a while.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.filter import LineFilter
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from zfexplore.tui import keys
from zfexplore.tui.drawing.bitmap import Bitmap, Tile
from zfexplore.tui.drawing.lines import drawn_lines
from zfexplore.tui.drawing.runs import darker
from zfexplore.tui.drawing.strips import DrawnStrip, Part, drawing_of, in_pixels
from zfexplore.tui.drawing.tiles import Tiles
from zfexplore.tui.drawing.unseen import of_pictures
from zfexplore.tui.messages import ShownUnit, TileSize
from zfexplore.tui.widgets.channels import number
from zfexplore.tui.widgets.rows import MARK, fitted

ROOM_FOR_BOTH = 100  # columns of the screen; from here on two pictures or grids stand side by side
SIDE = 3  # tiles a row and a column
LEAST_ROWS = 5  # of a tile with its caption; lower tiles have no caption
BETWEEN_ROWS = 0.01  # seconds between redrawing one row of tiles and the next
DIM_AFTER = 0.25  # seconds; new pictures mostly come sooner, and under a held key dimming would only flicker


@dataclass(frozen=True)
class Arrangement:
    """Where tiles stand: ``rows`` x ``columns`` cells each, ``left`` cells before the first.

    The line above a row of tiles holds captions. In a low pane there are no captions: that line is blank,
    and missing above the first row. The cursor's mark stands in the column before a tile.
    """

    rows: int
    columns: int
    left: int
    captions: bool = True

    def line(self, y: int) -> tuple[int, int]:
        """Give the row of tiles and the line in it that the pane shows at ``y``; -1 is the line above."""
        row, line = divmod(y + (not self.captions), self.rows + 1)
        return row, line - 1

    def region(self, row: int, width: int) -> Region:
        """Give the cells of a row of tiles and the line above it, in a pane of ``width``."""
        top = row * (self.rows + 1) - (not self.captions)
        return Region(0, max(0, top), width, self.rows + 1)

    def tile_at(self, x: int, y: int) -> int | None:
        """Give the tile at a cell of the pane, caption included; None between tiles."""
        row, column = self.line(y)[0], (x - self.left) // (self.columns + 1)
        inside = x >= self.left and (x - self.left) % (self.columns + 1) < self.columns
        return row * SIDE + column if inside and row < SIDE and column < SIDE else None


def arrange(width: int, height: int) -> Arrangement:
    """Give the largest square tiles that fit a pane, with captions above and a column between."""
    captions = height >= SIDE * LEAST_ROWS
    rows = max(1, height // SIDE - 1 if captions else (height + 1) // SIDE - 1)
    rows = min(rows, widest_tile(width))
    columns = max(2, min(2 * rows, width // SIDE - 1))
    return Arrangement(rows, columns, max(1, (width - SIDE * columns - SIDE + 1) // 2), captions)


def widest_tile(width: int) -> int:
    """Give the rows of the largest square tile that fits three times side by side."""
    return max(1, width // SIDE // 2)  # a column goes between: (width // SIDE - 1 + 1) // 2


class PictureGrid(Widget, can_focus=True):
    """Shows ``pictures``; ``kind`` says which picture of each unit it draws."""

    COMPONENT_CLASSES = {"pictures--caption", "pictures--cursor", "pictures--empty"}
    DEFAULT_CSS = """
    PictureGrid > .pictures--caption { color: $text-muted; }
    PictureGrid > .pictures--cursor { color: $accent; text-style: bold; }
    PictureGrid:focus > .pictures--cursor { background: $primary; color: $background; text-style: bold; }
    PictureGrid > .pictures--empty { color: $text-disabled; }
    """
    BINDINGS = keys.bindings(keys.PANES)

    _plain = Style.null()
    _place = Arrangement(1, 2, 1)  # and this: those of the lines that are being drawn
    _dimming: Timer | None = None
    dims = True  # whether pictures that stay another channel's for a while are dimmed

    pictures: reactive[tuple[ShownUnit, ...]] = reactive((), repaint=False)
    cursor: reactive[int] = reactive(0)
    stale: reactive[bool] = reactive(False, repaint=False)  # the pictures are still those of another channel
    dim: reactive[bool] = reactive(False, repaint=False)
    kind: reactive[str] = reactive("projection", init=False)  # or "patch", or "whole"
    mode: reactive[str] = reactive("quadrants", init=False)
    cell: reactive[tuple[int, int]] = reactive((0, 0), init=False)  # pixels, where the terminal draws them
    covered: reactive[bool] = reactive(False)  # by a dialog, which tints colours; those of pixels are numbers
    notice: reactive[str] = reactive("")  # drawn in the middle while there is no picture

    class Moved(Message):
        """The user moved the cursor to another picture."""

        def __init__(self, rank: int) -> None:
            super().__init__()
            self.rank = rank

    class Opened(Message):
        """The user clicked a picture twice."""

    class Sized(Message):
        """The size or the glyphs of tiles have changed."""

        def __init__(self, tile: TileSize) -> None:
            super().__init__()
            self.tile = tile

    def __init__(self, kind: str, *, id: str, told: bool = True) -> None:
        super().__init__(id=id)
        self.told = told  # whether the engine draws its thumbnails beforehand
        self.set_reactive(PictureGrid.kind, kind)
        self.tiles = Tiles()  # the terminal's, once the app knows that it has any
        self.spare = 0  # columns at the right that hold no tile

    @property
    def arrangement(self) -> Arrangement:
        """Where the tiles stand now."""
        return arrange(self.size.width - self.spare, self.size.height)

    def on_resize(self) -> None:
        """Post how tiles are drawn now."""
        self.tell_size()

    def tell_size(self) -> None:
        """Post how tiles are drawn, so that the engine draws them beforehand."""
        place = self.arrangement
        if self.size.area and self.told:
            tile = TileSize(self.id or "", self.kind, place.rows, place.columns, self.mode, self.cell)
            self.post_message(self.Sized(tile))
        self.want()

    def want(self) -> None:
        """Tell which pictures the terminal should have in pixels."""
        in_sight = self.size.area and not self.covered
        self.tiles.want(self.id or "", [tile for tile in self._in_pixels() if tile] if in_sight else [])

    def _in_pixels(self) -> list[Tile | None]:
        """Give each picture in pixels, if it has been drawn for the cells that it has here."""
        place = self.arrangement
        return [self._tile(getattr(shown, self.kind), place) for shown in self.pictures]

    def _tile(self, bitmap: Bitmap, place: Arrangement) -> Tile | None:
        return bitmap.tiles.get((place.rows, place.columns, self.cell))

    def redraw(self, tiles: Iterable[Tile]) -> None:
        """Draw the pictures of these tiles, which the terminal has by now."""
        there = list(tiles)
        self._redraw({rank // SIDE for rank, tile in enumerate(self._in_pixels()) if tile in there})

    def watch_kind(self) -> None:
        """Post how the other pictures are drawn."""
        self.tell_size()

    def watch_mode(self) -> None:
        """Post the other glyphs."""
        self.tell_size()

    def watch_cell(self) -> None:
        """Post the other size of pixels."""
        self.tell_size()

    def watch_covered(self) -> None:
        """Want nothing below a dialog, and all again after it."""
        self.want()

    def watch_pictures(self, old: tuple[ShownUnit, ...], new: tuple[ShownUnit, ...]) -> None:
        """Redraw the tiles that changed, a row of tiles a frame: a key never waits for a whole pane."""
        self.want()
        if not old or not new:
            self.refresh()
            return
        changed = [rank for rank in range(SIDE * SIDE) if old[rank : rank + 1] != new[rank : rank + 1]]
        self._redraw_in_turn(sorted({rank // SIDE for rank in changed}))

    def _redraw_in_turn(self, rows: Iterable[int]) -> None:
        for later, row in enumerate(rows):
            if later:
                self.set_timer(later * BETWEEN_ROWS, partial(self._redraw, [row]))
            else:
                self._redraw([row])

    def _redraw(self, rows: Iterable[int]) -> None:
        """Draw whole rows of tiles: a line is written from the pane's edge on, whatever changed in it."""
        place = self.arrangement
        for row in rows:
            self.refresh(place.region(row, self.size.width))

    def watch_stale(self, stale: bool) -> None:
        """Dim the pictures if they stay another channel's for a while."""
        if self._dimming is not None:
            self._dimming.stop()
        self._dimming = self.set_timer(DIM_AFTER, self._dim) if stale else None
        if not stale:
            self.dim = False

    def _dim(self) -> None:
        self.dim = self.stale and self.dims

    def watch_dim(self) -> None:
        """Draw the pictures darker, or as they are, a row of tiles a frame."""
        self._redraw_in_turn(range(SIDE))

    # -- cursor ------------------------------------------------------------------------------------

    def action_step(self, down: int, across: int) -> None:
        """Move to a neighbour; stop at the edges."""
        row, column = divmod(self.cursor, SIDE)
        row, column = (min(max(place, 0), SIDE - 1) for place in (row + down, column + across))
        self._move(row * SIDE + column)

    def action_page(self, direction: int) -> None:
        """Move one picture forward or back in order of rank."""
        self._move(self.cursor + direction)

    def action_edge(self, direction: int) -> None:
        """Move to the first or the last picture."""
        self._move(0 if direction < 0 else SIDE * SIDE - 1)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the picture that was clicked; the second click opens it."""
        place = event.get_content_offset(self)
        tile = None if place is None else self.arrangement.tile_at(*place)
        if tile is not None:
            self._move(tile)
            if event.chain == 2:
                self.post_message(self.Opened())

    def _move(self, rank: int) -> None:
        rank = max(0, min(rank, SIDE * SIDE - 1))
        if rank != self.cursor:
            self.cursor = rank
            self.post_message(self.Moved(rank))

    # -- drawing -----------------------------------------------------------------------------------

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Spare the pictures the look for unseen characters."""
        return of_pictures(super().get_line_filters())

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw the pane; its style and its arrangement are looked up once, not for every line."""
        self._plain, self._place = self.rich_style, self.arrangement
        return drawn_lines(self, crop, super().render_lines)

    def render_line(self, y: int) -> Strip:
        """Draw a line of captions, or a line of three pictures."""
        width, height = self.size
        place = self._place
        row, line = place.line(y)
        if self.notice and not self.pictures and y == height // 2:
            return _centred(self.notice, width, self.get_component_rich_style("pictures--empty"))
        if row >= SIDE:
            return Strip.blank(width, self._plain)
        parts: list[Part] = [Segment(" " * (place.left - 1), self._plain)]
        for rank in range(row * SIDE, row * SIDE + SIDE):
            parts.append(self._mark(rank, line, place))
            parts += self._caption(rank, place) if line < 0 else self._line(rank, line, place)
        taken = place.left - 1 + SIDE * (1 + place.columns)
        parts.append(Segment(" " * (width - taken), self._plain))
        return DrawnStrip(parts, max(taken, width)).adjust_cell_length(width)

    def _mark(self, rank: int, line: int, place: Arrangement) -> Segment:
        if rank != self.cursor or line != (-1 if place.captions else 0):
            return Segment(" ", self._plain)
        return Segment(MARK, self.get_component_rich_style("pictures--cursor"))

    def _caption(self, rank: int, place: Arrangement) -> list[Segment]:
        style = self.get_component_rich_style(
            "pictures--cursor" if rank == self.cursor and place.captions else "pictures--caption"
        )
        value = f" {number(self.pictures[rank].value)}" if rank < len(self.pictures) else ""
        return [Segment(fitted(f"{rank + 1}{value}" if place.captions else "", place.columns), style)]

    def _line(self, rank: int, line: int, place: Arrangement) -> Sequence[Part]:
        if rank >= len(self.pictures):
            dot = "·" if line == place.rows // 2 and not self.notice else " "
            style = self.get_component_rich_style("pictures--empty")
            return [Segment(dot.center(place.columns), style)]
        bitmap = getattr(self.pictures[rank], self.kind)
        if not (self.dim or self.covered):
            pixels = in_pixels(self.tiles, self._tile(bitmap, place), line, self._plain)
            if pixels is not None:
                return [pixels]
        drawn = drawing_of(bitmap, place.rows, place.columns, self.mode)[line]
        return [darker(drawn) if self.dim else drawn]


def _centred(text: str, width: int, style: Style) -> Strip:
    return Strip([Segment(fitted(text, min(len(text), width)).center(width), style)], width)
