"""What ZFNet does between two convolutions, as kernels for a GPU: ReLU, max-pooling, contrast normalisation.

One after the other, torch's own operations read and write the largest maps a dozen times. Here the map of
a convolution is read once on the way up and written once on the way down; what is kept between the two is
the pooled map, and a byte for each of its places.

Importing this needs Triton, which torch's builds for CUDA bring along. All maps lie ``channels_last`` in
memory. Sums are taken in float32, whatever the maps hold. ``nets/fused.py`` puts the kernels together, and
says what they are equal to.

Triton starts a kernel on the current device, which need not be the maps': ``device_of`` makes it so.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

NOTHING = tl.constexpr(255)  # the place of a maximum that the ReLU takes
_ELEMENTS = 1024  # of a program
_FEWER = 2  # times fewer where each element takes many registers


def pool(x: Tensor, bias: Tensor | None, window: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
    """Add a bias ``[c]`` to ``x [n, c, h, w]``, rectify and pool it by (kernel, stride, padding).

    Give the pooled map ``[n, c, h', w']``, and uint8 of the same shape: which place of its window is the
    maximum, row by row, the first of equal ones; 255 where that is not positive.
    """
    kernel, stride, padding = window
    count, channels, height, width = x.shape
    below = [(length + 2 * padding - kernel) // stride + 1 for length in (height, width)]
    pooled = _empty(x, (count, channels, *below), x.dtype)
    place = _empty(x, pooled.shape, torch.uint8)
    positions = count * below[0] * below[1]
    with torch.cuda.device_of(x):
        _pool[_grid(positions, channels)](
            x, x if bias is None else bias, pooled, place, positions, channels, height, width, *below,
            KERNEL=kernel, STRIDE=stride, PADDING=padding, HAS_BIAS=bias is not None, **_blocks(channels),
        )  # fmt: skip
    return pooled, place


def unpool(gradient: Tensor, place: Tensor, size: tuple[int, int], window: tuple[int, int, int]) -> Tensor:
    """Bring a gradient ``[n, c, h', w']`` back to where the maxima were: ``[n, c, *size]``."""
    kernel, stride, padding = window
    count, channels, *below = gradient.shape
    result = _empty(gradient, (count, channels, *size), gradient.dtype)
    across = [-(-(length + padding) // stride) for length in size]  # blocks of stride x stride pixels
    blocks = count * across[0] * across[1]
    with torch.cuda.device_of(gradient):
        _unpool[_grid(blocks, channels)](
            gradient, place, result, blocks, channels, *size, *below, *across,
            KERNEL=kernel, STRIDE=stride, PADDING=padding, SPAN=-(-kernel // stride), **_blocks(channels),
        )  # fmt: skip
    return result


def normalise(x: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
    """Do what ``contrast_norm`` does to ``x [n, c, h, w]``."""
    result = torch.empty_like(x)
    pixels, channels = x.numel() // x.shape[1], x.shape[1]
    with torch.cuda.device_of(x):
        _normalise[_grid(pixels, channels)](
            x, result, pixels, channels, alpha / size, beta, k,
            BEFORE=size // 2, AFTER=(size - 1) // 2, ROOTS=beta == 0.75, **_blocks(channels),
        )  # fmt: skip
    return result


def normalise_back(gradient: Tensor, x: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
    """Give the gradient of ``normalise`` at ``x``, 0 where x is: a ReLU comes before it."""
    result = torch.empty_like(x)
    pixels, channels = x.numel() // x.shape[1], x.shape[1]
    with torch.cuda.device_of(gradient):
        _normalise_back[_grid(pixels, channels, _FEWER)](
            gradient, x, result, pixels, channels, alpha / size, beta, k,
            BEFORE=size // 2, AFTER=(size - 1) // 2, ROOTS=beta == 0.75, **_blocks(channels, _FEWER),
        )  # fmt: skip
    return result


def convolve_first(x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    """Convolve an input of few channels: ``x [n, 4, h, w]`` with ``weight [o, 4, k, k]``, both bfloat16.

    Libraries make a matrix product of a convolution, channel by channel, and four channels leave its rows
    nearly empty. Here a row of the product is a row of the filter: ``4 k`` numbers that lie side by side.
    """
    count, _, height, width = x.shape
    filters, kernel = len(weight), weight.shape[-1]
    rows, columns = ((length + 2 * padding - kernel) // stride + 1 for length in (height, width))
    result = _empty(x, (count, filters, rows, columns), x.dtype)
    positions, blocks = count * rows * columns, _FIRST | {"RUN": triton.next_power_of_2(4 * kernel)}
    grid = (triton.cdiv(positions, blocks["PLACES"]), triton.cdiv(filters, blocks["FILTERS"]))
    with torch.cuda.device_of(x):
        _convolve_first[grid](
            x, weight, result, positions, height, width, rows, columns, filters,
            KERNEL=kernel, STRIDE=stride, PADDING=padding, **blocks,
        )  # fmt: skip
    return result


def convolve_first_back(gradient: Tensor, x: Tensor, kernel: int, stride: int, padding: int) -> Tensor:
    """Give the gradient of ``convolve_first`` for its weights: float32 ``[o, 4, k, k]``."""
    count, filters, rows, columns = gradient.shape
    height, width = x.shape[2:]
    positions, run = count * rows * columns, triton.next_power_of_2(4 * kernel)
    blocks = _FIRST_BACK | {"RUN": run, "ROWS": max(_FIRST_BACK_WIDE // run, 1)}
    share = triton.cdiv(triton.cdiv(positions, _PARTS), blocks["PLACES"]) * blocks["PLACES"]
    parts = triton.cdiv(positions, share)
    result = torch.empty(parts, filters, kernel, kernel, 4, device=x.device)
    grid = (parts, triton.cdiv(filters, blocks["FILTERS"]), triton.cdiv(kernel, blocks["ROWS"]))
    with torch.cuda.device_of(x):
        _convolve_first_back[grid](
            x, gradient, result, positions, share, height, width, rows, columns, filters,
            KERNEL=kernel, STRIDE=stride, PADDING=padding, **blocks,
        )  # fmt: skip
    return result.sum(0).permute(0, 3, 1, 2)  # in one order, so that it is the same each time


# The fastest of ten each on an H200, at 128 images of 224 px: .36 and .70 ms (cuDNN: 1.6 and .80).
_FIRST = {"PLACES": 128, "FILTERS": 128, "num_warps": 4, "num_stages": 3}
_FIRST_BACK = {"PLACES": 64, "FILTERS": 128, "num_warps": 4, "num_stages": 3}
_FIRST_BACK_WIDE = 128  # numbers of a filter that a program sums up
_PARTS = 264  # sums, of which each takes a part of the places


def _empty(like: Tensor, shape: Any, dtype: torch.dtype) -> Tensor:
    return torch.empty(shape, dtype=dtype, device=like.device, memory_format=torch.channels_last)


def _blocks(channels: int, fewer: int = 1) -> dict[str, int]:
    """Give how many channels and places one program takes: no block of channels is half empty."""
    wide = min(max(channels & -channels, 32), 128)
    return {"CHANNELS": wide, "PLACES": _ELEMENTS // fewer // wide}


def _grid(places: int, channels: int, fewer: int = 1) -> tuple[int, int]:
    blocks = _blocks(channels, fewer)
    return triton.cdiv(places, blocks["PLACES"]), triton.cdiv(channels, blocks["CHANNELS"])


@triton.jit
def _pool(
    x, bias, pooled, place, positions, channels, height, width, rows, columns,
    KERNEL: tl.constexpr, STRIDE: tl.constexpr, PADDING: tl.constexpr, HAS_BIAS: tl.constexpr,
    PLACES: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    position = tl.program_id(0) * PLACES + tl.arange(0, PLACES)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    known = channel < channels
    row, column = position // columns % rows, position % columns
    image = (position // (rows * columns)).to(tl.int64)
    best = tl.full((PLACES, CHANNELS), float("-inf"), tl.float32)
    where = tl.zeros((PLACES, CHANNELS), tl.int32)
    for down in tl.static_range(KERNEL):
        for right in tl.static_range(KERNEL):
            y, z = row * STRIDE - PADDING + down, column * STRIDE - PADDING + right
            inside = (position < positions) & (y >= 0) & (y < height) & (z >= 0) & (z < width)
            offset = ((image * height + y) * width + z) * channels
            seen = inside[:, None] & known[None, :]
            value = tl.load(x + offset[:, None] + channel[None, :], mask=seen, other=float("-inf"))
            value = value.to(tl.float32)
            where = tl.where(value > best, down * KERNEL + right, where)
            best = tl.maximum(best, value, propagate_nan=tl.PropagateNan.ALL)
    if HAS_BIAS:
        best += tl.load(bias + channel, mask=known, other=0.0).to(tl.float32)[None, :]
    none = best <= 0.0  # not so for what is not a number, which must not vanish here
    to = position.to(tl.int64)[:, None] * channels + channel[None, :]
    kept = (position < positions)[:, None] & known[None, :]
    tl.store(pooled + to, tl.where(none, 0.0, best), mask=kept)
    tl.store(place + to, tl.where(none, NOTHING, where).to(tl.uint8), mask=kept)


@triton.jit
def _unpool(
    gradient, place, result, blocks, channels, height, width, rows, columns, down_blocks, right_blocks,
    KERNEL: tl.constexpr, STRIDE: tl.constexpr, PADDING: tl.constexpr, SPAN: tl.constexpr,
    PLACES: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    block = tl.program_id(0) * PLACES + tl.arange(0, PLACES)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    known = (block < blocks)[:, None] & (channel < channels)[None, :]
    down, right = block // right_blocks % down_blocks, block % right_blocks
    image = (block // (down_blocks * right_blocks)).to(tl.int64)
    # A block of STRIDE x STRIDE pixels begins where a window does. SPAN x SPAN windows reach into it.
    for i in tl.static_range(STRIDE):
        for j in tl.static_range(STRIDE):
            total = tl.zeros((PLACES, CHANNELS), tl.float32)
            for up in tl.static_range(SPAN):
                for left in tl.static_range(SPAN):
                    if (i + up * STRIDE < KERNEL) and (j + left * STRIDE < KERNEL):
                        row, column = down - up, right - left
                        inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
                        at = ((image * rows + row) * columns + column) * channels
                        at = at[:, None] + channel[None, :]
                        seen = inside[:, None] & known
                        chosen = tl.load(place + at, mask=seen, other=NOTHING)
                        value = tl.load(gradient + at, mask=seen, other=0.0).to(tl.float32)
                        own = (i + up * STRIDE) * KERNEL + j + left * STRIDE
                        total += tl.where(chosen == own, value, 0.0)
            y, z = down * STRIDE - PADDING + i, right * STRIDE - PADDING + j
            inside = (y >= 0) & (y < height) & (z >= 0) & (z < width)
            to = ((image * height + y) * width + z) * channels
            tl.store(result + to[:, None] + channel[None, :], total, mask=inside[:, None] & known)


@triton.jit
def _squares(x, at, channel, channels, here, SHIFT: tl.constexpr):
    other = channel + SHIFT
    seen = here[:, None] & ((other >= 0) & (other < channels))[None, :]
    value = tl.load(x + at + SHIFT, mask=seen, other=0.0).to(tl.float32)
    return value * value


@triton.jit
def _power(divisor, beta, ROOTS: tl.constexpr):
    if ROOTS:  # beta is 3/4
        root = 1.0 / tl.sqrt(divisor)
        return root * tl.sqrt(root)
    return tl.exp2(-beta * tl.log2(divisor))


@triton.jit
def _normalise(
    x, result, pixels, channels, share, beta, k,
    BEFORE: tl.constexpr, AFTER: tl.constexpr, ROOTS: tl.constexpr,
    PLACES: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    pixel = tl.program_id(0) * PLACES + tl.arange(0, PLACES)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    here = pixel < pixels
    at = pixel.to(tl.int64)[:, None] * channels + channel[None, :]
    total = tl.zeros((PLACES, CHANNELS), tl.float32)
    for shift in tl.static_range(-BEFORE, AFTER + 1):
        total += _squares(x, at, channel, channels, here, shift)
    known = here[:, None] & (channel < channels)[None, :]
    value = tl.load(x + at, mask=known, other=0.0).to(tl.float32)
    tl.store(result + at, value * _power(total * share + k, beta, ROOTS), mask=known)


@triton.jit
def _normalise_back(
    gradient, x, result, pixels, channels, share, beta, k,
    BEFORE: tl.constexpr, AFTER: tl.constexpr, ROOTS: tl.constexpr,
    PLACES: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    pixel = tl.program_id(0) * PLACES + tl.arange(0, PLACES)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    here = pixel < pixels
    at = pixel.to(tl.int64)[:, None] * channels + channel[None, :]
    shared = tl.zeros((PLACES, CHANNELS), tl.float32)
    own = tl.zeros((PLACES, CHANNELS), tl.float32)
    for shift in tl.static_range(-AFTER, BEFORE + 1):  # the channels whose divisors this one is part of
        total = tl.zeros((PLACES, CHANNELS), tl.float32)
        for further in tl.static_range(shift - BEFORE, shift + AFTER + 1):
            total += _squares(x, at, channel, channels, here, further)
        divisor = total * share + k
        other = channel + shift
        seen = here[:, None] & ((other >= 0) & (other < channels))[None, :]
        scaled = tl.load(gradient + at + shift, mask=seen, other=0.0).to(tl.float32)
        scaled *= _power(divisor, beta, ROOTS)
        value = tl.load(x + at + shift, mask=seen, other=0.0).to(tl.float32)
        shared += scaled * value / divisor
        if shift == 0:
            own = scaled
    known = here[:, None] & (channel < channels)[None, :]
    value = tl.load(x + at, mask=known, other=0.0).to(tl.float32)
    back = own - 2.0 * beta * share * value * shared
    tl.store(result + at, tl.where(value == 0.0, 0.0, back), mask=known)


@triton.jit
def _convolve_first(
    x, weight, result, positions, height, width, rows, columns, filters,
    KERNEL: tl.constexpr, STRIDE: tl.constexpr, PADDING: tl.constexpr,
    RUN: tl.constexpr, PLACES: tl.constexpr, FILTERS: tl.constexpr,
):  # fmt: skip
    position = tl.program_id(0) * PLACES + tl.arange(0, PLACES)
    filter = tl.program_id(1) * FILTERS + tl.arange(0, FILTERS)
    run = tl.arange(0, RUN)
    top, left = position // columns % rows * STRIDE - PADDING, position % columns * STRIDE - PADDING
    begin = (position // (rows * columns)).to(tl.int64) * height * width
    across = left[:, None] + (run // 4)[None, :]
    beside = (run < 4 * KERNEL)[None, :] & (across >= 0) & (across < width)
    beside = beside & (position < positions)[:, None]
    own = (run < 4 * KERNEL)[:, None] & (filter < filters)[None, :]
    total = tl.zeros((PLACES, FILTERS), tl.float32)
    for down in tl.range(KERNEL):
        y = top + down
        at = (begin + y * width + left) * 4
        seen = beside & ((y >= 0) & (y < height))[:, None]
        pixels = tl.load(x + at[:, None] + run[None, :], mask=seen, other=0.0)
        of_filter = filter[None, :] * (KERNEL * KERNEL * 4) + down * (KERNEL * 4) + run[:, None]
        total = tl.dot(pixels, tl.load(weight + of_filter, mask=own, other=0.0), total)
    to = position.to(tl.int64)[:, None] * filters + filter[None, :]
    tl.store(result + to, total, mask=(position < positions)[:, None] & (filter < filters)[None, :])


@triton.jit
def _convolve_first_back(
    x, gradient, result, positions, share, height, width, rows, columns, filters,
    KERNEL: tl.constexpr, STRIDE: tl.constexpr, PADDING: tl.constexpr,
    RUN: tl.constexpr, ROWS: tl.constexpr, PLACES: tl.constexpr, FILTERS: tl.constexpr,
):  # fmt: skip
    filter = tl.program_id(1) * FILTERS + tl.arange(0, FILTERS)
    number = tl.arange(0, ROWS * RUN)
    down, run = tl.program_id(2) * ROWS + number // RUN, number % RUN
    known = (down < KERNEL) & (run < 4 * KERNEL)
    total = tl.zeros((FILTERS, ROWS * RUN), tl.float32)
    first = tl.program_id(0) * share
    for start in tl.range(0, share, PLACES):
        position = first + start + tl.arange(0, PLACES)
        here = (position < positions) & (position < first + share)
        top, left = position // columns % rows * STRIDE - PADDING, position % columns * STRIDE - PADDING
        begin = (position // (rows * columns)).to(tl.int64) * height * width
        y, across = top[:, None] + down[None, :], left[:, None] + (run // 4)[None, :]
        seen = here[:, None] & known[None, :]
        seen = seen & (y >= 0) & (y < height) & (across >= 0) & (across < width)
        at = ((begin + top * width + left) * 4)[:, None] + (down * (width * 4) + run)[None, :]
        pixels = tl.load(x + at, mask=seen, other=0.0)
        of_gradient = position.to(tl.int64)[:, None] * filters + filter[None, :]
        back = tl.load(gradient + of_gradient, mask=here[:, None] & (filter < filters)[None, :], other=0.0)
        total = tl.dot(tl.trans(back), pixels, total)
    to = tl.program_id(0) * filters + filter[:, None]
    to = (to * KERNEL + down[None, :]) * (KERNEL * 4) + run[None, :]
    tl.store(result + to, total, mask=(filter < filters)[:, None] & known[None, :])
