"""How a GPU is kept busy over a pass: slices come to it while it computes, and the host seldom asks.

Whatever the host wants to know of a device's results it waits for, and by then the device has nothing more
to do. So slices go up from memory that the device reads by itself, on a stream of their own; the host runs a
few slices ahead and no further; and what could be wrong with the results is noted on the device. A CPU has
nothing to wait for: there the same code does each slice at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zfexplore.atlas.maxima import Layout
from zfexplore.atlas.reading import Slice
from zfexplore.errors import ExploreError
from zfexplore.images.sources import Source

AHEAD = 2  # slices that a GPU may have before it while it works on one
NOWHERE = -1


class Feeder:
    """Brings the images of slices to ``device``, as uint8 ``[count, size, size, 3]``."""

    def __init__(self, count: int, size: int, device: torch.device) -> None:
        self._shape, self._device = (count, size, size, 3), device
        self._buffer: Tensor | None = None
        self._stream: Any = None
        self._ends: deque[Any] = deque()
        if device.type == "cuda" and torch.cuda.is_available():
            self._stream = torch.cuda.Stream(device)

    def pixels(self, images: Slice) -> Tensor:
        """Give a slice's images on the device; what lies behind the last is to be ignored.

        On a CPU they are overwritten by the next slice's.
        """
        pixels = images.pixels
        if isinstance(pixels, Tensor) and pixels.device == self._device:
            if len(pixels) == self._shape[0]:
                return pixels
            return torch.cat([pixels, pixels.new_zeros(self._shape[0] - len(pixels), *self._shape[1:])])
        if self._stream is None:
            if self._buffer is None:
                self._buffer = torch.zeros(self._shape, dtype=torch.uint8)
            return _filled(self._buffer, pixels).to(self._device)
        # Torch gives this memory to no other slice before the device has read it.
        there = _filled(torch.empty(self._shape, dtype=torch.uint8, pin_memory=True), pixels)
        computing = torch.cuda.current_stream(self._device)
        with torch.cuda.stream(self._stream):
            here = there.to(self._device, non_blocking=True)
        computing.wait_stream(self._stream)
        here.record_stream(computing)
        return here

    def keep_pace(self) -> None:
        """Wait, after a slice was given to the device, until no more than ``AHEAD`` are before it."""
        if self._stream is None:
            return
        end = torch.cuda.Event()
        end.record(torch.cuda.current_stream(self._device))
        self._ends.append(end)
        if len(self._ends) > AHEAD:
            self._ends.popleft().synchronize()


class Faults:
    """The first activation that is no finite number, noted on the device."""

    def __init__(self, layout: Layout, device: torch.device) -> None:
        self._layout = layout
        self._where = torch.full((1,), NOWHERE, dtype=torch.int64, device=device)
        self._value = torch.zeros(1, device=device)

    def look(self, maxima: Tensor, numbers: Tensor) -> None:
        """Look through ``maxima [n, c]`` of the images with the ``numbers [n]``; the device is not asked."""
        if not len(numbers):
            return
        flat = maxima.flatten()
        wrong = ~torch.isfinite(flat)
        first = wrong.to(torch.uint8).argmax(keepdim=True)  # [1]; 0 if there is none
        row, lane = first // self._layout.channels, first % self._layout.channels
        where = numbers.index_select(0, row) * self._layout.channels + lane
        new = wrong.index_select(0, first) & (self._where == NOWHERE)
        self._value = torch.where(new, flat.index_select(0, first), self._value)
        self._where = torch.where(new, where, self._where)

    def check(self, source: Source) -> None:
        """Raise ExploreError if there was one, naming channel and image; this waits for the device."""
        where = int(self._where)
        if where == NOWHERE:
            return
        number, lane = divmod(where, self._layout.channels)
        raise ExploreError(
            f"{self._layout.channel_name(lane)} is {self._value.item()} on {source.image_name(number)}: "
            "this net overflows on its input and cannot be indexed"
        )


def _filled(buffer: Tensor, pixels: Sequence[np.ndarray] | Tensor) -> Tensor:
    if isinstance(pixels, Tensor):
        buffer[: len(pixels)] = pixels
    elif pixels:
        np.stack(pixels, out=buffer.numpy()[: len(pixels)])
    return buffer
