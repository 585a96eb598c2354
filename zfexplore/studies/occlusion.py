"""Which part of a picture matters: a grey square moved over it (ZF section 4.2, figure 7).

The square is laid on every cell of a grid in turn. Each time the net gives how strongly one channel
responds, how probable one class is, and which class is the most probable. If the channel falls silent
when a part of the picture is hidden, that part is what it sees.

The geometry is exact. The input is divided into cells of ``stride`` pixels; the border cuts off the last
ones. Map value ``[row, column]`` belongs to the square centred on that cell and clipped at the border. So
a map laid over the picture, one value per cell, fits it to the pixel. The paper gives neither size nor
stride: by default there are about 14 x 14 cells, and the square is three of them wide (48 and 16 pixels
of 224). The grey is the mean that the net was trained with, which normalises to zero.

Places are visited from coarse to fine, so that a quarter of the time shows most of the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zfexplore.arguments import whole
from zfexplore.choices import Fit
from zfexplore.errors import ExploreError
from zfexplore.exemplars.seen import see
from zfexplore.images.transforms import denormalise
from zfexplore.nets.changes import Changes
from zfexplore.nets.checkpoint import Checkpoint
from zfexplore.nets.device import exact_arithmetic
from zfexplore.nets.net import Net
from zfexplore.nets.synsets import class_of_synset
from zfexplore.nets.trunk import Trunk
from zfexplore.progress import Finished, Meter, Progress
from zfexplore.studies.records import Response
from zfexplore.units import Unit, Window

CELLS = 14  # along each side, by default
SQUARE_IN_CELLS = 3
COARSEST = 4  # places along each side before those between are visited
# Squares per forward pass. On a CPU a few give results sooner and cost little; a GPU needs more at once.
BATCH = {"cpu": 16, "cuda": 64}
UNKNOWN = -1  # instead of the most probable class, at places not visited yet


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the square goes on an input of ``size x size`` pixels; ``square`` and ``stride`` in pixels."""

    size: int
    square: int
    stride: int

    def __post_init__(self) -> None:
        whole(self.square, "the square")
        whole(self.stride, "the stride")
        if not 1 <= self.square <= self.size:
            raise ExploreError(
                f"a square of {self.square} pixels does not fit the network's input of {self.size}: "
                f"give 1 to {self.size}",
                usage=True,
            )
        if not 1 <= self.stride <= self.square:
            raise ExploreError(
                f"a stride of {self.stride} pixels does not go with a square of {self.square}: "
                f"give 1 to {self.square}, so that every pixel is hidden once",
                usage=True,
            )

    @property
    def places(self) -> int:
        """The number of rows, which is also that of columns."""
        return -(-self.size // self.stride)

    def cell(self, row: int, column: int) -> Window:
        """Give the input pixels that a map value stands for; all cells together tile the input."""
        (y0, y1), (x0, x1) = (self._clip(place * self.stride, self.stride) for place in (row, column))
        return Window(y0, x0, y1, x1)

    def window(self, row: int, column: int) -> Window:
        """Give the input pixels that are hidden for a map value: the square, clipped at the border."""
        overhang = (self.square - self.stride) // 2
        (y0, y1), (x0, x1) = (
            self._clip(place * self.stride - overhang, self.square) for place in (row, column)
        )
        return Window(y0, x0, y1, x1)

    def coarse_to_fine(self) -> list[tuple[int, int]]:
        """Give all places: a mesh at least four wide first, then those halfway between, and so on."""
        widest = 1
        while -(-self.places // (2 * widest)) >= COARSEST:
            widest *= 2

        def mesh(place: tuple[int, int]) -> int:
            spacing = widest
            while place[0] % spacing or place[1] % spacing:
                spacing //= 2
            return spacing

        every = [(row, column) for row in range(self.places) for column in range(self.places)]
        return sorted(every, key=lambda place: (-mesh(place), place))

    def _clip(self, start: int, length: int) -> tuple[int, int]:
        return max(start, 0), min(start + length, self.size)


@dataclass(frozen=True, eq=False)
class OcclusionResult:
    """The maps: how the net responds with the square on each place of ``grid``.

    ``total`` and ``peak [rows, columns]`` float32 are the channel's sum and maximum, in units of its
    activation; ``probability`` float32 that of class ``label``, ``best_class`` int64 the most probable
    one, both None for a net without classes. Where the square has not been yet: NaN, and -1.
    ``image [size, size, 3]`` uint8 is what the net saw, ``intact`` its response with nothing hidden;
    ``grey [size, size, 3]`` uint8 is what a hidden pixel looks like.
    """

    unit: Unit
    grid: Grid
    image: np.ndarray
    grey: np.ndarray
    intact: Response
    label: int | None
    classes: tuple[str, ...]
    total: np.ndarray
    peak: np.ndarray
    probability: np.ndarray | None
    best_class: np.ndarray | None

    @property
    def done(self) -> int:
        """The number of places visited."""
        return int(np.isfinite(self.total).sum())

    @property
    def class_name(self) -> str | None:
        """The name of the class whose probability is mapped; None for a net without classes."""
        return None if self.label is None else self.name_of(self.label)

    def name_of(self, label: int) -> str:
        """Give a class's name, or its number if the checkpoint holds no names."""
        return self.classes[label] if label < len(self.classes) else f"class {label}"

    def most_needed(self) -> tuple[int, int] | None:
        """Give the place (row, column) that weakens the channel most when hidden; None before the first."""
        if not self.done:
            return None
        row, column = np.unravel_index(int(np.nanargmin(self.total)), self.total.shape)
        return int(row), int(column)

    def with_square(self, row: int, column: int) -> np.ndarray:
        """Give the picture with the square on a place, uint8 ``[size, size, 3]``."""
        window = self.grid.window(row, column)
        inside = np.s_[window.y0 : window.y1, window.x0 : window.x1]
        hidden = self.image.copy()
        hidden[inside] = self.grey[inside]
        return hidden

    def described(self) -> dict[str, Any]:
        """Give everything that is not a map, as plain values, for the text beside or inside a figure."""
        return {
            "channel": str(self.unit),
            "square": self.grid.square,
            "stride": self.grid.stride,
            "class": self.class_name,
            "intact": asdict(self.intact),
        }


@dataclass(frozen=True, eq=False)
class OcclusionPartial:
    """The maps so far, to be drawn as they come."""

    result: OcclusionResult


Maps = dict[str, Tensor]
Event = Progress | OcclusionPartial | Finished[OcclusionResult]


def occlude(
    checkpoint: Checkpoint,
    image: Image.Image,
    stage: str | None = None,
    channel: int | None = None,
    *,
    label: int | str | None = None,
    square: int | None = None,
    stride: int | None = None,
    fit: Fit = "crop",
    batch_size: int | None = None,
) -> Iterator[Event]:
    """Move a grey square over an RGB ``image``; yields events, the last one ``Finished(OcclusionResult)``.

    ``stage`` is by default the last convolution, and ``channel`` the one whose map has the highest sum on
    the intact image (as in ZF). ``label`` is the true class, as a number or name of the checkpoint's; by
    default it is the most probable class of the intact image. ``square`` and ``stride`` are in input
    pixels. An ``OcclusionPartial`` follows each ``Progress``, at most ten per second. The generator may be
    closed at any time.

    Raises ExploreError for a stage, channel, class, square or stride that does not exist.
    """
    net, convention = checkpoint.net, checkpoint.metadata.input
    grid = _grid(convention.size, square, stride)
    batch_size = None if batch_size is None else whole(batch_size, "batch_size", least=1)
    stage = last_convolution(net) if stage is None else stage
    head = net.heads[-1].name if net.heads else None
    seen = see(checkpoint, image, fit)

    maps, hidden = _hiding(net, seen.batch, [stage] if head is None else [stage, head])
    channel = _channel(net, stage, channel, maps[stage])
    chosen = class_asked(checkpoint.metadata.classes, label, None if head is None else maps[head])
    intact = _responses(maps[stage][:, channel], None if head is None else maps[head], chosen)
    grey = denormalise(torch.zeros_like(seen.batch), convention)[0].cpu().numpy()
    result = OcclusionResult(
        unit=Unit(stage, channel),
        grid=grid,
        image=seen.pixels,
        grey=grey,
        intact=intact[0],
        label=chosen,
        classes=checkpoint.metadata.classes,
        **_empty_maps(grid.places, with_classes=head is not None),
    )

    places = grid.coarse_to_fine()
    meter = Meter("occlusion", len(places), unit="places")
    step = BATCH.get(net.device.type, BATCH["cpu"]) if batch_size is None else batch_size
    for some in _batches(places, step, first=1 if batch_size is None else step):
        maps = hidden([grid.window(*place) for place in some])
        responses = _responses(maps[stage][:, channel], None if head is None else maps[head], chosen)
        _enter(result, some, responses)
        if (progress := meter.tick(len(some))) is not None:
            yield progress
            if progress.done < len(places):
                yield OcclusionPartial(_copy(result))
    yield Finished(result)


def last_convolution(net: Net) -> str:
    """Give the stage of the last convolution that is watched; without one, the last stage watched."""
    convolutions = [name for name in net.watched if net.stage(name).kind == "conv"]
    return (convolutions or list(net.watched))[-1]


def _grid(size: int, square: int | None, stride: int | None) -> Grid:
    cell = max(size // CELLS, 1)
    square = min(SQUARE_IN_CELLS * cell, size) if square is None else whole(square, "the square")
    return Grid(size, square, min(cell, max(square, 1)) if stride is None else stride)


def _batches(
    places: Sequence[tuple[int, int]], step: int, *, first: int
) -> Iterator[Sequence[tuple[int, int]]]:
    """Cut the places into batches of ``step``; the ``first`` batch may be smaller, to be seen at once."""
    yield places[:first]
    for start in range(first, len(places), step):
        yield places[start : start + step]


def _hiding(
    net: Net, picture: Tensor, names: Sequence[str]
) -> tuple[Maps, Callable[[Sequence[Window]], Maps]]:
    """Give the maps of ``picture [1, 3, h, w]``, and what gives them with windows at the mean, which is zero.

    On a CPU a plain stack computes what changes only. A GPU is sooner done with whole maps.
    """
    layout = picture.contiguous(memory_format=torch.channels_last)  # faster on CPUs and GPUs

    def whole(windows: Sequence[Window]) -> Maps:
        with exact_arithmetic(net.device):
            return net.maps(_hide(layout, windows), names)

    # The arithmetic is set for one forward pass at a time: the caller's settings hold between events.
    with exact_arithmetic(net.device):
        if not (isinstance(net, Trunk) and net.device.type == "cpu"):
            return net.maps(layout, names), whole
        changes = Changes(net, layout, names)

    def changed(windows: Sequence[Window]) -> Maps:
        with exact_arithmetic(net.device):
            return changes.maps(windows)

    return changes.intact, changed


def _channel(net: Net, stage: str, channel: int | None, maps: Tensor) -> int:
    """Give the channel, checked; by default the one whose map in ``maps [1, c, ...]`` sums highest."""
    if channel is None:
        return int(maps.double().flatten(2).sum(2).argmax()) if maps.ndim == 4 else int(maps.argmax())
    count = net.stage(stage).channels
    if not 0 <= whole(channel, "a channel") < count:
        raise ExploreError(f"{stage} has no channel {channel}: it has 0-{count - 1}", usage=True)
    return channel


def class_asked(classes: Sequence[str], label: int | str | None, logits: Tensor | None) -> int | None:
    """Give the class in question; if none is given, ``logits [1, classes]`` of the intact image decide.

    ``label`` is a number, a name, or a folder of ImageNet. None for a net without logits. Raises ExploreError
    for a class that the net does not have.
    """
    if logits is None:
        if label is not None:
            raise ExploreError("this net has no classes, so it gives no class's probability", usage=True)
        return None
    if label is None:
        return int(logits.argmax())
    count = logits.shape[1]
    if isinstance(label, str) and label not in classes:
        label = class_of_synset(label) or label  # a folder of ImageNet
    number = classes.index(label) if label in classes else label
    if isinstance(number, str):
        raise ExploreError(f"the net knows no class {label!r} among its {count}", usage=True)
    if not 0 <= whole(number, "a class") < count:
        raise ExploreError(f"the net has no class {label}: it has 0-{count - 1}", usage=True)
    return number


def _hide(picture: Tensor, windows: Sequence[Window]) -> Tensor:
    """Copy ``picture [1, 3, h, w]`` once per window, with the window's pixels at the mean, which is zero."""
    hidden = picture.repeat(len(windows), 1, 1, 1).contiguous(memory_format=torch.channels_last)
    for row, window in enumerate(windows):
        hidden[row, :, window.y0 : window.y1, window.x0 : window.x1] = 0
    return hidden


def _responses(maps: Tensor, logits: Tensor | None, label: int | None) -> list[Response]:
    """Read responses off one channel's maps ``[n, h, w]`` (``[n]`` for fc) and ``logits [n, classes]``."""
    flat = maps.double().reshape(len(maps), -1)
    totals, peaks = flat.sum(1), flat.amax(1)
    if not bool(torch.isfinite(totals).all()):
        raise ExploreError("the channel's response is not a finite number: this net overflows on its input")
    columns: list[list[Any]] = [totals.tolist(), peaks.tolist()]
    if logits is None:
        columns += [[None] * len(maps)] * 2
    else:
        columns += [logits.double().softmax(1)[:, label].tolist(), logits.argmax(1).tolist()]
    return [Response(*row) for row in zip(*columns, strict=True)]


def _empty_maps(places: int, *, with_classes: bool) -> dict[str, Any]:
    def unknown() -> np.ndarray:
        return np.full((places, places), np.nan, np.float32)

    return {
        "total": unknown(),
        "peak": unknown(),
        "probability": unknown() if with_classes else None,
        "best_class": np.full((places, places), UNKNOWN, np.int64) if with_classes else None,
    }


def _enter(result: OcclusionResult, places: Sequence[tuple[int, int]], responses: Sequence[Response]) -> None:
    for place, response in zip(places, responses, strict=True):
        result.total[place], result.peak[place] = response.total, response.peak
        if result.probability is not None and result.best_class is not None:
            result.probability[place], result.best_class[place] = response.probability, response.best_class


def _copy(result: OcclusionResult) -> OcclusionResult:
    return replace(
        result,
        total=result.total.copy(),
        peak=result.peak.copy(),
        probability=None if result.probability is None else result.probability.copy(),
        best_class=None if result.best_class is None else result.best_class.copy(),
    )
