"""The renderer, judged by drawing its cells back."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from rich.cells import cell_len

from zfexplore.choices import Glyphs
from zfexplore.tui.drawing import cells
from zfexplore.tui.drawing.cells import BLOCKS, drawable, five_bits, resize, to_cells, to_image

RANDOM = np.random.default_rng(0)

# The names of U+1CD00 to U+1CDE5 in Unicode 16, without "BLOCK OCTANT-": which of the octants are filled,
# numbered in the order of reading. Python 3.11 knows Unicode 14.
OCTANTS = """
3 23 123 4 14 124 34 134 234 5 15 25 125 135 235 1235 45 145 245 1245 345 1345 2345 12345 6 16 26 126 36 136
236 1236 146 246 1246 346 1346 2346 12346 56 156 256 1256 356 1356 2356 12356 456 1456 2456 12456 3456 13456
23456 17 27 127 37 137 237 1237 47 147 247 1247 347 1347 2347 12347 157 257 1257 357 2357 12357 457 1457
12457 3457 13457 23457 67 167 267 1267 367 1367 2367 12367 467 1467 2467 12467 3467 13467 23467 123467 567
1567 2567 12567 3567 13567 23567 123567 4567 14567 24567 124567 34567 134567 234567 1234567 18 28 128 38 138
238 1238 48 148 248 1248 348 1348 2348 12348 58 158 258 1258 358 1358 2358 12358 458 1458 2458 12458 3458
13458 23458 123458 168 268 1268 368 2368 12368 468 1468 12468 3468 13468 23468 568 1568 2568 12568 3568
13568 23568 123568 4568 14568 24568 124568 34568 134568 234568 1234568 178 278 1278 378 1378 2378 12378 478
1478 2478 12478 3478 13478 23478 123478 578 1578 2578 12578 3578 13578 23578 123578 4578 14578 24578 124578
34578 134578 234578 1234578 678 1678 2678 12678 3678 13678 23678 123678 4678 14678 24678 124678 34678 134678
234678 1234678 15678 25678 125678 35678 235678 1235678 45678 145678 1245678 1345678 2345678
"""
ELSEWHERE = {  # what Unicode calls otherwise, by the same numbers
    "1": 0x1CEA8, "2": 0x1CEAB, "7": 0x1CEA3, "8": 0x1CEA0,  # left or right half of upper or lower quarter
    "12": 0x1FB82, "123456": 0x1FB85, "78": 0x2582, "345678": 0x2586,  # upper and lower quarters
    "35": 0x1FBE6, "46": 0x1FBE7,  # middle left and middle right one quarter block
    # quadrants and halves
    "13": 0x2598, "24": 0x259D, "57": 0x2596, "68": 0x2597, "1234": 0x2580, "5678": 0x2584,
    "1357": 0x258C, "2468": 0x2590, "1368": 0x259A, "2457": 0x259E, "123457": 0x259B, "123468": 0x259C,
    "135678": 0x2599, "245678": 0x259F, "12345678": 0x2588, "": 0x20,
}  # fmt: skip


def scene(size: int = 96) -> np.ndarray:
    """A disc on a slope of colours, with a bar: edges in every direction."""
    y, x = np.mgrid[0:size, 0:size] / size
    picture = np.stack([255 * x, 255 * y, 128 + 0 * x], axis=2)
    picture[(x - 0.5) ** 2 + (y - 0.45) ** 2 < 0.09] = (240, 220, 40)
    picture[(abs(x - y) < 0.04)] = (10, 20, 60)
    return picture.astype(np.uint8)


def error(image: np.ndarray, rows: int, columns: int, mode: str) -> float:
    """Root mean square error against the picture averaged to 4 x 4 pixels a cell."""
    high, wide = BLOCKS[mode]
    back = to_image(to_cells(image, rows, columns, mode), mode).astype(np.float32)
    back = back.repeat(12 // high, axis=0).repeat(12 // wide, axis=1)
    return float(np.sqrt(((resize(image, rows * 12, columns * 12) - back) ** 2).mean()))


def test_glyphs_that_follow_edges_are_nearer_the_picture_than_coarser_ones():
    errors = {mode: error(scene(), 12, 24, mode) for mode in get_args(Glyphs) if mode != "ascii"}

    assert errors["octants"] < errors["sextants"] < errors["quadrants"] < errors["halves"] < 30


@pytest.mark.parametrize("mode", ["octants", "sextants", "quadrants", "halves"])
def test_a_picture_of_two_colours_a_cell_comes_back_exactly(mode):
    high, wide = BLOCKS[mode]
    colours = five_bits(RANDOM.uniform(0, 255, (5, 7, 2, 3)))
    choice = RANDOM.integers(0, 2, (5, 7, high, wide))
    picture = np.stack(
        [[colours[r, c][choice[r, c].ravel()].reshape(high, wide, 3) for c in range(7)] for r in range(5)]
    )  # [rows, columns, high, wide, 3]
    picture = picture.swapaxes(1, 2).reshape(5 * high, 7 * wide, 3)

    np.testing.assert_array_equal(to_image(to_cells(picture, 5, 7, mode), mode), picture)


def test_octants_are_the_characters_whose_names_tell_their_blocks():
    names = dict(zip(OCTANTS.split(), range(0x1CD00, 0x1CDE6), strict=True)) | ELSEWHERE
    picture = np.zeros((4 * 256, 2, 3), np.uint8)  # a column of cells
    for row, name in enumerate(names):
        for number in map(int, name):
            picture[4 * row + (number - 1) // 2, (number - 1) % 2] = 255
    glyphs = to_cells(picture, 256, 1, "octants").glyph[:, 0]

    # A full cell is drawn as a blank of its colour, and of two complementary glyphs the brighter is in front.
    expected = [code if code != 0x2588 else 0x20 for code in names.values()]
    assert len(names) == 256
    assert glyphs.tolist() == expected


@pytest.mark.parametrize("mode", BLOCKS)
def test_every_glyph_is_one_cell_wide_as_the_explorer_counts(mode):
    assert {cell_len(chr(code)) for code in cells.codes(mode)} == {1}


@pytest.mark.parametrize("mode", BLOCKS)
def test_a_flat_picture_is_blanks_of_one_colour_or_one_shade(mode):
    drawn = to_cells(np.full((9, 9, 3), 128, np.uint8), 3, 4, mode)

    assert len(np.unique(drawn.glyph)) == 1
    assert len(np.unique(drawn.back.reshape(-1, 3), axis=0)) == 1
    if mode != "ascii":
        assert chr(drawn.glyph[0, 0]) == " "


def test_ascii_is_denser_where_the_picture_is_brighter():
    ramp = np.linspace(0, 255, 10).astype(np.uint8)[None, :, None].repeat(3, axis=2)

    drawn = to_cells(ramp, 1, 10, "ascii")

    assert "".join(map(chr, drawn.glyph[0])) == cells.RAMP


def test_resizing_keeps_the_mean_and_repeats_pixels_when_it_enlarges():
    picture = RANDOM.integers(0, 256, (30, 41, 3)).astype(np.uint8)

    np.testing.assert_allclose(resize(picture, 6, 8).mean((0, 1)), picture.mean((0, 1)), rtol=1e-5)
    np.testing.assert_array_equal(resize(picture[:2, :2], 4, 4), picture[:2, :2].repeat(2, 0).repeat(2, 1))


def test_five_bits_hold_black_white_and_32_levels():
    levels = five_bits(np.arange(256))

    assert (levels[0], levels[-1], len(np.unique(levels))) == (0, 255, 32)
    assert np.abs(levels.astype(int) - np.arange(256)).max() <= 5


def test_a_projection_keeps_zero_at_mid_grey_and_is_scaled_after_averaging():
    values = np.zeros((64, 64, 3), np.float32)
    values[:32, :32] = 0.01
    values[0::2, 33::2] += 5.0  # checkered noise that averages to ...
    values[0::2, 32::2] -= 5.0  # ... nothing

    blocks = drawable(values, 4, 4, "quadrants")

    assert (blocks[-1, -1] == 128).all()
    assert blocks[1, 1].min() > 200


@pytest.mark.parametrize(
    ("mode", "across"), [("quadrants", 2), ("halves", 1), ("sextants", 1), ("octants", 1), ("ascii", 2)]
)
def test_a_box_lies_around_the_window_a_block_thick_at_every_size(mode, across):
    high, wide = cells.BLOCKS[mode]
    image = np.full((96, 96, 3), 90, np.uint8)
    rows, columns = 12, 24
    blocks = cells.boxed_blocks(image, (24, 48, 40, 72), rows, columns, mode)

    red = (blocks == (220, 38, 38)).all(axis=2)
    down, over = rows * high / 96, columns * wide / 96
    top, bottom, left, right = round(24 * down), round(40 * down), round(48 * over), round(72 * over)
    expected = np.zeros_like(red)
    expected[top - 1 : bottom + 1, left - across : right + across] = True
    expected[top:bottom, left:right] = False
    assert (red == expected).all()
    assert (blocks[~red] == 90).all()
    assert (image == 90).all()


def test_the_box_of_a_window_at_the_border_lies_inside():
    image = np.full((8, 8, 3), 90, np.uint8)
    red = (cells.boxed_blocks(image, (0, 0, 8, 8), 8, 8, "halves") == (220, 38, 38)).all(axis=2)

    assert red.shape == (16, 8)
    assert red[[0, -1]].all()
    assert red[:, [0, -1]].all()
    assert not red[1:-1, 1:-1].any()


def test_colours_pass_through_untouched():
    picture = scene(8)

    assert drawable(picture, 4, 4, "halves") is picture
