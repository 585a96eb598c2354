"""A picture becomes a tile: a small PNG for the terminal to draw in some cells; in the engine only."""

from __future__ import annotations

import io
from hashlib import blake2b
from typing import TYPE_CHECKING

from zfexplore.tui.drawing.bitmap import Bitmap, Tile

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image


def encode(bitmap: Bitmap, rows: int, columns: int, cell: tuple[int, int]) -> Tile:
    """Draw a picture for ``rows`` x ``columns`` cells, each ``cell`` (width, height) pixels.

    It has the shape of its cells, and as many pixels as they, but no more than it has itself: what lies
    between, the terminal finds as well, and a line is slow. Tiny pictures are enlarged all the same, for
    their pixels are squares. Signed values are averaged before they are scaled, as glyphs are.
    """
    picture = _sized(bitmap, rows * cell[1], columns * cell[0])
    stream = io.BytesIO()
    picture.save(stream, "png", compress_level=6)
    png = stream.getvalue()
    return Tile(rows, columns, cell, png, blake2b(png, digest_size=12).digest())


def _sized(bitmap: Bitmap, height: int, width: int) -> Image.Image:
    from zfexplore.figures.blocks import WHOLE_PIXELS, enlarged
    from zfexplore.figures.channel import boxed

    pixels = bitmap.pixels
    side = max(pixels.shape[:2])
    if max(height, width) < WHOLE_PIXELS * side:
        share = min(1.0, side / max(height, width))
        height, width = max(1, round(height * share)), max(1, round(width * share))
    if bitmap.box is None:
        return enlarged(_colours(pixels, height, width), height, width)
    longer = max(height, width)  # the box is drawn on a square, which cells of another shape stretch
    square = boxed(enlarged(_colours(pixels, longer, longer), longer, longer), bitmap.box, longer / side)
    return square.resize((width, height))


def _colours(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    if pixels.dtype.kind != "f":
        return pixels
    from zfexplore.figures.display import to_rgb
    from zfexplore.tui.drawing.cells import resize

    smaller = height < pixels.shape[0] or width < pixels.shape[1]
    return to_rgb(resize(pixels, height, width) if smaller else pixels)[0]
