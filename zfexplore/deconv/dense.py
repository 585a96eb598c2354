"""The deconvnet, as the paper describes it: one activation, everything else zero, back to pixels.

After Zeiler & Fergus, section 2.1. The images run forward to a stage while every pooling records
which pixel each window chose (its switch). The stage's map is then set to zero except for one unit,
and the steps are undone from the top: **unpool** through the switches, **rectify**, **filter** with
the transposed kernels, down to pixels of exactly the input's size.

Where implementations differ, ours:

- adds where two overlapping pooling windows chose the same pixel (MaxUnpool2d keeps only one);
- rectifies the signal after unpooling and before filtering, and never the pixels;
- takes the contrast normalisation for the identity in the back-projection;
- leaves out the biases in the back-projection, and changes nothing in the net.

Fully connected units go back through the transposed matrices and the adjoint of the average pool.
This file is the reference; ``windowed.py`` computes the same numbers inside the receptive field.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from zfexplore.deconv.request import (
    Channels,
    Images,
    Positions,
    Projection,
    Request,
    input_windows,
    join,
    read_request,
    strongest,
)
from zfexplore.nets.device import exact_arithmetic
from zfexplore.nets.net import Stage
from zfexplore.nets.steps import Step, run_step
from zfexplore.nets.transfers import upload
from zfexplore.nets.trunk import Trunk

# Rows brought back together. A row of ZFNet at 224 pixels takes about 15 MB, so memory stays near
# 250 MB on a CPU and 1 GB on a GPU, however many rows are asked for.
ROWS_AT_ONCE = {"cpu": 16, "cuda": 64}


@dataclass(frozen=True)
class Recording:
    """What the back-projection needs of the forward pass.

    ``top`` is the stage's map ``[n, c, h, w]`` (``[n, c]`` for fully connected stages). ``shapes[i]`` is
    the shape of step ``i``'s input without its batch axis. ``switches[i]`` holds, for each pooling
    step, the chosen pixels as flat indices into its input map, ``[n, c, h, w]``.
    """

    stage: Stage
    top: Tensor
    shapes: tuple[tuple[int, ...], ...]
    switches: dict[int, Tensor]

    def take(self, images: Tensor) -> Recording:
        """Give the recording of some images, by index; an image may be taken more than once."""
        switches = {index: chosen[images] for index, chosen in self.switches.items()}
        return replace(self, top=self.top[images], switches=switches)


def project(
    trunk: Trunk,
    images: Images,
    stage: str,
    channels: Channels,
    positions: Positions = None,
) -> Projection:
    """Bring one unit a row back to pixels.

    ``images [n, 3, h, w]`` are normalised: a tensor, a numpy array or nested lists of floats. ``stage`` is
    any of ``trunk.names``; ``channels`` is one channel or several; ``positions`` are pairs of row and column,
    by default each channel's maximum.
    Images, channels and positions are each one, or as many as there are rows. ``positions="all"``
    projects all activations of the channel at once (``activation`` and ``position`` are then those of
    the maximum). A fully connected unit has the position (0, 0) and the whole image as its window.

    The unit is seeded with its activation; at zero or below (a last logit) it projects to zero.
    Raises ExploreError for what does not exist, naming what does, for images that hold nan or inf, and for
    a net that overflows on them.
    """
    return project_request(trunk, *read_request(trunk, images, stage, channels, positions))


def project_request(trunk: Trunk, images: Tensor, request: Request) -> Projection:
    """Bring the rows of a checked request back to pixels."""
    with exact_arithmetic(trunk.device):
        return join([_project_rows(trunk, images, part) for part in _parts(trunk, request)])


def portions(trunk: Trunk, count: int) -> Sequence[Tensor]:
    """Cut ``count`` rows into portions that are brought back together, as row numbers."""
    return torch.arange(count).split(ROWS_AT_ONCE.get(trunk.device.type, ROWS_AT_ONCE["cpu"]))


def record(trunk: Trunk, images: Tensor, stage: str) -> Recording:
    """Run ``images [n, c, h, w]`` forward to ``stage`` and keep the switches of every pooling."""
    return record_stages(trunk, images, [stage])[stage]


def record_stages(trunk: Trunk, images: Tensor, stages: Iterable[str]) -> dict[str, Recording]:
    """Run ``images [n, c, h, w]`` forward once, to the highest of ``stages``; give a recording of each."""
    chosen = [trunk.stage(name) for name in stages]
    ends = {stage.end for stage in chosen}
    x = images
    shapes: list[tuple[int, ...]] = []
    switches: dict[int, Tensor] = {}
    tops: dict[int, Tensor] = {}
    for index, step in enumerate(trunk.steps[: max(ends)]):
        shapes.append(tuple(x.shape[1:]))
        if step.kind == "pool":
            x, switches[index] = F.max_pool2d(
                x, step.kernel, step.stride, step.padding, ceil_mode=step.ceil_mode, return_indices=True
            )
        else:
            x = run_step(step, x)
        if index + 1 in ends:
            tops[index + 1] = x
    return {stage.name: _recording(stage, tops[stage.end], shapes, switches) for stage in chosen}


def backproject(trunk: Trunk, recording: Recording, seed: Tensor) -> Tensor:
    """Bring ``seed``, shaped as ``recording.top``, back to pixels ``[n, c, h, w]``."""
    signal = seed
    for index in reversed(range(recording.stage.end)):
        switches = recording.switches.get(index)
        signal = undo_step(trunk.steps[index], signal, recording.shapes[index], switches)
    return signal


def undo_step(step: Step, signal: Tensor, shape: Sequence[int], switches: Tensor | None = None) -> Tensor:
    """Bring ``signal`` from a step's output to its input, of ``shape`` (without the batch axis).

    Every step but the ReLU is undone by the adjoint of its linear part; LRN counts as the identity.
    """
    module: Any = step.module
    if step.kind == "conv":
        return _transposed_filter(step, signal, shape)
    if step.kind == "relu":
        return F.relu(signal)
    if step.kind == "pool":
        if switches is None:
            raise ValueError(f"{step.name} can only be undone with the switches of its way up")
        return unpool(signal, switches, shape[-2:], step)
    if step.kind == "avgpool":
        return _spread(signal, shape[-2:])
    if step.kind == "linear":
        return signal @ module.weight
    return signal.reshape(len(signal), *shape)  # flatten; LRN, whose shapes are equal


def unpool(signal: Tensor, switches: Tensor, size: Sequence[int], step: Step) -> Tensor:
    """Put each pooled value ``[n, c, h, w]`` back where it came from, adding where two meet.

    ``switches`` are flat indices into a map of ``size``. On a GPU, additions to one pixel come in any
    order. There the windows are taken in turns, each of windows that lie a kernel apart: within a turn
    no pixel is chosen twice, so even the last bit is the same every time.
    """
    n, channels = signal.shape[:2]
    channels_last = signal.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    pixels = torch.empty(
        (n, channels, size[0], size[1]), dtype=signal.dtype, device=signal.device, memory_format=layout
    ).zero_()
    overlaps = [-(-step.kernel[axis] // step.stride[axis]) for axis in (0, 1)]
    turns_y, turns_x = overlaps if signal.is_cuda else (1, 1)
    for y in range(turns_y):
        for x in range(turns_x):
            places = switches[:, :, y::turns_y, x::turns_x].flatten(2)
            pixels.flatten(2).scatter_add_(2, places, signal[:, :, y::turns_y, x::turns_x].flatten(2))
    return pixels


def _recording(
    stage: Stage, top: Tensor, shapes: Sequence[tuple[int, ...]], switches: dict[int, Tensor]
) -> Recording:
    """Give the part up to ``stage`` of what a longer forward pass recorded."""
    up_to_stage = {index: chosen for index, chosen in switches.items() if index < stage.end}
    return Recording(stage, top, tuple(shapes[: stage.end]), up_to_stage)


def _parts(trunk: Trunk, request: Request) -> list[Request]:
    return [request.take(rows) for rows in portions(trunk, len(request))]


def _project_rows(trunk: Trunk, images: Tensor, request: Request) -> Projection:
    used, row_image = request.image.unique(return_inverse=True)
    image, row, channel = upload(
        torch.stack([row_image, torch.arange(len(request)), request.channel]), images.device
    )
    recording = record(trunk, images[upload(used, images.device)], request.stage.name).take(image)
    maps = recording.top.reshape(*recording.top.shape[:2], *_map_size(recording.top))  # fc: 1 x 1
    chosen = maps[row, channel]  # [n, h, w]
    position = strongest(chosen) if request.position is None else request.position
    y, x = upload(position.T, images.device)
    activation = chosen[row, y, x]
    seed = torch.zeros_like(maps)
    if request.whole_map:
        seed[row, channel] = chosen
    else:
        seed[row, channel, y, x] = activation
    pixels = backproject(trunk, recording, F.relu(seed).reshape(recording.top.shape))
    window = input_windows(trunk, request, position)
    return Projection(request.stage.name, request.channel.clone(), pixels, activation, position, window)


def _map_size(top: Tensor) -> tuple[int, ...]:
    return tuple(top.shape[2:]) or (1, 1)


def _transposed_filter(step: Step, signal: Tensor, shape: Sequence[int]) -> Tensor:
    """Filter with flipped kernels, without bias, to exactly the size of the step's input."""
    module: Any = step.module
    # Where strides do not divide the input, they skip its last rows: without these the map comes out short.
    extra = tuple(
        shape[-2 + axis]
        - ((signal.shape[-2 + axis] - 1) * step.stride[axis] - 2 * step.padding[axis] + step.kernel[axis])
        for axis in (0, 1)
    )
    return F.conv_transpose2d(signal, module.weight, None, step.stride, step.padding, extra, module.groups)


def _spread(signal: Tensor, size: Sequence[int]) -> Tensor:
    """Undo an adaptive average pool: share each mean ``[n, c, h, w]`` among the pixels it averages."""
    if tuple(signal.shape[-2:]) == tuple(size):
        return signal
    rows = _averages(signal.shape[-2], size[0], signal)  # [h, size[0]]
    columns = _averages(signal.shape[-1], size[1], signal)  # [w, size[1]]
    return rows.T @ signal @ columns


def _averages(places: int, length: int, like: Tensor) -> Tensor:
    """Give the matrix ``[places, length]`` that an adaptive average pool multiplies with along one axis."""
    matrix = like.new_zeros(places, length)
    for place in range(places):
        start, end = place * length // places, -(-(place + 1) * length // places)
        matrix[place, start:end] = 1 / (end - start)
    return matrix
