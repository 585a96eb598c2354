"""Many units of one image, of one stage or of several, through one recording of it.

One forward pass of the whole image, to the highest stage, serves every unit below: each then costs its
back-projection alone. For a few units low in the net, the forward pass inside their windows is still
less work. Counting multiplications decides between the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from zfexplore.deconv.dense import Recording, record_stages
from zfexplore.deconv.project import project
from zfexplore.deconv.request import Projection
from zfexplore.deconv.windowed import project_recorded
from zfexplore.deconv.windows.geometry import has_windows, whole_cost, window_cost
from zfexplore.nets.device import exact_arithmetic
from zfexplore.nets.trunk import Trunk

Places = Sequence[tuple[int, int]]  # rows and columns in a stage's map
ImageProjector = Callable[[str, Sequence[int], Places], Projection]


def image_projector(trunk: Trunk, image: Tensor, wanted: Mapping[str, Places]) -> ImageProjector:
    """Give a function that brings units of ``image [1, 3, h, w]`` back to pixels, a stage at a time.

    Call it as ``bring_back(stage_name, channels, places)``; it gives what ``project`` gives. ``wanted``
    holds, by the stage's name, the places of all units that it will be asked for. They decide how the
    work is done. Raises ExploreError as ``project`` does.
    """
    recordings = _recordings(trunk, image, wanted)

    def bring_back(stage_name: str, channels: Sequence[int], places: Places) -> Projection:
        if stage_name in recordings:
            return project_recorded(trunk, recordings[stage_name], channels, places)
        return project(trunk, image, stage_name, channels, places)

    return bring_back


def _recordings(trunk: Trunk, image: Tensor, wanted: Mapping[str, Places]) -> dict[str, Recording]:
    """Record the image for those wanted stages that have windows; for none where windows are less work."""
    maps = {name: places for name, places in wanted.items() if has_windows(trunk, trunk.stage(name))}
    # On a GPU starting operations costs more than another forward pass: there each stage is done alone.
    if trunk.device.type != "cpu" or not maps or _apart_is_cheaper(trunk, image, maps):
        return {}
    with exact_arithmetic(trunk.device):
        picture = image.to(trunk.dtype).contiguous(memory_format=torch.channels_last)
        return record_stages(trunk, picture, maps)


def _apart_is_cheaper(trunk: Trunk, image: Tensor, maps: Mapping[str, Places]) -> bool:
    """Whether forward passes stage by stage, whole or in windows, cost less than one to the highest."""
    size = (image.shape[2], image.shape[3])
    wholes = {name: whole_cost(trunk, trunk.stage(name), size) for name in maps}
    apart = 0
    for name, places in maps.items():
        windows = (trunk.windows(name, y, x, size) for y, x in places)
        apart += min(wholes[name], sum(window_cost(trunk, trunk.stage(name), unit) for unit in windows))
    return apart < max(wholes.values())
