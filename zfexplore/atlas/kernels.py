"""One pass over a map on a GPU, in Triton: each channel's maximum and its first place, for every image.

A program takes some channels of one image. It goes down the map in tiles of some places by these channels,
and keeps for each place of the tile the best value so far and where it was. In the end it joins value and
place to one whole number each, ordered like the value and then like the place from the last to the first, and
takes the largest. So the map is read once and nothing but the result is written.

``TRITON_INTERPRET=1`` runs the same code on a CPU, slowly: that is how it is tested without a GPU.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

# A tile: places by channels. Along the axis on which the values lie side by side it is 128 bytes or more.
CHANNELS_LAST = (64, 32)
CHANNELS_FIRST = (256, 4)


def strongest(maps: Tensor, maxima: Tensor, places: Tensor) -> None:
    """Find the maxima and places of ``maps [n, c, h, w]``, of any strides and floating-point type.

    They are written to ``maxima [n, c]`` float32 and ``places [n, c]`` int64, which may be parts of wider
    tensors. A place is row * w + column, the first among equals. A NaN is its channel's maximum.
    """
    flat = maps.flatten(2)  # [n, c, h * w]
    count, channels, area = flat.shape
    tile, wide = CHANNELS_FIRST if flat.stride(2) == 1 else CHANNELS_LAST
    grid = (triton.cdiv(channels, wide), count)
    _strongest[grid](
        flat, maxima, places, channels, area, *flat.stride(), maxima.stride(0), places.stride(0), tile, wide
    )


@triton.jit
def _strongest(
    maps,
    maxima,
    places,
    channels,
    area,
    image_stride,
    channel_stride,
    place_stride,
    maxima_stride,
    places_stride,
    TILE: tl.constexpr,
    WIDE: tl.constexpr,
):
    image = tl.program_id(1).to(tl.int64)
    channel = tl.program_id(0) * WIDE + tl.arange(0, WIDE)
    inside = channel < channels
    rows = tl.arange(0, TILE)
    own = maps + image * image_stride + channel.to(tl.int64)[None, :] * channel_stride  # [1, WIDE]
    best = tl.full((TILE, WIDE), float("-inf"), tl.float32)
    where = tl.zeros((TILE, WIDE), tl.int32)
    for start in range(0, area, TILE):
        place = (start + rows)[:, None]
        value = tl.load(
            own + place * place_stride, mask=(place < area) & inside[None, :], other=float("-inf")
        ).to(tl.float32)
        better = (value > best) | (value != value)  # a NaN wins, and then nothing is above it
        best = tl.where(better, value, best)
        where = tl.where(better, place, where)
    key = tl.max(_joined(best, where), axis=0)  # [WIDE]
    tl.store(maxima + image * maxima_stride + channel, _value_of(key), mask=inside)
    tl.store(places + image * places_stride + channel, 0x7FFFFFFF - (key & 0x7FFFFFFF), mask=inside)


@triton.jit
def _joined(value, place):
    """Give int64 that are ordered like ``value``, and among equals from the last place to the first."""
    bits = tl.where(value == 0.0, 0.0, value).to(tl.int32, bitcast=True)  # -0.0 equals 0.0
    ordered = bits ^ ((bits >> 31) & 0x7FFFFFFF)  # negative floats are ordered the other way round
    ordered = tl.where(value != value, 0x7FFFFFFF, ordered)
    return (ordered.to(tl.int64) << 32) | (0x7FFFFFFF - place).to(tl.int64)


@triton.jit
def _value_of(key):
    ordered = (key >> 32).to(tl.int32)
    return (ordered ^ ((ordered >> 31) & 0x7FFFFFFF)).to(tl.float32, bitcast=True)


def try_out(device: torch.device) -> None:
    """Run the kernel on a map of four values; raises whatever keeps Triton from working here."""
    maps = torch.tensor([0.0, 2.0, 2.0, 1.0], device=device).view(1, 1, 2, 2)
    maxima, places = maps.new_empty(1, 1), torch.empty((1, 1), dtype=torch.int64, device=device)
    strongest(maps, maxima, places)
    if (maxima.item(), places.item()) != (2.0, 1):
        raise RuntimeError("Triton's kernel finds another maximum")
