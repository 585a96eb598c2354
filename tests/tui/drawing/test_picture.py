from __future__ import annotations

import numpy as np

from zfexplore.tui.drawing.bitmap import Bitmap, Run
from zfexplore.tui.drawing.picture import draw
from zfexplore.tui.drawing.runs import read
from zfexplore.units import Window

WHITE, BLACK, GREY = 0xFFFFFF, 0x000000, 0x5A5A5A
RED = 0xDE2929  # of the box, in five bits a colour


def drawn(*what) -> list[list[Run]]:
    return [read(line) for line in draw(*what)]


def test_white_over_black_is_an_upper_half_block():
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0] = 255

    assert drawn(Bitmap(pixels), 1, 1, "halves") == [[("▀", WHITE, BLACK)]]


def test_the_drawing_that_a_picture_has_is_given_as_it_is():
    bitmap = Bitmap(np.zeros((2, 2, 3), np.uint8))
    bitmap.drawings[1, 1, "halves"] = kept = ("x",)

    assert draw(bitmap, 1, 1, "halves") is kept
    assert drawn(bitmap, 1, 1, "quadrants") == [[(" ", BLACK, BLACK)]]


def test_its_box_is_drawn_around_the_window():
    bitmap = Bitmap(np.full((8, 8, 3), 90, np.uint8), Window(2, 2, 6, 6))
    first, second, *_ = drawn(bitmap, 4, 8, "halves")  # a block a pixel

    assert first == [(" ", GREY, GREY), ("▀" * 6, GREY, RED), (" ", GREY, GREY)]
    assert second == [
        (" ", GREY, GREY),
        (" ", RED, RED),
        ("    ", GREY, GREY),
        (" ", RED, RED),
        (" ", GREY, GREY),
    ]
