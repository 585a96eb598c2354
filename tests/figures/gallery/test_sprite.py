from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from zfexplore.figures.blocks import BlockUnit, ChannelBlock
from zfexplore.figures.gallery.sprite import GAP, photograph, sprite, tile_of
from zfexplore.units import Window

TILE = 56


def unit(rank: int, colour: int) -> BlockUnit:
    """A unit whose projection is all at full brightness, and whose patch has one grey."""
    patch = np.full((28, 28, 3), colour, np.uint8)
    return BlockUnit(
        np.ones((3, 28, 28), np.float32), patch, 0, 0, Window(0, 0, 28, 28), patch,
        rank, 1.0, rank, "x", None, 0, 0,
    )  # fmt: skip


@pytest.mark.parametrize(("side", "tile"), [(7, 56), (27, 56), (75, 75), (139, 139), (224, 144)])
def test_a_pixel_is_a_pixel_where_that_is_large_enough_and_not_too_large(side, tile):
    assert tile_of(side) == tile


def test_the_left_half_has_the_projections_and_the_right_one_what_they_saw_at_the_same_places():
    block = ChannelBlock("conv2:3", 28, (unit(0, 0), unit(1, 40), unit(2, 80), unit(3, 200)))
    with Image.open(io.BytesIO(sprite(block, TILE))) as file:
        assert file.format == "WEBP"
        pixels = np.asarray(file.convert("L")).astype(int)
    half = 3 * TILE + 2 * GAP
    assert pixels.shape == (half, 2 * half)

    def middle(rank: int, side: int) -> int:
        row, column = divmod(rank, 3)
        return pixels[row * (TILE + GAP) + TILE // 2, side * half + column * (TILE + GAP) + TILE // 2]

    assert [middle(rank, 0) for rank in range(5)] == pytest.approx([255] * 4 + [128], abs=4)
    assert [middle(rank, 1) for rank in range(5)] == pytest.approx([0, 40, 80, 200, 128], abs=4)


def test_an_image_keeps_its_shape_and_is_at_most_224_pixels_wide():
    with Image.open(io.BytesIO(photograph(np.zeros((100, 448, 3), np.uint8)))) as file:
        assert file.size == (224, 50)
