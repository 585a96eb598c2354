"""What ZFNet does between two convolutions, as kernels for a GPU: ReLU, max-pooling, contrast normalisation.

One after the other, torch's own operations read and write the largest maps a dozen times. Here the map of
a convolution is read once on the way up and written once on the way down; what is kept between the two is
the pooled map, and a byte for each of its places.

Importing this needs Triton, which torch's builds for CUDA bring along. All maps lie ``channels_last`` in
memory. Sums are taken in float32, whatever the maps hold. ``nets/fused.py`` puts the kernels together, and
says what they are equal to.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

NOTHING = tl.constexpr(255)  # the place of a maximum that the ReLU takes
_ELEMENTS = 2048  # of a program, about


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
    pixels = count * size[0] * size[1]
    _unpool[_grid(pixels, channels)](
        gradient, place, result, pixels, channels, *size, *below,
        KERNEL=kernel, STRIDE=stride, PADDING=padding, SPAN=-(-kernel // stride), **_blocks(channels),
    )  # fmt: skip
    return result


def normalise(x: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
    """Do what ``contrast_norm`` does to ``x [n, c, h, w]``."""
    result = torch.empty_like(x)
    pixels, channels = x.numel() // x.shape[1], x.shape[1]
    _normalise[_grid(pixels, channels)](
        x, result, pixels, channels, alpha / size, beta, k,
        BEFORE=size // 2, AFTER=(size - 1) // 2, ROOTS=beta == 0.75, **_blocks(channels),
    )  # fmt: skip
    return result


def normalise_back(gradient: Tensor, x: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
    """Give the gradient of ``normalise`` at ``x``, 0 where x is: a ReLU comes before it."""
    result = torch.empty_like(x)
    pixels, channels = x.numel() // x.shape[1], x.shape[1]
    _normalise_back[_grid(pixels, channels)](
        gradient, x, result, pixels, channels, alpha / size, beta, k,
        BEFORE=size // 2, AFTER=(size - 1) // 2, ROOTS=beta == 0.75, **_blocks(channels),
    )  # fmt: skip
    return result


def _empty(like: Tensor, shape: Any, dtype: torch.dtype) -> Tensor:
    return torch.empty(shape, dtype=dtype, device=like.device, memory_format=torch.channels_last)


def _blocks(channels: int) -> dict[str, int]:
    """Give how many channels and places one program takes."""
    wide = min(triton.next_power_of_2(channels), 128)
    return {"CHANNELS": wide, "PLACES": _ELEMENTS // wide}


def _grid(places: int, channels: int) -> tuple[int, int]:
    blocks = _blocks(channels)
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
            higher = (value > best) | (value != value)
            where = tl.where(higher, down * KERNEL + right, where)
            best = tl.where(higher, value, best)
    if HAS_BIAS:
        best += tl.load(bias + channel, mask=known, other=0.0).to(tl.float32)[None, :]
    none = best <= 0.0  # not so for what is not a number, which must not vanish here
    to = position.to(tl.int64)[:, None] * channels + channel[None, :]
    kept = (position < positions)[:, None] & known[None, :]
    tl.store(pooled + to, tl.where(none, 0.0, best), mask=kept)
    tl.store(place + to, tl.where(none, NOTHING, where).to(tl.uint8), mask=kept)


@triton.jit
def _unpool(
    gradient, place, result, pixels, channels, height, width, rows, columns,
    KERNEL: tl.constexpr, STRIDE: tl.constexpr, PADDING: tl.constexpr, SPAN: tl.constexpr,
    PLACES: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    pixel = tl.program_id(0) * PLACES + tl.arange(0, PLACES)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    known = channel < channels
    y, z = pixel // width % height + PADDING, pixel % width + PADDING
    image = (pixel // (height * width)).to(tl.int64)
    total = tl.zeros((PLACES, CHANNELS), tl.float32)
    for up in tl.static_range(SPAN):
        for left in tl.static_range(SPAN):
            row, column = y // STRIDE - up, z // STRIDE - left
            down, right = y - row * STRIDE, z - column * STRIDE
            inside = (pixel < pixels) & (down < KERNEL) & (right < KERNEL)
            inside = inside & (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
            offset = ((image * rows + row) * columns + column) * channels
            seen = inside[:, None] & known[None, :]
            at = offset[:, None] + channel[None, :]
            chosen = tl.load(place + at, mask=seen, other=NOTHING).to(tl.int32)
            value = tl.load(gradient + at, mask=seen, other=0.0).to(tl.float32)
            total += tl.where(chosen == (down * KERNEL + right)[:, None], value, 0.0)
    to = pixel.to(tl.int64)[:, None] * channels + channel[None, :]
    tl.store(result + to, total, mask=(pixel < pixels)[:, None] & known[None, :])


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
