from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests.support import noise_picture
from zfexplore.deconv.dense import record
from zfexplore.errors import ExploreError
from zfexplore.nets.steps import run_step
from zfexplore.nets.trunk import Trunk
from zfexplore.nets.zfnet import ContrastNorm
from zfexplore.studies.feeds import feeds_from, feeds_of
from zfexplore.studies.records import INPUT
from zfexplore.units import Unit


def filled(net, seed=0):
    generator = torch.Generator().manual_seed(seed)
    for parameter in net.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64) / 3
    return net.eval().requires_grad_(False)


def zfnet_like():
    return filled(
        nn.Sequential(
            nn.Conv2d(3, 6, 7, stride=2, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
            ContrastNorm(5, alpha=0.1, beta=0.75, k=2.0),
            nn.Conv2d(6, 8, (5, 3), stride=(2, 1), padding=(0, 2), groups=2), nn.ReLU(),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.Conv2d(8, 7, 3, padding=1, bias=False), nn.ReLU(),
            nn.AdaptiveAvgPool2d((3, 2)), nn.Flatten(),
            nn.Linear(42, 9), nn.ReLU(), nn.Dropout(), nn.Linear(9, 4),
        )
    )  # fmt: skip


def alexnet_like():
    """The normalisation before the pool, and a pool right on top of another."""
    return filled(
        nn.Sequential(
            nn.Conv2d(3, 4, 5, padding=2), nn.ReLU(), nn.LocalResponseNorm(3, alpha=0.3), nn.MaxPool2d(3, 2),
            nn.MaxPool2d(2), nn.Conv2d(4, 5, 3, padding=1),
        )
    )  # fmt: skip


def pool_first():
    return filled(nn.Sequential(nn.MaxPool2d(3, 2, 1), nn.MaxPool2d(2), nn.Conv2d(3, 4, 3), nn.ReLU()))


PICTURE = torch.randn(1, 3, 53, 60, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
# Each filtering stage and the stage below it.
FILTERED = [
    (zfnet_like, "conv1", INPUT),
    (zfnet_like, "conv2", "pool1"),
    (zfnet_like, "conv3", "pool2"),
    (zfnet_like, "fc4", "conv3"),
    (zfnet_like, "fc5", "fc4"),
    (alexnet_like, "conv2", "pool1b"),
    (pool_first, "conv1", "pool0b"),
]


def preactivations(trunk, stage):
    """What the layer of a stage itself computes, before any ReLU: ``[c, h, w]``, or ``[c]`` for a matrix."""
    steps = trunk.steps[: trunk.stage(stage).end]
    x = PICTURE
    for step in steps[:-1] if steps[-1].kind == "relu" else steps:
        x = run_step(step, x)
    return x[0]


@pytest.mark.parametrize(("make", "stage", "below"), FILTERED)
def test_contributions_sum_to_the_preactivation_less_the_bias(make, stage, below):
    trunk = Trunk(make())
    before = preactivations(trunk, stage)
    places = [(None, None)] if before.ndim == 1 else list_places(before)
    for channel in range(len(before)):
        for y, x in places:
            unit = Unit(stage, channel, y, x)
            found = feeds_of(trunk, PICTURE, unit)
            expected = float(before[channel] if y is None else before[channel, y, x])
            total = sum(feed.contribution for feed in found.feeds)
            assert found.unit == unit
            assert total + found.bias == pytest.approx(expected, rel=1e-10, abs=1e-10)
            assert found.preactivation == pytest.approx(expected, rel=1e-10, abs=1e-10)
            assert {feed.unit.stage for feed in found.feeds} == {below}


def list_places(maps):
    """The corners, and a place inside."""
    height, width = maps.shape[1:]
    return [(0, 0), (0, width - 1), (height - 1, 0), (height - 1, width - 1), (height // 2, width // 3)]


@pytest.mark.parametrize(("make", "stage", "below"), FILTERED)
def test_the_activation_is_the_stages_own(make, stage, below):
    trunk = Trunk(make())
    maps = trunk.maps(PICTURE, [stage])[stage][0]
    for channel in range(len(maps)):
        unit = Unit(stage, channel) if maps.ndim == 1 else Unit(stage, channel, 1, 2)
        value = maps[channel] if maps.ndim == 1 else maps[channel, 1, 2]
        assert feeds_of(trunk, PICTURE, unit).activation == pytest.approx(float(value), rel=1e-10, abs=1e-12)


def test_a_net_done_on_paper():
    """Two channels of 2 x 2 pass as they are; a 2 x 2 kernel weighs one by 1 to 4, the other by -1."""
    net = nn.Sequential(nn.Conv2d(2, 2, 1), nn.ReLU(), nn.Conv2d(2, 1, 2), nn.ReLU()).double()
    net[0].weight.data = torch.eye(2).view(2, 2, 1, 1).double()
    net[0].bias.data.zero_()
    net[2].weight.data = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]], [[-1.0, -1.0], [-1.0, -1.0]]]]).double()
    net[2].bias.data.fill_(0.5)
    picture = torch.tensor([[[[10.0, 1.0], [1.0, 1.0]], [[2.0, 0.0], [0.0, 5.0]]]]).double()
    found = feeds_of(Trunk(net), picture, Unit("conv2", 0, 0, 0))
    first, second = found.feeds
    assert (first.unit, first.contribution, first.activation) == (Unit("conv1", 0, 0, 0), 10 + 2 + 3 + 4, 10)
    assert (second.unit, second.contribution, second.activation) == (Unit("conv1", 1, 1, 1), -7, 5)
    assert (first.share, second.share) == (pytest.approx(19 / 26), pytest.approx(-7 / 26))
    assert (found.preactivation, found.activation, found.bias) == (12.5, 12.5, 0.5)


def test_the_strongest_driver_comes_first_and_shares_add_up():
    found = feeds_of(Trunk(zfnet_like()), PICTURE, Unit("conv3", 2, 1, 1))
    contributions = [feed.contribution for feed in found.feeds]
    assert contributions == sorted(contributions, reverse=True)
    assert contributions[0] > 0 > contributions[-1]
    assert sum(abs(feed.share) for feed in found.feeds) == pytest.approx(1)
    assert all(feed.share * feed.contribution >= 0 for feed in found.feeds)


def test_only_the_units_own_group_feeds_it():
    trunk = Trunk(zfnet_like())
    for channel in range(8):
        found = feeds_of(trunk, PICTURE, Unit("conv2", channel, 2, 3))
        expected = {0, 1, 2} if channel < 4 else {3, 4, 5}
        assert {feed.unit.channel for feed in found.feeds} == expected


def test_the_place_to_dive_to_holds_the_largest_product():
    """Silencing it in what the layer reads takes away more of the contribution than any other place."""
    trunk = Trunk(zfnet_like())
    read = trunk.maps(PICTURE, ["pool2"])["pool2"][0]  # no normalisation before conv3
    weight = trunk.module[7].weight
    found = feeds_of(trunk, PICTURE, Unit("conv3", 4, 0, 2))
    for feed in found.feeds:
        channel, (y, x) = feed.unit.channel, (feed.unit.y, feed.unit.x)
        assert feed.activation == float(read[channel, y, x])
        products = {
            (row, column): float(weight[4, channel, row + 1, column - 2 + 1] * read[channel, row, column])
            for row in (0, 1)
            for column in (1, 2, 3)
        }
        best = max(products, key=lambda place: products[place] * (1 if feed.contribution > 0 else -1))
        assert (y, x) == best
        assert sum(products.values()) == pytest.approx(feed.contribution, rel=1e-10)


def test_below_a_normalisation_the_activation_is_the_stages_own():
    trunk = Trunk(zfnet_like())
    pool = trunk.maps(PICTURE, ["pool1"])["pool1"][0]
    for feed in feeds_of(trunk, PICTURE, Unit("conv2", 0, 1, 1)).feeds:
        assert feed.activation == float(pool[feed.unit.channel, feed.unit.y, feed.unit.x])


@pytest.mark.parametrize(
    ("make", "stage", "step", "below"),
    [
        (zfnet_like, "pool1", 2, "conv1"),
        (zfnet_like, "pool2", 6, "conv2"),
        (alexnet_like, "pool1", 3, "conv1"),
        (alexnet_like, "pool1b", 4, "pool1"),
    ],
)
def test_a_pool_is_fed_from_its_switch(make, stage, step, below):
    trunk = Trunk(make())
    recording = record(trunk, PICTURE, stage)
    width = recording.shapes[step][2]
    for channel in range(recording.top.shape[1]):
        for y, x in list_places(recording.top[0]):
            found = feeds_of(trunk, PICTURE, Unit(stage, channel, y, x))
            (feed,) = found.feeds
            place = divmod(int(recording.switches[step][0, channel, y, x]), width)
            assert feed.unit == Unit(below, channel, *place)
            value = float(recording.top[0, channel, y, x])
            assert (found.activation, feed.contribution, found.bias) == (value, value, 0.0)
            assert feed.share == (1.0 if value else 0.0)


def test_a_matrix_over_maps_sums_over_their_places():
    trunk = Trunk(zfnet_like())
    maps = trunk.maps(PICTURE, ["conv3"])["conv3"]
    means = F.adaptive_avg_pool2d(maps, (3, 2))[0]  # [7, 3, 2]
    weight = trunk.module[11].weight[5].view(7, 3, 2)
    found = feeds_of(trunk, PICTURE, Unit("fc4", 5))
    for feed in found.feeds:
        channel = feed.unit.channel
        assert feed.contribution == pytest.approx(float((weight * means)[channel].sum()), rel=1e-10)
        assert feed.activation == float(maps[0, channel, feed.unit.y, feed.unit.x])


def test_between_matrices_units_have_no_place():
    found = feeds_of(Trunk(zfnet_like()), PICTURE, Unit("fc5", 1))
    assert {(feed.unit.y, feed.unit.x) for feed in found.feeds} == {(None, None)}
    assert len(found.feeds) == 9


def test_without_a_place_the_channels_maximum_is_meant():
    trunk = Trunk(zfnet_like())
    maps = trunk.maps(PICTURE, ["conv3"])["conv3"][0, 2]
    found = feeds_of(trunk, PICTURE, Unit("conv3", 2))
    assert float(maps[found.unit.y, found.unit.x]) == float(maps.max())
    assert found.activation == pytest.approx(float(maps.max()), rel=1e-10)


def test_a_unit_that_sees_only_padding_is_fed_nothing():
    net = filled(nn.Sequential(nn.Conv2d(3, 2, 1, padding=1), nn.ReLU()))
    found = feeds_of(Trunk(net), PICTURE, Unit("conv1", 1, 0, 0))
    assert [feed.contribution for feed in found.feeds] == [0, 0, 0]
    assert [feed.share for feed in found.feeds] == [0, 0, 0]
    assert found.preactivation == found.bias
    assert all((feed.unit.y, feed.unit.x) == (0, 0) for feed in found.feeds)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_convolution_and_place(data):
    groups = data.draw(st.sampled_from([1, 2]))
    kernel = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    stride = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    padding = data.draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    height, width = data.draw(st.integers(4, 9)), data.draw(st.integers(4, 9))
    net = filled(nn.Sequential(nn.Conv2d(4, 4, kernel, stride, padding, groups=groups)))
    generator = torch.Generator().manual_seed(height * width)
    picture = torch.randn(1, 4, height, width, generator=generator, dtype=torch.float64)
    maps = net(picture)[0]
    y = data.draw(st.integers(0, maps.shape[1] - 1))
    x = data.draw(st.integers(0, maps.shape[2] - 1))
    found = feeds_of(Trunk(net), picture, Unit("conv1", 3, y, x))
    total = sum(feed.contribution for feed in found.feeds) + found.bias
    assert total == pytest.approx(float(maps[3, y, x]), rel=1e-10, abs=1e-10)
    # No ReLU: the unit is below zero as often as above.
    assert found.activation == found.preactivation
    for feed in found.feeds:
        assert 0 <= feed.unit.y < height
        assert 0 <= feed.unit.x < width


def test_on_an_image_of_ones_own(tiny):
    found = feeds_from(tiny, noise_picture(20), Unit("conv2", 3))
    total = sum(feed.contribution for feed in found.feeds)
    assert total + found.bias == pytest.approx(found.preactivation)
    assert {feed.unit.stage for feed in found.feeds} == {"pool1"}


@pytest.mark.parametrize(
    ("unit", "message"),
    [
        (Unit("conv9", 0), "there is no layer 'conv9'"),
        (Unit("conv2", 8), "conv2 has no channel 8: it has 0-7"),
        (Unit("conv2", 0, 8, 0), "conv2 has no unit at row 8, column 0"),
        (Unit("fc3", 0, 1, 0), "fc3 has no unit at row 1, column 0"),
    ],
)
def test_what_is_not_there_is_refused(tiny, unit, message):
    with pytest.raises(ExploreError, match=message):
        feeds_from(tiny, noise_picture(20), unit)


def test_a_pool_above_the_pixels_is_fed_by_one_of_them():
    trunk = Trunk(pool_first())
    maps = trunk.maps(PICTURE, ["pool0"])["pool0"][0]
    for channel, y, x in [(0, 0, 0), (1, 4, 7), (2, maps.shape[1] - 1, maps.shape[2] - 1)]:
        found = feeds_of(trunk, PICTURE, Unit("pool0", channel, y, x))
        (feed,) = found.feeds
        assert (feed.unit.stage, feed.unit.channel) == (INPUT, channel)
        assert found.activation == feed.contribution == float(maps[channel, y, x])
        assert float(PICTURE[0, channel, feed.unit.y, feed.unit.x]) == found.activation


@pytest.mark.parametrize("stage", ["conv1", "pool1", "conv2", "fc5"])
def test_a_unit_that_is_no_number_is_no_result(stage):
    net = zfnet_like()
    net[0].bias.data.fill_(float("nan"))
    with pytest.raises(ExploreError, match=f"^{stage}:1.* is nan: this net overflows"):
        feeds_of(Trunk(net), PICTURE, Unit(stage, 1))
