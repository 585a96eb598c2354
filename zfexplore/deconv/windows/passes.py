"""The forward pass and the back-projection inside windows, for several batches of units at once.

The units of a batch are clipped alike, so their maps have one size; other batches have other sizes. Low in
the net each batch goes through the steps by itself, while its maps are in the cache. Higher up, maps are
so small that fetching a layer's weights costs more than multiplying with them
(``geometry.first_shared_step``): from there all batches go through a convolution together. ``dense.py``
says what is computed. Every map belongs to its batch alone, so it is rectified in place: on a CPU fresh
memory costs more than the rectifying.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from zfexplore.deconv.dense import Recording, unpool
from zfexplore.deconv.request import Request
from zfexplore.deconv.windows.geometry import (
    StepWindow,
    WindowGroup,
    Windows,
    first_shared_step,
    highest_convolution,
    needs_all_channels,
)
from zfexplore.deconv.windows.kernels import (
    LaidOut,
    convolve_one_channel,
    convolve_one_channel_transposed,
    convolve_together,
    convolve_together_transposed,
)
from zfexplore.nets.steps import Step, run_step


@dataclass(eq=False)
class WindowBatch:
    """Units clipped alike, between two steps: ``x [m, c, h, w]`` is the map that they have reached.

    ``switches [m, c, h, w]``, by step, are flat indices into the padded window. Above the highest
    convolution both hold the unit's own channel alone, which is given by ``channel [m]``.
    """

    group: WindowGroup
    channel: Tensor
    x: Tensor
    switches: dict[int, Tensor] = field(default_factory=dict)


def cut_from_images(images: Tensor, request: Request, group: WindowGroup) -> WindowBatch:
    """Cut the units' windows out of their images: the forward pass begins here."""
    cut = [
        images[image, :, windows[0].y0 : windows[0].y1, windows[0].x0 : windows[0].x1]
        for image, windows in zip(request.image.tolist(), group.windows, strict=True)
    ]
    x = torch.stack(cut).contiguous(memory_format=torch.channels_last)  # [m, 3, h, w]
    return WindowBatch(group, request.channel, x)


def cut_from_recording(
    steps: Sequence[Step], recording: Recording, request: Request, group: WindowGroup
) -> WindowBatch:
    """Cut the units and their switches out of the recording of their one image: no forward pass is left."""
    units = list(zip(request.channel.tolist(), group.windows, strict=True))
    values = [recording.top[0, channel, windows[-1].y0, windows[-1].x0] for channel, windows in units]
    batch = WindowBatch(group, request.channel, torch.stack(values)[:, None, None, None])  # [m, 1, 1, 1]
    highest = highest_convolution(steps)
    for index, step_window in enumerate(group.step_windows):
        if index in recording.switches:
            switches, map_width = recording.switches[index][0], recording.shapes[index][-1]
            cut = [
                _cut_switches(
                    switches if index < highest else switches[channel : channel + 1],
                    map_width,
                    step_window,
                    windows[index : index + 2],
                )
                for channel, windows in units
            ]
            batch.switches[index] = torch.stack(cut)
    return batch


def forward(steps: Sequence[Step], kernels: LaidOut, batches: Sequence[WindowBatch]) -> None:
    """Run every batch through ``steps``, to the units' own values ``[m, 1, 1, 1]``."""
    shared = first_shared_step(steps, [batch.group for batch in batches])
    for batch in batches:
        for index in range(shared):
            _forward_step(steps, kernels, index, [batch])
    for index in range(shared, len(steps)):
        _forward_step(steps, kernels, index, batches)
    for batch in batches:
        batch.x = _own_channel(batch.x, batch.channel)


def backproject(steps: Sequence[Step], kernels: LaidOut, batches: Sequence[WindowBatch]) -> None:
    """Bring the units of every batch back to the pixels of their windows, ``[m, 3, h, w]``."""
    shared = first_shared_step(steps, [batch.group for batch in batches])
    for batch in batches:
        batch.x = F.relu(batch.x)  # not in place: the activations are kept
    for index in reversed(range(shared, len(steps))):
        _backproject_step(steps, kernels, index, batches)
    for batch in batches:
        for index in reversed(range(shared)):
            _backproject_step(steps, kernels, index, [batch])


def _forward_step(
    steps: Sequence[Step], kernels: LaidOut, index: int, batches: Sequence[WindowBatch]
) -> None:
    step, highest = steps[index], highest_convolution(steps)
    if step.kind == "conv":
        padded = [_pad(batch.x, batch.group.step_windows[index], 0.0) for batch in batches]
        if index == highest and not needs_all_channels(steps):
            maps = [
                convolve_one_channel(step, x, batch.channel) for x, batch in zip(padded, batches, strict=True)
            ]
        else:
            maps = convolve_together(step, kernels[step.module], padded)
        for batch, x in zip(batches, maps, strict=True):
            batch.x = x
        return
    for batch in batches:
        if step.kind == "pool":
            x = _pad(batch.x, batch.group.step_windows[index], -torch.inf)
            batch.x, switches = F.max_pool2d(x, step.kernel, step.stride, return_indices=True)
            batch.switches[index] = switches if index < highest else _own_channel(switches, batch.channel)
        elif step.kind == "relu":
            batch.x = batch.x.relu_()
        else:
            batch.x = run_step(step, batch.x)


def _backproject_step(
    steps: Sequence[Step], kernels: LaidOut, index: int, batches: Sequence[WindowBatch]
) -> None:
    step = steps[index]
    if step.kind == "conv" and index < highest_convolution(steps):
        signals = convolve_together_transposed(step, kernels[step.module], [batch.x for batch in batches])
    elif step.kind == "conv":  # the highest: its output has one channel, its input many
        signals = [convolve_one_channel_transposed(step, batch.x, batch.channel) for batch in batches]
    elif step.kind == "pool":
        signals = [
            unpool(batch.x, batch.switches[index], batch.group.step_windows[index].padded_size, step)
            for batch in batches
        ]
    elif step.kind == "relu":
        for batch in batches:
            batch.x = batch.x.relu_()
        return
    else:
        return
    for batch, signal in zip(batches, signals, strict=True):
        batch.x = _crop(signal, batch.group.step_windows[index])


def _cut_switches(switches: Tensor, map_width: int, step_window: StepWindow, windows: Windows) -> Tensor:
    """Turn ``switches [c, h, w]``, indices into a whole map, into indices into a padded window of it.

    ``windows`` are the two that the pooling step reads and writes.
    """
    read, written = windows
    inside = switches[:, written.y0 : written.y1, written.x0 : written.x1]
    left, _, top, _ = step_window.padding
    width = step_window.padded_size[1]
    # (row - y0 + top) * width + (column - x0 + left), where inside = row * map_width + column
    row = inside // map_width
    return inside + row * (width - map_width) + ((top - read.y0) * width + left - read.x0)


def _pad(x: Tensor, step_window: StepWindow, value: float) -> Tensor:
    return F.pad(x, step_window.padding, value=value) if any(step_window.padding) else x


def _crop(signal: Tensor, step_window: StepWindow) -> Tensor:
    """Take the padding off again."""
    left, _, top, _ = step_window.padding
    inside = signal[:, :, top : top + step_window.size[0], left : left + step_window.size[1]]
    return inside.contiguous(memory_format=torch.channels_last)


def _own_channel(maps: Tensor, channel: Tensor) -> Tensor:
    """Take one channel a row, ``[m, 1, h, w]``, where all were computed."""
    return maps if maps.shape[1] == 1 else maps[torch.arange(len(maps)), channel][:, None]
