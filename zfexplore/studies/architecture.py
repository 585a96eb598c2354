"""What the paper looks at to judge an architecture (ZF figure 6): dead channels, and filters that dominate.

A filter's root mean square says how much it weighs among the others of its layer. Some grow far above the
rest and drown them. So the paper renormalises every convolutional filter above a root mean square of 0.1 to
it, after every step. A channel is dead if it fired on none of an atlas's images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from zfexplore.arguments import shown
from zfexplore.errors import ExploreError
from zfexplore.nets.net import Net
from zfexplore.nets.trunk import Trunk
from zfexplore.plain import finite

if TYPE_CHECKING:
    from zfexplore.atlas.store import Atlas

CAP = 0.1  # the paper's
ROUNDING = 1e-3  # of a cap, within which a filter sits at it: weights may be stored in float16


@dataclass(frozen=True, slots=True)
class FilterReport:
    """A convolution's filters: how many, and the ``lowest``, median and ``highest`` root mean square.

    ``at_cap`` counts those that sit at ``cap``, and ``above`` those beyond it. ``dead`` are the channels that
    fired on none of the atlas's images; None without an atlas of this stage.
    """

    stage: str
    filters: int
    lowest: float
    median: float
    highest: float
    cap: float
    at_cap: int
    above: int
    dead: tuple[int, ...] | None = None


def filter_reports(net: Net, atlas: Atlas | None = None, *, cap: float = CAP) -> tuple[FilterReport, ...]:
    """Report on every convolution of a net, from the input upwards; ``cap`` is a root mean square.

    A stage of a plain stack is named as everywhere; a convolution of another net has its module's name.
    Raises ExploreError for a cap that is no number above 0.
    """
    cap = checked_cap(cap)
    found = []
    for name, weight in _convolutions(net):
        dead = None
        if atlas is not None and name in atlas.stages:
            dead = tuple(int(channel) for channel in np.flatnonzero(atlas.stage(name).dead))
        found.append(report(name, rms_of(weight.detach().float().cpu().numpy()), cap, dead))
    return tuple(found)


def report(
    stage: str, rms: NDArray[np.float64], cap: float = CAP, dead: tuple[int, ...] | None = None
) -> FilterReport:
    """Report on filters of which each has the root mean square ``rms [n]``."""
    at_cap, above = np.abs(rms - cap) <= ROUNDING * cap, rms > (1 + ROUNDING) * cap
    return FilterReport(
        stage, len(rms), float(rms.min()), float(np.median(rms)), float(rms.max()), cap,
        int(at_cap.sum()), int(above.sum()), dead,
    )  # fmt: skip


def rms_of(kernels: NDArray[np.float32]) -> NDArray[np.float64]:
    """Give the root mean square of each of the filters ``kernels [n, c, kh, kw]``: ``[n]``."""
    return np.asarray(np.sqrt(np.square(kernels.astype(np.float64)).mean(axis=(1, 2, 3))))


def renormalised(kernels: NDArray[np.float32], cap: float = CAP) -> NDArray[np.float32]:
    """Scale every filter of ``kernels [n, c, kh, kw]`` above a root mean square of ``cap`` down to it."""
    factor = np.minimum(1.0, cap / np.maximum(rms_of(kernels), 1e-30))  # [n]
    return (kernels * factor[:, None, None, None]).astype(np.float32)


def first_kernels(net: Net) -> NDArray[np.float32]:
    """Give the first layer's filters ``[n, c, k, k]``; raises ExploreError for a net that has none."""
    filters = net.first_filters()
    if filters is None:
        raise ExploreError(f"this net has no filters to show: its first layer is {net.names[0]}")
    return np.asarray(filters.detach().float().cpu().numpy())


def checked_cap(cap: float) -> float:
    """Give a cap; raises ExploreError unless it is a number above 0."""
    if (found := finite(cap)) is None or found <= 0:
        raise ExploreError(f"a cap is a number above 0, not {shown(cap)}", usage=True)
    return found


def cap_of(recipe: dict[str, Any]) -> float:
    """Give the cap that a checkpoint's recipe names, or the paper's."""
    cap = finite(recipe.get("max_rms"))
    return cap if cap is not None and cap > 0 else CAP


def _convolutions(net: Net) -> Sequence[tuple[str, Tensor]]:
    """Give every convolution's name and weights, in order."""
    if isinstance(net, Trunk):
        layers: list[Any] = [step.module for step in net.steps if step.kind == "conv"]
        names = [stage.name for stage in net.stages if stage.kind == "conv"]
        return [(name, layer.weight) for name, layer in zip(names, layers, strict=True)]
    modules = net.module.named_modules()
    return [(name, module.weight) for name, module in modules if isinstance(module, nn.Conv2d)]
