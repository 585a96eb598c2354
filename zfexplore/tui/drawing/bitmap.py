"""A picture on its way to the screen: pixels, a box to be drawn on them, and drawings in cells.

Plain data, so that it goes through the engine's pipe. numpy is imported only where pixels are used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from zfexplore.units import Window

Size = tuple[int, int, str]  # of a drawing: rows and columns of cells, and the kind of glyphs
Run = tuple[str, int, int]  # characters, their colour and the colour behind them, both 0xRRGGBB
Drawing = tuple[str, ...]  # each row of cells as a terminal in true colours is told it: see runs.py
Cut = tuple[int, int, tuple[int, int]]  # of a tile: rows and columns of cells, and a cell's width and height

KEPT = 4  # drawings of one picture, and tiles: as in both grids, large, and of a size before


@dataclass(frozen=True)
class Tile:
    """A picture as a PNG for the terminal to draw in ``rows`` x ``columns`` cells.

    ``cell`` is the width and height of a cell in pixels for which it was made, and ``key`` tells its
    content: tiles of one key need not be sent twice.
    """

    rows: int
    columns: int
    cell: tuple[int, int]
    png: bytes
    key: bytes

    @property
    def cut(self) -> Cut:
        """The cells that it was made for."""
        return self.rows, self.columns, self.cell


class Bitmap:
    """A picture, equal only to itself, so that drawings of it can be kept.

    ``pixels`` [h, w, 3] are colours (uint8), or a projection's signed values (float32), which are
    scaled when they are drawn. A ``box`` is drawn around that part of them, on what is shown and not on
    the pixels: at the size of a thumbnail a thin line would be lost. ``drawings`` are kept by size. The
    ``tiles`` are the picture in pixels by the cells they were made for, where the terminal can draw them.
    """

    def __init__(self, pixels: np.ndarray | None, box: Window | None = None) -> None:
        self._pixels = pixels
        self._packed: tuple[bytes, tuple[int, ...], str] | None = None
        self.box = box
        self.drawings: dict[Size, Drawing] = {}
        self.tiles: dict[Cut, Tile] = {}

    @property
    def pixels(self) -> np.ndarray:
        """The pixels; what came through the pipe becomes an array the first time."""
        if self._pixels is None:
            import numpy as np

            assert self._packed is not None
            data, shape, kind = self._packed
            self._pixels = np.frombuffer(data, kind).reshape(shape)
        return self._pixels

    def boxed(self, box: Window | None) -> Bitmap:
        """Give the same pixels with another box."""
        other = Bitmap(self._pixels, box)
        other._packed = self._packed
        return other

    def keep(self, tile: Tile) -> None:
        """Keep a tile; where there are too many, those of before go."""
        if len(self.tiles) >= KEPT:
            self.tiles.clear()
        self.tiles[tile.cut] = tile

    def __getstate__(self) -> tuple[Any, ...]:
        """Give what is sent: the pixels as bytes, the drawings and the tiles."""
        if self._packed is not None:
            return self._packed, self.box, self.drawings, self.tiles
        pixels = self.pixels
        return (pixels.tobytes(), pixels.shape, pixels.dtype.str), self.box, self.drawings, self.tiles

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take what was sent."""
        self._pixels = None
        self._packed, self.box, self.drawings, self.tiles = state
