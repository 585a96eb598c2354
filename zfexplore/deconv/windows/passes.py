"""The way up and the way down inside windows, for several batches of units at once.

The units of a batch are clipped alike, so their maps have one size; other batches have others. Low in
the net each batch goes by itself, while its maps are in the cache. From where the maps are so small
that fetching a layer's weights costs more than multiplying with them (``geometry.meeting``), all
batches go through a convolution together. ``dense.py`` says what is computed. Every map is the batch's own,
so it is rectified in place: on a CPU fresh memory costs more than the rectifying.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from zfexplore.deconv.dense import Recording, unpool
from zfexplore.deconv.request import Request
from zfexplore.deconv.windows.geometry import Alike, Passage, Windows, meeting, mixes_above, summit
from zfexplore.deconv.windows.kernels import (
    convolve_one,
    convolve_one_transposed,
    convolve_together,
    convolve_together_transposed,
)
from zfexplore.nets.steps import Step, run_step


@dataclass(eq=False)
class Batch:
    """Units clipped alike, on their way: ``x [m, c, h, w]`` is the map that they have come to.

    ``switches [m, c, h, w]``, by step, are flat indices into the padded window; above the highest
    convolution both are of the unit's own channel alone, one of ``channel [m]``.
    """

    alike: Alike
    channel: Tensor
    x: Tensor
    switches: dict[int, Tensor] = field(default_factory=dict)


def below(images: Tensor, request: Request, alike: Alike) -> Batch:
    """Cut the units' windows out of their images: where the way up begins."""
    cut = [
        images[image, :, windows[0].y0 : windows[0].y1, windows[0].x0 : windows[0].x1]
        for image, windows in zip(request.image.tolist(), alike.windows, strict=True)
    ]
    x = torch.stack(cut).contiguous(memory_format=torch.channels_last)  # [m, 3, h, w]
    return Batch(alike, request.channel, x)


def above(steps: Sequence[Step], recording: Recording, request: Request, alike: Alike) -> Batch:
    """Cut the units and their switches out of the recording of their one image: the way up is done."""
    units = list(zip(request.channel.tolist(), alike.windows, strict=True))
    values = [recording.top[0, channel, windows[-1].y0, windows[-1].x0] for channel, windows in units]
    batch = Batch(alike, request.channel, torch.stack(values)[:, None, None, None])  # [m, 1, 1, 1]
    highest = summit(steps)
    for index, passage in enumerate(alike.passages):
        if index in recording.switches:
            chosen, columns = recording.switches[index][0], recording.shapes[index][-1]
            cut = [
                _cut_switches(
                    chosen if index < highest else chosen[channel : channel + 1],
                    columns,
                    passage,
                    windows[index : index + 2],
                )
                for channel, windows in units
            ]
            batch.switches[index] = torch.stack(cut)
    return batch


def ascend(steps: Sequence[Step], batches: Sequence[Batch]) -> None:
    """Run every batch up through ``steps``, to the units' own values ``[m, 1, 1, 1]``."""
    together = meeting(steps, [batch.alike for batch in batches])
    for batch in batches:
        for index in range(together):
            _rise(steps, index, [batch])
    for index in range(together, len(steps)):
        _rise(steps, index, batches)
    for batch in batches:
        batch.x = _own(batch.x, batch.channel)


def descend(steps: Sequence[Step], batches: Sequence[Batch]) -> None:
    """Bring the units of every batch down again, to the pixels of their windows ``[m, 3, h, w]``."""
    together = meeting(steps, [batch.alike for batch in batches])
    for batch in batches:
        batch.x = F.relu(batch.x)  # not in place: the activations are kept
    for index in reversed(range(together, len(steps))):
        _sink(steps, index, batches)
    for batch in batches:
        for index in reversed(range(together)):
            _sink(steps, index, [batch])


def _rise(steps: Sequence[Step], index: int, batches: Sequence[Batch]) -> None:
    step, highest = steps[index], summit(steps)
    if step.kind == "conv":
        padded = [_pad(batch.x, batch.alike.passages[index], 0.0) for batch in batches]
        if index == highest and not mixes_above(steps):
            maps = [convolve_one(step, x, batch.channel) for x, batch in zip(padded, batches, strict=True)]
        else:
            maps = convolve_together(step, padded)
        for batch, x in zip(batches, maps, strict=True):
            batch.x = x
        return
    for batch in batches:
        if step.kind == "pool":
            x = _pad(batch.x, batch.alike.passages[index], -torch.inf)
            batch.x, chosen = F.max_pool2d(x, step.kernel, step.stride, return_indices=True)
            batch.switches[index] = chosen if index < highest else _own(chosen, batch.channel)
        elif step.kind == "relu":
            batch.x = batch.x.relu_()
        else:
            batch.x = run_step(step, batch.x)


def _sink(steps: Sequence[Step], index: int, batches: Sequence[Batch]) -> None:
    step = steps[index]
    if step.kind == "conv" and index < summit(steps):
        signals = convolve_together_transposed(step, [batch.x for batch in batches])
    elif step.kind == "conv":  # from here down a unit's signal has many channels
        signals = [convolve_one_transposed(step, batch.x, batch.channel) for batch in batches]
    elif step.kind == "pool":
        signals = [
            unpool(batch.x, batch.switches[index], batch.alike.passages[index].padded, step)
            for batch in batches
        ]
    elif step.kind == "relu":
        for batch in batches:
            batch.x = batch.x.relu_()
        return
    else:
        return
    for batch, signal in zip(batches, signals, strict=True):
        batch.x = _crop(signal, batch.alike.passages[index])


def _cut_switches(chosen: Tensor, columns: int, passage: Passage, windows: Windows) -> Tensor:
    """Turn switches ``[c, h, w]`` into a map ``columns`` wide into those of the padded window below."""
    below, above = windows
    inside = chosen[:, above.y0 : above.y1, above.x0 : above.x1]
    left, _, top, _ = passage.padding
    width = passage.padded[1]
    # (row - y0 + top) * width + (column - x0 + left), where inside = row * columns + column
    row = inside // columns
    return inside + row * (width - columns) + ((top - below.y0) * width + left - below.x0)


def _pad(x: Tensor, passage: Passage, value: float) -> Tensor:
    return F.pad(x, passage.padding, value=value) if any(passage.padding) else x


def _crop(signal: Tensor, passage: Passage) -> Tensor:
    left, _, top, _ = passage.padding
    inside = signal[:, :, top : top + passage.size[0], left : left + passage.size[1]]
    return inside.contiguous(memory_format=torch.channels_last)


def _own(maps: Tensor, channel: Tensor) -> Tensor:
    """Take one channel a row, ``[m, 1, h, w]``, where all were computed."""
    return maps if maps.shape[1] == 1 else maps[torch.arange(len(maps)), channel][:, None]
