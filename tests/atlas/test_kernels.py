"""The kernels for a GPU against torch's own operations; without a GPU, in Triton's interpreter."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.support import small_net
from zfexplore.atlas import maxima as maxima_module
from zfexplore.atlas import tally as tally_module
from zfexplore.atlas.maxima import Layout, image_maxima
from zfexplore.atlas.tally import EDGES, NO_LABEL, Tally
from zfexplore.nets.trunk import Trunk
from zfexplore.nets.zfnet import ContrastNorm

pytest.importorskip("triton", reason="no Triton: the kernels are not tested")
kernels = pytest.importorskip("zfexplore.atlas.kernels")

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def whole_numbers(shape):
    return torch.randint(-2, 3, shape).float()  # many equal maxima


def below_zero(shape):
    return -whole_numbers(shape).abs()  # and both zeros


def odd(shape):
    maps = torch.randn(shape)
    maps[0, 1, -1, -1] = torch.nan
    maps[0, 0, 0, 0] = torch.inf
    maps[-1, 2] = -torch.inf
    return maps


@pytest.mark.parametrize("fill", [whole_numbers, below_zero, odd])
@pytest.mark.parametrize(
    ("shape", "window"), [((2, 5, 11, 12), (3, 2, 1)), ((1, 33, 7, 7), (3, 2, 0)), ((1, 3, 8, 8), (2, 2, 0))]
)
def test_a_map_is_rectified_and_pooled_while_it_is_searched(shape, window, fill):
    torch.manual_seed(0)
    maps = fill(shape).to(DEVICE).contiguous(memory_format=torch.channels_last)
    maxima = torch.full((shape[0], shape[1] + 3), 7.0, device=DEVICE)
    places = torch.full(maxima.shape, 7, device=DEVICE)
    pooled = kernels.rectify_pool_strongest(maps, window, maxima[:, 1:-2], places[:, 1:-2])
    value, first = maps.relu().flatten(2).max(dim=2)
    assert torch.equal(maxima[:, 1:-2].nan_to_num(123.0), value.nan_to_num(123.0))
    assert torch.equal(places[:, 1:-2], first)
    for wide in (maxima, places):
        assert (wide[:, [0, -2, -1]] == 7).all(), "it wrote beside its part"
    expected = torch.nn.functional.max_pool2d(maps.relu(), *window)
    assert torch.equal(pooled.nan_to_num(123.0), expected.nan_to_num(123.0))
    assert pooled.is_contiguous(memory_format=torch.channels_last)


def test_a_net_s_maxima_are_those_of_a_cpu(monkeypatch):
    """conv1 and conv2 are pooled by the kernel, pool2 is watched itself, and a kernel normalises."""
    module = small_net(20).requires_grad_(False)
    module[3] = ContrastNorm()
    net, batch = Trunk(module.to(DEVICE)), torch.rand(1, 3, 20, 20).to(DEVICE)
    batch = batch.contiguous(memory_format=torch.channels_last)
    layout = Layout.of(net, net.watched, 20)
    everything = torch.full((layout.channels,), -torch.inf, device=DEVICE)
    maxima, places = image_maxima(net, batch, layout, everything)
    called = []
    for name in ("rectify_pool_strongest", "normalise"):
        real = getattr(kernels, name)
        monkeypatch.setattr(kernels, name, lambda *a, real=real, name=name: called.append(name) or real(*a))
    monkeypatch.setattr(maxima_module, "kernels_for", lambda device: kernels)
    found, where = image_maxima(net, batch, layout)
    torch.testing.assert_close(found, maxima, rtol=1e-5, atol=1e-6)
    assert torch.equal(where, places)
    assert called == ["rectify_pool_strongest", "normalise", "rectify_pool_strongest"]


def test_maps_in_bfloat16_give_maxima_in_float32():
    maps = torch.randn(2, 6, 9, 8).to(DEVICE, torch.bfloat16).contiguous(memory_format=torch.channels_last)
    maxima, places = torch.empty(2, 6, device=DEVICE), torch.empty(2, 6, dtype=torch.int64, device=DEVICE)
    pooled = kernels.rectify_pool_strongest(maps, (3, 2, 1), maxima, places)
    value, first = maps.relu().float().flatten(2).max(dim=2)
    assert torch.equal(maxima, value)
    assert torch.equal(places, first)
    assert torch.equal(pooled, torch.nn.functional.max_pool2d(maps.relu(), 3, 2, 1))


def test_a_device_can_be_tried_out():
    kernels.try_out(DEVICE)


def merged(monkeypatch, maxima, places, labels, *, by, k=9, classes=0, cuts=()):
    """The arrays of a tally of these images with even numbers, merged by torch or by ``kernels``."""
    monkeypatch.setattr(tally_module, "kernels_for", lambda device: by)
    device = DEVICE if by is not None else torch.device("cpu")
    tally = Tally.empty(maxima.shape[1], k=k, classes=classes, images=300, device=device)
    bounds = [0, *cuts, len(maxima)]
    for start, stop in zip(bounds, bounds[1:], strict=False):
        numbers = range(2 * start, 2 * stop, 2)
        some = (maxima[start:stop].to(device), places[start:stop].to(device))
        tally.merge(*some, numbers, labels[start:stop])
    return tally.arrays()


@pytest.mark.parametrize(("channels", "k", "count"), [(33, 9, 24), (3, 1, 9), (5, 5, 3)])
def test_a_slice_is_merged_as_on_a_cpu_to_the_last_bit(monkeypatch, channels, k, count):
    torch.manual_seed(channels)
    tied = torch.randint(-3, 9, (count, channels)) / 7
    maxima = torch.where(torch.rand(count, channels) < 0.5, tied, torch.randn(count, channels).exp())
    places = torch.randint(0, 999, (count, channels))
    labels = [NO_LABEL if number % 7 == 0 else number // 4 % 5 for number in range(count)]
    how = {"k": k, "classes": 5, "cuts": (count // 2, count // 2)}  # one slice has no image at all
    expected = merged(monkeypatch, maxima, places, labels, by=None, **how)
    for name, values in merged(monkeypatch, maxima, places, labels, by=kernels, **how).items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)


def test_every_edge_of_the_histogram_opens_its_own_bin(monkeypatch):
    edges = torch.from_numpy(EDGES)
    odd_ones = torch.tensor([0.0, -0.0, -1.0, 1e-40, 2.0**-126, 1e30, torch.inf])
    values = torch.cat([edges, torch.nextafter(edges, torch.zeros(1)), odd_ones])[None]
    places, labels = torch.zeros(values.shape, dtype=torch.int64), [NO_LABEL]
    expected = merged(monkeypatch, values, places, labels, by=None)["histogram"]
    found = merged(monkeypatch, values, places, labels, by=kernels)["histogram"]
    np.testing.assert_array_equal(found, expected)
