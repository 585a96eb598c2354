"""The deconvnet for many units of many images together, in windows of one size: what a GPU runs.

The images run up whole, ``IMAGES_TOGETHER`` at a time. The units of a stage come back in large batches,
wherever they lie (``windows/unclipped.py``). How many operations are started, and how often the device is
waited for, depends on the number of batches and not on the number of units.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from zfexplore.deconv.dense import Recording, record
from zfexplore.deconv.request import Projection, Request, input_windows, join
from zfexplore.deconv.windows.geometry import unclipped_numbers
from zfexplore.deconv.windows.unclipped import Units, bring_back, in_whole_images
from zfexplore.nets.device import exact_arithmetic
from zfexplore.nets.steps import Step
from zfexplore.nets.transfers import upload
from zfexplore.nets.trunk import Trunk

# Images whose way up is kept at once: 18 MB each, of ZFNet at 224 pixels.
IMAGES_TOGETHER = 64
# Numbers in the largest map of a batch of windows: 155 units of ZFNet's conv5, with 1.5 GB in all.
BATCH_NUMBERS = 2**26


def project_request(trunk: Trunk, images: Tensor, request: Request) -> Projection:
    """Bring the rows of a checked request back to pixels: single units of a stage that has windows."""
    order: list[Tensor] = []
    parts: list[Projection] = []
    with exact_arithmetic(trunk.device):
        for rows, recording, image in _recorded(trunk, images, request):
            for some in batches(trunk.steps[: request.stage.end], len(rows)):
                order.append(rows[some])
                parts.append(_project(trunk, recording, request.take(rows[some]), image[some]))
        return join(parts, torch.cat(order))


def batches(steps: Sequence[Step], count: int) -> Sequence[Tensor]:
    """Cut ``count`` units into batches that fit into memory, as numbers; ``steps`` are up to their stage."""
    return torch.arange(count).split(max(1, BATCH_NUMBERS // unclipped_numbers(steps)))


def units_of(recording: Recording, request: Request, image: Tensor) -> Units:
    """Give the units of a request on the device; row ``i`` is of image ``image[i]`` of the recording.

    Without positions each channel's maximum is taken, of equal ones the first.
    """
    top = recording.top
    if request.position is not None:
        columns = torch.stack([image, request.channel, *request.position.T])
        return Units(*upload(columns, top.device).unbind())
    on_device, channel = upload(torch.stack([image, request.channel]), top.device).unbind()
    place = top[on_device, channel].flatten(1).argmax(1)
    return Units(on_device, channel, place.div(top.shape[3], rounding_mode="floor"), place % top.shape[3])


def _recorded(trunk: Trunk, images: Tensor, request: Request) -> Iterator[tuple[Tensor, Recording, Tensor]]:
    """Record the images, some at a time; give their rows, the recording, and each row's image in it."""
    used, row_image = request.image.unique(return_inverse=True)
    pictures = images if len(used) == len(images) else images[upload(used, images.device)]
    for first in range(0, len(used), IMAGES_TOGETHER):
        recording = record(trunk, pictures[first : first + IMAGES_TOGETHER], request.stage.name)
        rows = ((row_image >= first) & (row_image < first + IMAGES_TOGETHER)).nonzero().flatten()
        yield rows, recording, row_image[rows] - first


def _project(trunk: Trunk, recording: Recording, request: Request, image: Tensor) -> Projection:
    units = units_of(recording, request, image)
    brought = bring_back(trunk.steps[: request.stage.end], recording, units)
    position = request.position
    if position is None:
        position = torch.stack([units.y, units.x], dim=1).cpu()
    return Projection(
        request.stage.name,
        request.channel.clone(),
        in_whole_images(brought, request.size),
        brought.activation,
        position.clone(),
        input_windows(trunk, request, position),
    )
