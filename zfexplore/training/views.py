"""Training's random views as one kernel for a GPU: from squares that lie there to the net's input.

``images/augment.py`` says which views, and makes the same ones on any device. There a batch is copied,
scaled, filtered and cut, each a pass over its pixels; here every pixel of the input is computed at once
from the few that its filter reaches. Importing this needs Triton.
"""

from __future__ import annotations

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

from zfexplore.convention import InputConvention
from zfexplore.images.augment import Augmentation
from zfexplore.images.transforms import mean_of, per_channel

_PIXELS = 512  # of a program


class Views:
    """Cuts and normalises views of squares; the numbers that it needs lie on the device from the start."""

    def __init__(self, convention: InputConvention, augmentation: Augmentation, device: torch.device) -> None:
        self._size, self._large = convention.size, convention.resize
        self._mean = mean_of(convention, (self._large, self._large), device).contiguous()
        self._std = per_channel(convention.std, device)
        reach = max(1.0, self._large / self._size)  # no part of a square is larger than the square
        self._how = {
            "TAPS": math.ceil(2 * reach) if augmentation.crops == "resized" else 1,
            "CLAMPED": bool(augmentation.brightness or augmentation.colour),
            "MEAN_IMAGE": convention.mean_image is not None,
        }
        self._scale = convention.scale

    def __call__(
        self,
        squares: Tensor,
        rows: Tensor,
        boxes: Tensor,
        gains: Tensor,
        *,
        dtype: torch.dtype = torch.float32,
        channels: int = 3,
    ) -> Tensor:
        """Give views ``[n, channels, size, size]``, channels_last; channels beyond the third are 0.

        ``squares`` is uint8 ``[m, R, R, 3]`` and ``rows`` int64 ``[n]`` says which ones. ``boxes [4, n]`` and
        ``gains [n, 3]`` are those of ``augment.cuts``, on the device.
        """
        count, size = len(rows), self._size
        shape = (count, channels, size, size)
        result = torch.empty(shape, dtype=dtype, device=squares.device, memory_format=torch.channels_last)
        with torch.cuda.device_of(squares):
            _views[(triton.cdiv(size * size, _PIXELS), count)](
                squares, rows, boxes, gains, self._mean, self._std, result,
                count, self._large, size, self._scale / 255.0, self._scale,
                CHANNELS=channels, PIXELS=_PIXELS, **self._how,
            )  # fmt: skip
        return result


@triton.jit
def _tap(start, step, output, large, number, TAPS: tl.constexpr):
    """Give the place of an output pixel's tap along one axis, and its weight, 0 outside the square."""
    centre = start + (output.to(tl.float32) + 0.5) * step
    if TAPS == 1:
        at = tl.floor(centre).to(tl.int32)
        return at, tl.full(at.shape, 1.0, tl.float32)
    reach = tl.maximum(tl.abs(step), 1.0)
    at = tl.floor(centre - reach - 0.5).to(tl.int32) + 1 + number
    weight = tl.maximum(1.0 - tl.abs(at.to(tl.float32) + 0.5 - centre) / reach, 0.0)
    return at, tl.where((at >= 0) & (at < large), weight, 0.0)


@triton.jit
def _views(
    squares, rows, boxes, gains, mean, std, result, count, large, size, scale, white,
    TAPS: tl.constexpr, CLAMPED: tl.constexpr, MEAN_IMAGE: tl.constexpr,
    CHANNELS: tl.constexpr, PIXELS: tl.constexpr,
):  # fmt: skip
    pixel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    image = tl.program_id(1)
    here = pixel < size * size
    y, x = pixel // size, pixel % size
    square = squares + tl.load(rows + image) * large * large * 3
    top, down = tl.load(boxes + image), tl.load(boxes + count + image)
    left, across = tl.load(boxes + 2 * count + image), tl.load(boxes + 3 * count + image)
    to = result + (image.to(tl.int64) * size * size + pixel) * CHANNELS
    for colour in tl.static_range(CHANNELS):
        if colour >= 3:
            tl.store(to + colour, tl.zeros((PIXELS,), tl.float32), mask=here)
        else:
            gain = tl.load(gains + image * 3 + colour) * scale
            total = tl.zeros((PIXELS,), tl.float32)
            weights = tl.zeros((PIXELS,), tl.float32)
            for i in tl.static_range(TAPS):
                row, vertical = _tap(top, down, y, large, i, TAPS)
                for j in tl.static_range(TAPS):
                    column, horizontal = _tap(left, across, x, large, j, TAPS)
                    weight = vertical * horizontal
                    seen = here & (weight > 0.0)
                    at = row * large + column
                    value = tl.load(square + at * 3 + colour, mask=seen, other=0).to(tl.float32) * gain
                    if CLAMPED:
                        value = tl.minimum(value, white)
                    if MEAN_IMAGE:
                        value -= tl.load(mean + colour * large * large + at, mask=seen, other=0.0)
                    total += weight * value
                    weights += weight
            total = total / tl.maximum(weights, 1e-20)  # beyond the last pixel there are none
            if not MEAN_IMAGE:
                total -= tl.load(mean + colour)
            tl.store(to + colour, total / tl.load(std + colour), mask=here)
