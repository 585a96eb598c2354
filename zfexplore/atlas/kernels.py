"""What the atlas's pass does on a GPU besides the net, in Triton: search a map, and merge what was found.

``rectify_pool_strongest`` goes once over what a convolution gave. It rectifies and pools it, and finds each
channel's maximum and its first place meanwhile: the largest map of a net is read once, where one after the
other it is read three times and written once. A program takes some channels of one image. It goes down the
pooled map in tiles of some places by these channels, and keeps for each place of the tile the best value so
far and where it was. In the end it joins value and place to one whole number each, ordered like the value and
then like the place from the last to the first, and takes the largest.

``merge`` adds a slice's maxima to a tally. A program takes some channels and goes through the images one
after another, as a tally counts them, so that its numbers are those of a CPU to the last bit.

``TRITON_INTERPRET=1`` runs the same code on a CPU, slowly: that is how it is tested without a GPU.
"""

from __future__ import annotations

import numpy as np
import torch
import triton
import triton.language as tl
from torch import Tensor

from zfexplore.nets.kernels import normalise

_TILE = (32, 32)  # places by channels; side by side lie 128 bytes

# Where the quarters of an octave begin: the bits behind the exponent of 2^(1/4), 2^(1/2) and 2^(3/4).
_QUARTERS = (np.exp2([0.25, 0.5, 0.75]).astype(np.float32).view(np.int32) & 0x7FFFFF).tolist()


def rectify_pool_strongest(
    maps: Tensor, window: tuple[int, int, int], maxima: Tensor, places: Tensor
) -> Tensor:
    """Rectify ``maps [n, c, h, w]`` and pool them by (kernel, stride, padding); give ``[n, c, h', w']``.

    The maxima of the rectified maps are written to ``maxima [n, c]`` float32 and their places to
    ``places [n, c]`` int64, which may be parts of wider tensors. A place is row * w + column, the first among
    equals; a NaN is its channel's maximum. No place may lie outside all windows. Maps and result lie
    ``channels_last``, in any floating-point type.
    """
    count, channels, height, width = maps.shape
    kernel, stride, padding = window
    below = [(length + 2 * padding - kernel) // stride + 1 for length in (height, width)]
    flat = maps.contiguous(memory_format=torch.channels_last)
    pooled = torch.empty(
        (count, channels, *below), dtype=maps.dtype, device=maps.device, memory_format=torch.channels_last
    )
    tile, wide = _TILE
    with torch.cuda.device_of(maps):
        _rectify_pool_strongest[(triton.cdiv(channels, wide), count)](
            flat, pooled, maxima, places, channels, height, width, *below, maxima.stride(0), places.stride(0),
            KERNEL=kernel, STRIDE=stride, PADDING=padding, TILE=tile, WIDE=wide,
        )  # fmt: skip
    return pooled


@triton.jit
def _rectify_pool_strongest(
    maps,
    pooled,
    maxima,
    places,
    channels,
    height,
    width,
    pooled_height,
    pooled_width,
    maxima_stride,
    places_stride,
    KERNEL: tl.constexpr,
    STRIDE: tl.constexpr,
    PADDING: tl.constexpr,
    TILE: tl.constexpr,
    WIDE: tl.constexpr,
):
    image = tl.program_id(1).to(tl.int64)
    channel = tl.program_id(0) * WIDE + tl.arange(0, WIDE)
    inside = (channel < channels)[None, :]
    area = pooled_height * pooled_width
    own = maps + image * height * width * channels + channel[None, :]  # [1, WIDE]
    result = pooled + image * area * channels + channel[None, :]
    best = tl.full((TILE, WIDE), float("-inf"), tl.float32)
    where = tl.zeros((TILE, WIDE), tl.int32)
    for start in range(0, area, TILE):
        window = start + tl.arange(0, TILE)
        top = window // pooled_width * STRIDE - PADDING
        left = window % pooled_width * STRIDE - PADDING
        highest = tl.zeros((TILE, WIDE), tl.float32)  # rectified, nothing is lower
        for down in tl.static_range(KERNEL):
            for right in tl.static_range(KERNEL):
                y, x = top + down, left + right
                on_map = (window < area) & (y >= 0) & (y < height) & (x >= 0) & (x < width)
                place = (y * width + x)[:, None]
                seen = on_map[:, None] & inside
                value = tl.load(own + place * channels, mask=seen, other=0.0).to(tl.float32)
                value = tl.where(value < 0.0, 0.0, value)
                wrong = value != value
                highest = tl.where((value > highest) | wrong, value, highest)
                # Windows overlap, so places do not come in their order.
                better = (value > best) | ((value == best) & (place < where)) | wrong
                best = tl.where(better & seen, value, best)
                where = tl.where(better & seen, place, where)
        at = result + window[:, None] * channels
        tl.store(at, highest.to(pooled.dtype.element_ty), mask=(window < area)[:, None] & inside)
    key = tl.max(_joined(best, where), axis=0)  # [WIDE]
    tl.store(maxima + image * maxima_stride + channel, _value_of(key), mask=channel < channels)
    tl.store(
        places + image * places_stride + channel, 0x7FFFFFFF - (key & 0x7FFFFFFF), mask=channel < channels
    )


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


def merge(
    best: tuple[Tensor, Tensor, Tensor],
    sums: tuple[Tensor, Tensor, Tensor],
    maxima: Tensor,
    places: Tensor,
    told: Tensor,
    lowest: int,
) -> None:
    """Merge ``maxima [n, c]`` float32 and ``places [n, c]`` int64 of the next ``n`` images, in place.

    ``best`` are a tally's ``value``, ``image`` and ``place``, ``sums`` its ``total``, ``class_total`` and
    ``histogram``, whose bins are quarters of octaves from the ``lowest`` on (2 to this power).
    ``told [2, n]`` int64 has the images' numbers and their labels, which are negative where there is none.
    """
    count, channels = maxima.shape
    if not count:  # no memory belongs to such a tensor
        return
    kept, bins, wide = best[0].shape[1], sums[2].shape[1], 32  # a channel for each thread of a warp
    with torch.cuda.device_of(maxima):
        _merge[(triton.cdiv(channels, wide),)](
            *best, *sums, maxima, places, told, count, channels, maxima.stride(0), places.stride(0),
            KEPT=kept, LISTED=triton.next_power_of_2(kept), BINS=bins, LOWEST=lowest,
            FIRST=_QUARTERS[0], SECOND=_QUARTERS[1], THIRD=_QUARTERS[2], WIDE=wide, num_warps=1,
        )  # fmt: skip


@triton.jit
def _merge(
    value,
    image,
    place,
    total,
    class_total,
    histogram,
    maxima,
    places,
    told,
    count,
    channels,
    maxima_stride,
    places_stride,
    KEPT: tl.constexpr,
    LISTED: tl.constexpr,
    BINS: tl.constexpr,
    LOWEST: tl.constexpr,
    FIRST: tl.constexpr,
    SECOND: tl.constexpr,
    THIRD: tl.constexpr,
    WIDE: tl.constexpr,
):
    channel = (tl.program_id(0) * WIDE + tl.arange(0, WIDE)).to(tl.int64)
    inside = channel < channels
    bins = histogram + channel * BINS
    rank = tl.arange(0, LISTED)[:, None]
    lists = channel[None, :] * KEPT + rank  # [LISTED, WIDE]
    listed = inside[None, :] & (rank < KEPT)
    weakest = tl.load(value + channel * KEPT + (KEPT - 1), mask=inside, other=float("inf"))
    summed = tl.load(total + channel, mask=inside, other=0.0)
    following = tl.load(maxima + channel, mask=inside, other=float("-inf"))
    for row in range(0, count):
        now = following
        more = inside & (row + 1 < count)
        following = tl.load(maxima + (row + 1) * maxima_stride + channel, mask=more, other=float("-inf"))
        summed += now.to(tl.float64)
        label = tl.load(told + count + row)
        if label >= 0:
            own = class_total + label * channels + channel
            tl.store(own, tl.load(own, mask=inside, other=0.0) + now.to(tl.float64), mask=inside)
        one = tl.full((WIDE,), 1, tl.int64)
        bin = _bin_of(now, LOWEST, BINS, FIRST, SECOND, THIRD)
        tl.atomic_add(bins + bin, one, mask=inside, sem="relaxed")
        if tl.max((now > weakest).to(tl.int32), axis=0) > 0:
            # Equal values kept before stay before. All behind the new one move down by one.
            held = tl.load(value + lists, mask=listed, other=float("-inf"))
            at = tl.sum(((held >= now[None, :]) & listed).to(tl.int32), axis=0)[None, :]  # [1, WIDE]
            behind = listed & (rank > at)
            values = tl.load(value + lists - 1, mask=behind, other=0.0)
            images = tl.load(image + lists - 1, mask=behind, other=0)
            old_places = tl.load(place + lists - 1, mask=behind, other=0)
            number = tl.load(told + row)
            here = tl.load(places + row * places_stride + channel, mask=inside, other=0)
            tl.debug_barrier()  # what one thread has read another writes
            new = rank == at
            changed = listed & (rank >= at)
            tl.store(value + lists, tl.where(new, now[None, :], values), mask=changed)
            tl.store(image + lists, tl.where(new, number, images), mask=changed)
            tl.store(place + lists, tl.where(new, here[None, :], old_places), mask=changed)
            tl.debug_barrier()
            weakest = tl.load(value + channel * KEPT + (KEPT - 1), mask=inside, other=float("inf"))
    tl.store(total + channel, summed, mask=inside)


@triton.jit
def _bin_of(
    value,
    LOWEST: tl.constexpr,
    BINS: tl.constexpr,
    FIRST: tl.constexpr,
    SECOND: tl.constexpr,
    THIRD: tl.constexpr,
):
    """Give the histogram's bin: 0 up to zero, 1 below the lowest octave, then a quarter octave each."""
    bits = value.to(tl.int32, bitcast=True)
    rest = bits & 0x7FFFFF
    quarter = (rest >= FIRST).to(tl.int32) + (rest >= SECOND).to(tl.int32) + (rest >= THIRD).to(tl.int32)
    bin = ((bits >> 23) - 127 - LOWEST) * 4 + quarter + 2
    return tl.where(value > 0.0, tl.minimum(tl.maximum(bin, 1), BINS - 1), 0)


def try_out(device: torch.device) -> None:
    """Take four values through every kernel; raises whatever keeps Triton from working here."""

    def zeros(*shape: int, dtype: torch.dtype = torch.int64) -> Tensor:
        return torch.zeros(shape, dtype=dtype, device=device)

    maps = torch.tensor([0.0, 2.0, 2.0, 1.0], device=device).view(1, 1, 2, 2)
    maxima, places = maps.new_empty(1, 1), zeros(1, 1)
    pooled = rectify_pool_strongest(maps, (2, 2, 0), maxima, places)
    found = [maxima.item(), places.item(), normalise(pooled, 5, 0.0, 0.75, 1.0).item()]
    best = (maps.new_full((1, 2), -torch.inf), zeros(1, 2) - 1, zeros(1, 2))
    sums = (zeros(1, dtype=torch.float64), zeros(1, 1, dtype=torch.float64), zeros(1, 8))
    merge(best, sums, maxima, places, torch.tensor([[7], [0]], device=device), 0)
    found += [part.flatten()[0].item() for part in (*best, *sums[:2])] + sums[2].flatten().tolist()
    if found != [2.0, 1, 2.0, 2.0, 7, 1, 2.0, 2.0, 0, 0, 0, 0, 0, 0, 1, 0]:
        raise RuntimeError("Triton's kernels find something else")
