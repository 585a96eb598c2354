"""The windowed deconvnet against the dense one, which is the judge."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from zfexplore.deconv import dense, windowed
from zfexplore.deconv.request import Projection
from zfexplore.deconv.windows import kernels
from zfexplore.deconv.windows.kernels import Kernels, convolve
from zfexplore.errors import ExploreError
from zfexplore.nets.steps import Step
from zfexplore.nets.trunk import Trunk


def assert_equal(ours: Projection, theirs: Projection, tolerance: float = 1e-10) -> None:
    assert ours.stage == theirs.stage
    assert torch.equal(ours.channel, theirs.channel)
    assert torch.equal(ours.position, theirs.position)
    assert torch.equal(ours.window, theirs.window)
    torch.testing.assert_close(ours.activation, theirs.activation, rtol=tolerance, atol=tolerance)
    assert off(ours, theirs) <= tolerance


def off(ours: Projection, theirs: Projection) -> float:
    """Give the largest difference of a row's pixels, as a share of its largest pixel."""
    largest = theirs.pixels.abs().flatten(1).amax(1).clamp(min=1e-30)
    return float(((ours.pixels - theirs.pixels).abs().flatten(1).amax(1) / largest).max())


def everywhere(trunk: Trunk, stage: str, size: tuple[int, int]) -> list[list[int]]:
    """Corners, middles of edges, the centre, and a neighbour of the corner."""
    height, width = trunk.map_size(stage, size)
    rows, columns = (0, height // 2, height - 1), (0, width // 2, width - 1)
    return [[y, x] for y in rows for x in columns] + [[min(1, height - 1), min(1, width - 1)]]


def test_units_of_one_image_at_every_stage_and_border(net: nn.Module, images: Tensor) -> None:
    trunk = Trunk(net)
    for stage in trunk.names:
        places = everywhere(trunk, stage, (97, 126))
        channels = [row % 5 for row in range(len(places))]
        assert_equal(
            windowed.project(trunk, images[:1], stage, channels, places),
            dense.project(trunk, images[:1], stage, channels, places),
        )


def test_one_unit_an_image_in_its_own_window(net: nn.Module, images: Tensor) -> None:
    trunk = Trunk(net)
    for stage in trunk.names:
        for place in everywhere(trunk, stage, (97, 126))[::4]:
            arguments = (trunk, images, stage, [0, 3, 1], [place] * 3)
            assert_equal(windowed.project(*arguments), dense.project(*arguments))


def test_each_images_maximum_is_found(net: nn.Module, images: Tensor) -> None:
    trunk = Trunk(net)
    for stage in trunk.names:
        assert_equal(windowed.project(trunk, images, stage, 1), dense.project(trunk, images, stage, 1))


def test_a_whole_map_at_once(zfnet: nn.Module, images: Tensor) -> None:
    arguments = (Trunk(zfnet), images, "conv3", 2, "all")
    assert_equal(windowed.project(*arguments), dense.project(*arguments))


def test_units_above_a_pool_of_the_pixels(pool_first: nn.Module, images: Tensor) -> None:
    trunk = Trunk(pool_first)
    assert trunk.names == ("pool0", "pool0b", "conv1", "pool1", "conv2", "fc3")
    for stage in trunk.names:
        places = everywhere(trunk, stage, (97, 126))
        channels = [row % 3 for row in range(len(places))]
        for image, units in ((images[:1], (channels, places)), (images, ([0, 2, 1], [places[4]] * 3))):
            ours, theirs = (
                project(trunk, image, stage, *units) for project in (windowed.project, dense.project)
            )
            assert_equal(ours, theirs)
            outside = ours.pixels.clone()
            for row, (y0, x0, y1, x1) in enumerate(ours.window.tolist()):
                outside[row, :, y0:y1, x0:x1] = 0
            assert not outside.any()
        assert_equal(windowed.project(trunk, images, stage, 2), dense.project(trunk, images, stage, 2))


def test_a_pool_of_the_pixels_brings_back_its_one_pixel(pool_first: nn.Module, images: Tensor) -> None:
    trunk = Trunk(pool_first)
    found = windowed.project(trunk, images[:1], "pool0", 1, [[3, 4]])
    seen = images[0, 1, 5:8, 7:10]
    (pixel,) = found.pixels.nonzero().tolist()
    assert found.activation.item() == seen.max() > 0
    assert pixel[:2] == [0, 1]
    assert found.pixels[tuple(pixel)] == images[0, 1, pixel[2], pixel[3]] == seen.max()


PAIRS = st.tuples(st.integers(1, 4), st.integers(1, 4))


@st.composite
def stacks(draw: st.DrawFn) -> nn.Sequential:
    """Two to four convolutions, each with or without ReLU, LRN and pooling, of any shape torch takes."""
    layers: list[nn.Module] = [nn.MaxPool2d(draw(PAIRS), draw(PAIRS))] if draw(st.booleans()) else []
    channels = 2
    for _ in range(draw(st.integers(2, 4))):
        kernel, groups = draw(PAIRS), draw(st.sampled_from([1, 2]))
        padding = tuple(draw(st.integers(0, length)) for length in kernel)
        layers.append(nn.Conv2d(channels, 4, kernel, draw(PAIRS), padding, groups=groups))
        channels = 4
        if draw(st.integers(0, 4)):
            layers.append(nn.ReLU())
        norm = draw(st.sampled_from(["before", "after", None]))
        if norm == "before":
            layers.append(nn.LocalResponseNorm(3, alpha=0.5))
        if draw(st.booleans()):
            kernel = draw(PAIRS)
            padding = tuple(draw(st.integers(0, length // 2)) for length in kernel)
            layers.append(nn.MaxPool2d(kernel, draw(PAIRS), padding, ceil_mode=draw(st.booleans())))
        if norm == "after":
            layers.append(nn.LocalResponseNorm(3, alpha=0.5))
    return nn.Sequential(*layers)


@settings(deadline=None, max_examples=40, derandomize=True)
@given(stack=stacks(), size=st.tuples(st.integers(16, 48), st.integers(16, 48)), seed=st.integers(0, 99))
def test_random_stacks_sizes_and_places(stack: nn.Sequential, size: tuple[int, int], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in stack.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    trunk = Trunk(stack)
    images = torch.randn(2, 2, *size, generator=generator, dtype=torch.float64)
    for stage in trunk.names:
        try:
            places = everywhere(trunk, stage, size)
        except ExploreError:  # the drawn strides leave nothing of so small an image
            return
        channels = [row % trunk.stage(stage).channels for row in range(len(places))]
        for image in (images[:1], images[1:]):
            many = (trunk, image, stage, channels, places)
            assert_equal(windowed.project(*many), dense.project(*many))
        lone = (trunk, images, stage, 1, [places[seed % 10], places[seed % 7]])
        assert_equal(windowed.project(*lone), dense.project(*lone))


def doubled(layer: nn.Conv2d, how: str) -> None:
    """Change weight and bias of a layer in one of the ways in which a user might."""
    for parameter in (layer.weight, layer.bias):
        if how == "data":
            parameter.data.mul_(1.5)
        elif how == "numpy":
            parameter.detach().numpy().__imul__(1.5)
        elif how == "copy":
            with torch.no_grad():
                parameter.copy_(1.5 * parameter)
        elif how == "state dict":
            layer.load_state_dict({name: 1.5 * value for name, value in layer.state_dict().items()})
        else:
            parameter.grad = torch.ones_like(parameter)
            torch.optim.SGD([parameter], lr=0.3).step()


@pytest.mark.parametrize("how", ["data", "numpy", "copy", "state dict", "optimizer"])
@pytest.mark.parametrize("place", [[[2, 3]], None])
def test_changed_weights_are_seen(zfnet: nn.Module, images: Tensor, how: str, place) -> None:
    trunk = Trunk(zfnet)
    arguments = (trunk, images[:1], "conv3", range(10), place)
    before = windowed.project(*arguments)
    for index in (0, 4, 8):
        doubled(zfnet[index], how)  # type: ignore[index]
        after = windowed.project(*arguments)
        assert_equal(after, dense.project(*arguments))
        assert not torch.equal(after.activation, before.activation)
        before = after


def test_weights_changed_between_two_cuts_of_a_recording_are_seen(zfnet: nn.Module, images: Tensor) -> None:
    trunk, (channels, places) = Trunk(zfnet), ([1], [[2, 2]])
    recording = dense.record(trunk, images[:1], "conv3")
    before = windowed.project_recorded(trunk, recording, channels, places)
    zfnet[4].weight.data.mul_(2)  # type: ignore[index]
    after = windowed.project_recorded(trunk, recording, channels, places)
    torch.testing.assert_close(after.pixels, 2 * before.pixels, rtol=1e-12, atol=1e-12)


def test_flat_pictures_differ_only_by_the_choice_among_equals(
    zfnet: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A checkerboard of 8 pixels: whole pooling windows hold one value, and rounding decides. Rounding is
    # provoked here: the forward pass in the windows is off by two units in the last place, at random.
    trunk = Trunk(zfnet.float())
    rows = torch.arange(96) // 8
    image = ((rows[:, None] + rows[None]) % 2).float().expand(1, 3, 96, 96)
    generator = torch.Generator().manual_seed(0)

    def rounded_otherwise(step: Step, laid_out: Kernels, x: Tensor) -> Tensor:
        right = convolve(step, laid_out, x)
        return right * (1 + 2**-22 * torch.randint(-1, 2, right.shape, generator=generator))

    recording = dense.record(trunk, image, "conv5")
    arguments = [([row % 5], [place]) for row, place in enumerate(everywhere(trunk, "conv5", (96, 96)))]
    references = [dense.project(trunk, image, "conv5", *units) for units in arguments]
    monkeypatch.setattr(kernels, "convolve", rounded_otherwise)
    found = [windowed.project(trunk, image, "conv5", *units) for units in arguments]
    assert sum(off(ours, theirs) > 1e-3 for ours, theirs in zip(found, references, strict=True)) > 3
    for units, reference in zip(arguments, references, strict=True):
        imposed = windowed.project_recorded(trunk, recording, *units)
        assert_equal(imposed, reference, tolerance=1e-5)


@pytest.mark.parametrize("stage", ["conv2", "conv5", "pool5"])
def test_float32_agrees_on_continuous_pictures(zfnet: nn.Module, images: Tensor, stage: str) -> None:
    trunk = Trunk(zfnet.float())
    places = everywhere(trunk, stage, (97, 126))
    arguments = (trunk, images[:1].float(), stage, 1, places)
    assert_equal(windowed.project(*arguments), dense.project(*arguments), tolerance=1e-4)


def test_only_a_recording_of_one_image_up_to_a_map_can_be_cut(zfnet: nn.Module, images: Tensor) -> None:
    trunk = Trunk(zfnet)
    for recording in (dense.record(trunk, images, "conv3"), dense.record(trunk, images[:1], "fc6")):
        with pytest.raises(ExploreError, match="single units of one recorded image"):
            windowed.project_recorded(trunk, recording, 0)
