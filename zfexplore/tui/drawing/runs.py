"""Cells into runs: neighbours of equal colours share one, which makes a drawing plain and small."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from zfexplore.tui.drawing.bitmap import Drawing, Run
    from zfexplore.tui.drawing.cells import Cells

BLANK = ord(" ")


def to_runs(cells: Cells) -> Drawing:
    """Give the runs of each row of cells."""
    fore, back = _packed(cells.fore), _packed(cells.back)
    rows = zip(cells.glyph.tolist(), fore, back, strict=True)
    return tuple(_row(glyphs, fores, backs) for glyphs, fores, backs in rows)


def _row(glyphs: list[int], fores: list[int], backs: list[int]) -> tuple[Run, ...]:
    """Go along one row; a blank joins whatever run has its background."""
    runs: list[Run] = []
    text = ""
    fore = back = -1
    for glyph, new_fore, new_back in zip(glyphs, fores, backs, strict=True):
        if new_back != back or (new_fore != fore and glyph != BLANK):
            if text:
                runs.append((text, fore, back))
            text, fore, back = "", new_fore, new_back
        text += chr(glyph)
    runs.append((text, fore, back))
    return tuple(runs)


def _packed(colours: np.ndarray) -> list[list[int]]:
    """[rows, columns, 3] uint8 to one number a cell."""
    wide = colours.astype("int32")
    return (wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]).tolist()
