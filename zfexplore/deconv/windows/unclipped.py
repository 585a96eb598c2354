"""Back-projection in windows of one size, for units of many images in one batch: what a GPU wants.

A GPU computes hundreds of windows while a few operations are started. So windows are not clipped at the
border here. Wherever a unit lies, its windows have the sizes of one in the middle, and what a window
holds beyond its map is kept at zero. All units of a stage are one batch, with as many operations as for
a single unit.

The way up is run on whole images (``dense.record``), and each unit's switches are gathered from there. A
unit of a pool goes back as the one unit that its switch chose. Above the highest convolution nothing
else is computed. Places stay on the device: nothing here waits for it.

The numbers are those of ``dense.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from zfexplore.deconv.dense import Recording, unpool
from zfexplore.deconv.windows.geometry import highest_convolution
from zfexplore.nets.steps import Step


@dataclass(frozen=True)
class Units:
    """Units to bring back, all int64 ``[m]`` on the device: image in the recording, channel, row, column."""

    image: Tensor
    channel: Tensor
    y: Tensor
    x: Tensor


@dataclass(frozen=True)
class Brought:
    """Units brought back, all on the device.

    ``activation [m]``; ``pixels [m, c, h, w]`` inside windows of one size; ``y [m]`` and ``x [m]`` the row
    and column of each window's first pixel in its image, which may lie outside of it.
    """

    activation: Tensor
    pixels: Tensor
    y: Tensor
    x: Tensor


def bring_back(steps: Sequence[Step], recording: Recording, units: Units) -> Brought:
    """Bring units back to the pixels of their windows; ``steps`` are those up to the recording's stage."""
    highest = highest_convolution(steps)
    activation = recording.top[units.image, units.channel, units.y, units.x]
    y, x = _chosen(steps, recording, units)
    signal = _first_filter(steps[highest], F.relu(activation), units.channel)
    for index in reversed(range(highest + 1)):
        step, shape = steps[index], recording.shapes[index]
        below_y, below_x = _start(step, 0, y), _start(step, 1, x)
        if step.kind == "conv":
            if index < highest:
                module: Any = step.module
                signal = F.conv_transpose2d(signal, module.weight, None, step.stride, groups=module.groups)
            if index > 0 and any(step.padding):  # of the pixels, the caller takes those of the image
                signal.masked_fill_(_outside(below_y, below_x, signal.shape, shape), 0)
        elif step.kind == "pool":
            places = _places(y, x, signal.shape, recording.switches[index].shape)
            chosen = recording.switches[index][units.image[:, None, None, None], *places]
            signal = _unpool(step, signal, chosen, below_y, below_x, shape)
        elif step.kind == "relu":
            signal = signal.relu_()
        y, x = below_y, below_x
    return Brought(activation, signal, y, x)


def in_whole_images(brought: Brought, size: tuple[int, int]) -> Tensor:
    """Give the pixels where they belong in images of ``size``, zero elsewhere: ``[m, c, height, width]``."""
    m, channels, *window = brought.pixels.shape
    places = _places(-brought.y, -brought.x, (m, channels, *size), (m, channels, *window))
    row = torch.arange(m, device=brought.y.device)[:, None, None, None]
    pixels = brought.pixels[row, *places]
    return pixels.masked_fill_(_outside(-brought.y, -brought.x, pixels.shape, window), 0)


def _chosen(steps: Sequence[Step], recording: Recording, units: Units) -> tuple[Tensor, Tensor]:
    """Follow the pools above the highest convolution down to the place that they chose of its map."""
    y, x = units.y, units.x
    for index in reversed(range(highest_convolution(steps) + 1, len(steps))):
        if steps[index].kind == "pool":
            place = recording.switches[index][units.image, units.channel, y, x]
            width = recording.shapes[index][-1]
            y, x = place.div(width, rounding_mode="floor"), place % width
    return y, x


def _first_filter(step: Step, value: Tensor, channel: Tensor) -> Tensor:
    """Bring each row's ``value [m]``, of its ``channel [m]``, through the highest convolution."""
    module: Any = step.module
    filters = module.weight[channel] * value[:, None, None, None]  # [m, c / groups, h, w]
    if module.groups == 1:
        return filters
    m, channels, height, width = filters.shape
    every = filters.new_zeros(m, module.groups, channels, height, width)
    group = channel.div(module.out_channels // module.groups, rounding_mode="floor")
    every.scatter_(1, group.view(m, 1, 1, 1, 1).expand(m, 1, channels, height, width), filters[:, None])
    return every.flatten(1, 2)


def _start(step: Step, axis: int, place: Tensor) -> Tensor:
    """Give where a window begins that a step reads, of the one that begins at ``place [m]`` above it."""
    if step.kind not in ("conv", "pool"):
        return place
    return place * step.stride[axis] - step.padding[axis]


def _places(y: Tensor, x: Tensor, window: Sequence[int], shape: Sequence[int]) -> tuple[Tensor, ...]:
    """Index windows ``[m, c, h, w]`` from ``y [m]``, ``x [m]`` in maps of ``shape``: channel, row, column.

    Beyond the map the nearest place of it is given.
    """
    rows, columns = _along(y, window[2]), _along(x, window[3])
    return (
        torch.arange(window[1], device=y.device)[:, None, None],
        rows.clamp_(0, shape[-2] - 1)[:, None, :, None],
        columns.clamp_(0, shape[-1] - 1)[:, None, None, :],
    )


def _outside(y: Tensor, x: Tensor, window: Sequence[int], shape: Sequence[int]) -> Tensor:
    """Tell which places of windows ``[m, c, h, w]`` lie outside of maps of ``shape``: ``[m, 1, h, w]``."""
    rows, columns = _along(y, window[2]), _along(x, window[3])
    outside_y, outside_x = rows.clamp(0, shape[-2] - 1) != rows, columns.clamp(0, shape[-1] - 1) != columns
    return outside_y[:, None, :, None] | outside_x[:, None, None, :]


def _along(start: Tensor, count: int) -> Tensor:
    return start[:, None] + torch.arange(count, device=start.device)


def _unpool(step: Step, signal: Tensor, chosen: Tensor, y: Tensor, x: Tensor, shape: Sequence[int]) -> Tensor:
    """Unpool ``signal [m, c, h, w]`` into the windows that the pool reads, from ``y [m]``, ``x [m]`` on.

    ``chosen [m, c, h, w]`` are switches, flat indices into a map of ``shape``. They are changed in place.
    """
    lengths = enumerate(signal.shape[2:])
    height, width = ((length - 1) * step.stride[axis] + step.kernel[axis] for axis, length in lengths)
    # (row - y) * width + column - x, where chosen = row * map_width + column
    row = chosen.div(shape[-1], rounding_mode="floor")
    chosen.add_(row.mul_(width - shape[-1])).sub_((y * width + x)[:, None, None, None])
    # Where the window reaches beyond the map, it holds another place's switch, and the signal is zero.
    return unpool(signal, chosen.clamp_(0, height * width - 1), (height, width), step)
