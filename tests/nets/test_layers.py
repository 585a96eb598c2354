"""The order of layers is the forward's own; what a forward does besides calling layers is refused."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from zfexplore.errors import ExploreError
from zfexplore.nets.layers import layers_in_order
from zfexplore.nets.trunk import Trunk


class Parts(nn.Module):
    """Layers listed in no particular order, for forwards that differ."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.last = nn.Linear(4 * 4 * 4, 2)


class Plain(Parts):
    def forward(self, x):
        x = self.pool(self.relu(self.first(x)))
        x = self.relu(self.second(x))
        x = F.dropout(x.view(x.size(0), -1), training=self.training)
        return self.last(x)


class Residual(Parts):
    def forward(self, x):
        x = self.relu(self.first(x))
        return self.relu(self.second(x) + x)


class Functional(Parts):
    def forward(self, x):
        return F.relu(self.first(x))


class Sliced(Parts):
    def forward(self, x):
        return self.first(x)[:, :2]


class Forked(Parts):
    def forward(self, x):
        y = self.first(x)
        self.relu(y)
        return self.second(y)


class Early(Parts):
    def forward(self, x):
        y = self.first(x)
        self.second(y)
        return y


class Undecided(Parts):
    def forward(self, x):
        return self.first(x) if x.mean() > 0 else self.second(x)


class Skipping(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


def test_layers_come_as_the_forward_calls_them_and_as_often():
    names = [name for name, _ in layers_in_order(Plain())]
    assert names == ["first", "relu", "pool", "second", "relu", "last"]


def test_a_net_with_a_forward_of_its_own_goes_through_the_trunk_as_through_itself():
    torch.manual_seed(0)
    net, images = Plain().eval(), torch.randn(2, 3, 8, 8)
    with torch.inference_mode():
        maps = Trunk(net).maps(images)
        assert torch.equal(maps["fc3"], net(images))
    assert list(maps) == ["conv1", "pool1", "conv2", "fc3"]


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (Residual(), "behind second the forward of Residual uses add, which is no layer"),
        (Functional(), "behind first the forward of Functional uses relu, which is no layer"),
        (Sliced(), "behind first the forward of Sliced uses getitem, which is no layer"),
        (Forked(), "second in Forked does not take what the layer before it gives"),
        (Early(), "Early gives something else than what its last layer, second, gives"),
        (Undecided(), "the forward of Undecided cannot be followed"),
        (Skipping(nn.Conv2d(3, 3, 1)), "behind 0 the forward of Skipping uses add"),
        (nn.Sequential(nn.Conv2d(3, 3, 1), Skipping(nn.Conv2d(3, 3, 1))), r"1 \(Skipping\) .* may branch"),
    ],
)
def test_a_forward_that_is_no_chain_of_layers_is_refused_in_one_line(net, message):
    with pytest.raises(ExploreError, match=message) as caught:
        Trunk(net)
    assert "\n" not in str(caught.value)
