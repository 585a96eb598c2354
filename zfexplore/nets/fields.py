"""What the units of any network can see, measured: the gradient of a unit is NaN at every pixel that counts.

The gradient at one unit is set to NaN and run back. NaN times anything is NaN, also times a weight of
zero, so it reaches every pixel that the unit reads, and no other. ReLUs are left out, and maximum pools
become average pools, because both would stop it at some pixels on this one image.

Channels do not matter for what is seen. So the forward runs with one channel first, in a fiftieth of the
time, and only a net that cannot run so (one that splits its channels) is measured with all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from zfexplore.errors import ExploreError
from zfexplore.nets.net import Pair, ReceptiveField
from zfexplore.nets.relu import is_relu
from zfexplore.units import Window

if TYPE_CHECKING:
    from zfexplore.nets.anynet import AnyNet

Span = tuple[int, int]  # first and last + 1

PROBES = 4  # units a stage whose fields are looked at


def measure_fields(net: AnyNet, stages: Sequence[str], size: Pair) -> dict[str, ReceptiveField]:
    """Measure what the units of the named stages read of an input of ``size``.

    Size, jump and start describe every unit's window after clipping at the border: where the border
    hides an end of all windows, the size is the least that explains them. A field that reaches over
    both borders everywhere has the input's size and a jump of zero.
    """
    with suppress(ExploreError):
        return _measured(net, stages, size, _Open(one_channel=True))
    return {stage: _measured(net, [stage], size, _Open())[stage] for stage in stages}


def _measured(net: AnyNet, stages: Sequence[str], size: Pair, how: _Open) -> dict[str, ReceptiveField]:
    images = net.blank(PROBES, size).clone()
    fields: dict[str, ReceptiveField] = {}
    with torch.enable_grad(), _without_cudnn():
        images.requires_grad_()
        with how:
            maps = net.maps(images, stages)
        jumps: dict[tuple[int, int], int] = {}  # by axis and length: maps of one size have one jump
        for stage in stages:
            fields[stage] = _field(images, maps[stage], net.map_size(stage, size), size, jumps)
    return fields


def _field(
    images: Tensor, maps: Tensor, map_size: Pair, size: Pair, jumps: dict[tuple[int, int], int]
) -> ReceptiveField:
    if tuple(maps.shape[2:]) != map_size:
        raise ExploreError("the map came out with another size")
    units = list(zip(*(_probes(length) for length in map_size), strict=True))
    seed = torch.zeros_like(maps)
    for row, (y, x) in enumerate(units):
        seed[row, :, y, x] = torch.nan
    (gradient,) = torch.autograd.grad(maps, images, seed, retain_graph=True, allow_unused=True)
    if gradient is None:
        raise ExploreError("the map does not depend on the image")
    read = gradient.isnan().any(1)  # [n, h, w]
    axes = []
    for axis in (0, 1):
        spans = {unit[axis]: _span(one.any(1 - axis)) for unit, one in zip(units, read, strict=True)}
        guess = jumps.get((axis, map_size[axis]), max(1, round(size[axis] / map_size[axis])))
        axes.append(_axis_field(spans, map_size[axis], size[axis], guess))
        jumps.setdefault((axis, map_size[axis]), axes[-1][1])
    (size_y, jump_y, start_y), (size_x, jump_x, start_x) = axes
    return ReceptiveField((size_y, size_x), (jump_y, jump_x), (start_y, start_x))


def field_window(field: ReceptiveField, y: int, x: int, measured: Pair, size: Pair) -> Window:
    """Give the pixels of an input of ``size`` that unit (y, x) reads, by a field ``measured`` on another."""
    spans = []
    for axis, place in ((0, y), (1, x)):
        if field.jump[axis] == 0 or field.size[axis] >= measured[axis]:
            spans.append((0, size[axis]))
            continue
        start = field.start[axis] + place * field.jump[axis]
        spans.append((max(start, 0), min(start + field.size[axis], size[axis])))
    (y0, y1), (x0, x1) = spans
    return Window(y0, x0, y1, x1)


def _probes(length: int) -> tuple[int, int, int, int]:
    """Choose units along an axis: the first, two neighbours in the middle, the last."""
    middle = max((length - 1) // 2, 0)
    return 0, middle, min(middle + 1, length - 1), length - 1


def _span(read: Tensor) -> Span:
    places = read.nonzero().flatten()
    return (int(places[0]), int(places[-1]) + 1) if len(places) else (0, 0)


def _axis_field(spans: dict[int, Span], length: int, size: int, guess: int) -> tuple[int, int, int]:
    """Put size, jump and start of one axis together from the spans of some units, by place.

    Where the border hides what two neighbours read, the jump is ``guess``.
    """
    starts = {place: span[0] for place, span in spans.items() if span[0] > 0}
    ends = {place: span[1] for place, span in spans.items() if 0 < span[1] < size}
    jump = _step(starts) or _step(ends) or guess
    if not starts and not ends:
        return (size, 0, 0)
    last = length - 1
    start = _at_zero(starts, jump) if starts else -jump * last
    end = _at_zero(ends, jump) if ends else size
    # A guess may be wrong: whatever it is, no unit that was looked at may see more than its window.
    start = min(start, *(first - jump * place for place, (first, _) in spans.items()))
    end = max(end, *(past - jump * place for place, (_, past) in spans.items()))
    return (end - start, jump, start)


def _step(edges: dict[int, int]) -> int | None:
    """Give the distance between the edges of neighbours, the nearest two of which are compared."""
    places = sorted(edges)
    pairs = sorted(zip(places, places[1:], strict=False), key=lambda pair: pair[1] - pair[0])
    return next((round((edges[b] - edges[a]) / (b - a)) for a, b in pairs if b > a), None)


def _at_zero(edges: dict[int, int], jump: int) -> int:
    """Give the edge that unit 0 would have without a border, by the unit in the middle if there is one."""
    place = sorted(edges)[len(edges) // 2]
    return edges[place] - jump * place


@contextmanager
def _without_cudnn() -> Iterator[None]:
    """Leave cuDNN out: it may compute convolutions on tiles, over which NaN would spread."""
    backend: Any = torch.backends.cudnn
    enabled = backend.enabled
    backend.enabled = False
    try:
        yield
    finally:
        backend.enabled = enabled


class _Open(TorchFunctionMode):
    """Lets every gradient through: no ReLUs, averages in place of maxima; if asked, ``one_channel`` only."""

    def __init__(self, *, one_channel: bool = False) -> None:
        super().__init__()
        self._one_channel = one_channel

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if is_relu(func, args, kwargs):
            return (args[0] if args else kwargs["input"]) * 1
        if name == "max_pool2d":
            return _average(*args, **kwargs)
        if name == "adaptive_max_pool2d":
            return F.adaptive_avg_pool2d(args[0], args[1] if len(args) > 1 else kwargs["output_size"])
        if self._one_channel and name in _PER_CHANNEL:
            return (args[0] if args else kwargs["input"]) * 1
        if self._one_channel and name == "conv2d":
            return _one_channel_convolution(*args, **kwargs)
        return func(*args, **kwargs)


_PER_CHANNEL = ("batch_norm", "group_norm", "layer_norm", "instance_norm", "local_response_norm", "prelu")


def _one_channel_convolution(
    input: Tensor, weight: Tensor, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    kernel = torch.ones_like(weight[:1, :1])
    return F.conv2d(input.sum(1, keepdim=True), kernel, None, stride, padding, dilation)


def _average(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Tensor:  # fmt: skip
    """Pool the average over what a maximum pool reads."""
    if dilation not in (1, (1, 1)):
        kernel, holes = _pair(kernel_size), _pair(dilation)
        kernel_size = tuple((k - 1) * d + 1 for k, d in zip(kernel, holes, strict=True))
        padded = F.pad(input, [p for p in reversed(_pair(padding)) for _ in (0, 1)])
        return F.avg_pool2d(padded, kernel_size, stride or kernel, 0, ceil_mode)
    return F.avg_pool2d(input, kernel_size, stride, padding, ceil_mode)


def _pair(value: Any) -> Pair:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))
