"""Forward pass and back-projection inside windows: on paper, and against the dense deconvnet."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from zfexplore.deconv import dense
from zfexplore.deconv.request import Request, read_units
from zfexplore.deconv.windows.geometry import group_units
from zfexplore.deconv.windows.kernels import lay_out
from zfexplore.deconv.windows.passes import (
    WindowBatch,
    backproject,
    cut_from_images,
    cut_from_recording,
    forward,
)
from zfexplore.nets.trunk import Trunk

Places = list[tuple[int, int]]
STAGES = ["conv1", "pool1", "conv2", "pool2", "conv5", "pool5"]


@pytest.fixture(autouse=True)
def _without_gradients():
    with torch.no_grad():
        yield


def units(trunk: Trunk, images: Tensor, name: str, channels: list[int], places: Places) -> Request:
    return read_units(trunk, len(images), (images.shape[2], images.shape[3]), name, channels, places)


def batches_of(trunk: Trunk, request: Request, cut) -> list[WindowBatch]:
    """Cut a batch for each group of units clipped alike."""
    assert request.position is not None
    windows = [trunk.windows(request.stage.name, y, x, request.size) for y, x in request.position.tolist()]
    groups = group_units(trunk.steps[: request.stage.end], windows, 10**6)
    return [cut(request.take(torch.tensor(group.rows)), group) for group in groups]


class TestOnePooling:
    """5x5 pixels from 0 to 24, doubled by channel 1; then 3x3 windows at stride 2, padded by one.

    The pooling's padded windows, with the chosen pixel in brackets and dots for padding:
        unit (0, 0)   . . .      unit (0, 2)   . . .      unit (1, 1)   6  7  8
                      . 0 1                    3 4 .                   11 12 13
                      . 5 [6]                  8 [9] .                 16 17 [18]
    """

    places: Places = [(0, 0), (0, 2), (1, 1)]
    pixels = ([[0, 0], [0, 24]], [[0, 0], [0, 36]], [[0, 0, 0], [0, 0, 0], [0, 0, 72]])

    @pytest.fixture
    def trunk(self) -> Trunk:
        layer = nn.Conv2d(1, 2, 1, dtype=torch.float64)
        layer.weight.copy_(torch.tensor([1.0, 2.0]).view(2, 1, 1, 1))
        layer.bias.zero_()
        return Trunk(nn.Sequential(layer, nn.ReLU(), nn.MaxPool2d(3, 2, padding=1)))

    @pytest.fixture
    def image(self) -> Tensor:
        return torch.arange(25, dtype=torch.float64).view(1, 1, 5, 5)

    def check(self, trunk: Trunk, batches: list[WindowBatch]) -> None:
        assert [batch.x.flatten().tolist() for batch in batches] == [[12], [18], [36]]
        # Indices into the padded windows: the last place, the one before it, the last again.
        assert [batch.switches[2].flatten().tolist() for batch in batches] == [[8], [7], [8]]
        backproject(trunk.steps, lay_out(trunk.steps), batches)
        # Each unit's value comes back through the weight 2, into its window clipped at the border.
        assert [batch.x[0, 0].tolist() for batch in batches] == list(self.pixels)

    def test_units_run_through_their_own_windows(self, trunk: Trunk, image: Tensor) -> None:
        request = units(trunk, image, "pool1", [1], self.places)
        batches = batches_of(trunk, request, lambda part, group: cut_from_images(image, part, group))
        assert [tuple(batch.x.shape[2:]) for batch in batches] == [(2, 2), (2, 2), (3, 3)]
        forward(trunk.steps, lay_out(trunk.steps), batches)
        self.check(trunk, batches)

    def test_units_are_cut_from_a_recording(self, trunk: Trunk, image: Tensor) -> None:
        request = units(trunk, image, "pool1", [1], self.places)
        recording = dense.record(trunk, image, "pool1")
        # On the whole 5 x 5 map the same pixels have the indices 6, 9 and 18.
        assert [recording.switches[2][0, 1, y, x].item() for y, x in self.places] == [6, 9, 18]
        self.check(
            trunk,
            batches_of(
                trunk, request, lambda part, group: cut_from_recording(trunk.steps, recording, part, group)
            ),
        )


def everywhere(trunk: Trunk, name: str, size: tuple[int, int]) -> Places:
    height, width = trunk.map_size(name, size)
    return [(y, x) for y in (0, height // 2, height - 1) for x in (0, width // 2, width - 1)]


@pytest.mark.parametrize("name", STAGES)
def test_batches_of_several_sizes_come_back_as_the_dense_pixels(
    zfnet: nn.Module, images: Tensor, name: str
) -> None:
    trunk, image = Trunk(zfnet), images[:1]
    places = everywhere(trunk, name, (97, 126))
    request = units(trunk, image, name, [row % 5 for row in range(9)], places)
    steps = trunk.steps[: request.stage.end]
    expected = dense.project(trunk, image, name, request.channel, places)
    batches = batches_of(trunk, request, lambda part, group: cut_from_images(image, part, group))
    assert len(batches) > 1
    forward(steps, lay_out(steps), batches)
    for batch in batches:
        ours = batch.x.flatten()
        torch.testing.assert_close(ours, expected.activation[list(batch.group.rows)], rtol=1e-10, atol=1e-10)
    backproject(steps, lay_out(steps), batches)
    for batch in batches:
        for row, (window, *_), pixels in zip(batch.group.rows, batch.group.windows, batch.x, strict=True):
            theirs = expected.pixels[row, :, window.y0 : window.y1, window.x0 : window.x1]
            torch.testing.assert_close(pixels, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", STAGES)
def test_a_recording_holds_the_switches_that_a_forward_pass_in_the_windows_finds(
    zfnet: nn.Module, images: Tensor, name: str
) -> None:
    trunk, image = Trunk(zfnet), images[:1]
    request = units(trunk, image, name, [1], everywhere(trunk, name, (97, 126)))
    steps = trunk.steps[: request.stage.end]
    recording = dense.record(trunk, image, name)
    run = batches_of(trunk, request, lambda part, group: cut_from_images(image, part, group))
    forward(steps, lay_out(steps), run)
    cut = batches_of(trunk, request, lambda part, group: cut_from_recording(steps, recording, part, group))
    for ours, theirs in zip(run, cut, strict=True):
        torch.testing.assert_close(ours.x, theirs.x, rtol=1e-10, atol=1e-10)
        assert ours.switches.keys() == theirs.switches.keys()
        assert all(torch.equal(ours.switches[index], theirs.switches[index]) for index in ours.switches)
