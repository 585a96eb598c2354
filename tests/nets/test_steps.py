"""One layer at a time against torch; test_trunk.py has whole stacks."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from zfexplore.errors import ExploreError
from zfexplore.nets.steps import AxisStep, read_steps, run_step

AXES = [
    AxisStep(3, 2, 1),
    AxisStep(3, 2, 1, ceil_mode=True),
    AxisStep(2, 2, 0, ceil_mode=True),
    AxisStep(4, 1, 2),
]


def pool_of(axis):
    """A pooling with the axis's geometry along rows."""
    return nn.MaxPool2d((axis.kernel, 1), (axis.stride, 1), (axis.padding, 0), ceil_mode=axis.ceil_mode)


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("length", range(5, 12))
def test_the_length_is_that_of_torchs_pooling(axis, length):
    assert axis.output_length(length) == pool_of(axis)(torch.zeros(1, 1, length, 1)).shape[2]


@pytest.mark.parametrize("axis", AXES)
def test_the_inputs_of_a_place_are_those_that_change_its_value(axis):
    lights = torch.eye(9)[:, None, :, None]  # each image has one pixel of 1
    seen = pool_of(axis)(lights)[:, 0, :, 0]  # [lit pixel, place]
    for place in range(axis.output_length(9)):
        assert axis.inputs_of([place], 9) == set(seen[:, place].nonzero().flatten().tolist())
    assert axis.inputs_of([0, 1], 9) == axis.inputs_of([0], 9) | axis.inputs_of([1], 9)


def test_layers_are_read_in_order_and_the_flattening_is_put_in():
    net = nn.Sequential(
        nn.Conv2d(3, 4, (3, 5), stride=2, padding="valid"), nn.ReLU(inplace=True), nn.Dropout(),
        nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(2), nn.Linear(16, 3),
    )  # fmt: skip
    steps = read_steps(net)
    assert [step.kind for step in steps] == ["conv", "relu", "pool", "avgpool", "flatten", "linear"]
    assert [step.name for step in steps] == ["0", "1", "3", "4", "flatten", "5"]
    assert (steps[0].axis(0), steps[0].axis(1)) == (AxisStep(3, 2), AxisStep(5, 2))


def test_a_step_runs_as_its_layer_and_leaves_its_input_alone():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)).eval()
    x = torch.randn(2, 3, 9, 8)
    for step, layer in zip(read_steps(net), net, strict=True):
        before = x.clone()
        found = run_step(step, x)
        assert torch.equal(x, before)
        assert torch.equal(found, layer(x.clone()))
        x = found


@pytest.mark.parametrize(
    ("layer", "complaint"),
    [
        (nn.Conv2d(3, 4, 3, dilation=2), "a convolution with dilation"),
        (nn.Conv2d(3, 4, 3, padding_mode="reflect"), "'reflect' padding"),
        (nn.Conv2d(3, 4, 2, padding="same"), "lopsided"),
        (nn.MaxPool2d(2, dilation=2), "a pooling with dilation"),
        (nn.Sigmoid(), "a Sigmoid layer"),
        (nn.ELU(), "an ELU layer"),
    ],
)
def test_other_layers_are_refused_by_name(layer, complaint):
    with pytest.raises(ExploreError, match=complaint):
        read_steps(nn.Sequential(layer))
