"""The network's input: which pixels it takes, exactly which numbers they become, and the way back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.images.photographs import Photographs
from zfexplore.images.transforms import (
    MARGIN_GREY,
    box_seen,
    crop_offset,
    denormalise,
    normalise,
    prepare,
    prepare_large,
    shrink,
    ten_crop,
)

SMALL = InputConvention(size=12, resize=16)


def random_image(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def random_batch(count: int, side: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), np.uint8)


def test_an_image_of_the_right_size_is_taken_as_it_is():
    image = random_image(16, 16)
    assert np.array_equal(prepare_large(image, SMALL), np.asarray(image))
    assert np.array_equal(prepare(image, SMALL), np.asarray(image)[2:14, 2:14])


def test_a_wide_image_loses_its_sides_and_a_tall_one_top_and_bottom():
    wide, tall = random_image(30, 16), random_image(16, 30)
    assert np.array_equal(prepare_large(wide, SMALL), np.asarray(wide)[:, 7:23])
    assert np.array_equal(prepare_large(tall, SMALL), np.asarray(tall)[7:23])


@pytest.mark.parametrize("size", [(300, 200), (200, 301), (33, 64), (7, 9), (1, 1), (1000, 3)])
def test_any_size_gives_the_square_and_its_centre(size):
    image = random_image(*size)
    large = prepare_large(image, SMALL)
    assert large.shape == (16, 16, 3)
    assert large.dtype == np.uint8
    assert np.array_equal(prepare(image, SMALL), large[2:14, 2:14])


def test_resizing_is_antialiased_and_bilinear():
    image = random_image(320, 240)
    box = (40, 0, 280, 240)
    expected = np.asarray(image.crop(box).resize((16, 16), Image.Resampling.BILINEAR)).astype(int)
    inner = np.s_[:, 1:-1]  # the outer columns also see a little of what lies beyond the square
    assert np.abs(prepare_large(image, SMALL)[inner] - expected[inner]).max() <= 1
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    centre = prepare_large(Image.fromarray(stripes), SMALL)[4:12, 4:12]
    assert np.abs(centre.astype(int) - 128).max() <= 2  # finer than a pixel: grey, not bars


@pytest.mark.parametrize(
    ("fit", "size"), [("crop", (60, 32)), ("crop", (32, 60)), ("whole", (24, 12)), ("whole", (8, 24))]
)
def test_a_box_is_seen_where_the_image_is_put(fit, size):
    width, height = size
    box = (width // 2 - 2, height // 2 - 2, width // 2 + 2, height // 2 + 4)
    image = Image.new("RGB", size)
    image.paste((255, 255, 255), box)
    rows, columns, _ = np.nonzero(prepare(image, SMALL, fit) > 128)
    seen = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert box_seen(box, size, SMALL, fit) == seen
    x0, y0, x1, y1 = box_seen((0, 0, *size), size, SMALL, fit)
    assert (x1 - x0) / (y1 - y0) == width / height
    assert (min(x0, y0) < 0) == (fit == "crop")


def test_odd_margins_round_down():
    convention = InputConvention(size=11, resize=16)
    assert crop_offset(convention) == 2
    image = random_image(16, 16)
    assert np.array_equal(prepare(image, convention), np.asarray(image)[2:13, 2:13])


@pytest.mark.parametrize("side", [110, 146, 183])
def test_smaller_squares_of_the_largest_are_near_those_of_the_image_itself(side):
    photographs = Photographs()
    images = [photographs[index].image for index in range(0, 560, 70)]
    largest = np.stack([prepare_large(image, InputConvention(224, 256)) for image in images])
    at_once = np.stack([prepare_large(image, InputConvention(56, side)) for image in images]).astype(int)
    smaller = shrink(torch.from_numpy(largest), side).numpy()
    assert smaller.dtype == np.uint8
    assert smaller.shape == (8, side, side, 3)
    difference = smaller - at_once  # in levels of 255
    assert np.abs(difference).mean() < 1.5
    assert np.percentile(np.abs(difference), 99) < 15
    assert abs(difference.mean()) < 0.1  # neither brighter nor darker,
    assert smaller.std() == pytest.approx(at_once.std(), rel=0.01)  # neither sharper nor duller


def test_no_squares_become_none_of_another_size():
    assert shrink(torch.empty(0, 9, 9, 3, dtype=torch.uint8), 4).shape == (0, 4, 4, 3)


def test_a_size_above_resize_is_refused():
    with pytest.raises(ExploreError, match="input of 20 pixels exceeds the 16"):
        prepare(random_image(30, 30), InputConvention(size=20, resize=16))


def test_whole_letterboxes_in_grey():
    image = Image.new("RGB", (24, 12), (255, 0, 0))
    result = prepare(image, SMALL, fit="whole")
    assert result.shape == (12, 12, 3)
    assert (result[3:9] == (255, 0, 0)).all()
    assert (result[:3] == MARGIN_GREY).all()
    assert (result[9:] == MARGIN_GREY).all()
    thin = prepare(Image.new("RGB", (5, 5000), (255, 0, 0)), SMALL, fit="whole")
    assert (thin == (255, 0, 0)).all(axis=-1).sum() == 12


def test_an_unknown_fit_is_a_usage_error():
    with pytest.raises(ExploreError, match="fit must be crop or whole, not 'stretch'"):
        prepare(random_image(9, 9), SMALL, fit="stretch")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("size", "fit", "scale", "top", "left"),
    [
        # Crop: 16 pixels span the short side, and the input begins 2 of them inside the centre square.
        ((300, 200), "crop", 12.5, 25, 50 + 25),
        ((64, 128), "crop", 4, 32 + 8, 8),
        ((16, 16), "crop", 1, 2, 2),
        # Whole: 12 pixels span the long side; what the short one lacks is margin on both sides.
        ((300, 200), "whole", 25, -50, 0),
        ((60, 120), "whole", 10, 0, -30),
        ((24, 24), "whole", 2, 0, 0),
    ],
)
def test_a_bright_spot_is_found_where_it_was(size, fit, scale, top, left):
    width, height = size
    y, x = np.mgrid[0:height, 0:width] + 0.5
    spot_y, spot_x = top + 8.5 * scale, left + 4.5 * scale  # under the middle of the input's pixel (8, 4)
    bright = np.exp(-((y - spot_y) ** 2 + (x - spot_x) ** 2) / (2 * (1.2 * scale) ** 2))
    image = Image.fromarray((np.repeat(bright[..., None], 3, 2) * 255).astype(np.uint8))
    seen = prepare(image, SMALL, fit)[..., 0]
    assert np.unravel_index(seen.argmax(), seen.shape) == (8, 4)


def test_normalise_by_hand():
    convention = InputConvention(size=1, resize=1, scale=255, mean=(100, 110, 120), std=(2, 4, 5))
    result = normalise(np.array([[[[10, 20, 30]]]], np.uint8), convention)
    assert result.dtype == torch.float32
    assert result.flatten().tolist() == [-45.0, -22.5, -18.0]
    unit = InputConvention(size=1, resize=1, scale=1.0, mean=(0.5, 0.5, 0.5))
    assert normalise(np.full((1, 1, 1, 3), 255, np.uint8), unit).flatten().tolist() == [0.5] * 3


def test_normalise_takes_arrays_and_tensors_of_any_size_alike():
    convention = InputConvention(mean=(1, 2, 3))
    batch = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), np.uint8)
    result = normalise(batch, convention)
    assert result.shape == (2, 3, 5, 7)
    assert result.is_contiguous(memory_format=torch.channels_last)  # what convolutions are fastest on
    assert torch.equal(result, normalise(torch.from_numpy(batch), convention))
    assert batch.dtype == np.uint8  # the argument is left alone
    assert torch.equal(result[:, 1], torch.from_numpy(batch)[..., 1].float() - 2)


def test_a_mean_image_is_subtracted_whole_or_its_centre():
    mean = np.random.default_rng(1).normal(100, 20, (3, 16, 16)).astype(np.float32)
    convention = InputConvention(size=12, resize=16, mean=(9, 9, 9), mean_image=mean)
    large = random_batch(2, 16)
    whole = normalise(large, convention)
    assert torch.equal(whole, torch.from_numpy(large).permute(0, 3, 1, 2).float() - torch.from_numpy(mean))
    centre = normalise(large[:, 2:14, 2:14], convention)
    assert torch.equal(centre, whole[:, :, 2:14, 2:14])


def test_a_mean_image_refuses_other_sizes():
    convention = InputConvention(size=12, resize=16, mean_image=np.zeros((3, 16, 16), np.float32))
    with pytest.raises(ExploreError, match="must be 12 or 16 pixels square, not 13 x 13"):
        normalise(random_batch(1, 13), convention)


@pytest.mark.parametrize("scale", [255.0, 1.0, 2.5])
def test_denormalise_undoes_normalise(scale):
    mean = np.random.default_rng(1).normal(0.4 * scale, 0.1 * scale, (3, 16, 16)).astype(np.float32)
    convention = InputConvention(size=12, resize=16, scale=scale, std=(0.2, 3, 58), mean_image=mean)
    for batch in (random_batch(2, 16), random_batch(2, 12)):
        assert np.array_equal(denormalise(normalise(batch, convention), convention).numpy(), batch)


def test_denormalise_clips():
    convention = InputConvention(size=1, resize=1)
    values = torch.tensor([-3.0, 300.0, 12.4]).view(1, 3, 1, 1)
    assert denormalise(values, convention).flatten().tolist() == [0, 255, 12]


def test_ten_crop_takes_corners_centre_and_their_mirror_images():
    batch = torch.arange(2 * 1 * 6 * 6, dtype=torch.float32).view(2, 1, 6, 6)
    views = ten_crop(batch, 4)
    assert views.shape == (2, 10, 1, 4, 4)
    first = batch[0, 0]
    expected = [first[:4, :4], first[:4, 2:], first[2:, :4], first[2:, 2:], first[1:5, 1:5]]
    for index, view in enumerate(expected):
        assert torch.equal(views[0, index, 0], view)
        assert torch.equal(views[0, index + 5, 0], view.flip(-1))


def test_ten_crop_refuses_crops_larger_than_the_image():
    with pytest.raises(ExploreError, match="crops of 8 pixels from images of 6"):
        ten_crop(torch.zeros(1, 3, 6, 6), 8)
