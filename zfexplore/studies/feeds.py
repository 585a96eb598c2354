"""What drives a unit: the channels of the stage below, each with its share of the unit's input.

Before its ReLU, a unit is a bias plus a sum of products: each weight times the value that it reads. The
values are those of the stage below after its contrast normalisation. The products of one lower channel
add up to its contribution, and all contributions add up to exactly the unit's pre-activation minus its
bias. Positive contributions drive the unit, negative ones inhibit it (compare ZF section 2.1, which goes
down the same way).

A pool's unit comes from a single place, its switch. A fully connected unit reads whole maps, through the
average pool if there is one. The effect of one channel on another's normalisation is left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from zfexplore.choices import Fit
from zfexplore.deconv.dense import undo_step
from zfexplore.deconv.request import read_request, strongest
from zfexplore.errors import ExploreError
from zfexplore.exemplars.seen import see
from zfexplore.nets.device import exact_arithmetic
from zfexplore.nets.steps import Step, run_step
from zfexplore.nets.trunk import Trunk
from zfexplore.studies.records import INPUT, Feed, Feeds
from zfexplore.units import Unit

if TYPE_CHECKING:
    from zfexplore.nets.checkpoint import Checkpoint


def feeds_from(checkpoint: Checkpoint, image: Image.Image, unit: Unit, *, fit: Fit = "crop") -> Feeds:
    """Give what feeds ``unit`` on an RGB ``image``; without a place, the unit is the channel's maximum.

    Raises ExploreError for a stage, channel or place that does not exist, and for a unit that is not finite.
    """
    if not isinstance(checkpoint.net, Trunk):
        raise ExploreError(
            "what feeds a unit is defined for plain stacks, layer by layer: "
            f"{checkpoint.metadata.architecture} is none"
        )
    return feeds_of(checkpoint.net, see(checkpoint, image, fit).batch, unit)


def feeds_of(trunk: Trunk, picture: Tensor, unit: Unit) -> Feeds:
    """Do the same for a normalised ``picture [1, 3, h, w]`` of any size."""
    place = None if unit.y is None or unit.x is None else [(unit.y, unit.x)]
    picture, _ = read_request(trunk, picture, unit.stage, unit.channel, place)
    with exact_arithmetic(trunk.device):
        found = _feeds(trunk, picture, unit, place)
    if not math.isfinite(found.preactivation):
        raise ExploreError(
            f"{found.unit} is {found.preactivation}: this net overflows, or its weights are not finite"
        )
    return found


def _feeds(trunk: Trunk, picture: Tensor, unit: Unit, place: list[tuple[int, int]] | None) -> Feeds:
    y, x = _strongest(trunk, picture, unit) if place is None else place[0]
    layer = _layer(trunk, picture, unit.stage)
    if layer.step.kind == "pool":
        return _pool_feeds(layer, Unit(unit.stage, unit.channel, y, x), y, x)
    if layer.step.kind == "linear":
        products = _matrix_products(layer, unit.channel)
        return _sorted_feeds(layer, Unit(unit.stage, unit.channel), products)
    products = _kernel_products(layer, unit.channel, y, x)
    return _sorted_feeds(layer, Unit(unit.stage, unit.channel, y, x), products)


@dataclass(frozen=True)
class _Layer:
    """The layer of a stage, and what it reads on one picture: ``read [c, h, w]``.

    ``between`` holds an average pool and a flattening between the two, each with the shape that it reads.
    ``below`` is the name of the stage below, ``INPUT`` for the picture, and ``own [c, h, w]`` its map
    before any normalisation. If that stage is fully connected (``flat``), h and w are 1.
    """

    step: Step
    rectified: bool
    between: tuple[tuple[Step, tuple[int, ...]], ...]
    read: Tensor
    below: str
    own: Tensor
    flat: bool

    def feed(self, channel: int, place: tuple[int, int], contribution: float, share: float) -> Feed:
        unit = Unit(self.below, channel) if self.flat else Unit(self.below, channel, *place)
        return Feed(unit, contribution, share, float(self.own[channel][place]))


@dataclass(frozen=True)
class _Products:
    """Weights times values read, float64 ``[c, h, w]``; entry 0, 0, 0 is channel ``first`` at (top, left).

    ``top`` and ``left`` are negative if a kernel reaches into the padding.
    """

    values: Tensor
    first: int = 0
    top: int = 0
    left: int = 0


def _strongest(trunk: Trunk, picture: Tensor, unit: Unit) -> tuple[int, int]:
    if trunk.stage(unit.stage).kind == "fc":
        return 0, 0
    y, x = strongest(trunk.maps(picture, [unit.stage])[unit.stage][:, unit.channel])[0].tolist()
    return y, x


def _layer(trunk: Trunk, picture: Tensor, name: str) -> _Layer:
    """Run the picture up to the layer of a stage."""
    last = trunk.stage(name).end - 1
    rectified = trunk.steps[last].kind == "relu"
    index = last - 1 if rectified else last
    outputs = [picture]  # outputs[i] is what step i reads
    for step in trunk.steps[:index]:
        outputs.append(run_step(step, outputs[-1]))
    base = index
    while base > 0 and trunk.steps[base - 1].kind in ("avgpool", "flatten"):
        base -= 1
    below = {stage.end: stage.name for stage in (*trunk.stages, *trunk.heads) if stage.end <= base}
    end = max(below, default=0)
    between = [(trunk.steps[at], tuple(outputs[at].shape[1:])) for at in range(base, index)]
    read, own = (
        each[0].reshape(each.shape[1], *(each.shape[2:] or (1, 1))) for each in (outputs[base], outputs[end])
    )
    return _Layer(
        step=trunk.steps[index],
        rectified=rectified,
        between=tuple(between),
        read=read,
        below=below.get(end, INPUT),
        own=own,
        flat=outputs[base].ndim == 2,
    )


def _pool_feeds(layer: _Layer, unit: Unit, y: int, x: int) -> Feeds:
    """Give the one place that the pool's window chose: its first maximum, as in the switches."""
    read = layer.read[unit.channel]  # [h, w]
    rows = sorted(layer.step.axis(0).inputs_of([y], read.shape[0]))
    columns = sorted(layer.step.axis(1).inputs_of([x], read.shape[1]))
    window = read[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    down, right = divmod(int(window.argmax()), window.shape[1])
    value = float(window[down, right])
    feed = layer.feed(unit.channel, (rows[0] + down, columns[0] + right), value, _share(value, abs(value)))
    return Feeds(unit, value, value, 0.0, (feed,))


def _matrix_products(layer: _Layer, channel: int) -> _Products:
    """Give the products of one row of the matrix with the maps below; an average pool spreads the row."""
    module: Any = layer.step.module
    weight = module.weight[channel][None].double()  # [1, c * h * w]
    for step, shape in reversed(layer.between):
        weight = undo_step(step, weight, shape)
    return _Products(weight.reshape(layer.read.shape) * layer.read.double())


def _kernel_products(layer: _Layer, channel: int, y: int, x: int) -> _Products:
    """Give the products of one kernel with its window of the padded maps of its group."""
    module: Any = layer.step.module
    weight = module.weight[channel].double()  # [c / groups, h, w]
    count, rows, columns = weight.shape
    first = channel // (module.out_channels // module.groups) * count
    over_y, over_x = layer.step.padding
    down, right = y * layer.step.stride[0], x * layer.step.stride[1]  # in the padded maps
    padded = F.pad(layer.read[first : first + count], (over_x, over_x, over_y, over_y))
    window = padded[:, down : down + rows, right : right + columns].double()
    return _Products(weight * window, first, down - over_y, right - over_x)


def _sorted_feeds(layer: _Layer, unit: Unit, products: _Products) -> Feeds:
    """Sum the products of each channel below, and sort the channels by their sums."""
    module: Any = layer.step.module
    bias = 0.0 if module.bias is None else float(module.bias[unit.channel])
    contributions = products.values.sum((1, 2))  # [c]
    sizes = float(contributions.abs().sum())
    feeds = [
        layer.feed(
            products.first + row,
            _place(products, row, contribution, tuple(layer.read.shape[1:])),
            contribution,
            _share(contribution, sizes),
        )
        for row, contribution in enumerate(contributions.tolist())
    ]
    feeds.sort(key=lambda feed: -feed.contribution)  # stable: equals stay in the order of channels
    preactivation = bias + float(contributions.sum())
    activation = max(preactivation, 0.0) if layer.rectified else preactivation
    return Feeds(unit, activation, preactivation, bias, tuple(feeds))


def _place(products: _Products, row: int, contribution: float, size: tuple[int, ...]) -> tuple[int, int]:
    """Give the place that adds most to a contribution, in the direction of its sign."""
    own = products.values[row]
    toward = own.abs() if contribution == 0 else own * (1 if contribution > 0 else -1)
    down, right = divmod(int(toward.argmax()), own.shape[1])
    # The first can lie in the padding only if all products are zero.
    y, x = products.top + down, products.left + right
    return min(max(y, 0), size[0] - 1), min(max(x, 0), size[1] - 1)


def _share(contribution: float, sizes: float) -> float:
    return contribution / sizes if sizes else 0.0
