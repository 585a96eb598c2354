"""The deconvnet computed only where the unit can see: the numbers of ``dense.py``, many times faster.

A unit depends on its receptive field alone, and its projection is zero outside. So the forward pass
runs on the exact clipped window of the input, padded only where the window really crosses a map's
border. The switches are recorded there, and the signal comes back through the same windows. Only one
channel of the top stage is computed. Units whose windows are clipped alike go in one batch.

When many units of one image are wanted, or a channel's maximum must first be found, the forward pass
runs once on the whole image and the windows are cut out of its recording. Each unit then costs its
back-projection alone. The choice between the two is made image by image, by counting multiplications.

All this is for a CPU. On a GPU starting operations is what costs: there ``together.py`` takes all units at
once, in windows of one size.

Fully connected units and whole maps see the whole image: they are left to ``dense.py``. So are units of a
pool right above the pixels, where nothing is filtered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from zfexplore.deconv import dense, together
from zfexplore.deconv.dense import Recording, record
from zfexplore.deconv.request import (
    Channels,
    Images,
    Positions,
    Projection,
    Request,
    join,
    read_request,
    read_units,
    strongest,
)
from zfexplore.deconv.windows.geometry import (
    Windows,
    group_units,
    has_windows,
    reads_only_padding,
    whole_cost,
    window_cost,
)
from zfexplore.deconv.windows.kernels import LaidOut, lay_out
from zfexplore.deconv.windows.passes import (
    WindowBatch,
    backproject,
    cut_from_images,
    cut_from_recording,
    forward,
)
from zfexplore.errors import ExploreError
from zfexplore.nets.device import exact_arithmetic
from zfexplore.nets.trunk import Trunk

# Numbers in the largest map of a batch of windows: what a core's cache holds (4 MB of float32). Larger
# batches run slower, not faster.
BATCH_NUMBERS = 2**20

# Batches computed together, each with all its switches: at most about 40 MB.
BATCHES_TOGETHER = 16


def project(
    trunk: Trunk,
    images: Images,
    stage: str,
    channels: Channels,
    positions: Positions = None,
) -> Projection:
    """Bring one unit a row back to pixels; arguments and result are those of ``dense.project``."""
    return project_request(trunk, *read_request(trunk, images, stage, channels, positions))


def project_request(trunk: Trunk, images: Tensor, request: Request) -> Projection:
    """Bring the rows of a checked request back to pixels."""
    if request.whole_map or not has_windows(trunk, request.stage):
        return dense.project_request(trunk, images, request)
    if trunk.device.type == "cuda":
        return together.project_request(trunk, images, request)
    windows = None if request.position is None else _windows_of(trunk, request, request.position)
    with exact_arithmetic(trunk.device):
        kernels = lay_out(trunk.steps[: request.stage.end])
        order: list[int] = []
        parts = []
        for rows, recording in _share_out(trunk, images, request, windows):
            part = request.take(torch.tensor(rows)) if len(rows) < len(request) else request
            part_windows = None if windows is None else [windows[row] for row in rows]
            parts.append(_project_rows(trunk, part, part_windows, images, recording, kernels))
            order += rows
        return join(parts, torch.tensor(order))


def project_recorded(
    trunk: Trunk, recording: Recording, channels: Channels, positions: Positions = None
) -> Projection:
    """Bring units of one image back to pixels through the switches of its ``recording``.

    This serves many channels of one image: each then costs its back-projection alone. Raises
    ExploreError as ``project`` does, and where the recording is not of a single image up to a map.
    """
    cuttable = len(recording.top) == 1 and has_windows(trunk, recording.stage)
    if not cuttable or isinstance(positions, str):
        raise ExploreError("only single units of one recorded image can be cut out of its maps")
    _, height, width = recording.shapes[0]
    request = read_units(trunk, 1, (height, width), recording.stage.name, channels, positions)
    with exact_arithmetic(trunk.device):
        kernels = lay_out(trunk.steps[: request.stage.end])
        return join([_project_rows(trunk, request, None, recording.top, recording, kernels)])


def _share_out(
    trunk: Trunk, images: Tensor, request: Request, windows: Sequence[Windows] | None
) -> Iterator[tuple[list[int], Recording | None]]:
    """Share out the rows: some with the recording that they are cut from, the others with None."""
    by_image: dict[int, list[int]] = {}
    for row, image in enumerate(request.image.tolist()):
        by_image.setdefault(image, []).append(row)
    in_windows: list[int] = []
    whole = whole_cost(trunk, request.stage, request.size)
    for image, rows in by_image.items():
        # Only the whole map tells where a channel's maximum lies.
        if windows is not None and _windows_cost_less(trunk, request, [windows[row] for row in rows], whole):
            in_windows += rows
        else:
            picture = images[image : image + 1].contiguous(memory_format=torch.channels_last)
            yield rows, record(trunk, picture, request.stage.name)
    if in_windows:
        yield sorted(in_windows), None


def _windows_cost_less(trunk: Trunk, request: Request, windows: Sequence[Windows], whole: int) -> bool:
    """Whether the forward pass costs less in all the windows of one image than the ``whole`` image's."""
    if any(reads_only_padding(unit_windows) for unit_windows in windows):
        return False
    return sum(window_cost(trunk, request.stage, unit_windows) for unit_windows in windows) < whole


def _windows_of(trunk: Trunk, request: Request, position: Tensor) -> list[Windows]:
    return [trunk.windows(request.stage.name, y, x, request.size) for y, x in position.tolist()]


def _project_rows(
    trunk: Trunk,
    request: Request,
    windows: Sequence[Windows] | None,
    images: Tensor,
    recording: Recording | None,
    kernels: LaidOut,
) -> Projection:
    """Project rows: all through their own forward pass, or all cut from one image's ``recording``."""
    steps = trunk.steps[: request.stage.end]
    position = request.position
    if position is None:
        assert recording is not None, "without positions every image is recorded whole"
        position = strongest(recording.top[0, request.channel])
    if windows is None:
        windows = _windows_of(trunk, request, position)
    pixels = images.new_zeros(len(request), trunk.input_channels, *request.size)
    activation = images.new_zeros(len(request))
    groups = list(group_units(steps, windows, BATCH_NUMBERS))
    for first in range(0, len(groups), BATCHES_TOGETHER):
        together = groups[first : first + BATCHES_TOGETHER]
        parts = [(request.take(torch.tensor(group.rows)), group) for group in together]
        if recording is None:
            batches = [cut_from_images(images, part, group) for part, group in parts]
            forward(steps, kernels, batches)
        else:
            batches = [cut_from_recording(steps, recording, part, group) for part, group in parts]
        for batch in batches:
            activation[list(batch.group.rows)] = batch.x.flatten()
        seeing = [batch for batch in batches if batch.group.step_windows]  # the rest read only padding
        backproject(steps, kernels, seeing)
        for batch in seeing:
            _write_windows(batch, pixels)
    window = torch.tensor([list(unit_windows[0]) for unit_windows in windows])
    return Projection(
        request.stage.name, request.channel.clone(), pixels, activation, position.clone(), window
    )


def _write_windows(batch: WindowBatch, pixels: Tensor) -> None:
    """Write the batch's windows ``[m, 3, h, w]`` where they belong in the whole ``pixels [n, 3, h, w]``."""
    for row, (window, *_), part in zip(batch.group.rows, batch.group.windows, batch.x, strict=True):
        pixels[row, :, window.y0 : window.y1, window.x0 : window.x1] = part
