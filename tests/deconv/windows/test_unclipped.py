"""Windows of one size: on paper, where they reach beyond a map, and back into whole images."""

from __future__ import annotations

import torch
from torch import nn

from zfexplore.deconv import dense
from zfexplore.deconv.windows.geometry import unclipped_cost, unclipped_numbers, unclipped_sizes
from zfexplore.deconv.windows.unclipped import Units, bring_back, in_whole_images
from zfexplore.nets.trunk import Trunk
from zfexplore.nets.zfnet import ZFNet


def test_every_unit_has_the_windows_of_one_in_the_middle() -> None:
    trunk = Trunk(ZFNet(classes=2, fc=2))
    conv3, pool5 = trunk.stage("conv3"), trunk.stage("pool5")
    # What each step reads: conv1, relu1, pool1, norm1, conv2, relu2, pool2, norm2, conv3, relu3.
    assert [height for height, _ in unclipped_sizes(trunk.steps[: conv3.end])] == [
        *(75, 35, 35, 17, 17, 7, 7, 3, 3, 1)
    ]
    middle = trunk.windows("conv3", 6, 6, (224, 224))
    assert [(window.height, window.width) for window in middle[:-1]] == unclipped_sizes(
        trunk.steps[: conv3.end]
    )
    assert unclipped_cost(trunk, conv3) == 35 * 35 * 96 * 147 + 7 * 7 * 256 * 2400 + 256 * 9
    assert unclipped_numbers(trunk.steps[: conv3.end]) == 96 * 35 * 35
    # A unit of pool5 goes back as the unit of conv5 that it chose.
    assert unclipped_cost(trunk, pool5) == unclipped_cost(trunk, trunk.stage("conv5"))


def test_units_of_two_images_come_back_as_on_paper() -> None:
    """5x5 pixels from 0 to 24, doubled by channel 1, and 3x3 maxima at stride 2, padded by one.

    Unit (0, 0) chooses pixel 6 at (1, 1), unit (0, 2) pixel 9 at (1, 4), unit (1, 1) pixel 18 at (3, 3). In
    the second image every pixel is 100 less, so that channel 1 is silent: its maxima are the first places.
    """
    layer = nn.Conv2d(1, 2, 1, dtype=torch.float64)
    trunk = Trunk(nn.Sequential(layer, nn.ReLU(), nn.MaxPool2d(3, 2, padding=1)))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([1.0, 2.0]).view(2, 1, 1, 1))
        layer.bias.zero_()
        image = torch.arange(25, dtype=torch.float64).view(1, 1, 5, 5)
        recording = dense.record(trunk, torch.cat([image, image - 100]), "pool1")
        found = bring_back(
            trunk.steps,
            recording,
            Units(*torch.tensor([[0, 0, 0, 1], [1, 1, 0, 1], [0, 0, 1, 1], [0, 2, 1, 1]])),
        )
    assert found.activation.tolist() == [12, 18, 18, 0]
    # The filter is one pixel: of each unit the one that was chosen, which the weight 2 doubles once more.
    assert found.pixels.flatten().tolist() == [24, 36, 18, 0]
    assert list(zip(found.y.tolist(), found.x.tolist(), strict=True)) == [(1, 1), (1, 4), (3, 3), (1, 1)]
    whole = in_whole_images(found, (5, 5))
    assert [place.tolist() for place in whole.nonzero()] == [[0, 0, 1, 1], [1, 0, 1, 4], [2, 0, 3, 3]]


def test_what_reaches_beyond_the_image_is_cut_off() -> None:
    layer = nn.Conv2d(1, 1, 3, padding=1, bias=False)
    trunk = Trunk(nn.Sequential(layer, nn.ReLU()))
    with torch.no_grad():
        layer.weight.copy_(torch.arange(1.0, 10.0).view(1, 1, 3, 3))
        recording = dense.record(trunk, torch.ones(1, 1, 2, 3), "conv1")
        zero = torch.tensor([0])
        found = bring_back(trunk.steps, recording, Units(zero, zero, zero, zero))
    assert (found.y.item(), found.x.item()) == (-1, -1)
    assert found.activation.item() == 5 + 6 + 8 + 9
    assert (in_whole_images(found, (2, 3)) / 28).tolist() == [[[[5, 6, 0], [8, 9, 0]]]]
