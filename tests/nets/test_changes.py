from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from zfexplore.nets.changes import WORTH_IT, Changes, reached
from zfexplore.nets.steps import AxisStep
from zfexplore.nets.trunk import Trunk
from zfexplore.nets.zfnet import ContrastNorm
from zfexplore.units import Window


@settings(max_examples=60, deadline=None)
@given(
    st.builds(AxisStep, st.integers(1, 5), st.integers(1, 6), st.integers(0, 2), st.booleans()),
    st.integers(0, 11),
    st.integers(1, 6),
)
def test_the_outputs_reached_are_those_that_read_one_of_the_inputs(step, start, length):
    size = 12
    places = step.output_length(size)
    changed = set(range(start, min(start + length, size)))
    readers = [place for place in range(places) if step.inputs_of([place], size) & changed]
    first, end = reached(step, start, len(changed), places)
    assert set(readers) <= set(range(first, end))
    if step.stride <= step.kernel:
        assert readers == list(range(first, end))


def stack():
    """Everything that is computed in parts: odd strides, padding, a pool that rounds up, groups, LRN."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 5, stride=2, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1, ceil_mode=True),
        ContrastNorm(3, 0.5), nn.Conv2d(4, 6, 3, padding=1, groups=2, bias=False), nn.ReLU(),
        nn.MaxPool2d(2, 3, ceil_mode=True), nn.LocalResponseNorm(3), nn.Conv2d(6, 5, 2), nn.ReLU(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(20, 4),
    )  # fmt: skip


@pytest.mark.parametrize("size", [(61, 40), (32, 33)])
def test_the_maps_are_those_of_the_whole_net_on_the_changed_image(size):
    net = Trunk(stack())
    image = torch.randn(1, 3, *size)
    rows, columns = size
    windows = [
        Window(0, 0, 6, 5), Window(rows - 7, columns - 3, rows, columns), Window(9, 13, 15, 19),
        Window(0, 20, 1, 21), Window(rows - 1, 0, rows, 9), Window(14, 1, 21, 2),
    ]  # fmt: skip
    with torch.no_grad():
        changes = Changes(net, image, net.names)
        expected = net.maps(image)
        for name, found in changes.intact.items():
            assert torch.equal(found, expected[name])
        for some in (windows, windows[2:3], [Window(2, 3, rows - 1, columns)]):
            changed = image.repeat(len(some), 1, 1, 1)
            for row, (y0, x0, y1, x1) in enumerate(some):
                changed[row, :, y0:y1, x0:x1] = -0.5
            expected, found = net.maps(changed), changes.maps(some, value=-0.5)
            assert set(found) == set(net.names)
            for name in net.names:
                torch.testing.assert_close(found[name], expected[name], rtol=1e-5, atol=1e-6)


def test_only_what_changes_is_computed(monkeypatch):
    net = Trunk(nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 5, stride=2)))
    changes = Changes(net, torch.randn(1, 1, 31, 31), net.names)
    sizes = []
    convolve = torch.nn.functional.conv2d

    def seen(x, *others):
        sizes.append(tuple(x.shape[2:]))
        return convolve(x, *others)

    monkeypatch.setattr(torch.nn.functional, "conv2d", seen)
    changes.maps([Window(10, 10, 14, 14)])
    # Rows 9 to 14 of the first map change, read from 8 to 15. They reach rows 3 to 7 of the second.
    assert sizes == [(8, 8), (13, 13)]
    sizes.clear()
    changes.maps([Window(0, 0, 30, 30)])
    assert WORTH_IT * 31 * 31 < 30 * 30
    assert sizes == [(31, 31), (31, 31)]
