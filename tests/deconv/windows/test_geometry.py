"""Windows, their padding and their cost, by hand on ZFNet at 224 pixels."""

from __future__ import annotations

import pytest
from torch import nn

from zfexplore.deconv.windows.geometry import (
    StepWindow,
    WindowGroup,
    first_shared_step,
    group_units,
    needs_all_channels,
    reads_only_padding,
    step_windows,
    whole_cost,
    window_cost,
)
from zfexplore.nets.trunk import Trunk
from zfexplore.nets.zfnet import ZFNet

SIZE = (224, 224)


@pytest.fixture(scope="module")
def zfnet() -> Trunk:
    return Trunk(ZFNet(classes=2, fc=2))


def test_a_unit_in_the_middle_needs_no_padding(zfnet: Trunk) -> None:
    windows = zfnet.windows("conv2", 13, 13, SIZE)
    through = step_windows(zfnet.steps[:6], windows)
    # 27 pixels, conv1 11, pool1 5, then one unit; at 13 * 8 - 3 nothing is near a border.
    assert [window.size for window in through] == [(27, 27), (11, 11), (11, 11), (5, 5), (5, 5), (1, 1)]
    assert not any(any(window.padding) for window in through)


def test_a_unit_in_the_corner_is_padded_where_it_crosses(zfnet: Trunk) -> None:
    through = step_windows(zfnet.steps[:6], zfnet.windows("conv2", 0, 25, SIZE))
    # Rows: conv2 reads rows 0-4 of pool1, these -1-9 of conv1's map and 0-9 those pixels -1-24.
    assert through[2] == StepWindow((10, 11), (0, 0, 1, 0))
    assert through[0].padding[2] == 1
    assert through[2].padded_size == (11, 11)


def test_only_units_clipped_alike_are_grouped_and_groups_are_split_by_size(zfnet: Trunk) -> None:
    steps = zfnet.steps[:6]
    windows = [zfnet.windows("conv2", y, x, SIZE) for y, x in [(5, 5), (0, 9), (7, 3), (0, 12), (6, 6)]]
    together = list(group_units(steps, windows, 10**6))
    assert [group.rows for group in together] == [(0, 2, 4), (1, 3)]
    assert together[0].windows == (windows[0], windows[2], windows[4])
    # The largest map is conv1's, 96 x 11 x 11 = 11,616 numbers a unit: two fit into 24,000.
    assert [group.rows for group in group_units(steps, windows, 24_000)] == [(0, 2), (4,), (1, 3)]
    assert [group.rows for group in group_units(steps, windows, 1)] == [(0,), (2,), (4,), (1,), (3,)]


def test_small_maps_high_up_are_computed_together_and_large_ones_low_down_apart(zfnet: Trunk) -> None:
    stage = zfnet.stage("conv5")
    steps = zfnet.steps[: stage.end]

    def groups(*places: tuple[int, int]) -> list[WindowGroup]:
        return list(group_units(steps, [zfnet.windows("conv5", *place, SIZE) for place in places], 1))

    # A corner's maps of conv4 and conv3 are 2 x 2 and 3 x 3, those in the middle 3 x 3 and 5 x 5; of conv2
    # they are 8 x 8 and 15 x 15, and computing the corner's 225 places would cost more than it saves.
    assert steps[first_shared_step(steps, groups((0, 0), (6, 6)))].name == "conv3"
    # Three units of the middle together are no more work than apart, all the way down.
    assert first_shared_step(steps, groups((6, 6), (6, 6), (6, 6))) == 0
    # Alone there is nothing to share.
    assert steps[first_shared_step(steps, groups((6, 6)))].name == "conv5"


def test_multiplications_are_counted(zfnet: Trunk) -> None:
    conv1, conv2 = zfnet.stage("conv1"), zfnet.stage("conv2")
    assert whole_cost(zfnet, conv1, SIZE) == 110 * 110 * 96 * 147
    assert whole_cost(zfnet, conv2, SIZE) == 110 * 110 * 96 * 147 + 26 * 26 * 256 * 2400
    middle = zfnet.windows("conv2", 13, 13, SIZE)
    assert window_cost(zfnet, conv2, middle) == 11 * 11 * 96 * 147 + 2400  # of the top stage one channel


def test_a_normalisation_above_the_highest_convolution_needs_all_its_channels() -> None:
    plain = [nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2)]
    mixed = [nn.Conv2d(3, 4, 3), nn.ReLU(), nn.LocalResponseNorm(3), nn.MaxPool2d(2)]
    assert not needs_all_channels(Trunk(nn.Sequential(*plain)).steps)
    trunk = Trunk(nn.Sequential(*mixed))
    assert needs_all_channels(trunk.steps)
    windows = trunk.windows("pool1", 1, 1, (16, 16))
    assert window_cost(trunk, trunk.stage("pool1"), windows) == 4 * 27 * 4


def test_a_unit_that_reads_only_padding_has_no_step_windows() -> None:
    trunk = Trunk(nn.Sequential(nn.Conv2d(3, 4, 1, padding=1), nn.ReLU()))
    windows = trunk.windows("conv1", 0, 0, (8, 8))
    assert reads_only_padding(windows)
    assert step_windows(trunk.steps, windows) == ()
