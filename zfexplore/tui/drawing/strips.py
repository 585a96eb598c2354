"""Drawings into Textual strips: a line goes to the terminal as it was drawn."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from rich.color import Color, ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from zfexplore.tui.drawing import kitty
from zfexplore.tui.drawing.bitmap import KEPT, Bitmap, Drawing, Tile
from zfexplore.tui.drawing.runs import read
from zfexplore.tui.drawing.tiles import Tiles

Part = Segment | str  # of a line: a common segment, or a line of a drawing


class DrawnStrip(Strip):
    """A line with pictures in it, in parts. Where all of it is shown, it is written as it was drawn.

    Textual cuts a line, dims or filters it by its segments: these are made when they are asked for first.
    """

    def __init__(self, parts: Sequence[Part], cell_length: int) -> None:
        self._parts = [part for part in parts if isinstance(part, str) or part.text]
        self._made: list[Segment] | None = None
        super().__init__((), cell_length)

    @property
    def _segments(self) -> list[Segment]:  # type: ignore[override]
        if self._made is None:
            self._made = [
                segment
                for part in self._parts
                for segment in (segments_of(part) if isinstance(part, str) else (part,))
            ]
        return self._made

    @_segments.setter
    def _segments(self, segments: list[Segment]) -> None:
        """Textual's constructor sets none."""

    def render(self, console: Console) -> str:
        """Give what the terminal is told."""
        if console.color_system not in ("truecolor", None):
            return super().render(console)
        if self._render_cache is None:
            self._render_cache = "".join(map(_told, self._parts))
        return self._render_cache


def _told(part: Part) -> str:
    if isinstance(part, str):
        return part
    text, style, _ = part
    return text if style is None else Strip.render_style(style, text, ColorSystem.TRUECOLOR)


def drawing_of(bitmap: Bitmap, rows: int, columns: int, mode: str) -> Drawing:
    """Give a picture's drawing of that size, which is kept.

    The engine draws thumbnails beforehand. For all else numpy is imported here and now.
    """
    size = (rows, columns, mode)
    if size not in bitmap.drawings:
        from zfexplore.tui.drawing.picture import draw

        drawing = draw(bitmap, *size)
        if len(bitmap.drawings) >= KEPT:
            bitmap.drawings.clear()
        bitmap.drawings[size] = drawing
    return bitmap.drawings[size]


def segments_of(line: str) -> list[Segment]:
    """Give the segments of a drawing's line, a run a segment."""
    return [Segment(text, style(fore, back)) for text, fore, back in read(line)]


def in_pixels(tiles: Tiles, tile: Tile | None, line: int, plain: Style) -> Segment | None:
    """Give a line of cells that show a tile; None as long as the terminal does not have it."""
    number = None if tile is None else tiles.number(tile)
    if tile is None or number is None:
        return None
    return Segment(kitty.placeholders(line, tile.columns), plain + in_colour(number))


@lru_cache(maxsize=4096)
def style(fore: int, back: int) -> Style:
    """Give the style of two packed colours (0xRRGGBB)."""
    return Style.from_color(_colour(fore), _colour(back))


@lru_cache(maxsize=4096)
def in_colour(fore: int) -> Style:
    """Give the style of one packed colour (0xRRGGBB) on whatever is behind."""
    return Style(color=_colour(fore))


def _colour(packed: int) -> Color:
    return Color.from_rgb(packed >> 16, packed >> 8 & 255, packed & 255)
