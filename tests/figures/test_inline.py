from __future__ import annotations

import io

import numpy as np
from PIL import Image

from zfexplore.figures.display import GREY
from zfexplore.figures.inline import BETWEEN, png_bytes, png_of


def opened(data):
    return np.asarray(Image.open(io.BytesIO(data)))


def test_pictures_stand_three_in_a_row():
    drawn = opened(png_of([np.full((5, 5, 3), shade, np.uint8) for shade in (10, 20, 30, 40)], edge=10))
    assert drawn.shape == (2 * 10 + BETWEEN, 3 * 10 + 2 * BETWEEN, 3)
    assert [drawn[5, column, 0] for column in (5, 15 + BETWEEN, 25 + 2 * BETWEEN)] == [10, 20, 30]
    assert drawn[15 + BETWEEN, 5, 0] == 40
    assert drawn[15 + BETWEEN, 15 + BETWEEN, 0] == 255  # an empty place


def test_a_projection_has_its_zero_at_mid_grey_and_its_signs_apart():
    projection = np.zeros((3, 2, 2), np.float32)
    projection[:, 0, 0], projection[:, 1, 1] = 2.0, -2.0
    drawn = opened(png_of([projection], edge=16))
    assert drawn[2, 2].tolist() == [255] * 3
    assert drawn[13, 13].tolist() == [1] * 3
    assert drawn[2, 13].tolist() == [GREY] * 3


def test_a_narrow_window_keeps_its_proportions():
    drawn = opened(png_of([np.full((10, 5, 3), 200, np.uint8)], edge=20))
    assert drawn[10, 10, 0] == 200
    assert drawn[10, 2, 0] == GREY


def test_nothing_is_a_picture_too():
    assert opened(png_of([np.zeros((3, 0, 0), np.float32)], edge=8)).shape == (8, 8, 3)
    assert opened(png_of([])).size


def test_an_image_is_written_as_it_is():
    image = Image.new("RGB", (3, 2), (9, 8, 7))
    assert (opened(png_bytes(image)) == (9, 8, 7)).all()
