from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from zfexplore.atlas.records import Place
from zfexplore.exemplars.records import ChannelExemplars, Exemplar
from zfexplore.units import Unit, Window

CHANNEL = Unit("conv2", 7)


@pytest.fixture
def exemplar():
    """The second of a channel, its window 3 x 4 pixels at row 2, column 5 of an image of 8 x 10."""
    random = np.random.default_rng(0)
    return Exemplar(
        CHANNEL,
        Place(1, 2.5, 3, "a.png", None, 1, 2),
        random.normal(size=(3, 3, 4)).astype(np.float32),
        Window(2, 5, 5, 9),
        random.integers(0, 256, (8, 10, 3), dtype=np.uint8),
        2.4,
    )


def test_rank_and_unit_are_those_of_its_place(exemplar):
    assert exemplar.rank == 1
    assert exemplar.unit == Unit("conv2", 7, 1, 2)


def test_the_patch_is_the_image_inside_the_window(exemplar):
    np.testing.assert_array_equal(exemplar.patch, exemplar.image[2:5, 5:9])


def test_the_whole_projection_is_zero_outside_the_window(exemplar):
    whole = exemplar.pixels
    assert (whole.shape, whole.dtype) == ((3, 8, 10), np.float32)
    np.testing.assert_array_equal(whole[:, 2:5, 5:9], exemplar.crop)
    assert np.count_nonzero(whole) == np.count_nonzero(exemplar.crop)


def test_a_notebook_shows_projection_and_patch_side_by_side(exemplar):
    with Image.open(io.BytesIO(exemplar._repr_png_())) as image:
        assert image.width > 2 * 224
        assert image.height < 2 * 224


def test_they_tell_themselves_in_a_line(exemplar):
    assert repr(exemplar) == "<Exemplar conv2:7@1,2 on a.png, activation 2.4>"
    assert repr(ChannelExemplars(CHANNEL, (exemplar,))) == "<ChannelExemplars conv2:7: 1 exemplars>"
