"""The kernels for a GPU against torch's own operations; without a GPU, in Triton's interpreter."""

from __future__ import annotations

import pytest
import torch

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


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format], ids=["last", "first"])
@pytest.mark.parametrize("fill", [whole_numbers, below_zero, torch.randn, odd])
@pytest.mark.parametrize("shape", [(3, 5, 7, 9), (2, 40, 13, 13), (1, 3, 1, 1)])
def test_maxima_and_first_places_are_torchs(shape, fill, layout):
    torch.manual_seed(0)
    maps = fill(shape).to(DEVICE).contiguous(memory_format=layout)
    count, channels = shape[:2]
    maxima = torch.full((count, channels + 3), 7.0, device=DEVICE)
    places = torch.full((count, channels + 3), 7, device=DEVICE)
    kernels.strongest(maps, maxima[:, 1:-2], places[:, 1:-2])
    value, first = maps.flatten(2).max(dim=2)
    assert torch.equal(maxima[:, 1:-2].nan_to_num(123.0), value.nan_to_num(123.0))
    assert torch.equal(places[:, 1:-2], first)
    for wide in (maxima, places):
        assert (wide[:, [0, -2, -1]] == 7).all(), "it wrote beside its part"


def test_maps_in_bfloat16_give_maxima_in_float32():
    maps = torch.randn(2, 6, 9, 8).to(DEVICE, torch.bfloat16).contiguous(memory_format=torch.channels_last)
    maxima, places = torch.empty(2, 6, device=DEVICE), torch.empty(2, 6, dtype=torch.int64, device=DEVICE)
    kernels.strongest(maps, maxima, places)
    value, first = maps.float().flatten(2).max(dim=2)
    assert torch.equal(maxima, value)
    assert torch.equal(places, first)


def test_a_device_can_be_tried_out():
    kernels.try_out(DEVICE)
