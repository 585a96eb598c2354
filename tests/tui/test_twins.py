from __future__ import annotations

import pytest

from zfexplore.tui.messages import Stage
from zfexplore.tui.twins import twin_of


def stages(*names: str) -> list[Stage]:
    return [Stage(name, name.rstrip("0123456789"), 8, (), None) for name in names]


ZFNET = stages("conv1", "conv2", "conv3", "conv4", "conv5", "pool5", "fc6")


@pytest.mark.parametrize(
    ("there", "name", "twin"),
    [
        (stages("conv1", "conv5", "fc6"), "conv5", "conv5"),
        (stages("conv10", "conv11", "conv12"), "conv5", "conv12"),
        (stages("conv10", "conv11", "conv12"), "conv3", "conv11"),
        (stages("conv10", "fc8"), "fc6", "fc8"),
        (stages("conv10"), "pool5", None),
    ],
)
def test_the_layer_of_that_name_stands_for_it_else_one_of_the_kind_as_far_up(there, name, twin):
    stage = next(stage for stage in ZFNET if stage.name == name)
    found = twin_of(stage, ZFNET, there)
    assert (found and found.name) == twin
