"""Nine projections of a channel, whole layers of them, and what they differ in.

The nine images and places of a row are those that the atlas names for the layer's strongest channel,
as in the explorer and in a figure. All three ways begin with the nine normalised images and run them
up themselves. Captum is given the layers up to the stage and no further, one batch, and the places;
it seeds each unit with one, so its pixels are multiplied by the activations before comparing.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import torch
from captum.attr import NeuronDeconvolution
from torch import Tensor, nn

from benchmarks.host import Host, waiting
from benchmarks.measure import Timing, Work, alternate, begin_peak, once, peak_memory
from benchmarks.report import Remark, Row
from benchmarks.subject import Settings, Subject
from zfexplore.atlas.select import ranked
from zfexplore.deconv import dense, windowed
from zfexplore.deconv.geometry import whole_cost, window_cost
from zfexplore.deconv.project import project
from zfexplore.deconv.request import Projection
from zfexplore.nets.steps import Step
from zfexplore.nets.trunk import Stage, Trunk

GOALS = {"conv1": 150.0, "conv2": 70.0, "conv3": 25.0, "conv4": 8.0, "conv5": 4.0}
LIMITS = {"conv5": 60.0, "all": 360.0}  # seconds
CHANNELS_COMPARED = {False: 10, True: 2}  # by quick
CHANNELS_OF_A_STAGE = {False: None, True: 6}
LARGE_DIFFERENCE = 1e-5
ROWS_AT_ONCE = 128  # whole projections held together, 0.6 MB each at 224 pixels


def rows(settings: Settings, host: Host) -> Iterator[Row | Remark]:
    """Measure every convolution, then whole layers."""
    subject = Subject(settings)
    stages = [stage for stage in subject.trunk.stages if stage.kind == "conv"]
    for stage in stages:
        yield from _nine(subject, host, stage)
    for stage in stages:
        yield _differences(subject, stage)
    yield from _whole_layers(subject, host, [*stages, subject.trunk.stages[-1]])


@dataclass(frozen=True)
class Units:
    """Units of one channel: images ``[n, 3, h, w]``, and a row and a column in each."""

    stage: Stage
    channel: int
    images: Tensor
    positions: list[tuple[int, int]]

    @classmethod
    def strongest(cls, subject: Subject, stage: Stage, channel: int) -> Units:
        """Give the channel's places in the atlas, silent ones left out."""
        places = [place for place in subject.atlas.top(stage.name, channel) if place.value > 0]
        images = subject.batch([place.image for place in places])
        return cls(stage, channel, images, [(place.y, place.x) for place in places])

    def windowed(self, trunk: Trunk) -> Projection:
        """Project inside the receptive fields."""
        return windowed.project(trunk, self.images, self.stage.name, self.channel, self.positions)

    def dense(self, trunk: Trunk) -> Projection:
        """Project as the paper says."""
        return dense.project(trunk, self.images, self.stage.name, self.channel, self.positions)

    def by_captum(self, net: nn.Sequential) -> Tensor:
        """Project with captum, the unit seeded with one: ``[n, 3, h, w]``."""
        places = torch.arange(len(self.images)), *torch.tensor(self.positions).T
        row, y, x = (place.to(self.images.device) for place in places)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # captum tells of the hooks that it sets
            return NeuronDeconvolution(net, net[-1]).attribute(
                self.images.detach().requires_grad_(), lambda maps: maps[row, self.channel, y, x]
            )


def _nine(subject: Subject, host: Host, stage: Stage) -> Iterator[Row | Remark]:
    trunk, settings = subject.trunk, subject.settings
    units = Units.strongest(subject, stage, ranked(subject.atlas, stage.name)[0])
    net = captums_copy(trunk, stage)
    works: list[Work] = [
        lambda: _without_result(units.windowed(trunk)),
        lambda: _without_result(units.dense(trunk)),
        lambda: _without_result(units.by_captum(net)),
    ]
    ours, by_dense, by_captum = alternate(*works, runs=settings.runs, wait=waiting(settings.device))
    count = len(units.positions)
    name = f"{stage.name}:{units.channel}, {count} image{'s' if count != 1 else ''}"
    floor = _floor(subject, host, units)
    yield Row(name, ours, "dense", by_dense, goal=GOALS.get(stage.name), floor=floor)
    yield Row(name, ours, "captum", by_captum, goal=GOALS.get(stage.name), floor=floor)
    found, wanted = units.windowed(trunk), units.dense(trunk).pixels
    theirs = units.by_captum(net).detach() * found.activation[:, None, None, None]
    yield Remark(
        f"{name}: largest difference from dense {_relative(found.pixels, wanted):.1e}, "
        f"from captum {_relative(found.pixels, theirs):.1e} of the largest pixel"
    )


def captums_copy(trunk: Trunk, stage: Stage) -> nn.Sequential:
    """Copy the layers up to ``stage`` for captum, which hooks modules and differentiates through them."""
    return nn.Sequential(*(_captums_step(step) for step in trunk.steps[: stage.end]))


def _captums_step(step: Step) -> nn.Module:
    module = copy.deepcopy(step.module)
    return _NormForwardsOnly(module) if step.kind == "lrn" else module


class _NormForwardsOnly(nn.Module):
    """Contrast normalisation on the way up, the identity on the way down."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        return x + (self.norm(x) - x).detach()


def _floor(subject: Subject, host: Host, units: Units) -> float:
    """Count up and down inside the windows, and the pixels written."""
    size, stage, trunk = subject.size, units.stage, subject.trunk
    every = [trunk.windows(stage.name, y, x, size) for y, x in units.positions]
    operations = sum(2 * window_cost(trunk, stage, windows) for windows in every)
    return host.floor(operations, units.images.numel() * units.images.element_size())


def _differences(subject: Subject, stage: Stage) -> Remark:
    """Count the units whose projection differs from dense's by more than rounding: ties chose otherwise."""
    channels = ranked(subject.atlas, stage.name)[: CHANNELS_COMPARED[subject.settings.quick]]
    different, compared, largest = 0, 0, 0.0
    for channel in channels:
        units = Units.strongest(subject, stage, channel)
        if not units.positions:
            continue
        found, wanted = units.windowed(subject.trunk).pixels, units.dense(subject.trunk).pixels
        for ours, theirs in zip(found, wanted, strict=True):
            difference = _relative(ours, theirs)
            different += difference > LARGE_DIFFERENCE
            largest = max(largest, difference)
        compared += len(found)
    return Remark(
        f"{stage.name}: {different} of {compared} units differ from dense by more than "
        f"{LARGE_DIFFERENCE:.0e} in float32, the largest by {largest:.1e}"
    )


def _whole_layers(subject: Subject, host: Host, stages: list[Stage]) -> Iterator[Row | Remark]:
    """Project every channel's places in the atlas, image by image, layer by layer."""
    whole = not subject.settings.quick
    begin_peak()
    projections, total, least = 0, 0.0, 0.0
    for stage in stages:
        units = _by_image(subject, stage)
        count = sum(len(some) for some in units.values())
        timing = once(_layer_work(subject, stage, units), waiting(subject.settings.device))
        floor = _layer_floor(subject, host, stage, units)
        projections, total, least = projections + count, total + timing.median, least + floor
        yield Row(
            f"{stage.name}, {_channels(subject, stage)} channels: {count:,} projections",
            timing,
            limit=LIMITS.get(stage.name) if whole else None,
            floor=floor,
            note=f"{count / timing.median:.0f} a second",
        )
    everything = sum(_channels(subject, stage) for stage in stages)
    yield Row(
        f"{stages[0].name} to {stages[-1].name}, {everything:,} channels: {projections:,} projections",
        Timing((total,)),
        limit=LIMITS["all"] if whole else None,
        floor=least,
        note=f"peak memory of the whole process {peak_memory() / 1e9:.2f} GB",
    )


def _channels(subject: Subject, stage: Stage) -> int:
    return CHANNELS_OF_A_STAGE[subject.settings.quick] or stage.channels


def _by_image(subject: Subject, stage: Stage) -> dict[int, list[tuple[int, int, int]]]:
    """Give the layer's units, (channel, row, column), under the number of their image."""
    units: dict[int, list[tuple[int, int, int]]] = {}
    for channel in range(_channels(subject, stage)):
        for place in subject.atlas.top(stage.name, channel):
            if place.value > 0:
                units.setdefault(place.image, []).append((channel, place.y, place.x))
    return units


def _layer_work(subject: Subject, stage: Stage, units: dict[int, list[tuple[int, int, int]]]) -> Work:
    def project_all() -> None:
        for image, wanted in units.items():
            batch, rest = subject.batch([image]), iter(wanted)
            while some := list(islice(rest, ROWS_AT_ONCE)):
                channels = [channel for channel, _, _ in some]
                project(subject.trunk, batch, stage.name, channels, [(y, x) for _, y, x in some])

    return project_all


def _layer_floor(
    subject: Subject, host: Host, stage: Stage, units: dict[int, list[tuple[int, int, int]]]
) -> float:
    """Count each unit's way down, and the way up once an image or in the windows, whichever is less."""
    trunk, size = subject.trunk, subject.size
    whole = whole_cost(trunk, stage, size)
    operations = rows = 0
    for wanted in units.values():
        costs = [window_cost(trunk, stage, trunk.windows(stage.name, y, x, size)) for _, y, x in wanted]
        operations += sum(costs) + min(whole, sum(costs))
        rows += len(wanted)
    return host.floor(operations, rows * 3 * size[0] * size[1] * 4)


def _relative(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).abs().max() / wanted.abs().max().clamp(min=1e-30))


def _without_result(_: object) -> None:
    """Make a work, which may give only seconds, of a call that gives something else."""
