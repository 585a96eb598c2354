"""A channel as one small picture: three by three projections, and beside them what the units saw.

WebP at a quality at which projections of ZFNet's conv5 show no blocks: 36 KB at 144 pixels a tile. The page
shows either half as a square, and cuts single tiles out of it.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zfexplore.figures.blocks import SHOWN, ChannelBlock, enlarged, patch_tile, projection_tile
from zfexplore.figures.text import INK

ROWS = 3
GAP = 2  # pixels between two tiles: patches can be black or white
SMALLEST, LARGEST = 56, 144  # of a tile; within them a pixel of the input is one of the tile
LARGEST_IMAGE = 224
QUALITY, EFFORT = 75, 2  # effort 4 takes twice as long for a file that is a twentieth smaller


def tile_of(side: int) -> int:
    """Give the edge of a tile that shows ``side`` pixels of the input; conv1's seven become 56."""
    return min(max(side, SMALLEST), LARGEST)


def sprite(block: ChannelBlock, tile: int) -> bytes:
    """Draw nine projections on the left and nine patches on the right, as a WebP file.

    Each half is a square of three rows. The places of units that are not there stay grey.
    """
    half = ROWS * tile + (ROWS - 1) * GAP
    canvas = Image.new("RGB", (2 * half, half), INK)
    for place in range(SHOWN):
        row, column = divmod(place, ROWS)
        left, top = column * (tile + GAP), row * (tile + GAP)
        if place < len(block.units):
            unit = block.units[place]
            canvas.paste(projection_tile(unit, block.side, tile), (left, top))
            canvas.paste(patch_tile(unit, block.side, tile), (half + left, top))
        else:
            for start in (left, half + left):
                canvas.paste((128, 128, 128), (start, top, start + tile, top + tile))
    return _webp(canvas)


def strip(images: Sequence[NDArray[np.uint8]], tile: int) -> bytes:
    """Draw a channel's ideal images, ``uint8 [h, w, 3]`` each, side by side, as a WebP file."""
    canvas = Image.new("RGB", (len(images) * (tile + GAP) - GAP, tile), INK)
    for place, image in enumerate(images):
        canvas.paste(enlarged(image, tile, tile), (place * (tile + GAP), 0))
    return _webp(canvas)


def photograph(pixels: NDArray[np.uint8]) -> bytes:
    """Give an image as the net sees it, ``uint8 [h, w, 3]``, as a WebP file of at most 224 pixels."""
    image = Image.fromarray(pixels)
    image.thumbnail((LARGEST_IMAGE, LARGEST_IMAGE), Image.Resampling.LANCZOS)
    return _webp(image)


def _webp(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "WEBP", quality=QUALITY, method=EFFORT)
    return file.getvalue()
