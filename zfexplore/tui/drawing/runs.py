"""Cells into runs, and these into lines for the terminal: neighbours of equal colours share a run.

A line is what a terminal in true colours is told, and one text a row is all that a drawing is: it goes
through the pipe at once, and to the screen as it came. Made of a segment and a style a run, a row of three
pictures took 25 ms of a frame.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from zfexplore.tui.drawing.bitmap import Drawing, Run
    from zfexplore.tui.drawing.cells import Cells

BLANK = ord(" ")
RESET = "\x1b[0m"
_RUN = re.compile(r"\x1b\[(?:38;2;(\d+);(\d+);(\d+))?;?(?:48;2;(\d+);(\d+);(\d+))?m([^\x1b]*)")
_COLOUR = re.compile(r"([34]8;2;)(\d+);(\d+);(\d+)")
_DARKER = {str(value): str(2 * value // 5) for value in range(256)}


def to_lines(cells: Cells) -> Drawing:
    """Give each row of cells as a line for the terminal."""
    return tuple(map(written, to_runs(cells)))


def written(runs: Iterable[Run]) -> str:
    """Write runs for a terminal in true colours: of each the colours that the one before it has not."""
    parts: list[str] = []
    fore = back = -1
    for text, new_fore, new_back in runs:
        codes = [f"38;2;{_channels(new_fore)}"] if new_fore != fore else []
        codes += [f"48;2;{_channels(new_back)}"] if new_back != back else []
        parts.append(f"\x1b[{';'.join(codes)}m{text}" if codes else text)
        fore, back = new_fore, new_back
    return "".join([*parts, RESET])


def read(line: str) -> list[Run]:
    """Give the runs of a line that ``written`` wrote."""
    runs: list[Run] = []
    fore = back = 0
    for found in _RUN.finditer(line):
        fore = fore if found[1] is None else _packed_one(found[1], found[2], found[3])
        back = back if found[4] is None else _packed_one(found[4], found[5], found[6])
        runs.append((found[7], fore, back))
    return runs


def darker(line: str) -> str:
    """Give a line at two fifths of its brightness."""
    return _COLOUR.sub(
        lambda found: f"{found[1]}{_DARKER[found[2]]};{_DARKER[found[3]]};{_DARKER[found[4]]}", line
    )


def to_runs(cells: Cells) -> list[list[Run]]:
    """Give the runs of each row of cells."""
    fore, back = _packed(cells.fore), _packed(cells.back)
    rows = zip(cells.glyph.tolist(), fore, back, strict=True)
    return [_row(glyphs, fores, backs) for glyphs, fores, backs in rows]


def _row(glyphs: list[int], fores: list[int], backs: list[int]) -> list[Run]:
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
    return runs


def _packed(colours: np.ndarray) -> list[list[int]]:
    """[rows, columns, 3] uint8 to one number a cell."""
    wide = colours.astype("int32")
    return (wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]).tolist()


def _packed_one(red: str, green: str, blue: str) -> int:
    return int(red) << 16 | int(green) << 8 | int(blue)


def _channels(packed: int) -> str:
    return f"{packed >> 16};{packed >> 8 & 255};{packed & 255}"
