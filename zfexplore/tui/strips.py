"""Cells into Textual strips: neighbours of equal colours share a segment, colours share a style."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

if TYPE_CHECKING:
    import numpy as np

    from zfexplore.tui.cells import Cells


def to_strips(cells: Cells) -> list[Strip]:
    """One strip a row of cells."""
    fore, back = _packed(cells.fore), _packed(cells.back)
    rows = zip(cells.glyph.tolist(), fore, back, strict=True)
    return [_strip(glyphs, fores, backs) for glyphs, fores, backs in rows]


def _strip(glyphs: list[int], fores: list[int], backs: list[int]) -> Strip:
    """Run along one row; a blank joins whatever run has its background."""
    segments: list[Segment] = []
    text = ""
    fore = back = -1
    for glyph, new_fore, new_back in zip(glyphs, fores, backs, strict=True):
        if new_back != back or (new_fore != fore and glyph != _BLANK):
            if text:
                segments.append(Segment(text, style(fore, back)))
            text, fore, back = "", new_fore, new_back
        text += chr(glyph)
    segments.append(Segment(text, style(fore, back)))
    return Strip(segments, len(glyphs))


_BLANK = ord(" ")


@lru_cache(maxsize=32768)
def style(fore: int, back: int) -> Style:
    """The style of two packed colours (0xRRGGBB)."""
    return Style.from_color(_colour(fore), _colour(back))


@lru_cache(maxsize=32768)
def _colour(packed: int) -> Color:
    return Color.from_rgb(packed >> 16, packed >> 8 & 255, packed & 255)


def _packed(colours: np.ndarray) -> list[list[int]]:
    """[rows, columns, 3] uint8 to one number a cell."""
    wide = colours.astype("int32")
    return (wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]).tolist()
