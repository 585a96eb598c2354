"""The renderer, judged by drawing its cells back."""

from __future__ import annotations

import numpy as np
import pytest

from zfexplore.tui.drawing import cells
from zfexplore.tui.drawing.cells import BLOCKS, drawable, five_bits, resize, to_cells, to_image

RANDOM = np.random.default_rng(0)


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
    errors = {mode: error(scene(), 12, 24, mode) for mode in ("sextant", "quadrant", "half")}

    assert errors["sextant"] < errors["quadrant"] < errors["half"] < 30


@pytest.mark.parametrize("mode", ["quadrant", "half", "sextant"])
def test_a_picture_of_two_colours_a_cell_comes_back_exactly(mode):
    high, wide = BLOCKS[mode]
    colours = five_bits(RANDOM.uniform(0, 255, (5, 7, 2, 3)))
    choice = RANDOM.integers(0, 2, (5, 7, high, wide))
    picture = np.stack(
        [[colours[r, c][choice[r, c].ravel()].reshape(high, wide, 3) for c in range(7)] for r in range(5)]
    )  # [rows, columns, high, wide, 3]
    picture = picture.swapaxes(1, 2).reshape(5 * high, 7 * wide, 3)

    np.testing.assert_array_equal(to_image(to_cells(picture, 5, 7, mode), mode), picture)


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

    blocks = drawable(values, 4, 4, "quadrant")

    assert (blocks[-1, -1] == 128).all()
    assert blocks[1, 1].min() > 200


@pytest.mark.parametrize(("mode", "across"), [("quadrant", 2), ("half", 1), ("sextant", 1), ("ascii", 2)])
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
    red = (cells.boxed_blocks(image, (0, 0, 8, 8), 8, 8, "half") == (220, 38, 38)).all(axis=2)

    assert red.shape == (16, 8)
    assert red[[0, -1]].all()
    assert red[:, [0, -1]].all()
    assert not red[1:-1, 1:-1].any()


def test_colours_pass_through_untouched():
    picture = scene(8)

    assert drawable(picture, 4, 4, "half") is picture
