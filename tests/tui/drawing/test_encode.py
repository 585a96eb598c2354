"""A picture as a tile: what its PNG holds."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from zfexplore.figures.channel import BOX
from zfexplore.figures.display import to_rgb
from zfexplore.tui.drawing.bitmap import Bitmap
from zfexplore.tui.drawing.encode import encode
from zfexplore.units import Window


def pixels_of(tile) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(tile.png)))


def test_a_picture_smaller_than_its_cells_is_sent_as_it_is():
    picture = np.random.default_rng(0).integers(0, 256, (100, 100, 3)).astype(np.uint8)
    tile = encode(Bitmap(picture), 7, 14, (10, 20))

    np.testing.assert_array_equal(pixels_of(tile), picture)
    assert tile.cut == (7, 14, (10, 20))


def test_a_larger_one_gets_the_pixels_of_its_cells_and_a_tiny_one_squares():
    large = Bitmap(np.full((300, 300, 3), 90, np.uint8))
    tiny = np.random.default_rng(0).integers(0, 256, (7, 7, 3)).astype(np.uint8)

    assert pixels_of(encode(large, 7, 14, (10, 20))).shape == (140, 140, 3)
    assert pixels_of(encode(large, 7, 14, (9, 20))).shape == (140, 126, 3)
    np.testing.assert_array_equal(
        pixels_of(encode(Bitmap(tiny), 7, 14, (10, 20))), tiny.repeat(20, 0).repeat(20, 1)
    )


def test_signed_values_have_zero_at_mid_grey_and_their_own_scale():
    values = np.zeros((50, 50, 3), np.float32)
    values[:10, :10], values[40:, 40:] = 0.2, -0.2

    np.testing.assert_array_equal(pixels_of(encode(Bitmap(values), 7, 14, (10, 20))), to_rgb(values)[0])


def test_the_box_lies_around_its_window_also_on_cells_of_another_shape():
    bitmap = Bitmap(np.full((100, 100, 3), 90, np.uint8), box=Window(20, 40, 60, 80))
    square, flat = (pixels_of(encode(bitmap, 5, 10, cell)) for cell in ((10, 20), (5, 20)))

    assert square.shape == (100, 100, 3)
    assert tuple(square[21, 60]) == BOX[1]
    assert tuple(square[40, 60]) == (90, 90, 90)
    assert flat.shape == (100, 50, 3)
    red = (flat[..., 0] > 150) & (flat[..., 1] < 120)
    rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    assert abs(rows[0] - 21) <= 1
    assert abs(columns[0] - 20) <= 1
    assert abs(columns[-1] - 39) <= 1


def test_tiles_of_one_content_have_one_key():
    pictures = [np.full((9, 9, 3), value, np.uint8) for value in (1, 1, 2)]
    first, again, other = (encode(Bitmap(picture), 2, 4, (10, 20)).key for picture in pictures)

    assert first == again != other
