"""Maxima and their places against whole maps, through poolings that see every place and that do not."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from zfexplore.atlas.maxima import Layout, image_maxima
from zfexplore.nets.trunk import Trunk

POOLINGS = {
    "overlapping": nn.MaxPool2d(3, 2, 1),
    "side by side": nn.MaxPool2d(2),
    "not square": nn.MaxPool2d((2, 3), (1, 2), (1, 0)),
    "gaps between": nn.MaxPool2d(2, 3),
    "rest left out": nn.MaxPool2d(4, 4),
    "rest let in": nn.MaxPool2d(4, 4, ceil_mode=True),
}


@pytest.mark.parametrize("pooling", list(POOLINGS.values()), ids=list(POOLINGS))
@pytest.mark.parametrize("size", [13, 14, 15])
def test_maxima_are_those_of_the_whole_maps_and_of_equals_the_first_counts(pooling, size):
    torch.manual_seed(size)
    net = nn.Sequential(nn.Conv2d(3, 5, 1), nn.ReLU(), pooling, nn.Conv2d(5, 4, 1), nn.ReLU())
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randint(-2, 3, parameter.shape))
    images = torch.randint(0, 4, (6, 3, size, size)).float()  # small whole numbers: many equal maxima
    trunk = Trunk(net)
    with torch.no_grad():
        every = trunk.maps(images)
        for names in (["conv1"], ["conv1", "conv2"], ["conv1", "pool1", "conv2"]):
            layout = Layout.of(trunk, names, size)
            lowest = torch.full((layout.channels,), -torch.inf)
            flat = [every[name].flatten(2) for name in names]
            for weakest in (lowest, None):  # as on a CPU, as on a GPU
                maxima, places = image_maxima(trunk, images, layout, weakest)
                assert torch.equal(maxima, torch.cat([some.amax(2) for some in flat], dim=1))
                assert torch.equal(places, torch.cat([some.argmax(2) for some in flat], dim=1))


def test_places_are_looked_up_only_above_the_weakest():
    trunk = Trunk(nn.Sequential(nn.Conv2d(3, 1, 1), nn.ReLU(), nn.MaxPool2d(2)))
    images = torch.zeros(2, 3, 4, 4)
    images[0, :, 2, 3], images[1, :, 1, 2] = 1.0, 2.0
    with torch.no_grad():
        trunk.steps[0].module.weight.fill_(1)
        trunk.steps[0].module.bias.zero_()
        layout = Layout.of(trunk, ["conv1"], 4)
        maxima, places = image_maxima(trunk, images, layout, torch.tensor([3.0]))
    assert maxima.tolist() == [[3.0], [6.0]]
    assert places.tolist() == [[0], [1 * 4 + 2]]
