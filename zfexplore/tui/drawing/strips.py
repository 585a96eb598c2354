"""Drawings into Textual strips: a run is a segment, and equal colours share a style."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from zfexplore.tui.drawing import kitty
from zfexplore.tui.drawing.bitmap import Bitmap, Drawing, Tile
from zfexplore.tui.drawing.tiles import Tiles

# Of styles and colours. A screen of pictures has half as many, and eight times as many are asked for again
# hardly more often (74 of 100 times, not 64, over 2,400 keys), but take 20 MB.
STYLES_KEPT = 4096
KEPT = 4  # sizes of one picture: as thumbnail in both grids, large, and one of a size before


def strips_of(bitmap: Bitmap, rows: int, columns: int, mode: str) -> list[Strip]:
    """Give a picture's strips, from its drawing of that size if there is one; they are kept with it.

    The engine draws thumbnails beforehand. For all else numpy is imported here and now.
    """
    size = (rows, columns, mode)
    strips = bitmap.strips.get(size)
    if strips is None:
        drawing = bitmap.drawings.get(size)
        if drawing is None:
            from zfexplore.tui.drawing.picture import draw

            drawing = draw(bitmap, *size)
        if len(bitmap.strips) >= KEPT:
            bitmap.strips.clear()
        strips = bitmap.strips[size] = to_strips(drawing)
    return strips


def in_pixels(tiles: Tiles, tile: Tile | None, line: int, plain: Style) -> Segment | None:
    """Give a line of cells that show a tile; None as long as the terminal does not have it."""
    number = None if tile is None else tiles.number(tile)
    if tile is None or number is None:
        return None
    return Segment(kitty.placeholders(line, tile.columns), plain + in_colour(number))


def to_strips(drawing: Drawing) -> list[Strip]:
    """Give one strip a row."""
    return [
        Strip([Segment(text, style(fore, back)) for text, fore, back in row], sum(len(run[0]) for run in row))
        for row in drawing
    ]


@lru_cache(maxsize=STYLES_KEPT)
def style(fore: int, back: int) -> Style:
    """Give the style of two packed colours (0xRRGGBB)."""
    return Style.from_color(_colour(fore), _colour(back))


@lru_cache(maxsize=STYLES_KEPT)
def in_colour(fore: int) -> Style:
    """Give the style of one packed colour (0xRRGGBB) on whatever is behind."""
    return Style(color=_colour(fore))


@lru_cache(maxsize=STYLES_KEPT)
def dimmed(bright: Style | None) -> Style:
    """Give a style at two fifths of its brightness."""
    if bright is None or bright.color is None or bright.bgcolor is None:
        return bright or Style.null()
    return style(*(_darker(colour.triplet) for colour in (bright.color, bright.bgcolor)))


@lru_cache(maxsize=STYLES_KEPT)
def _colour(packed: int) -> Color:
    return Color.from_rgb(packed >> 16, packed >> 8 & 255, packed & 255)


def _darker(triplet: Iterable[int] | None) -> int:
    red, green, blue = (2 * part // 5 for part in triplet or (0, 0, 0))
    return red << 16 | green << 8 | blue
