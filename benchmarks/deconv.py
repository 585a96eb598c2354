"""Nine projections of a channel, projections of whole layers, and how the methods' results differ.

The nine images and places of a row are those that the atlas lists for the layer's strongest channel,
as in the explorer and in a figure. Each of the three methods starts with the nine normalised images and
runs them up itself. Captum gets only the layers up to the stage, one batch, and the places. It seeds
each unit with one, so its pixels are multiplied by the activations before they are compared.
"""

from __future__ import annotations

import copy
import warnings
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec

import torch
from torch import Tensor, nn

from benchmarks import choice
from benchmarks.host import Host, waiting
from benchmarks.material import Material, Options
from benchmarks.measure import Work, alternate, begin_peak, once, peak_memory
from benchmarks.report import Remark, Row
from zfexplore.atlas.select import ranked
from zfexplore.deconv import dense, windowed
from zfexplore.deconv.request import Projection
from zfexplore.deconv.windows.geometry import whole_cost, window_cost
from zfexplore.exemplars.exemplars import exemplars, firing_places
from zfexplore.nets.net import Stage
from zfexplore.nets.steps import Step
from zfexplore.nets.trunk import Trunk
from zfexplore.units import Unit

GOALS = {"conv1": 150.0, "conv2": 70.0, "conv3": 25.0, "conv4": 8.0, "conv5": 4.0}  # on a CPU
# Seconds for all channels of the highest convolution, and of all layers.
LIMITS: dict[str, tuple[float | None, float]] = {"cpu": (60.0, 360.0), "cuda": (None, 3.0)}
CHANNELS_COMPARED = {False: 10, True: 2}  # by quick
CHANNELS_OF_A_STAGE = {False: None, True: 6}
LARGE_DIFFERENCE = 1e-5
BYTES_A_PIXEL = 3 * 4


def rows(options: Options, host: Host) -> Iterator[Row | Remark]:
    """Measure every convolution, and then whole layers; on a GPU also which of the two methods to choose."""
    material = Material(options)
    if not _has_captum():
        yield Remark("captum is not installed: the rows against it are left out")
    stages = [stage for stage in material.trunk.stages if stage.kind == "conv"]
    for stage in stages:
        yield from _nine(material, host, stage)
    for stage in stages:
        yield _differences(material, stage)
    if options.device.type == "cuda":
        yield from choice.rows(material, [*stages, material.trunk.stages[-1]])
    yield from _whole_layers(material, host, [*stages, material.trunk.stages[-1]])


@dataclass(frozen=True)
class Units:
    """Units of one channel: images ``[n, 3, h, w]``, and a row and a column for each."""

    stage: Stage
    channel: int
    images: Tensor
    positions: list[tuple[int, int]]

    @classmethod
    def strongest(cls, material: Material, stage: Stage, channel: int) -> Units:
        """Give the channel's places in the atlas, without silent ones."""
        places = [place for place in material.atlas.top(stage.name, channel) if place.value > 0]
        images = material.batch([place.image for place in places])
        return cls(stage, channel, images, [(place.y, place.x) for place in places])

    def windowed(self, trunk: Trunk) -> Projection:
        """Project inside the receptive fields only."""
        return windowed.project(trunk, self.images, self.stage.name, self.channel, self.positions)

    def dense(self, trunk: Trunk) -> Projection:
        """Project as the paper describes it."""
        return dense.project(trunk, self.images, self.stage.name, self.channel, self.positions)

    def by_captum(self, net: nn.Sequential) -> Tensor:
        """Project with captum, which seeds each unit with one; give ``[n, 3, h, w]``."""
        from captum.attr import NeuronDeconvolution

        places = torch.arange(len(self.images)), *torch.tensor(self.positions).T
        row, y, x = (place.to(self.images.device) for place in places)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # captum warns about the hooks that it sets
            return NeuronDeconvolution(net, net[-1]).attribute(
                self.images.detach().requires_grad_(), lambda maps: maps[row, self.channel, y, x]
            )


def _nine(material: Material, host: Host, stage: Stage) -> Iterator[Row | Remark]:
    trunk, options = material.trunk, material.options
    units = Units.strongest(material, stage, ranked(material.atlas, stage.name)[0])
    goal = GOALS.get(stage.name) if options.device.type == "cpu" else None
    net = captums_copy(trunk, stage) if _has_captum() else None
    works: list[Work] = [
        lambda: _without_result(units.windowed(trunk)),
        lambda: _without_result(units.dense(trunk)),
    ]
    if net is not None:
        works.append(lambda: _without_result(units.by_captum(net)))
    ours, by_dense, *by_captum = alternate(*works, runs=options.runs, wait=waiting(options.device))
    count = len(units.positions)
    name = f"{stage.name}:{units.channel}, {count} image{'s' if count != 1 else ''}"
    floor, fewer = _floor(material, host, units), _fewer(material, units)
    note = f"dense multiplies {fewer:,.{1 if fewer < 100 else 0}f} times as often"
    yield Row(name, ours, "dense", by_dense, goal=goal, floor=floor, note=note)
    found, wanted = units.windowed(trunk), units.dense(trunk).pixels
    told = f"{name}: largest difference from dense {_relative(found.pixels, wanted):.1e}"
    if net is not None:
        yield Row(name, ours, "captum", by_captum[0], goal=goal, floor=floor)
        theirs = units.by_captum(net).detach() * found.activation[:, None, None, None]
        told += f", from captum {_relative(found.pixels, theirs):.1e}"
    yield Remark(f"{told} of the largest pixel")


def _has_captum() -> bool:
    return find_spec("captum") is not None


def captums_copy(trunk: Trunk, stage: Stage) -> nn.Sequential:
    """Copy the layers up to ``stage`` for captum, which adds hooks and differentiates through them."""
    return nn.Sequential(*(_captums_step(step) for step in trunk.steps[: stage.end]))


def _captums_step(step: Step) -> nn.Module:
    module = copy.deepcopy(step.module)
    return _NormForwardsOnly(module) if step.kind == "lrn" else module


class _NormForwardsOnly(nn.Module):
    """Contrast normalisation in the forward pass, the identity in the backward pass."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        return x + (self.norm(x) - x).detach()


def _floor(material: Material, host: Host, units: Units) -> float:
    """Give the least seconds to multiply up and down inside the windows and to write the pixels."""
    return host.floor(2 * _inside(material, units), units.images.numel() * units.images.element_size())


def _fewer(material: Material, units: Units) -> float:
    """Give how many times more multiplications dense needs: the most that the windows can win."""
    whole = whole_cost(material.trunk, units.stage, material.size)
    return len(units.positions) * whole / _inside(material, units)


def _inside(material: Material, units: Units) -> int:
    """Count the multiplications of the units' forward pass in their windows; the way back takes as many."""
    trunk, stage = material.trunk, units.stage
    every = [trunk.windows(stage.name, y, x, material.size) for y, x in units.positions]
    return sum(window_cost(trunk, stage, windows) for windows in every)


def _differences(material: Material, stage: Stage) -> Remark:
    """Count the units whose projection differs from dense by more than rounding, because of ties."""
    channels = ranked(material.atlas, stage.name)[: CHANNELS_COMPARED[material.options.quick]]
    different, compared, largest = 0, 0, 0.0
    for channel in channels:
        units = Units.strongest(material, stage, channel)
        if not units.positions:
            continue
        found, wanted = units.windowed(material.trunk).pixels, units.dense(material.trunk).pixels
        for ours, theirs in zip(found, wanted, strict=True):
            difference = _relative(ours, theirs)
            different += difference > LARGE_DIFFERENCE
            largest = max(largest, difference)
        compared += len(found)
    return Remark(
        f"{stage.name}: {different} of {compared} units differ from dense by more than "
        f"{LARGE_DIFFERENCE:.0e} in float32, the largest by {largest:.1e}"
    )


def _whole_layers(material: Material, host: Host, stages: list[Stage]) -> Iterator[Row | Remark]:
    """Project every channel's places in the atlas, as ``export grid --channels all`` does."""
    highest = [stage for stage in stages if stage.kind == "conv"][-1]
    limits = LIMITS[material.options.device.type]
    for some, seconds in zip(([highest], stages), limits, strict=True):
        channels = [
            Unit(stage.name, number) for stage in some for number in range(_channels(material, stage))
        ]
        floor = _layers_floor(material, host, channels)
        begin_peak()
        timing = once(_layers_work(material, channels), waiting(material.options.device))
        count = sum(len(firing_places(material.atlas, channel)) for channel in channels)
        name = some[0].name if len(some) == 1 else f"{some[0].name} to {some[-1].name}"
        yield Row(
            f"{name}, {len(channels):,} channels: {count:,} projections, in {peak_memory() / 1e9:.2f} GB",
            timing,
            limit=None if material.options.quick else seconds,
            floor=floor,
            note=f"{count / timing.median:.0f} a second; memory is the whole process's (goal: below 2 GB)",
        )


def _channels(material: Material, stage: Stage) -> int:
    return CHANNELS_OF_A_STAGE[material.options.quick] or stage.channels


def _layers_work(material: Material, channels: list[Unit]) -> Work:
    def project_all() -> None:
        deque(exemplars(material.checkpoint, material.held, material.atlas, channels), maxlen=0)

    return project_all


def _layers_floor(material: Material, host: Host, channels: list[Unit]) -> float:
    """Give the least seconds for each unit's way back and each image's forward pass, whole or in windows."""
    trunk, size = material.trunk, material.size
    down: dict[int, int] = {}  # by image
    up: dict[int, int] = {}
    written = 0
    for channel in channels:
        stage = trunk.stage(channel.stage)
        for place in firing_places(material.atlas, channel):
            windows = trunk.windows(stage.name, place.y, place.x, size)
            down[place.image] = down.get(place.image, 0) + window_cost(trunk, stage, windows)
            up[place.image] = max(up.get(place.image, 0), whole_cost(trunk, stage, size))
            written += BYTES_A_PIXEL * windows[0].height * windows[0].width
    return host.floor(sum(cost + min(up[image], cost) for image, cost in down.items()), written)


def _relative(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).abs().max() / wanted.abs().max().clamp(min=1e-30))


def _without_result(_: object) -> None:
    """Drop the result of a call, so that it can be timed as a ``Work``, which may give only seconds."""
