"""Any plain stack of convolutions, ReLUs, max-pools and LRN as an ordered list of named stages.

A trunk reads a module's layers in order and cuts them into stages. ``conv1`` .. ``convN`` are the
outputs of the convolutions' ReLUs. A pool has its convolution's number and is the map after the maximum
and before any normalisation. Fully connected layers behind the trunk continue the count (``fc6`` ..
``fc8`` in ZFNet). A ZFNet's layers have the numbers in their names, also where some are left out. A trunk
runs the layers as functions, never in place and without hooks, so the module stays as it was found.

The geometry is exact: the window of a unit is followed down step by step and clipped at each map's
border, because closed formulas are wrong at borders and where a stride exceeds its kernel. A module
with branches (a residual net) or other layers is refused with the module's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from torch import Tensor, nn

from zfexplore.arguments import shown
from zfexplore.errors import ExploreError
from zfexplore.nets.net import Net, ReceptiveField, Stage
from zfexplore.nets.steps import AxisStep, Pair, Step, read_steps, run_step, still_holds
from zfexplore.nets.zfnet import ZFNet
from zfexplore.units import Window

_NUMBERED = re.compile(r"(?:conv|fc)(\d)")
SIZES_KEPT = 1024  # sizes of maps, by how far up and by the input's size
LARGEST_SIDE = 1025  # images of up to this side are tried, for the size that a net takes


class Trunk(Net):
    """A module's layers as steps, and the stages that they are cut into.

    ``steps`` are in order. ``stages`` are the convolutional and pooling stages, ``heads`` the fully
    connected ones. ``watched`` are those that an atlas covers: every convolution, the last pool, the heads.
    Raises ExploreError for a module that is not a plain stack.
    """

    def __init__(self, module: nn.Module) -> None:
        if not isinstance(module, nn.Module):
            raise ExploreError(f"a trunk is made of a torch module, not of {shown(module)}", usage=True)
        self.module = module
        self.steps = read_steps(module)
        first: Any = next((step.module for step in self.steps if step.kind == "conv"), None)
        self._first_matrix = next((i for i, step in enumerate(self.steps) if step.kind == "linear"), None)
        self._sizes: dict[tuple[int, ...], tuple[Pair, ...]] = {}  # those asked for before, by end and size
        steps = tuple(tuple(step.axis(axis) for step in self.steps) for axis in (0, 1))
        self._axes = tuple(
            [_AxisSteps(axis[:end]) for end in range(len(axis) + 1)] for axis in steps
        )  # by end
        if first is None:
            raise ExploreError(
                f"{type(module).__name__} has no convolution: there is nothing to explore in it"
            )
        self._first, self._layers = first, _layers(module)
        every = tuple(_stages(self.steps, first.in_channels, numbered=isinstance(module, ZFNet)))
        self.stages = tuple(stage for stage in every if stage.kind != "fc")
        self.heads = tuple(stage for stage in every if stage.kind == "fc")
        pools = [stage for stage in self.stages if stage.kind == "pool"]
        convolutions = [stage for stage in self.stages if stage.kind == "conv"]
        self.watched = tuple(stage.name for stage in (*convolutions, *pools[-1:], *self.heads))

    def check(self) -> None:
        """Raise ExploreError if layers were exchanged, added or reshaped since the trunk was made."""
        now = _layers(self.module)
        changed = next((name for name, layer in self._layers.items() if now.get(name) is not layer), None)
        changed = changed or next((step.name for step in self.steps if not still_holds(step)), None)
        if changed is None and len(now) != len(self._layers):
            changed = type(self.module).__name__
        if changed is not None:
            raise ExploreError(
                f"{changed} has changed since this trunk was made: make another with zfexplore.Trunk(module)"
            )

    @property
    def structure(self) -> str:
        """Give nothing: a trunk's weights, by their names and shapes, tell what it computes."""
        return ""

    @property
    def rectifies(self) -> bool:
        """Tell whether the trunk has a ReLU at all."""
        return any(step.kind == "relu" for step in self.steps)

    @property
    def input_channels(self) -> int:
        """Give the channels of the images that the trunk takes, 3 for colour."""
        return self._first.in_channels

    def maps(self, images: Tensor, names: Iterable[str] | None = None) -> dict[str, Tensor]:
        """Run ``images [n, c, h, w]`` forward and give the maps of the named stages (all by default).

        A map is ``[n, channels, h, w]``, or ``[n, channels]`` for a fully connected stage; the last
        one's values are logits. The run ends at the highest stage named.
        """
        self.check()
        wanted = [self.stage(name) for name in (self.names if names is None else names)]
        at_end = {stage.end: stage.name for stage in wanted}
        self.sizes(max(at_end, default=0), (images.shape[-2], images.shape[-1]))
        maps: dict[str, Tensor] = {}
        x = images
        for done, step in enumerate(self.steps[: max(at_end, default=0)], start=1):
            x = run_step(step, x)
            if done in at_end:
                maps[at_end[done]] = x
        return maps

    def map_size(self, name: str, size: Pair) -> Pair:
        """Give the (height, width) of a stage's map for an input of ``size``; (1, 1) for fc stages.

        Raises ExploreError where the input is too small for the stage, or not of the size that it takes.
        """
        stage = self.stage(name)
        last = self.sizes(stage.end, size)[-1]
        return (1, 1) if stage.kind == "fc" else last

    def sizes(self, end: int, size: Pair) -> tuple[Pair, ...]:
        """Give the (height, width) of the input and of the map after each of the first ``end`` steps.

        Fully connected layers count as the map below them. Raises ExploreError as ``map_size`` does.
        """
        if (known := self._sizes.get((end, *size))) is not None:
            return known
        rows, columns = (_lengths(axis[end], length) for axis, length in zip(self._axes, size, strict=True))
        sizes = tuple(zip(rows, columns, strict=True))
        for step, left in zip(self.steps[:end], sizes[1:], strict=True):
            if min(left) < 1:
                raise ExploreError(
                    f"an image of {size[0]} x {size[1]} pixels is too small for this net: "
                    f"nothing is left of it at {step.name}",
                    usage=True,
                )
        if self._first_matrix is not None and end > self._first_matrix:
            self._check_flattened(size, sizes[self._first_matrix])
        if len(self._sizes) >= SIZES_KEPT:
            self._sizes.clear()
        self._sizes[end, *size] = sizes
        return sizes

    def receptive_field(self, name: str) -> ReceptiveField:
        """Give size, jump and start of a stage's units; for fc stages, those of the last map below them."""
        stage = self.stage(name)
        steps = [step for step in self.steps[: stage.end] if step.kind in ("conv", "pool")]
        fields = [_axis_field([step.axis(axis) for step in steps]) for axis in (0, 1)]
        (size_y, jump_y, start_y), (size_x, jump_x, start_x) = fields
        return ReceptiveField((size_y, size_x), (jump_y, jump_x), (start_y, start_x))

    def window(self, name: str, y: int, x: int, size: Pair) -> Window:
        """Give the input pixels that unit (y, x) of a stage reads, for an input of ``size``.

        This is the exact bounding box, clipped at the border; for fc stages, the whole input.
        """
        stage = self.stage(name)
        if stage.kind == "fc":
            return Window(0, 0, *size)
        self._check_place(name, y, x, size)
        (y0, y1), *_ = _spans(self._axes[0][stage.end], y, size[0])
        (x0, x1), *_ = _spans(self._axes[1][stage.end], x, size[1])
        return Window(y0, x0, y1, x1)

    def windows(self, name: str, y: int, x: int, size: Pair) -> tuple[Window, ...]:
        """Give the unit's window on every map below it: the input's first, its own last.

        Entry ``i`` is in the coordinates of the map after ``i`` steps. For fc stages there is only the
        input's. Raises ExploreError for a place outside the stage's map.
        """
        stage = self.stage(name)
        if stage.kind == "fc":
            return (Window(0, 0, *size),)
        self._check_place(name, y, x, size)
        vertical = _spans(self._axes[0][stage.end], y, size[0])
        horizontal = _spans(self._axes[1][stage.end], x, size[1])
        return tuple(Window(y0, x0, y1, x1) for (y0, y1), (x0, x1) in zip(vertical, horizontal, strict=True))

    def first_filters(self) -> Tensor | None:
        """Give the first convolution's weights ``[n, c, k, k]``; None if a pool lies below it."""
        return self._weight if self.stages[0].kind == "conv" else None

    def parameters(self, name: str) -> int:
        """Count the weights and biases of the layers after the previous stage, up to this one."""
        end = self.stage(name).end
        below = max((stage.end for stage in (*self.stages, *self.heads) if stage.end < end), default=0)
        modules = [step.module for step in self.steps[below:end]]
        return sum(tensor.numel() for module in modules for tensor in module.parameters())

    def _check_flattened(self, size: Pair, last_map: Pair) -> None:
        """Raise ExploreError if an input of ``size`` gives the first matrix another number of inputs."""
        assert self._first_matrix is not None
        matrix: Any = self.steps[self._first_matrix].module
        if (found := self._flattened(last_map)) == matrix.in_features:
            return
        stage = next(stage.name for stage in self.heads)
        fitting = [side for side in range(1, LARGEST_SIDE) if self._side_fits(side, matrix.in_features)]
        remedy = f": give {fitting[0]} x {fitting[0]} pixels" if fitting else ""
        if len(fitting) > 1:
            remedy += f", or up to {fitting[-1]} x {fitting[-1]}"
        raise ExploreError(
            f"{stage} reads {matrix.in_features:,} numbers, and an image of {size[0]} x {size[1]} pixels "
            f"gives it {found:,}{remedy}",
            usage=True,
        )

    def _side_fits(self, side: int, features: int) -> bool:
        assert self._first_matrix is not None
        lengths = [_lengths(axis[self._first_matrix], side) for axis in self._axes]
        return min(map(min, lengths)) > 0 and self._flattened((lengths[0][-1], lengths[1][-1])) == features

    def _flattened(self, last_map: Pair) -> int:
        """Count what the first matrix reads where the last map has this (height, width)."""
        below = self.steps[: self._first_matrix]
        for step in below:
            if step.kind == "avgpool":
                last_map = _pooled(step, last_map)
        return self.stages[-1].channels * last_map[0] * last_map[1]

    @property
    def _weight(self) -> Tensor:
        return self._first.weight


class _AxisSteps(tuple[AxisStep, ...]):
    """Steps along one axis, from the first on. They are hashed once: every look-up has them as its key."""

    _hash: int

    def __new__(cls, steps: Iterable[AxisStep]) -> _AxisSteps:
        made = super().__new__(cls, steps)
        made._hash = tuple.__hash__(made)
        return made

    def __hash__(self) -> int:
        return self._hash


def _layers(module: nn.Module) -> dict[str, nn.Module]:
    return dict(module.named_modules(remove_duplicate=False))


def _pooled(step: Step, size: Pair) -> Pair:
    """Give the (height, width) that an adaptive average pool makes of a map of ``size``."""
    module: Any = step.module
    wanted = module.output_size
    rows, columns = (wanted, wanted) if wanted is None or isinstance(wanted, int) else wanted
    return (size[0] if rows is None else rows, size[1] if columns is None else columns)


def _stages(steps: tuple[Step, ...], channels: int, *, numbered: bool) -> Iterator[Stage]:
    """Cut the steps into stages; the input has ``channels`` channels, and so has a pool right above it.

    ``numbered`` layers, as a ZFNet's, have their number in their name; others are counted.
    """
    number = 0
    rectified = False
    pools: dict[str, int] = {}
    for index, step in enumerate(steps):
        followed = index + 1 < len(steps) and steps[index + 1].kind == "relu"
        end = index + 2 if followed else index + 1
        module: Any = step.module
        if step.kind in ("conv", "linear"):
            rectified = followed
            own = _NUMBERED.fullmatch(step.name) if numbered else None
            number = int(own[1]) if own else number + 1
        if step.kind == "conv":
            channels = module.out_channels
            yield Stage(f"conv{number}", "conv", channels, end, rectified)
        elif step.kind == "pool":
            name = f"pool{number}"
            pools[name] = pools.get(name, 0) + 1
            if pools[name] > 1:  # two pools in a row: pool5, pool5b
                name += chr(ord("a") + pools[name] - 1)
            yield Stage(name, "pool", channels, index + 1, rectified)
        elif step.kind == "linear":
            yield Stage(f"fc{number}", "fc", module.out_features, end, rectified)


@lru_cache(maxsize=1024)
def _lengths(steps: tuple[AxisStep, ...], length: int) -> tuple[int, ...]:
    """Give the length of the input and of every map along one axis; it is below 1 where nothing is left."""
    lengths = [length]
    for step in steps:
        lengths.append(step.output_length(lengths[-1]))
    return tuple(lengths)


@lru_cache(maxsize=16384)
def _spans(steps: tuple[AxisStep, ...], place: int, length: int) -> tuple[Pair, ...]:
    """Follow one place down along one axis: (first, last + 1) on every map, the input's first.

    The places are sets and not intervals: where a stride exceeds its kernel, a place in a gap must not
    count when a later clipping looks for the outermost one.
    """
    lengths = _lengths(steps, length)
    places = frozenset((place,))
    spans = [_span(places)]
    for step, below in zip(reversed(steps), reversed(lengths[:-1]), strict=True):
        if step.kernel > 1 or step.stride > 1 or step.padding > 0:
            places = step.inputs_of(places, below)
        spans.append(_span(places))
    return tuple(reversed(spans))


def _span(places: frozenset[int]) -> Pair:
    return (min(places), max(places) + 1) if places else (0, 0)


def _axis_field(steps: list[AxisStep]) -> tuple[int, int, int]:
    size, jump, start = 1, 1, 0
    for step in steps:
        size += (step.kernel - 1) * jump
        start -= step.padding * jump
        jump *= step.stride
    return size, jump, start
