"""The integers behind the windowed deconvnet: windows, their padding, and what computing them costs.

No tensor is computed here. The trunk gives a unit's windows, one a map. A ``StepWindow`` describes how
a step leads from one window to the next. Units whose step windows are equal can be computed in one batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from zfexplore.nets.net import Stage
from zfexplore.nets.steps import Step
from zfexplore.nets.trunk import Trunk
from zfexplore.units import Window

# Fetching a layer's weights takes as long as multiplying with them at this many places of the map. (ZFNet
# on a core: 0.45 ms and 0.58 ms to fetch those of conv3 and conv4, 0.02 ms and 0.03 ms for a place.)
FETCHING = 20

Windows = tuple[Window, ...]  # one unit's windows on every map, the input's first


@dataclass(frozen=True, slots=True)
class StepWindow:
    """One step inside the windows: the size of its input window, and the padding that it adds.

    ``size`` is (height, width); ``padding`` (left, right, top, bottom), as ``F.pad`` takes it, is how
    far the step reaches over the border of its map.
    """

    size: tuple[int, int]
    padding: tuple[int, int, int, int]

    @property
    def padded_size(self) -> tuple[int, int]:
        """Height and width with the padding."""
        left, right, top, bottom = self.padding
        return self.size[0] + top + bottom, self.size[1] + left + right


@dataclass(frozen=True, slots=True)
class WindowGroup:
    """Units whose windows are clipped alike, so that they can be computed together.

    ``rows`` are their row numbers, ``windows`` each unit's windows, and ``step_windows`` what all of
    them have in common, one a step. It is empty for units that read nothing but padding.
    """

    rows: tuple[int, ...]
    windows: tuple[Windows, ...]
    step_windows: tuple[StepWindow, ...]


def group_units(steps: Sequence[Step], windows: Sequence[Windows], numbers: int) -> Iterator[WindowGroup]:
    """Group the units, one a row, whose step windows are equal.

    The largest map of a group holds about ``numbers`` numbers at most, unless a single unit's is larger.
    """
    rows_of: dict[tuple[StepWindow, ...], list[int]] = {}
    for row, unit_windows in enumerate(windows):
        rows_of.setdefault(step_windows(steps, unit_windows), []).append(row)
    for shared, members in rows_of.items():
        count = max(1, numbers // _largest_map(steps, shared))
        for first in range(0, len(members), count):
            rows = tuple(members[first : first + count])
            yield WindowGroup(rows, tuple(windows[row] for row in rows), shared)


def first_shared_step(steps: Sequence[Step], groups: Sequence[WindowGroup]) -> int:
    """Give the first step from which it is cheaper to compute ``groups`` of several sizes together.

    Together every unit's map is as large as the largest, but the weights are fetched only once. From
    the highest convolution up there is nothing to share, because each unit has a kernel of its own.
    """
    first = highest_convolution(steps)
    if len(groups) < 2:
        return first
    for index in reversed(range(first)):
        if steps[index].kind == "conv":
            sizes = [group.step_windows[index + 1].size for group in groups]
            units = [len(group.rows) for group in groups]
            apart = sum(count * h * w for count, (h, w) in zip(units, sizes, strict=True))
            largest = max(h for h, _ in sizes) * max(w for _, w in sizes)
            if sum(units) * largest + FETCHING > apart + FETCHING * len(groups):
                break
            first = index
    return first


def step_windows(steps: Sequence[Step], windows: Windows) -> tuple[StepWindow, ...]:
    """Describe each step between its two windows; give nothing where the input's window is empty."""
    if reads_only_padding(windows):
        return ()
    return tuple(_step_window(step, *pair) for step, pair in zip(steps, pairwise(windows), strict=True))


def reads_only_padding(windows: Windows) -> bool:
    """Whether a unit reads nothing but padding."""
    return _area(windows[0]) == 0


def highest_convolution(steps: Sequence[Step]) -> int:
    """Give the index of the highest convolution: below it a unit's signal has many channels.

    It is -1 where there is none: a pool right above the pixels.
    """
    return max((index for index, step in enumerate(steps) if step.kind == "conv"), default=-1)


def needs_all_channels(steps: Sequence[Step]) -> bool:
    """Whether a normalisation above the highest convolution makes one channel depend on the others."""
    return any(step.kind == "lrn" for step in steps[highest_convolution(steps) :])


def has_windows(trunk: Trunk, stage: Stage) -> bool:
    """Whether units of ``stage`` can be computed in windows: they see a part of the image, filtered."""
    return stage.kind != "fc" and highest_convolution(trunk.steps[: stage.end]) >= 0


def whole_cost(trunk: Trunk, stage: Stage, size: tuple[int, int]) -> int:
    """Count the multiplications of a whole image's forward pass to a stage; the way back has as many."""
    steps = trunk.steps[: stage.end]
    areas = [height * width for height, width in trunk.sizes(stage.end, size)]
    return _multiplications(steps, areas, channels_on_top=None)


def window_cost(trunk: Trunk, stage: Stage, windows: Windows) -> int:
    """Count the multiplications of one unit's forward pass in its windows; the way back has as many."""
    steps = trunk.steps[: stage.end]
    areas = [_area(window) for window in windows]
    return _multiplications(steps, areas, channels_on_top=None if needs_all_channels(steps) else 1)


def unclipped_cost(trunk: Trunk, stage: Stage) -> int:
    """Count the multiplications of one unit's way back in windows that no border clips (``unclipped.py``)."""
    steps = trunk.steps[: stage.end]
    areas = [height * width for height, width in unclipped_sizes(steps)]
    return _multiplications(steps, [*areas, 1], channels_on_top=1)


def unclipped_sizes(steps: Sequence[Step]) -> list[tuple[int, int]]:
    """Give (height, width) of the window on each step's input, for a unit of the highest convolution.

    The steps above it have windows of one place: there a unit goes back as the one that was chosen.
    """
    sizes, (height, width) = [], (1, 1)
    highest = highest_convolution(steps)
    for index in reversed(range(len(steps))):
        step = steps[index]
        if index <= highest and step.kind in ("conv", "pool"):
            height = (height - 1) * step.stride[0] + step.kernel[0]
            width = (width - 1) * step.stride[1] + step.kernel[1]
        sizes.append((height, width))
    return sizes[::-1]


def unclipped_numbers(steps: Sequence[Step]) -> int:
    """Count the numbers in the largest map that one unit's unclipped windows hold."""
    return _largest([height * width for height, width in unclipped_sizes(steps)], steps)


def _multiplications(steps: Sequence[Step], areas: Sequence[int], channels_on_top: int | None) -> int:
    """Count over all convolutions, of which the highest gives ``channels_on_top`` channels or (None) all."""
    total = 0
    highest = highest_convolution(steps)
    for index, (step, area) in enumerate(zip(steps, areas[1:], strict=True)):
        if step.kind == "conv":
            weight: Any = step.module.weight
            total += area * (weight[:channels_on_top] if index == highest else weight).numel()
    return total


def _step_window(step: Step, read: Window, written: Window) -> StepWindow:
    """Describe ``step`` between the window that it reads and the window that it writes."""
    (down, right), (rows, columns), (over_y, over_x) = step.stride, step.kernel, step.padding
    return StepWindow(
        (read.height, read.width),
        (
            read.x0 - (written.x0 * right - over_x),
            (written.x1 - 1) * right - over_x + columns - read.x1,
            read.y0 - (written.y0 * down - over_y),
            (written.y1 - 1) * down - over_y + rows - read.y1,
        ),
    )


def _largest_map(steps: Sequence[Step], through: Sequence[StepWindow]) -> int:
    """Count the numbers in the largest map that a unit's windows hold, a convolution's most often."""
    return _largest([height * width for height, width in (window.size for window in through)], steps)


def _largest(areas: Sequence[int], steps: Sequence[Step]) -> int:
    """Count the numbers of the largest map that the steps read, whose inputs have these ``areas``."""
    largest, channels = 1, 0
    for step, area in zip(steps, areas, strict=False):  # no step windows: any number will do
        if step.kind == "conv":
            module: Any = step.module
            largest = max(largest, module.in_channels * area)
            channels = module.out_channels
        else:
            largest = max(largest, channels * area)
    return largest


def _area(window: Window) -> int:
    return window.height * window.width
