"""What units see, measured, against the exact geometry of plain stacks."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests import foreign
from zfexplore.nets.anynet import AnyNet
from zfexplore.nets.fields import measure_fields
from zfexplore.nets.net import ReceptiveField
from zfexplore.nets.trunk import Trunk
from zfexplore.units import Window


def stack(layers):
    torch.manual_seed(0)
    return nn.Sequential(*layers).eval()


@settings(deadline=None, max_examples=25)
@given(
    kernels=st.lists(st.sampled_from([1, 3, 5]), min_size=1, max_size=3),
    strides=st.lists(st.sampled_from([1, 2]), min_size=3, max_size=3),
    pooled=st.booleans(),
    size=st.integers(24, 33),
)
def test_a_plain_stack_is_measured_as_it_is_reckoned(kernels, strides, pooled, size):
    layers = []
    for kernel, stride in zip(kernels, strides, strict=False):
        layers += [nn.Conv2d(3, 3, kernel, stride, kernel // 2), nn.ReLU()]
    if pooled:
        layers += [nn.MaxPool2d(3, 2, 1), nn.Conv2d(3, 2, 1), nn.ReLU()]
    trunk, net = Trunk(stack(layers)), AnyNet(stack(layers), (size, size))
    name, other = f"conv{len(trunk.stages) - pooled}", net.names[-1]
    height, width = trunk.map_size(name, (size, size))
    # Where a map's own border clips the exact window, the measured one may be a little larger.
    for y, x in ((height // 2, width // 2), (0, 0), (height - 1, width - 1)):
        exact, measured = trunk.window(name, y, x, (size, size)), net.window(other, y, x, (size, size))
        assert measured.y0 <= exact.y0 < exact.y1 <= measured.y1
        assert measured.x0 <= exact.x0 < exact.x1 <= measured.x1
    if min(height, width) >= 5:  # on smaller maps the border hides the distance between units
        centre = (height // 2, width // 2, (size, size))
        assert net.window(other, *centre) == trunk.window(name, *centre)


def test_a_residual_net_sees_as_far_as_its_longest_way():
    net = AnyNet(foreign.seeded(foreign.Residual), (64, 64))

    # the stem 3 at stride 2, the pool 3 at stride 2: 7 at 4; two convolutions a block add 16 each
    assert net.receptive_field("stem") == ReceptiveField((3, 3), (2, 2), (-1, -1))
    assert net.receptive_field("blocks.0.conv2") == ReceptiveField((23, 23), (4, 4), (-11, -11))
    assert net.receptive_field("blocks.1.conv2") == ReceptiveField((39, 39), (4, 4), (-19, -19))
    assert net.window("blocks.0.conv2", 0, 15, (64, 64)) == Window(0, 49, 12, 64)


def test_one_channel_and_all_channels_measure_the_same():
    class Splits(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3, padding=1)
            self.left, self.right = nn.Conv2d(2, 2, 5, padding=2), nn.Conv2d(2, 2, 1)

        def forward(self, x):
            left, right = self.conv(x).split(2, 1)  # not possible with one channel
            return F.relu(torch.cat([self.left(left), self.right(right)], 1))

    net = AnyNet(foreign.seeded(Splits), (20, 20))

    fields = measure_fields(net, ["conv", "relu"], (20, 20))
    assert fields["conv"].size == (3, 3)
    assert fields["relu"] == ReceptiveField((7, 7), (1, 1), (-3, -3))


def test_a_unit_that_reads_a_mean_of_all_sees_everything():
    class Squeezes(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.gate = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 1)

        def forward(self, x):
            x = F.relu(self.conv(x))
            return x * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True)))

    net = AnyNet(foreign.seeded(Squeezes), (12, 12))

    assert net.window("output", 3, 4, (12, 12)) == Window(0, 0, 12, 12)


@pytest.mark.parametrize("enabled", [True, False])
def test_the_caller_s_setting_of_cudnn_stays(enabled, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "enabled", enabled)

    AnyNet(foreign.seeded(foreign.Residual), (24, 24)).receptive_field("stem")

    assert torch.backends.cudnn.enabled is enabled
