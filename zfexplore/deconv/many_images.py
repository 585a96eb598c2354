"""Units of several stages of many images, brought back together: a GPU's way to whole layers.

All images run up once, together, to the highest stage. The units of a stage come back in large batches,
and of each batch three tensors come to the CPU: the pixels inside the windows, the numbers, the corners.
While a batch is handed out, the device is at work on the next.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from zfexplore.deconv import dense
from zfexplore.deconv.dense import Recording, record_stages
from zfexplore.deconv.project import choose
from zfexplore.deconv.request import Projection, Request, check_finite, check_net, read_units
from zfexplore.deconv.together import batches, units_of
from zfexplore.deconv.windows.unclipped import bring_back
from zfexplore.nets.device import exact_arithmetic, told_if_full
from zfexplore.nets.transfers import download
from zfexplore.nets.trunk import Trunk
from zfexplore.units import Window

THREADS = min(8, os.cpu_count() or 1)  # that cut crops out of batches,
ROWS_A_TASK = 4  # so many one after the other


class Wanted(NamedTuple):
    """A unit to bring back: the number of its image among those given, its channel, its place."""

    image: int
    channel: int
    y: int
    x: int


@dataclass(frozen=True, eq=False)
class Crop:
    """A unit brought back: the ``row`` of ``stage`` that it was asked for as, and what came back.

    ``pixels [c, window.height, window.width]`` float32, an array of its own, signed, as in ``Projection``.
    """

    stage: str
    row: int
    activation: float
    window: Window
    pixels: np.ndarray


def crops(trunk: Trunk, images: Tensor, wanted: Mapping[str, Sequence[Wanted]]) -> Iterator[Crop]:
    """Bring units of ``images [n, c, h, w]``, given by the name of their stage, back to pixels.

    They come stage by stage, in their order; the numbers are those of ``project``. Raises ExploreError as
    ``project`` does.
    """
    check_net(trunk)
    before: _Batch | None = None
    full = told_if_full(f"units of {len(images)} images", "end what else uses it, or give --device cpu")
    with full, ThreadPoolExecutor(THREADS, thread_name_prefix="crops") as pool:
        for batch in _started(trunk, images, wanted):
            if before is not None:
                yield from before.crops(pool)
            before = batch
        if before is not None:
            yield from before.crops(pool)


@dataclass(frozen=True)
class _Batch:
    """Rows on their way to the CPU: windows ``pixels [m, c, h, w]``, which begin at ``y [m]`` and ``x [m]``.

    ``total [m]`` is the sum of a row's pixels and its activation.
    """

    request: Request
    rows: Tensor
    windows: list[Window]
    pixels: Tensor
    activation: Tensor
    total: Tensor
    y: Tensor
    x: Tensor
    arrived: Any  # a CUDA event, or None

    def crops(self, pool: Executor) -> Iterator[Crop]:
        """Wait for the batch, and cut each row out, in threads: fresh memory is what this waits for."""
        if self.arrived is not None:
            self.arrived.synchronize()
        if not bool(self.total.isfinite().all()):
            self._check_finite()
        columns = (self.rows, self.activation, self.y, self.x)
        every = list(zip(self.pixels.numpy(), self.windows, *map(Tensor.tolist, columns), strict=True))
        stage = self.request.stage.name

        def cut(first: int) -> list[Crop]:
            return [
                Crop(stage, row, activation, window, _cut(pixels, y, x, window))
                for pixels, window, row, activation, y, x in every[first : first + ROWS_A_TASK]
            ]

        for some in pool.map(cut, range(0, len(every), ROWS_A_TASK)):
            yield from some

    def _check_finite(self) -> None:
        assert self.request.position is not None
        windows = torch.tensor([list(window) for window in self.windows])
        name, channel, position = self.request.stage.name, self.request.channel, self.request.position
        check_finite(Projection(name, channel, self.pixels, self.activation, position, windows))


def _started(trunk: Trunk, images: Tensor, wanted: Mapping[str, Sequence[Wanted]]) -> Iterator[_Batch]:
    """Start batch after batch on the device, and give each without waiting for it."""
    requests = [_request(trunk, images, stage, units) for stage, units in wanted.items() if units]
    in_windows = [request.stage.name for request in requests if choose(trunk, request) == "windowed"]
    recordings: dict[str, Recording] = {}
    if in_windows:
        with exact_arithmetic(trunk.device):
            recordings = record_stages(trunk, images, in_windows)
    for request in requests:
        recording = recordings.get(request.stage.name)
        steps, count = trunk.steps[: request.stage.end], len(request)
        for rows in dense.portions(trunk, count) if recording is None else batches(steps, count):
            yield _start(trunk, images, recording, request.take(rows), rows)


def _request(trunk: Trunk, images: Tensor, stage: str, units: Sequence[Wanted]) -> Request:
    size = (images.shape[2], images.shape[3])
    numbers = torch.tensor(units)  # [n, 4]
    request = read_units(trunk, 1, size, stage, numbers[:, 1], numbers[:, 2:])
    return replace(request, image=numbers[:, 0])


def _start(
    trunk: Trunk, images: Tensor, recording: Recording | None, request: Request, rows: Tensor
) -> _Batch:
    assert request.position is not None
    if recording is None:
        projection = dense.project_request(trunk, images, request)
        pixels, activation = projection.pixels, projection.activation
        y = x = torch.zeros(len(request), dtype=torch.int64)
    else:
        with exact_arithmetic(trunk.device):
            units = units_of(recording, request, request.image)
            brought = bring_back(trunk.steps[: request.stage.end], recording, units)
        pixels, activation, y, x = brought.pixels, brought.activation, brought.y, brought.x
    total = pixels.flatten(1).sum(1) + activation
    numbers = [download(tensor) for tensor in (activation, total, y, x)]
    arriving = download(pixels.float())
    arrived = None
    if trunk.device.type == "cuda":
        arrived = torch.cuda.Event()
        arrived.record(torch.cuda.current_stream(trunk.device))  # not the current device's
    places: list[list[int]] = request.position.tolist()
    windows = [trunk.window(request.stage.name, y, x, request.size) for y, x in places]
    activation, total, y, x = numbers
    return _Batch(request, rows, windows, arriving, activation, total, y, x, arrived)


def _cut(pixels: np.ndarray, y: int, x: int, window: Window) -> np.ndarray:
    """Cut ``window`` out of ``pixels [c, h, w]``, which begin at ``(y, x)``, as an array of its own.

    What lies outside of ``pixels`` is zero: a pool's window, of which the unit that it chose sees a part.
    """
    top, left = window.y0 - y, window.x0 - x
    inside = pixels[:, max(top, 0) : window.y1 - y, max(left, 0) : window.x1 - x]
    if inside.shape[1:] == (window.height, window.width):
        return np.array(inside, order="C")
    whole = np.zeros((len(pixels), window.height, window.width), pixels.dtype)
    down, right = max(-top, 0), max(-left, 0)
    whole[:, down : down + inside.shape[1], right : right + inside.shape[2]] = inside
    return whole
