"""What may be asked for, what is refused in which words, and the settings a projection runs under."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from zfexplore.deconv.dense import project
from zfexplore.deconv.request import strongest
from zfexplore.errors import ExploreError
from zfexplore.nets.trunk import Trunk


@pytest.fixture
def trunk(zfnet: nn.Module) -> Trunk:
    return Trunk(zfnet)


@pytest.mark.parametrize(
    ("stage", "channels", "positions", "words"),
    [
        ("conv9", 0, None, "no layer 'conv9': this net has conv1, pool1"),
        ("conv5", 7, None, "conv5 has no channel 7: it has 0-6"),
        ("conv5", [0, -1], None, "conv5 has no channel -1: it has 0-6"),
        ("conv5", [], None, "no channel was asked for"),
        ("conv5", 1.5, None, "whole numbers"),
        ("conv5", 0, [[5, 0]], "conv5 has no unit at row 5, column 0: rows are 0-4 and columns 0-6"),
        ("conv5", 0, [[0, -1]], "conv5 has no unit at row 0, column -1"),
        ("conv5", 0, [[0, 0, 0]], r"\[n, 2\]"),
        ("conv5", 0, "every", "'all', not 'every'"),
        ("fc7", 0, [[1, 0]], "fc7 has no unit at row 1, column 0: rows are 0-0"),
        ("conv5", [0, 1], None, "3 images, 2 channels do not fit together: each must be 1 or 3"),
        ("conv5", 0, [[0, 0], [0, 1]], "3 images, 1 channels, 2 positions"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(trunk, images, stage, channels, positions, words) -> None:
    with pytest.raises(ExploreError, match=words):
        project(trunk, images, stage, channels, positions)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((3, 97, 126), r"\[n, 3, height, width\] with n >= 1, not 3 x 97 x 126"),
        ((1, 1, 97, 126), "not 1 x 1 x 97 x 126"),
        ((0, 3, 97, 126), "n >= 1, not 0 x 3 x 97 x 126"),
        ((1, 3, 20, 20), "20 x 20 pixels is too small for this net"),
    ],
)
def test_images_of_a_wrong_shape_are_refused(trunk: Trunk, shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(ExploreError, match=words):
        project(trunk, torch.zeros(shape), "conv5", 0)


def test_pictures_in_bytes_are_refused(trunk: Trunk) -> None:
    with pytest.raises(ExploreError, match="normalised floats, not torch.uint8"):
        project(trunk, torch.zeros(1, 3, 97, 126, dtype=torch.uint8), "conv1", 0)


def test_images_channels_and_positions_are_broadcast(trunk: Trunk, images: Tensor) -> None:
    one_image = project(trunk, images[:1], "conv3", [2, 5], [[1, 2], [3, 4]])
    assert one_image.channel.tolist() == [2, 5]
    assert one_image.position.tolist() == [[1, 2], [3, 4]]
    one_place = project(trunk, images, "conv3", 2, [[1, 2]])
    assert one_place.position.tolist() == [[1, 2]] * 3
    torch.testing.assert_close(one_place.pixels[0], one_image.pixels[0], rtol=1e-12, atol=1e-13)


def test_the_maximum_goes_to_the_first_of_equals() -> None:
    maps = torch.tensor([[[0.0, 2, 1], [2, 0, 2]], [[0, 0, 0], [0, 0, 0]]])
    assert strongest(maps).tolist() == [[0, 1], [0, 0]]


def test_a_caller_who_allows_bfloat16_products_gets_full_ones(trunk: Trunk, images: Tensor) -> None:
    trunk.module.float()
    expected = project(trunk, images.float(), "fc8", 1).pixels
    torch.set_float32_matmul_precision("medium")
    try:
        assert torch.equal(project(trunk, images.float(), "fc8", 1).pixels, expected)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")
