"""Filters' root mean squares and dead channels, on weights that can be done by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.nets.stages import net_over
from zfexplore.nets.trunk import Trunk
from zfexplore.studies.architecture import (
    cap_of,
    filter_reports,
    first_kernels,
    renormalised,
    report,
    rms_of,
)


def four_filters() -> torch.Tensor:
    """Filters of 3 x 2 x 2 whose root mean squares are 0.05, 0.1 as float16 has it, 0.2 and 0."""
    signs = torch.tensor([1.0, -1.0]).repeat(6).reshape(3, 2, 2)
    return torch.stack([signs * 0.05, signs.half() * 0.1, signs * 0.2, signs * 0])


@pytest.fixture
def stack():
    net = nn.Sequential(nn.Conv2d(3, 4, 2), nn.ReLU(), nn.Conv2d(4, 2, 1), nn.ReLU())
    with torch.no_grad():
        net[0].weight.copy_(four_filters())
        net[2].weight.copy_(torch.tensor([[3.0, 4.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]])[:, :, None, None])
    return net


def test_each_convolution_is_told_with_what_the_atlas_saw_dead(stack):
    records = {"conv1": SimpleNamespace(dead=np.array([False, True, False, True]))}
    atlas = SimpleNamespace(stages=records, stage=records.__getitem__)
    first, second = filter_reports(Trunk(stack), atlas)
    assert (first.stage, first.filters, first.at_cap, first.above) == ("conv1", 4, 1, 1)
    assert (first.lowest, first.median, first.highest) == pytest.approx((0.0, 0.075, 0.2), rel=1e-3)
    assert (first.dead, second.dead) == ((1, 3), None)
    assert (second.lowest, second.highest) == pytest.approx((2**-0.5, 2.5))
    assert filter_reports(Trunk(stack), cap=2.5)[1].at_cap == 1


def test_a_net_with_branches_has_its_modules_names():
    class Branches(nn.Module):
        def __init__(self):
            super().__init__()
            self.left, self.right = nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 3, padding=1)

        def forward(self, x):
            return torch.relu(self.left(x) + self.right(x)).mean((2, 3))

    net = net_over(Branches().eval(), InputConvention(size=8, resize=8))
    assert [found.stage for found in filter_reports(net)] == ["left", "right"]


def test_only_filters_above_the_cap_are_scaled():
    before = four_filters().numpy()
    after = renormalised(before, 0.1)
    assert rms_of(after) == pytest.approx([0.05, 0.1, 0.1, 0.0], rel=1e-3)
    assert (after[0] == before[0]).all()
    np.testing.assert_allclose(after[2], before[2] / 2, rtol=1e-6)


def test_the_cap_is_the_recipes_or_the_papers(stack):
    assert [cap_of(recipe) for recipe in ({"max_rms": 0.5}, {"max_rms": None}, {"max_rms": "x"}, {})] == [
        0.5,
        0.1,
        0.1,
        0.1,
    ]
    for cap in (0, float("nan"), True):
        with pytest.raises(ExploreError, match="a cap is a number above 0"):
            filter_reports(Trunk(stack), cap=cap)


def test_a_report_can_be_of_numbers_alone():
    found = report("conv1", np.array([0.1, 0.1001, 0.3]))
    assert (found.at_cap, found.above) == (2, 1)


def test_a_pool_below_the_first_convolution_leaves_no_filters_to_draw(stack):
    assert first_kernels(Trunk(stack)).shape == (4, 3, 2, 2)
    with pytest.raises(ExploreError, match="no filters to show"):
        first_kernels(Trunk(nn.Sequential(nn.MaxPool2d(2), *stack)))
