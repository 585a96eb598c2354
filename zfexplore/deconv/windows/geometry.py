"""The integers behind the windowed deconvnet: windows, their padding, and what computing them costs.

No tensor is computed here. A unit's windows, one a map, come from the trunk; a `Passage` says how a
step leads from one to the next, and units with equal passages can be computed in one batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from zfexplore.nets.steps import Step
from zfexplore.nets.trunk import Stage, Trunk
from zfexplore.units import Window

# Fetching a layer's weights takes as long as multiplying with them this many times. (ZFNet on a core:
# 0.45 ms and 0.58 ms to fetch those of conv3 and conv4, 0.02 ms and 0.03 ms for a place of the map.)
FETCHING = 20

Windows = tuple[Window, ...]  # a unit's on every map, the input's first


@dataclass(frozen=True, slots=True)
class Passage:
    """One step inside the windows: its input window's size, and the padding that it adds.

    ``size`` is (height, width); ``padding`` (left, right, top, bottom), as ``F.pad`` takes it, is how
    far the step reaches over the border of its map.
    """

    size: tuple[int, int]
    padding: tuple[int, int, int, int]

    @property
    def padded(self) -> tuple[int, int]:
        """Height and width with the padding."""
        left, right, top, bottom = self.padding
        return self.size[0] + top + bottom, self.size[1] + left + right


@dataclass(frozen=True, slots=True)
class Alike:
    """Units that can be computed together: their row numbers, their windows, their common passages.

    ``passages`` is empty for units that see nothing but padding.
    """

    rows: tuple[int, ...]
    windows: tuple[Windows, ...]
    passages: tuple[Passage, ...]


def group(steps: Sequence[Step], windows: Sequence[Windows], numbers: int) -> Iterator[Alike]:
    """Put together the units, one a row, whose passages are equal.

    No group's largest map holds more than about ``numbers`` numbers, unless one unit's alone does.
    """
    alike: dict[tuple[Passage, ...], list[int]] = {}
    for row, every in enumerate(windows):
        alike.setdefault(passages(steps, every), []).append(row)
    for through, members in alike.items():
        count = max(1, numbers // _largest_map(steps, through))
        for first in range(0, len(members), count):
            rows = tuple(members[first : first + count])
            yield Alike(rows, tuple(windows[row] for row in rows), through)


def meeting(steps: Sequence[Step], groups: Sequence[Alike]) -> int:
    """Give the first step from which ``groups`` of several sizes are cheaper computed together.

    Together every unit's map is as large as the largest, but the weights are fetched only once. From
    the highest convolution up, where each unit has a kernel of its own, there is nothing to share.
    """
    found = summit(steps)
    if len(groups) < 2:
        return found
    for index in reversed(range(found)):
        if steps[index].kind == "conv":
            sizes = [alike.passages[index + 1].size for alike in groups]
            units = [len(alike.rows) for alike in groups]
            apart = sum(count * h * w for count, (h, w) in zip(units, sizes, strict=True))
            largest = max(h for h, _ in sizes) * max(w for _, w in sizes)
            if sum(units) * largest + FETCHING > apart + FETCHING * len(groups):
                break
            found = index
    return found


def passages(steps: Sequence[Step], windows: Windows) -> tuple[Passage, ...]:
    """Give each step's passage between its two windows; none where the input's window is empty."""
    if sees_nothing(windows):
        return ()
    return tuple(_passage(step, *pair) for step, pair in zip(steps, pairwise(windows), strict=True))


def sees_nothing(windows: Windows) -> bool:
    """Tell whether a unit reads nothing but padding."""
    return _area(windows[0]) == 0


def summit(steps: Sequence[Step]) -> int:
    """Give the index of the highest convolution: from there down a unit's signal has many channels."""
    return max(index for index, step in enumerate(steps) if step.kind == "conv")


def mixes_above(steps: Sequence[Step]) -> bool:
    """Tell whether a normalisation above the highest convolution makes one channel read the others."""
    return any(step.kind == "lrn" for step in steps[summit(steps) :])


def whole_cost(trunk: Trunk, stage: Stage, size: tuple[int, int]) -> int:
    """Count the multiplications of a whole image's way up to a stage, or of its way down."""
    steps = trunk.steps[: stage.end]
    areas = [height * width for height, width in trunk.sizes(stage.end, size)]
    return _multiplications(steps, areas, summit_channels=None)


def window_cost(trunk: Trunk, stage: Stage, windows: Windows) -> int:
    """Count the multiplications of one unit's way up inside its windows, or of its way down."""
    steps = trunk.steps[: stage.end]
    areas = [_area(window) for window in windows]
    return _multiplications(steps, areas, summit_channels=None if mixes_above(steps) else 1)


def _multiplications(steps: Sequence[Step], areas: Sequence[int], summit_channels: int | None) -> int:
    total = 0
    highest = summit(steps)
    for index, (step, area) in enumerate(zip(steps, areas[1:], strict=True)):
        if step.kind == "conv":
            weight: Any = step.module.weight
            total += area * (weight[:summit_channels] if index == highest else weight).numel()
    return total


def _passage(step: Step, below: Window, above: Window) -> Passage:
    (down, right), (rows, columns), (over_y, over_x) = step.stride, step.kernel, step.padding
    return Passage(
        (below.height, below.width),
        (
            below.x0 - (above.x0 * right - over_x),
            (above.x1 - 1) * right - over_x + columns - below.x1,
            below.y0 - (above.y0 * down - over_y),
            (above.y1 - 1) * down - over_y + rows - below.y1,
        ),
    )


def _largest_map(steps: Sequence[Step], through: Sequence[Passage]) -> int:
    """Count the numbers in the largest map that a unit's windows hold, a convolution's most often."""
    largest, channels = 1, 0
    for step, passage in zip(steps, through, strict=False):  # none to go through: any number will do
        if step.kind == "conv":
            module: Any = step.module
            largest = max(largest, module.in_channels * passage.size[0] * passage.size[1])
            channels = module.out_channels
        else:
            largest = max(largest, channels * passage.size[0] * passage.size[1])
    return largest


def _area(window: Window) -> int:
    return window.height * window.width
