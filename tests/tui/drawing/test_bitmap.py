"""A bitmap with its drawings, before and after it went through the pipe."""

from __future__ import annotations

import pickle

import numpy as np

from zfexplore.tui.drawing.bitmap import Bitmap
from zfexplore.tui.drawing.picture import draw

SIZE = (2, 4, "quadrants")


def test_what_is_sent_has_its_pixels_its_box_and_its_drawings():
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    bitmap = Bitmap(pixels, (0, 0, 2, 2))
    bitmap.drawings[SIZE] = draw(bitmap, *SIZE)
    sent = pickle.loads(pickle.dumps(bitmap, 5))

    assert (sent.pixels == pixels).all()
    assert (sent.box, sent.drawings) == (bitmap.box, bitmap.drawings)
    assert pickle.loads(pickle.dumps(sent, 5)).pixels.tolist() == pixels.tolist()  # sent on


def test_a_picture_is_equal_only_to_itself():
    pixels = np.zeros((2, 2, 3), np.uint8)

    assert Bitmap(pixels) != Bitmap(pixels)


def test_another_box_leaves_the_pixels_as_they_came():
    sent = pickle.loads(pickle.dumps(Bitmap(np.zeros((2, 2, 3), np.uint8)), 5))
    boxed = sent.boxed((0, 0, 1, 1))

    assert (boxed.box, sent.box) == ((0, 0, 1, 1), None)
    assert (boxed.pixels == sent.pixels).all()
