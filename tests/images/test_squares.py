from __future__ import annotations

import numpy as np
import pytest
import torch

from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.images.squares import Squares
from zfexplore.images.transforms import prepare

SMALLER = InputConvention(size=6, resize=8)
PIXELS = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8))


def test_squares_are_a_source_of_pictures_with_names_and_labels():
    squares = Squares(PIXELS, ["a", "b", "c"], [1, None, 0], ["cat", "dog"])
    picture = squares[1]
    assert (len(squares), picture.name, picture.label, squares.label(0)) == (3, "b", None, 1)
    assert np.array_equal(np.asarray(picture.image), PIXELS[1].numpy())
    assert [Squares(PIXELS).image_name(number) for number in range(3)] == ["0", "1", "2"]


def test_their_crops_are_what_a_net_sees_of_each():
    crops = Squares(PIXELS).crops(SMALLER, "crop")
    assert crops.data_ptr() == PIXELS[:, 1, 1].data_ptr(), "it copied"
    for picture, crop in zip(Squares(PIXELS), crops, strict=True):
        assert np.array_equal(prepare(picture.image, SMALLER), crop.numpy())


@pytest.mark.parametrize(
    ("convention", "fit"),
    [
        (SMALLER, "whole"),
        (InputConvention(size=6, resize=9), "crop"),
        (InputConvention(size=6, resize=8, mean=(0.0,), std=(1.0,)), "crop"),
    ],
)
def test_a_net_that_sees_something_else_takes_the_pictures(convention, fit):
    assert Squares(PIXELS).crops(convention, fit) is None


def test_other_pixels_have_another_fingerprint():
    other = PIXELS.clone()
    other[2, 7, 7, 2] ^= 1
    assert Squares(PIXELS).fingerprint() == Squares(PIXELS.clone()).fingerprint()
    assert Squares(PIXELS).fingerprint() != Squares(other).fingerprint()


@pytest.mark.parametrize(
    ("pixels", "told"),
    [
        (PIXELS.float(), r"torch.float32 \[3, 8, 8, 3\]"),
        (PIXELS[:, :7], r"torch.uint8 \[3, 7, 8, 3\]"),
        (PIXELS[:0], r"torch.uint8 \[0, 8, 8, 3\]"),
        (PIXELS.numpy(), r"uint8 \[3, 8, 8, 3\]"),
        ("no", "'no'"),
    ],
)
def test_pixels_of_another_form_are_refused(pixels, told):
    with pytest.raises(ExploreError, match=told):
        Squares(pixels)


def test_each_square_has_one_name_and_one_label():
    with pytest.raises(ExploreError, match="3 squares come with 2 names and 3 labels"):
        Squares(PIXELS, names=["a", "b"])
