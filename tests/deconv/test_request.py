"""What may be asked for, what is refused in which words, and the settings a projection runs under."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from zfexplore.deconv import project as either
from zfexplore.deconv import windowed
from zfexplore.deconv.dense import project, record
from zfexplore.deconv.request import strongest
from zfexplore.deconv.windowed import project_recorded
from zfexplore.errors import ExploreError
from zfexplore.nets.trunk import Trunk
from zfexplore.units import Unit


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


KINDS = {
    "a numpy array": lambda images: images.numpy(),
    "one that is read only": lambda images: np.broadcast_to(images.numpy(), images.shape),
    "one in another byte order": lambda images: images.numpy().astype(">f8"),
    "a view backwards": lambda images: np.ascontiguousarray(images.numpy()[..., ::-1])[..., ::-1],
    "long doubles": lambda images: images.numpy().astype(np.longdouble),
    "lists": lambda images: images.tolist(),
    "a list of tensors": list,
    "a list of arrays": lambda images: list(images.numpy()),
    "a tensor that needs gradients": lambda images: images.clone().requires_grad_(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_images_may_be_arrays_and_lists(trunk: Trunk, images: Tensor, kind: str) -> None:
    expected = project(trunk, images, "conv3", 2)
    found = project(trunk, KINDS[kind](images), "conv3", 2)
    assert torch.equal(found.pixels, expected.pixels)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (None, "not None"),
        ("cat.png", "not 'cat.png'"),
        (3, "not 3"),
        ([[1.0], [1.0, 2.0]], "ragged or of mixed kinds"),
        ([torch.zeros(3, 9, 9), torch.zeros(3, 8, 8)], "ragged or of mixed kinds"),
        (np.array([None]), "of object"),
        (np.array(["a"]), "of <U1"),
        (np.zeros((1, 3, 97, 126), np.uint8), "normalised floats, not torch.uint8"),
        (np.zeros((3, 97, 126)), "not 3 x 97 x 126: one image is 1 x 3 x 97 x 126"),
        (np.zeros((1, 97, 126, 3)), "not 1 x 97 x 126 x 3: move the channels before the height"),
        (torch.zeros(1, 3, 97, 126).to_sparse(), "not sparse or meta"),
        (torch.zeros(1, 3, 97, 126, device="meta"), "not sparse or meta"),
        (torch.zeros(1, 3, 97, 126, dtype=torch.complex64), "normalised floats, not torch.complex64"),
    ],
)
def test_what_is_no_image_is_refused_in_one_line(trunk: Trunk, images, words: str) -> None:
    with pytest.raises(ExploreError, match=words) as caught:
        project(trunk, images, "conv5", 0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_an_image_that_holds_no_numbers_is_refused_where_it_does(trunk: Trunk, images: Tensor, value) -> None:
    images[1, 2, 30, 40] = float(value)
    with pytest.raises(ExploreError, match=f"^image 1 holds {value} at channel 2, row 30, column 40: give"):
        project(trunk, images, "conv3", 2)
    assert len(project(trunk, images[:1], "conv3", 2)) == 1


def test_large_numbers_are_numbers(trunk: Trunk) -> None:
    trunk.module.float()
    huge = torch.full((1, 3, 97, 126), 1e36)  # its sum is infinite
    assert len(project(trunk, huge, "conv1", 0, [[0, 0]])) == 1
    with pytest.raises(ExploreError, match="image 0 holds inf at channel 0, row 0, column 0"):
        project(trunk, torch.full((1, 3, 97, 126), 1e300, dtype=torch.float64), "conv1", 0)


@pytest.mark.parametrize("method", ["dense", "windowed"])
@pytest.mark.parametrize("value", [float("nan"), 1e308])
def test_an_activation_that_is_no_number_is_no_result(
    zfnet: nn.Module, images: Tensor, method, value
) -> None:
    zfnet[4].weight.data[:] = value  # type: ignore[index]
    trunk = Trunk(zfnet)
    for place in (None, [[1, 2]]):
        with pytest.raises(ExploreError, match="^conv2:1@.* is (nan|inf): this net overflows"):
            either.project(trunk, images[:1], "conv2", 1, place, method=method)
    with pytest.raises(ExploreError, match="^conv2:1@1,2 is"):
        project_recorded(trunk, record(trunk, images[:1], "conv2"), 1, [[1, 2]])


def test_a_projection_that_is_no_number_is_no_result(zfnet: nn.Module, images: Tensor) -> None:
    zfnet[0].weight.data *= 1e200  # type: ignore[index]
    zfnet[3].k = 1e300  # type: ignore[index]
    zfnet[4].weight.data *= 1e200  # type: ignore[index]
    with pytest.raises(ExploreError, match="^conv2:1@1,2 (comes back as nan or inf|is)"):
        project(Trunk(zfnet), images[:1], "conv2", 1, [[1, 2]])


@pytest.mark.parametrize("make", [np.array, torch.tensor, list, tuple, iter])
def test_channels_may_be_of_any_make(trunk: Trunk, images: Tensor, make) -> None:
    assert project(trunk, images[:1], "conv3", make([2, 5])).channel.tolist() == [2, 5]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.uint64, np.int8])
def test_whole_numbers_of_any_type_are_taken_and_do_not_wrap(trunk: Trunk, images: Tensor, dtype) -> None:
    channels, places = np.array([2, 5], dtype), np.array([[1, 2], [3, 4]], dtype)
    found = project(trunk, images[:1], "conv3", channels, places)
    assert found.channel.tolist() == [2, 5]
    assert found.position.tolist() == [[1, 2], [3, 4]]
    assert found.position.dtype == torch.int64
    top = int(np.iinfo(dtype).max)
    with pytest.raises(ExploreError, match=f"conv3 has no channel {top}: it has 0-9"):
        project(trunk, images[:1], "conv3", np.array([top], dtype))
    with pytest.raises(ExploreError, match=f"no unit at row 0, column {top}: rows"):
        project(trunk, images[:1], "conv3", 0, np.array([[0, top]], dtype))


@pytest.mark.parametrize(
    "channels",
    [None, True, "3", "", b"3", 1.0, 1j, np.float64(1), np.True_, {1}, {1: 2}, [1, None], [1, "2"], [1, True],
     [[1], [2, 3]], [1, 2.0], Unit("conv3", 1), torch.ones(2), np.array([True])],
)  # fmt: skip
def test_what_is_no_channel_is_refused_in_one_line(trunk: Trunk, images: Tensor, channels) -> None:
    with pytest.raises(ExploreError, match="^channels must be whole numbers, not ") as caught:
        project(trunk, images[:1], "conv3", channels)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("number", [10**30, 2**63, -(10**30)])
def test_enormous_numbers_are_out_of_range_like_others(trunk: Trunk, images: Tensor, number: int) -> None:
    with pytest.raises(ExploreError, match=f"conv3 has no channel {number}: it has 0-9"):
        project(trunk, images[:1], "conv3", number)
    with pytest.raises(ExploreError, match=f"no unit at row {number}, column 0"):
        project(trunk, images[:1], "conv3", 0, [[number, 0]])


@pytest.mark.parametrize(
    "make",
    [lambda places: np.array(places, np.uint8), torch.tensor, lambda places: list(map(np.array, places)),
     lambda places: list(map(torch.tensor, places)), lambda places: map(tuple, places)],
)  # fmt: skip
def test_positions_may_be_of_any_make(trunk: Trunk, images: Tensor, make) -> None:
    found = project(trunk, images[:1], "conv3", 2, make([[1, 2], [3, 4]]))
    assert found.position.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "positions",
    [[[1, 2], [3]], [3, 3], [[1.0, 2.0]], [[True, False]], [[None, 1]], [["1", "2"]], 3, [], b"all", {},
     {(1, 2)}, [[1j, 2]], [[[1, 2]]], Unit("conv3", 1, 2, 3), np.zeros((1, 2)), torch.zeros(1, 2),
     np.array([[True, False]])],
)  # fmt: skip
def test_what_is_no_position_is_refused_in_one_line(trunk: Trunk, images: Tensor, positions) -> None:
    with pytest.raises(ExploreError, match=r"^positions must be whole numbers \[n, 2\].* not ") as caught:
        project(trunk, images[:1], "conv3", 2, positions)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ask", [project, windowed.project, either.project])
@pytest.mark.parametrize("net", ["zfnet", None, 3, Trunk, {}, nn.Sequential(nn.Conv2d(3, 1, 1))])
def test_what_is_no_net_is_told_how_to_make_one(ask, images: Tensor, net) -> None:
    with pytest.raises(ExploreError, match=r"Trunk") as caught:
        ask(net, images, "conv1", 0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ask", [project, windowed.project, either.project])
def test_layers_exchanged_since_are_told(ask, zfnet: nn.Module, images: Tensor) -> None:
    trunk = Trunk(zfnet)
    zfnet[4] = nn.Conv2d(6, 8, 5, stride=2, dtype=torch.float64)  # type: ignore[index]
    with pytest.raises(ExploreError, match=r"^4 has changed since this trunk was made"):
        ask(trunk, images, "conv1", 0)


def test_a_fully_connected_stage_says_which_images_it_takes() -> None:
    net = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 36, 4))
    trunk = Trunk(net)
    assert len(project(trunk, torch.rand(1, 3, 8, 8), "fc2", 1)) == 1
    with pytest.raises(ExploreError, match="fc2 reads 72 numbers.* gives it 128: give 8 x 8 pixels$"):
        project(trunk, torch.rand(1, 3, 10, 10), "fc2", 1)
    assert len(project(trunk, torch.rand(1, 3, 10, 10), "conv1", 1)) == 1


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
