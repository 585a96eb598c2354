"""Pictures for a notebook: a few arrays side by side, as the bytes of a PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zfexplore.figures.blocks import enlarged
from zfexplore.figures.display import GREY, to_rgb

EDGE = 224  # of one picture, in pixels
BETWEEN = 8
IN_A_ROW = 3


def png_of(pictures: Sequence[NDArray[Any]], *, edge: int = EDGE) -> bytes:
    """Draw ``pictures``, three per row, and give the bytes of a PNG.

    Signed floats ``[3, h, w]`` are a projection, drawn on its own scale with zero at mid-grey;
    ``uint8 [h, w, 3]`` is an image. The longer side of each becomes ``edge`` pixels.
    """
    columns = min(len(pictures), IN_A_ROW)
    rows = -(-len(pictures) // IN_A_ROW)
    step = edge + BETWEEN
    size = (max(columns * step - BETWEEN, 1), max(rows * step - BETWEEN, 1))
    canvas = Image.new("RGB", size, (255, 255, 255))
    for place, picture in enumerate(pictures):
        row, column = divmod(place, IN_A_ROW)
        canvas.paste(_square(picture, edge), (column * step, row * step))
    return png_bytes(canvas)


def png_bytes(image: Image.Image) -> bytes:
    """Give ``image`` as the bytes of a PNG."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _square(picture: NDArray[Any], edge: int) -> Image.Image:
    """Draw one picture in the middle of a grey square."""
    rgb = to_rgb(picture)[0] if np.issubdtype(picture.dtype, np.floating) else picture
    square = Image.new("RGB", (edge, edge), (GREY, GREY, GREY))
    if rgb.size:
        height, width = (max(round(edge * side / max(rgb.shape[:2])), 1) for side in rgb.shape[:2])
        square.paste(enlarged(rgb, height, width), ((edge - width) // 2, (edge - height) // 2))
    return square
