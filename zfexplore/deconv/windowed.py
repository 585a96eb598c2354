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

import torch
from torch import Tensor

from zfexplore.deconv import dense
from zfexplore.deconv.dense import Recording, record
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
from zfexplore.deconv.windows.geometry import Windows, group, sees_nothing, whole_cost, window_cost
from zfexplore.deconv.windows.passes import Batch, above, ascend, below, descend
from zfexplore.errors import ExploreError
from zfexplore.nets.arithmetic import exact_arithmetic
from zfexplore.nets.trunk import Trunk

# Numbers in the largest map of a batch of windows: what a core's cache holds (4 MB of float32), and
# what keeps a GPU busy. Larger batches run slower on a CPU, not faster.
BATCH_NUMBERS = {"cpu": 2**20, "cuda": 2**26}

# Batches that are on their way together, with all their switches: at most some 40 MB on a CPU.
BATCHES_TOGETHER = 16


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
    groups = list(group(steps, windows, BATCH_NUMBERS.get(trunk.device.type, BATCH_NUMBERS["cpu"])))
    for first in range(0, len(groups), BATCHES_TOGETHER):
        some = groups[first : first + BATCHES_TOGETHER]
        parts = [(request.take(torch.tensor(alike.rows)), alike) for alike in some]
        if recording is None:
            batches = [below(images, part, alike) for part, alike in parts]
            ascend(steps, batches)
        else:
            batches = [above(steps, recording, part, alike) for part, alike in parts]
        for batch in batches:
            activation[list(batch.alike.rows)] = batch.x.flatten()
        seeing = [batch for batch in batches if batch.alike.passages]
        descend(steps, seeing)
        for batch in seeing:
            _put(batch, pixels)
    window = torch.tensor([list(every[0]) for every in windows])
    return Projection(
        request.stage.name, request.channel.clone(), pixels, activation, position.clone(), window
    )


def _put(batch: Batch, pixels: Tensor) -> None:
    """Write windows ``[m, 3, h, w]`` where they belong in the whole ``pixels [n, 3, h, w]``."""
    for row, (window, *_), part in zip(batch.alike.rows, batch.alike.windows, batch.x, strict=True):
        pixels[row, :, window.y0 : window.y1, window.x0 : window.x1] = part
