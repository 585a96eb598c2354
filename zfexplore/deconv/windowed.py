"""The deconvnet computed only where the unit can see: the numbers of ``dense.py``, many times faster.

A unit depends on its receptive field alone and its projection is zero outside. So the forward pass
runs on the exact clipped window of the input, padded only where the window really crosses a map's
border; the switches are recorded there, and the signal comes back down through the same windows. Of
the top stage one channel is computed. Units whose windows are clipped alike go in one batch.

When many units of one image are wanted, or a channel's maximum must first be found, the whole image
is run up once and the windows are cut out of its recording, so that each unit costs its way back
alone. Which of the two is decided image by image, by counting multiplications.

Fully connected units and whole maps see the whole image: they are left to ``dense.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from zfexplore.deconv import dense
from zfexplore.deconv.dense import Recording, record, unpool
from zfexplore.deconv.geometry import (
    Alike,
    Passage,
    Windows,
    group,
    mixes_above,
    sees_nothing,
    summit,
    whole_cost,
    window_cost,
)
from zfexplore.deconv.kernels import convolve, convolve_one, convolve_one_transposed, convolve_transposed
from zfexplore.deconv.request import (
    Positions,
    Projection,
    Request,
    join,
    pixel_channels,
    read_request,
    read_units,
    strongest,
)
from zfexplore.errors import ExploreError
from zfexplore.nets.arithmetic import exact_arithmetic
from zfexplore.nets.steps import Step, run_step
from zfexplore.nets.trunk import Trunk

# Numbers in the largest map of a batch of windows: what a core's cache holds (4 MB of float32), and
# what keeps a GPU busy. Larger batches run slower on a CPU, not faster.
BATCH_NUMBERS = {"cpu": 2**20, "cuda": 2**26}


@dataclass(frozen=True)
class Ascent:
    """What the way down needs: the units' values ``[m]``, and the switches ``[m, c, h, w]`` by step.

    Switches are flat indices into the padded window; above the highest convolution of one channel.
    """

    activation: Tensor
    switches: dict[int, Tensor]


def project(
    trunk: Trunk,
    images: Tensor,
    stage: str,
    channels: int | Sequence[int],
    positions: Positions = None,
) -> Projection:
    """Bring one unit a row back to pixels; takes and gives the same as ``dense.project``."""
    return project_request(trunk, *read_request(trunk, images, stage, channels, positions))


def project_request(trunk: Trunk, images: Tensor, request: Request) -> Projection:
    """Bring the rows of a checked request back to pixels."""
    if request.whole_map or request.stage.kind == "fc":
        return dense.project_request(trunk, images, request)
    windows = None if request.position is None else _windows(trunk, request, request.position)
    with exact_arithmetic(trunk.device):
        order: list[int] = []
        parts = []
        for rows, recording in _sources(trunk, images, request, windows):
            some = None if windows is None else [windows[row] for row in rows]
            part = request.take(torch.tensor(rows)) if len(rows) < len(request) else request
            parts.append(_project_rows(trunk, part, some, images, recording))
            order += rows
        return join(parts, torch.tensor(order))


def project_recorded(
    trunk: Trunk, recording: Recording, channels: int | Sequence[int], positions: Positions = None
) -> Projection:
    """Bring units of one image back to pixels through the switches of its ``recording``.

    For many channels of one image, each of which then costs its way down alone. Raises ExploreError
    as ``project`` does, and where the recording is not one of a single image up to a map.
    """
    if len(recording.top) != 1 or recording.stage.kind == "fc" or isinstance(positions, str):
        raise ExploreError("only single units of one recorded image can be cut out of its maps")
    _, height, width = recording.shapes[0]
    request = read_units(trunk, 1, (height, width), recording.stage.name, channels, positions)
    with exact_arithmetic(trunk.device):
        return _project_rows(trunk, request, None, recording.top, recording)


def _sources(
    trunk: Trunk, images: Tensor, request: Request, windows: Sequence[Windows] | None
) -> Iterator[tuple[list[int], Recording | None]]:
    """Share out the rows: with a recording those cut from it, with None those run up by themselves."""
    by_image: dict[int, list[int]] = {}
    for row, image in enumerate(request.image.tolist()):
        by_image.setdefault(image, []).append(row)
    own: list[int] = []
    whole = whole_cost(trunk, request.stage, request.size)
    for image, rows in by_image.items():
        # Where a channel's maximum lies, only the whole map tells.
        if windows is not None and _cheaper(trunk, request, [windows[row] for row in rows], whole):
            own += rows
        else:
            picture = images[image : image + 1].contiguous(memory_format=torch.channels_last)
            yield rows, record(trunk, picture, request.stage.name)
    if own:
        yield sorted(own), None


def _cheaper(trunk: Trunk, request: Request, windows: Sequence[Windows], whole: int) -> bool:
    """Tell whether running up all the windows of one image is less work than the whole image."""
    if any(sees_nothing(every) for every in windows):
        return False
    return sum(window_cost(trunk, request.stage, every) for every in windows) < whole


def _windows(trunk: Trunk, request: Request, position: Tensor) -> list[Windows]:
    return [trunk.windows(request.stage.name, y, x, request.size) for y, x in position.tolist()]


def _project_rows(
    trunk: Trunk,
    request: Request,
    windows: Sequence[Windows] | None,
    images: Tensor,
    recording: Recording | None,
) -> Projection:
    """Bring rows back that all run up by themselves, or are all cut from one image's ``recording``."""
    steps = trunk.steps[: request.stage.end]
    position = request.position
    if position is None:
        assert recording is not None, "without positions every image is run up whole"
        position = strongest(recording.top[0, request.channel])
    if windows is None:
        windows = _windows(trunk, request, position)
    pixels = images.new_zeros(len(request), pixel_channels(trunk), *request.size)
    activation = images.new_zeros(len(request))
    for alike in group(steps, windows, BATCH_NUMBERS.get(trunk.device.type, BATCH_NUMBERS["cpu"])):
        part = request.take(torch.tensor(alike.rows))
        ascent = (
            _ascend(steps, images, part, alike) if recording is None else _cut(steps, recording, part, alike)
        )
        activation[list(alike.rows)] = ascent.activation
        _put(_descend(steps, part.channel, alike.passages, ascent), alike, pixels)
    window = torch.tensor([list(every[0]) for every in windows])
    return Projection(
        request.stage.name, request.channel.clone(), pixels, activation, position.clone(), window
    )


def _ascend(steps: Sequence[Step], images: Tensor, request: Request, alike: Alike) -> Ascent:
    """Run the units' own windows up to their values."""
    cut = [
        images[image, :, windows[0].y0 : windows[0].y1, windows[0].x0 : windows[0].x1]
        for image, windows in zip(request.image.tolist(), alike.windows, strict=True)
    ]
    x = torch.stack(cut).contiguous(memory_format=torch.channels_last)  # [m, 3, h, w]
    highest, alone = summit(steps), not mixes_above(steps)
    switches: dict[int, Tensor] = {}
    for index, (step, passage) in enumerate(zip(steps, alike.passages, strict=True)):
        if step.kind == "conv":
            x = _pad(x, passage, 0.0)
            x = convolve_one(step, x, request.channel) if alone and index == highest else convolve(step, x)
        elif step.kind == "pool":
            x = _pad(x, passage, -torch.inf)
            x, switches[index] = F.max_pool2d(x, step.kernel, step.stride, return_indices=True)
            if index > highest:
                switches[index] = _of_channel(switches[index], request.channel)
        else:
            x = run_step(step, x)
    return Ascent(_of_channel(x, request.channel).flatten(), switches)


def _cut(steps: Sequence[Step], recording: Recording, request: Request, alike: Alike) -> Ascent:
    """Cut the units' windows out of the recording of their one image."""
    units = list(zip(request.channel.tolist(), alike.windows, strict=True))
    values = [recording.top[0, channel, windows[-1].y0, windows[-1].x0] for channel, windows in units]
    switches: dict[int, Tensor] = {}
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
            switches[index] = torch.stack(cut)
    return Ascent(torch.stack(values), switches)


def _cut_switches(chosen: Tensor, columns: int, passage: Passage, windows: Windows) -> Tensor:
    """Turn switches ``[c, h, w]`` into a map ``columns`` wide into those of the padded window below."""
    below, above = windows
    inside = chosen[:, above.y0 : above.y1, above.x0 : above.x1]
    left, _, top, _ = passage.padding
    width = passage.padded[1]
    # (row - y0 + top) * width + (column - x0 + left), where inside = row * columns + column
    row = inside // columns
    return inside + row * (width - columns) + ((top - below.y0) * width + left - below.x0)


def _descend(
    steps: Sequence[Step], channel: Tensor, through: Sequence[Passage], ascent: Ascent
) -> Tensor | None:
    """Bring the units back to the pixels of their windows ``[m, 3, h, w]``; None where they have none."""
    highest = summit(steps)
    signal = F.relu(ascent.activation)[:, None, None, None]  # [m, 1, 1, 1]: the unit alone
    for index, passage in reversed(list(enumerate(through))):
        step = steps[index]
        if step.kind == "conv" and index == highest:
            signal = _crop(convolve_one_transposed(step, signal, channel), passage)  # [m, c, h, w] from here
        elif step.kind == "conv":
            signal = _crop(convolve_transposed(step, signal), passage)
        elif step.kind == "pool":
            signal = _crop(unpool(signal, ascent.switches[index], passage.padded, step), passage)
        elif step.kind == "relu":
            signal = F.relu(signal)
    return signal if through else None


def _put(signal: Tensor | None, alike: Alike, pixels: Tensor) -> None:
    """Write windows ``[m, 3, h, w]`` where they belong in the whole ``pixels [n, 3, h, w]``."""
    if signal is None:
        return
    for row, (window, *_), part in zip(alike.rows, alike.windows, signal, strict=True):
        pixels[row, :, window.y0 : window.y1, window.x0 : window.x1] = part


def _pad(x: Tensor, passage: Passage, value: float) -> Tensor:
    return F.pad(x, passage.padding, value=value) if any(passage.padding) else x


def _crop(signal: Tensor, passage: Passage) -> Tensor:
    left, _, top, _ = passage.padding
    inside = signal[:, :, top : top + passage.size[0], left : left + passage.size[1]]
    return inside.contiguous(memory_format=torch.channels_last)


def _of_channel(maps: Tensor, channel: Tensor) -> Tensor:
    """Take one channel a row, ``[m, 1, h, w]``, where all were computed."""
    return maps if maps.shape[1] == 1 else maps[torch.arange(len(maps)), channel][:, None]
