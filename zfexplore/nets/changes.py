"""Maps of one image that is changed in a rectangle, computed only where they change.

A rectangle of the input reaches a rectangle of every map. Places outside it keep the values that the intact
image gave them. So each layer computes the rectangle alone, and takes what its kernel reads around it from
the map of the intact image. The rectangle grows from layer to layer. Where it covers much of a map, the rest
of the net runs on whole maps.

The rectangles of a batch are all computed at the size of the largest, so that they are one tensor. The values
are those of a whole pass, to rounding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from zfexplore.nets.steps import AxisStep, Pair, Step, run_step
from zfexplore.nets.trunk import Trunk
from zfexplore.units import Window

WORTH_IT = 0.7  # the share of a map up to which a part is computed: cutting out takes time too
LOCAL = ("conv", "relu", "pool", "lrn")  # a place of their output reads only places around it


@dataclass(frozen=True)
class _Before:
    """What a step makes of the image as it was: the map that it reads, in its margin, and the one it gives.

    ``framed`` has ``margin`` (rows, columns) places before the map's first, and as many behind as are read.
    """

    step: Step
    framed: Tensor
    margin: Pair
    after: Tensor


class Changes:
    """The maps of the stages ``names`` of an image ``[1, c, h, w]``, to be changed; ``intact`` are its own.

    Raises ExploreError as ``Trunk.maps`` does.
    """

    def __init__(self, net: Trunk, image: Tensor, names: Iterable[str]) -> None:
        net.check()
        self.net, self.image = net, image
        self._ends = {net.stage(name).end: name for name in names}
        net.sizes(max(self._ends, default=0), (image.shape[2], image.shape[3]))
        self._local: list[_Before] = []
        self.intact: dict[str, Tensor] = {}
        x, local = image, True
        for done, step in enumerate(net.steps[: max(self._ends, default=0)], start=1):
            after = run_step(step, x)
            local = local and step.kind in LOCAL
            if local:
                self._local.append(_before(step, x, after))
            if done in self._ends:
                self.intact[self._ends[done]] = after
            x = after

    def maps(self, windows: Sequence[Window], value: float = 0.0) -> dict[str, Tensor]:
        """Give the maps ``[n, ...]`` with all pixels of each window set to ``value``, one window a row."""
        starts = [(window.y0, window.x0) for window in windows]
        size = (max(window.height for window in windows), max(window.width for window in windows))
        # Windows that the border clips are enlarged to the inside by pixels that stay as they are.
        starts = [_inside(start, size, self.image) for start in starts]
        part = _cut(self.image, starts, size)
        for row, ((top, left), window) in enumerate(zip(starts, windows, strict=True)):
            part[row, :, window.y0 - top : window.y1 - top, window.x0 - left : window.x1 - left] = value
        found: dict[str, Tensor] = {}
        done, below = 0, self.image
        for before in self._local:
            if (grown := _grown(before, starts, size)) is None:
                break
            starts, part = _run(before, part, starts, *grown)
            size = (part.shape[2], part.shape[3])
            done, below = done + 1, before.after
            if done in self._ends:
                found[self._ends[done]] = _pasted(below, part, starts)
        x = _pasted(below, part, starts)
        for number, step in enumerate(self.net.steps[done : max(self._ends, default=0)], start=done + 1):
            x = run_step(step, x)
            if number in self._ends:
                found[self._ends[number]] = x
        return found


def reached(step: AxisStep, start: int, length: int, places: int) -> Pair:
    """Give the outputs (first, last + 1) that read any of the inputs from ``start`` on, ``length`` of them.

    ``places`` are all that the step has.
    """
    first = -(-(start + step.padding - step.kernel + 1) // step.stride)
    last = (start + length - 1 + step.padding) // step.stride
    return max(first, 0), min(last + 1, places)


def _before(step: Step, x: Tensor, after: Tensor) -> _Before:
    """Put a margin around a map, so that no output reads beyond it."""
    if step.kind in ("relu", "lrn"):
        return _Before(step, x, (0, 0), after)
    sides = []
    for axis in (0, 1):
        end = (after.shape[2 + axis] - 1) * step.stride[axis] + step.kernel[axis]
        sides.append((step.padding[axis], max(end - step.padding[axis] - x.shape[2 + axis], 0)))
    filler = float("-inf") if step.kind == "pool" else 0.0
    framed = F.pad(x, (*sides[1], *sides[0]), value=filler)
    return _Before(step, framed, step.padding, after)


def _grown(before: _Before, starts: Sequence[Pair], size: Pair) -> tuple[list[Pair], Pair] | None:
    """Give where each part of the step's output begins, and their size; None where a whole map is as well."""
    step, whole = before.step, (before.after.shape[2], before.after.shape[3])
    spans = [
        [reached(step.axis(axis), start[axis], size[axis], whole[axis]) for axis in (0, 1)]
        for start in starts
    ]
    rows, columns = (max(max(each[axis][1] - each[axis][0] for each in spans), 1) for axis in (0, 1))
    if rows * columns > WORTH_IT * whole[0] * whole[1]:
        return None
    firsts = [_inside((each[0][0], each[1][0]), (rows, columns), before.after) for each in spans]
    return firsts, (rows, columns)


def _run(
    before: _Before, part: Tensor, starts: Sequence[Pair], firsts: list[Pair], size: Pair
) -> tuple[list[Pair], Tensor]:
    """Compute the parts of the step's output that begin at ``firsts``."""
    step = before.step
    if step.kind in ("relu", "lrn"):
        return firsts, run_step(step, part)
    corners = [(y * step.stride[0], x * step.stride[1]) for y, x in firsts]
    extent = tuple((size[axis] - 1) * step.stride[axis] + step.kernel[axis] for axis in (0, 1))
    read = _cut(before.framed, corners, (extent[0], extent[1]))
    for row, ((top, left), (y, x)) in enumerate(zip(corners, starts, strict=True)):
        _overlay(read[row], part[row], y + before.margin[0] - top, x + before.margin[1] - left)
    return firsts, _unpadded(step, read)


def _unpadded(step: Step, x: Tensor) -> Tensor:
    """Run a step whose margin is in ``x`` already."""
    if step.kind == "pool":
        return F.max_pool2d(x, step.kernel, step.stride)
    module: Any = step.module
    return F.conv2d(x, module.weight, module.bias, step.stride, 0, 1, module.groups)


def _inside(start: Pair, size: Pair, whole: Tensor) -> Pair:
    """Move a part up or to the left until it lies inside a map."""
    y, x = (max(min(start[axis], whole.shape[2 + axis] - size[axis]), 0) for axis in (0, 1))
    return y, x


def _cut(whole: Tensor, starts: Sequence[Pair], size: Pair) -> Tensor:
    """Cut parts of one size out of ``whole [1, c, h, w]``: a new tensor ``[n, c, *size]``."""
    parts = [whole[:, :, y : y + size[0], x : x + size[1]] for y, x in starts]
    return torch.cat(parts).contiguous(memory_format=torch.channels_last)


def _overlay(under: Tensor, over: Tensor, y: int, x: int) -> None:
    """Lay ``over [c, h, w]`` on ``under``, its corner at (y, x), which may be outside."""
    height, width = over.shape[1:]
    top, left = max(-y, 0), max(-x, 0)
    bottom, right = min(height, under.shape[1] - y), min(width, under.shape[2] - x)
    if top < bottom and left < right:
        under[:, y + top : y + bottom, x + left : x + right] = over[:, top:bottom, left:right]


def _pasted(whole: Tensor, parts: Tensor, starts: Sequence[Pair]) -> Tensor:
    """Put each of ``parts [n, c, ...]`` in its place in a copy of ``whole [1, c, h, w]``."""
    every = whole.repeat(len(parts), 1, 1, 1).contiguous(memory_format=torch.channels_last)
    for row, (y, x) in enumerate(starts):
        _overlay(every[row], parts[row], y, x)
    return every
