"""What a channel would like best: pictures made by ascent, for a channel, a unit or a class.

From a nearly grey picture, gradients of one unit's activation are followed upwards (Erhan et al. 2009; the
third view of Yosinski et al. 2015, beside the two of Zeiler & Fergus, exemplars and the deconvnet). Freely
followed, they end in a pattern of single pixels that only this net sees. So a step prefers what photographs
have:

- coarse shapes: its spectrum is weighted by 1 / frequency^2, as the power of photographs is;
- the colours that photographs have, by their spread (Olah et al. 2017): light before blue and yellow;
- what stays exciting where it is moved, turned and resized a little, which changes at every step;
- a picture of bounded contrast, as strong as a photograph's.

The picture covers what the unit sees. At first a signal that would wake a silent ReLU still passes, since a
channel that does not fire on grey would have no gradient at all. Several starts differ in their first noise
and in how they are moved. All is fixed by a seed; a channel gets the same pictures in any company, up to
rounding.

Own code, because `horama` (0.3) takes one picture a call, has no seed, prints while it works, and brings
matplotlib.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.overrides import TorchFunctionMode

from zfexplore.arguments import whole
from zfexplore.errors import ExploreError
from zfexplore.images.transforms import denormalise, mean_of, normalise, per_channel
from zfexplore.nets.checkpoint import Checkpoint
from zfexplore.nets.device import exact_arithmetic
from zfexplore.nets.net import Net
from zfexplore.nets.relu import is_relu, works_in_place
from zfexplore.nets.steps import run_step
from zfexplore.nets.trunk import Trunk
from zfexplore.progress import Finished, Meter, Progress
from zfexplore.units import Unit, Window

# The square roots of the covariance of colours in photographs, a row an axis: light, blue to yellow, green to
# magenta (Olah et al. 2017, from ImageNet).
COLOURS = ((0.563, 0.584, 0.584), (0.195, 0.0, -0.195), (0.043, -0.108, 0.065))
# Pixels of all pictures that are ascended at once: on a CPU those of a channel of conv5, on a GPU of fifty.
PIXELS_AT_ONCE = {"cpu": 70_000, "cuda": 4_000_000}
COARSEST = 8  # cycles a side: all that is coarser counts alike, or pictures would be shades
NOISE = 0.01  # the contrast of the first noise, in [0, 1]
GREYS = (0.1, 0.9)  # where the first grey may lie: at 0 or 1 no gradient passes
MOMENTUM = 0.9
WAKING = 0.4  # the share of the steps in which silent ReLUs are woken; then the gradient is the net's own
GROWING = 0.25  # the share of the steps in which the contrast grows


@dataclass(frozen=True, slots=True)
class Ascent:
    """How pictures are made: ``starts`` of them, in so many ``steps``, by ``seed``.

    ``stride`` is the contrast that a step adds, falling to a tenth at the last one, and ``contrast`` the most
    that a picture may have: both are root mean squares of its distance from grey, in [0, 1]. Frequencies
    above ``COARSEST`` count by 1 / f^(2 ``decay``), and with ``natural_colours`` colours count as photographs
    have them. At every step pictures are moved by up to the share ``shift`` of their side, resized by up to
    ``zoom`` and turned by up to ``turn`` degrees.
    """

    starts: int = 3
    steps: int = 64
    seed: int = 0
    stride: float = 0.05
    contrast: float = 0.2
    decay: float = 1.0
    natural_colours: bool = True
    shift: float = 0.02
    zoom: float = 0.04
    turn: float = 3.0

    def __post_init__(self) -> None:
        whole(self.starts, "the starts", least=1)
        whole(self.steps, "the steps", least=1)
        whole(self.seed, "the seed", least=0)


@dataclass(frozen=True, eq=False)
class Ideal:
    """What ``unit`` would like best: ``images [starts, h, w, 3]`` uint8, the strongest first.

    Each covers what the unit sees, and ``activations [starts]`` float32 are the unit's on them.
    """

    unit: Unit
    images: NDArray[np.uint8]
    activations: NDArray[np.float32]

    def __repr__(self) -> str:
        return f"<Ideal of {self.unit}: {len(self.images)} images, activation {self.activations[0]:.4g}>"


def ideals(
    checkpoint: Checkpoint, units: Sequence[Unit], ascent: Ascent | None = None
) -> Iterator[Progress | Ideal | Finished[int]]:
    """Give an ``Ideal`` for each of ``units`` in their order; ``Finished`` carries how many.

    Of a channel it is a unit in the middle of its map, whose window reaches no border if the input has room
    for one. Raises ExploreError for a stage, channel or place that is not there.
    """
    ascent = ascent or Ascent()
    frames = [_frame(checkpoint, unit) for unit in units]
    meter = Meter("ascending", len(units) * ascent.steps, unit="steps")
    for frame, group in groupby(zip(frames, units, strict=True), key=lambda pair: pair[0]):
        together = [unit for _, unit in group]
        most = PIXELS_AT_ONCE.get(checkpoint.net.device.type, PIXELS_AT_ONCE["cpu"])
        count = max(1, most // (frame.side**2 * ascent.starts))
        for start in range(0, len(together), count):
            yield from _ascend(checkpoint, frame, together[start : start + count], ascent, meter)
    yield Finished(len(units))


@dataclass(frozen=True, slots=True)
class _Frame:
    """The input of ``side`` pixels for units of a stage at ``place`` (None: a head), which see ``window``.

    ``bare`` means that the input is exactly what the unit sees, away from all borders: a plain stack runs on
    it without padding, and computes nothing else.
    """

    stage: str
    side: int
    place: tuple[int, int] | None
    window: Window
    bare: bool = False


def _frame(checkpoint: Checkpoint, unit: Unit) -> _Frame:
    """Find the smallest input in which the unit sees no border, or else the net's usual one."""
    net, convention = checkpoint.net, checkpoint.metadata.input
    stage, size = net.stage(unit.stage), convention.size
    if not 0 <= unit.channel < stage.channels:
        raise ExploreError(
            f"channel {unit.channel} is not there: {stage.name} has 0-{stage.channels - 1}", usage=True
        )
    if unit.y is not None and unit.x is not None:
        window = net.window(stage.name, unit.y, unit.x, (size, size))
        return _Frame(stage.name, size, None if stage.kind == "fc" else (unit.y, unit.x), window)
    if stage.kind == "fc":
        return _Frame(stage.name, size, None, Window(0, 0, size, size))
    if (small := _without_border(net, stage.name, size)) is not None and convention.mean_image is None:
        return small
    height, width = net.map_size(stage.name, (size, size))
    place = (height // 2, width // 2)
    return _Frame(stage.name, size, place, net.window(stage.name, *place, (size, size)))


def _without_border(net: Net, stage: str, size: int) -> _Frame | None:
    field = net.receptive_field(stage)
    if min(field.jump) < 1 or len(set(zip(field.size, field.jump, field.start, strict=True))) > 1:
        return None
    if isinstance(net, Trunk) and field.size[0] < size:
        return _Frame(stage, field.size[0], (0, 0), Window(0, 0, *field.size), bare=True)
    place = max(0, -(field.start[0] // field.jump[0]))
    first = field.start[0] + field.jump[0] * place
    side = first + field.size[0]
    if side >= size:
        return None
    try:
        seen = net.window(stage, place, place, (side, side))
    except ExploreError:  # a net that takes inputs of one size only, or whose map ends before
        return None
    return _Frame(stage, side, (place, place), seen) if seen.height == seen.width == field.size[0] else None


def _ascend(
    checkpoint: Checkpoint, frame: _Frame, units: Sequence[Unit], ascent: Ascent, meter: Meter
) -> Iterator[Progress | Ideal]:
    """Ascend for units of one frame together, the starts of each one after another."""
    net, convention = checkpoint.net, checkpoint.metadata.input
    device, starts, count = net.device, ascent.starts, len(units)
    shape = (starts, convention.channels, frame.side, frame.side)
    channels = torch.tensor([unit.channel for unit in units], device=device).repeat_interleave(starts)
    random = torch.Generator().manual_seed(ascent.seed)
    prior = _Prior(frame.side, convention.channels, ascent, device)
    mean = mean_of(convention, (frame.side, frame.side), device)  # [1, c, 1, 1]
    grey = (mean / convention.scale).clamp(*GREYS)
    std = per_channel(convention.std, device)

    def paint(marks: Tensor) -> Tensor:
        """Give the input whose distance from grey is ``marks [n, c, h, w]``, bent to stay within [0, 1]."""
        return torch.sigmoid(torch.logit(grey) + marks / (grey * (1 - grey)))

    def fed(pictures: Tensor) -> Tensor:
        return ((pictures * convention.scale - mean) / std).to(net.dtype)

    def activations(inputs: Tensor) -> Tensor:
        maps = _maps(net, inputs.contiguous(memory_format=torch.channels_last), frame)
        rows = torch.arange(len(inputs), device=device)
        return maps[(rows, channels, *(frame.place or ()))]

    # The arithmetic is set for one step at a time: the caller's settings hold between events.
    with exact_arithmetic(device):
        noise = prior.shaped(prior.shaped(torch.randn(shape, generator=random).to(device)))
        marks = (noise * (NOISE / _strength(noise))).repeat(count, 1, 1, 1)
        speed = torch.zeros_like(marks)
    for step in range(ascent.steps):
        with exact_arithmetic(device):
            moved = _moves(starts, ascent, random).to(device).repeat(count, 1, 1)
            marks.requires_grad_()
            waking = _Woken() if step < WAKING * ascent.steps else nullcontext()
            with torch.enable_grad(), waking:
                total = activations(fed(_moved(paint(marks), moved))).sum()
                (gradient,) = torch.autograd.grad(total, marks)
            marks = marks.detach()
            wish = prior.shaped(prior.shaped(gradient))
            kept = MOMENTUM if step else 0.0
            speed = kept * speed + (1 - kept) * wish / _strength(wish)
            marks = marks + ascent.stride * (1 - 0.9 * step / ascent.steps) * speed
            grown = min(1.0, (step + 1) / (GROWING * ascent.steps))
            marks = marks * (ascent.contrast * grown / _strength(marks))
        if event := meter.tick(count, note=str(units[0])):
            yield event
    with exact_arithmetic(device):
        pictures = denormalise(fed(paint(marks)), convention)  # [n, h, w, 3] uint8
        found = activations(normalise(pictures, convention).to(net.dtype)).float().cpu().numpy()
    y0, x0, y1, x1 = frame.window
    images = pictures[:, y0:y1, x0:x1].cpu().numpy()
    for number, unit in enumerate(units):
        own = slice(number * starts, (number + 1) * starts)
        order = np.argsort(-found[own], kind="stable")
        yield Ideal(unit, images[own][order], found[own][order])


def _maps(net: Net, inputs: Tensor, frame: _Frame) -> Tensor:
    """Run ``inputs`` forward to the frame's stage."""
    if not (frame.bare and isinstance(net, Trunk)):
        return net.maps(inputs, [frame.stage])[frame.stage]
    net.check()
    for step in net.steps[: net.stage(frame.stage).end]:
        inputs = run_step(replace(step, padding=(0, 0)), inputs)
    return inputs


class _Prior:
    """The square root of what photographs have: its square weighs a step's frequencies and colours."""

    def __init__(self, side: int, channels: int, ascent: Ascent, device: torch.device) -> None:
        self.side = side
        rows, columns = torch.fft.fftfreq(side)[:, None], torch.fft.rfftfreq(side)[None]
        frequency = (rows.square() + columns.square()).sqrt().clamp_min(COARSEST / side)  # cycles a pixel
        self.spectrum = frequency.pow(-ascent.decay).to(device)
        if ascent.decay:  # the mean counts little: it would make a large picture dark or light, and no more
            self.spectrum[0, 0] *= min(1.0, COARSEST / side)
        self.colours = None
        if ascent.natural_colours and channels == 3:
            axes = torch.tensor(COLOURS)
            values, vectors = torch.linalg.eigh(axes.T @ axes)
            # Four times rooted, so that a step's colours are weighed by their spread and not by its square.
            self.colours = (vectors * values.clamp_min(0).pow(0.25) @ vectors.T).to(device)  # symmetric

    def shaped(self, pictures: Tensor) -> Tensor:
        """Weigh ``pictures [n, c, side, side]``, float32."""
        size = (self.side, self.side)
        pictures = torch.fft.irfft2(torch.fft.rfft2(pictures.float()) * self.spectrum, s=size)
        return pictures if self.colours is None else torch.einsum("nchw,cd->ndhw", pictures, self.colours)


def _strength(pictures: Tensor) -> Tensor:
    """Give each picture's root mean square, ``[n, 1, 1, 1]``, at least a trifle."""
    return pictures.square().mean((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-12)


def _moves(count: int, ascent: Ascent, random: torch.Generator) -> Tensor:
    """Draw how each start is moved, turned and resized: affine matrices ``[count, 2, 3]``."""
    drawn = torch.rand((count, 4), generator=random) * 2 - 1
    angle = drawn[:, 0] * math.radians(ascent.turn)
    size = 1 + drawn[:, 1] * ascent.zoom
    shift = drawn[:, 2:] * 2 * ascent.shift  # a side is 2 wide
    cosine, sine = size * angle.cos(), size * angle.sin()
    return torch.stack([cosine, -sine, shift[:, 0], sine, cosine, shift[:, 1]], dim=1).view(count, 2, 3)


def _moved(pictures: Tensor, moves: Tensor) -> Tensor:
    grid = F.affine_grid(moves, list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)


class _Woken(TorchFunctionMode):
    """Lets a signal that would wake a silent ReLU pass it."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if not is_relu(func, args, kwargs):
            return func(*args, **kwargs)
        values = args[0] if args else kwargs["input"]
        return _WakingRelu.apply(values, func, args[1:], kwargs, works_in_place(func, args, kwargs))


class _WakingRelu(torch.autograd.Function):
    """A ReLU call as it was written; where it is silent, what comes back is the rectified signal."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, func: Any, args: Any, kwargs: dict[str, Any], in_place: bool) -> Tensor:
        others = {name: value for name, value in kwargs.items() if name != "input"}
        output = func(x, *args, **others)
        if in_place:
            ctx.mark_dirty(x)
        ctx.passed = output > 0
        return output

    @staticmethod
    def backward(ctx: Any, signal: Tensor) -> tuple[Tensor | None, ...]:
        return torch.where(ctx.passed, signal, F.relu(signal)), None, None, None, None
