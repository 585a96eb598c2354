"""The strongest activation of every channel on a batch of images, and where it is.

Written for speed: each map is searched as soon as it is computed, and in the order in which it lies
in memory. On a CPU places are looked up only for the maxima that need them. Which ones these are a GPU
would have to tell first, and stand still meanwhile. So there all places are found, in the same pass over
the map as the maxima. Both ways give the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch import Tensor

from zfexplore.atlas.strongest import kernels_for, strongest
from zfexplore.nets.net import Net
from zfexplore.nets.steps import AxisStep, Step, run_step
from zfexplore.nets.trunk import Trunk
from zfexplore.nets.zfnet import ContrastNorm


@dataclass(frozen=True)
class Layout:
    """The watched stages, and where each one's channels lie on one axis ``c`` of all channels."""

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    spans: tuple[slice, ...]
    map_sizes: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, net: Net, names: Sequence[str], size: int) -> Layout:
        """Lay out the stages ``names``, in the net's order, for inputs of ``size`` x ``size`` pixels."""
        stages = [net.stage(name) for name in names]
        ends = accumulate((stage.channels for stage in stages), initial=0)
        return cls(
            names=tuple(names),
            kinds=tuple(stage.kind for stage in stages),
            spans=tuple(slice(start, end) for start, end in pairwise(ends)),
            map_sizes=tuple(net.map_size(name, (size, size)) for name in names),
        )

    @property
    def channels(self) -> int:
        """The number of channels of all stages together."""
        return self.spans[-1].stop

    def channel_name(self, lane: int) -> str:
        """Give the name (such as conv5:130) of the channel at index ``lane`` of the axis."""
        return next(
            f"{name}:{lane - span.start}"
            for name, span in zip(self.names, self.spans, strict=True)
            if lane < span.stop
        )


def image_maxima(
    net: Net, batch: Tensor, layout: Layout, weakest: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Run ``batch [n, 3, h, w]`` upwards; give the strongest activations and their places, ``[n, c]`` each.

    ``c`` counts the channels of ``layout``. A place is row * width + column on its stage's map. With
    ``weakest [c]``, places are looked up only for maxima above it, and the others are 0; to know them, the
    device has to finish the batch. Without, all places are given and nothing waits. If several places are
    equally strong, the first one row by row from the top is given. Maxima are float32.
    """
    if weakest is None:
        return _every_place(net, batch, layout)
    of_stages = _in_a_trunk if isinstance(net, Trunk) else _in_any_net
    maxima, places = (
        torch.cat(parts, dim=1) for parts in zip(*of_stages(net, batch, layout, weakest), strict=True)
    )
    return maxima, places


def _every_place(net: Net, batch: Tensor, layout: Layout) -> tuple[Tensor, Tensor]:
    shape = (len(batch), layout.channels)
    maxima = torch.empty(shape, dtype=torch.float32, device=batch.device)
    places = torch.empty(shape, dtype=torch.int64, device=batch.device)
    if isinstance(net, Trunk):
        _up_a_trunk(net, batch, layout, maxima, places)
        return maxima, places
    maps = net.maps(batch, layout.names)
    for name, span in zip(layout.names, layout.spans, strict=True):
        strongest(maps[name], maxima[:, span], places[:, span])
    return maxima, places


def _up_a_trunk(trunk: Trunk, batch: Tensor, layout: Layout, maxima: Tensor, places: Tensor) -> None:
    """Search each map as soon as it is made.

    Where kernels work, a map is rectified and pooled while it is searched, and normalised in one pass.
    """
    spans = {trunk.stage(name).end: span for name, span in zip(layout.names, layout.spans, strict=True)}
    kernels = kernels_for(batch.device)
    x, before, done = batch, "", 0
    while done < max(spans):
        step, above = trunk.steps[done], trunk.steps[done + 1 : done + 2]
        own, span = step.kind == "relu" and before in ("conv", "linear"), spans.get(done + 1)
        window = _square_window(above[0], x) if above else None
        if kernels and own and window and span is not None and done + 1 < max(spans):
            x = kernels.rectify_pool_strongest(x, window, maxima[:, span], places[:, span])
            before, done = "pool", done + 2
        elif kernels and isinstance(step.module, ContrastNorm) and x.dtype == torch.float32:
            norm = step.module
            x = x.contiguous(memory_format=torch.channels_last)
            x = kernels.normalise(x, norm.size, norm.alpha, norm.beta, norm.k)
            before, done = step.kind, done + 1
        else:
            x = torch.relu_(x) if own else run_step(step, x)  # in place as below
            before, done = step.kind, done + 1
        if (span := spans.get(done)) is not None:
            strongest(x, maxima[:, span], places[:, span])


def _square_window(step: Step, maps: Tensor) -> tuple[int, int, int] | None:
    """Give kernel, stride and padding of a pooling that leaves no place of ``maps`` out, if it is square."""
    rows, columns = step.axis(0), step.axis(1)
    if rows != columns or rows.ceil_mode or not _leaves_nothing_out(step, maps):
        return None
    return rows.kernel, rows.stride, rows.padding


def _in_any_net(net: Net, batch: Tensor, layout: Layout, weakest: Tensor) -> list[tuple[Tensor, Tensor]]:
    maps = net.maps(batch, layout.names)
    return [
        _strongest(maps[name], maps[name], AxisStep(), weakest[span])
        for name, span in zip(layout.names, layout.spans, strict=True)
    ]


def _in_a_trunk(trunk: Any, batch: Tensor, layout: Layout, weakest: Tensor) -> list[tuple[Tensor, Tensor]]:
    spans = {trunk.stage(name).end: span for name, span in zip(layout.names, layout.spans, strict=True)}
    found: list[tuple[Tensor, Tensor]] = []
    x, before, pooled = batch, "", None
    for done, step in enumerate(trunk.steps[: max(spans)], start=1):
        below, own = x, step.kind == "relu" and before in ("conv", "linear")
        # A ReLU works in place on the convolution's own output, which nothing else holds. Otherwise the
        # largest map would be written to fresh memory twice.
        x, before = torch.relu_(x) if own else run_step(step, x), step.kind
        if pooled is not None:
            found.append(_strongest(below, x, step.axis(0), weakest[pooled]))
            pooled = None
        del below  # free the largest map before the next one is made
        if done in spans:
            if done < max(spans) and _leaves_nothing_out(trunk.steps[done], x):
                pooled = spans[done]
            else:
                found.append(_strongest(x, x, AxisStep(), weakest[spans[done]]))
    return found


def _leaves_nothing_out(step: Step, maps: Tensor) -> bool:
    """Whether every place of ``maps [n, c, h, w]`` lies in some window of the pooling ``step``."""
    if step.kind != "pool":
        return False
    for axis, length in zip((step.axis(0), step.axis(1)), maps.shape[2:], strict=True):
        end = (axis.output_length(length) - 1) * axis.stride - axis.padding + axis.kernel
        if axis.stride > axis.kernel or end < length:
            return False
    return True


def _strongest(maps: Tensor, coarse: Tensor, pool: AxisStep, weakest: Tensor) -> tuple[Tensor, Tensor]:
    """Give maxima and places of one stage; ``coarse`` is the map itself or what ``pool`` made of it.

    If the pooling leaves no place out, both have the same maxima, and the pooled map is a quarter the
    size. The first pooled row with the maximum covers the row of the first place, counted from the top.
    """
    if maps.ndim == 2:  # a fully connected layer: each channel has one place, number 0
        return maps.float(), torch.zeros(maps.shape, dtype=torch.int64, device=maps.device)
    pixels = maps.permute(0, 2, 3, 1)  # [n, h, w, c], as they lie in memory
    height, width = pixels.shape[1:3]
    rows = coarse.permute(0, 2, 3, 1).amax(dim=2)  # [n, h', c]
    maxima = rows.amax(dim=1).float()  # [n, c]
    places = torch.zeros(maxima.shape, dtype=torch.int64, device=maps.device)
    image, channel = (maxima > weakest).nonzero(as_tuple=True)  # [m]
    top = rows[image, :, channel].argmax(dim=1) * pool.stride - pool.padding
    seen = torch.arange(pool.kernel, device=maps.device)
    y = (top[:, None] + seen).clamp(0, height - 1)  # [m, kernel]
    first = pixels[image[:, None], y, :, channel[:, None]].flatten(1).argmax(dim=1)
    chosen = y.gather(1, (first // width)[:, None]).squeeze(1)
    places[image, channel] = chosen * width + first % width
    return maxima, places
