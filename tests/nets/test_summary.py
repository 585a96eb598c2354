from __future__ import annotations

from torch import nn

from zfexplore.nets.summary import summarise
from zfexplore.nets.trunk import Trunk


def test_stages_are_counted_by_hand():
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3, padding=1, bias=False), nn.ReLU(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(24, 5),
    )  # fmt: skip
    conv1, pool1, conv2, last = summarise(Trunk(net.eval()), (12, 10))
    assert [stage.kind for stage in (conv1, pool1, conv2, last)] == ["conv", "pool", "conv", "fc"]
    assert [stage.channels for stage in (conv1, pool1, conv2, last)] == [4, 4, 6, 5]
    assert [stage.map_size for stage in (conv1, pool1, conv2)] == [(10, 8), (5, 4), (5, 4)]
    assert [stage.parameters for stage in (conv1, pool1, conv2, last)] == [4 * 28, 0, 6 * 36, 24 * 5 + 5]
    assert [stage.field.size for stage in (conv1, pool1, conv2)] == [(3, 3), (4, 4), (8, 8)]
    assert last.field is None
