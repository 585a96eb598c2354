"""Which channels a picture excites: each channel's response, compared with the images of the atlas.

Activations of different channels are on different scales, so channels are ranked by percentile: the
share of the atlas's images whose maximum in the channel is weaker than the picture's. An equal maximum
is not weaker, so a silent channel stands at 0.

The atlas does not keep every maximum. It keeps the strongest nine, which make the percentile exact above
the ninth. Below, its histogram in quarter octaves gives bounds: images in lower bins are weaker, and
images in higher bins are not. Within the bin, the maxima are assumed to be spread evenly over the
logarithm. ``lowest`` and ``highest`` are the bounds, and ``percentile`` is the estimate between them.

The classes of a picture come from the same pass: the softmax of the last fully connected stage. A net
without named classes gives none, for its last vector may be anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from zfexplore.arguments import whole
from zfexplore.atlas.maxima import Layout, image_maxima
from zfexplore.atlas.records import StageRecord
from zfexplore.atlas.tally import EDGES, bins_of
from zfexplore.choices import Fit
from zfexplore.errors import ExploreError
from zfexplore.exemplars.seen import see
from zfexplore.nets.device import exact_arithmetic
from zfexplore.nets.fingerprint import weights_in_use
from zfexplore.studies.records import ClassProbability, PictureRanking, RankedChannel
from zfexplore.units import Unit, Window

if TYPE_CHECKING:
    from zfexplore.atlas.store import Atlas
    from zfexplore.nets.checkpoint import Checkpoint
    from zfexplore.nets.net import Net

Floats = NDArray[np.float64]

# The relative difference up to which an activation counts as equal to one in the atlas: a picture that is
# itself in the atlas must not surpass itself by the last bits.
ROUNDING = {"float32": 1e-5, "bfloat16": 2.0**-7}
MOST_PROBABLE = 5  # classes named by default
SUM_TO_ONE = 1e-3  # how far from 1 the sum of a net's own probabilities may lie, in half precision too


@dataclass(frozen=True)
class Percentiles:
    """The estimate and its bounds for each channel, float64 ``[c]``, in per cent.

    ``rank [c]`` int64 is the rank among the strongest kept: 1 before the first, and 0 after the last.
    """

    estimate: Floats
    lowest: Floats
    highest: Floats
    rank: NDArray[np.int64]


def rank_channels(
    checkpoint: Checkpoint,
    atlas: Atlas,
    image: Image.Image,
    *,
    stage: str | None = None,
    fit: Fit | None = None,
) -> list[RankedChannel]:
    """Rank the channels of ``stage`` by the percentile of their maxima on an RGB ``image``, highest first.

    Without ``stage``, the channels of all stages in the atlas are ranked except those of pools, whose
    maxima repeat those of their convolutions. ``fit`` is by default that of the atlas; only then is the
    comparison fair. Equal percentiles are ordered by ``strength`` (an infinite one comes last), then in the
    order of the net. Raises ExploreError for a stage that the atlas does not have, and for an atlas of
    other weights.
    """
    _check_weights(checkpoint, atlas)
    return sorted(_responses(checkpoint, atlas, image, stage, fit, None).channels, key=_descending)


def rank_picture(
    checkpoint: Checkpoint,
    atlas: Atlas,
    image: Image.Image,
    *,
    stage: str | None = None,
    fit: Fit | None = None,
    count: int = MOST_PROBABLE,
    checked: bool = False,
) -> PictureRanking:
    """Give the ``count`` most probable classes of an RGB ``image`` and the channels it excites, in one pass.

    The channels are those of ``rank_channels``, but the convolutional ones come before the fully connected
    ones, of which most pictures excite many more. ``checked`` tells that the weights are known to be the
    atlas's: to compare them takes a third of the time. Raises ExploreError as ``rank_channels`` does.
    """
    if not checked:
        _check_weights(checkpoint, atlas)
    found = _responses(checkpoint, atlas, image, stage, fit, _classifier(checkpoint))
    heads = {head.name for head in checkpoint.net.heads}
    channels = sorted(found.channels, key=lambda each: (each.unit.stage in heads, *_descending(each)))
    return PictureRanking(_most_probable(checkpoint, found.logits, count), tuple(channels))


def class_probabilities(
    checkpoint: Checkpoint, image: Image.Image, *, fit: Fit = "crop", count: int = MOST_PROBABLE
) -> tuple[ClassProbability, ...]:
    """Give the ``count`` most probable classes of an RGB ``image``, the most probable first.

    Gives none for a net without named classes. Raises ExploreError for a net that overflows on the image.
    """
    head = _classifier(checkpoint)
    if head is None:
        return ()
    net = checkpoint.net
    layout = Layout.of(net, [head], checkpoint.metadata.input.size)
    logits, _ = _maxima(net, see(checkpoint, image, fit).batch, layout)
    return _most_probable(checkpoint, logits, count)


def _check_weights(checkpoint: Checkpoint, atlas: Atlas) -> None:
    if atlas.header["weights"] != weights_in_use(checkpoint):
        raise ExploreError("the atlas is of another checkpoint's weights: index the images again")


@dataclass(frozen=True)
class _Responses:
    """What one pass gives: the channels in the order of the net, and the logits ``[classes]`` if any."""

    channels: list[RankedChannel]
    logits: NDArray[np.float32] | None


def _responses(
    checkpoint: Checkpoint, atlas: Atlas, image: Image.Image, stage: str | None, fit: Fit | None,
    head: str | None,
) -> _Responses:  # fmt: skip
    """Look at ``image`` once; ``head`` names the stage whose values are wanted as logits."""
    records = (
        [atlas.stage(stage)]
        if stage is not None
        else [each for each in atlas.stages.values() if each.kind != "pool"]
    )
    net, size = checkpoint.net, checkpoint.metadata.input.size
    names = [record.name for record in records]
    wanted = [*names, head] if head is not None and head not in names else names
    layout = Layout.of(net, wanted, size)
    maxima, places = _maxima(net, see(checkpoint, image, fit or atlas.header["fit"]).batch, layout)
    spans = dict(zip(wanted, layout.spans, strict=True))
    channels = [
        channel
        for record in records
        for channel in _of_stage(
            checkpoint, atlas, record, maxima[spans[record.name]], places[spans[record.name]], size
        )
    ]
    return _Responses(channels, None if head is None else maxima[spans[head]])


def percentiles(
    record: StageRecord, activation: NDArray[np.float32], count: int, *, rectified: bool = True
) -> Percentiles:
    """Give, for each channel, the share of the atlas's ``count`` images weaker than ``activation [c]``.

    ``rectified`` means that the stage's activations are never below zero, so that none is weaker than 0.
    """
    value, weakest_kept = record.value, record.value[:, -1]  # [c, k], -inf if there are fewer images
    bins = _bins(activation)  # [c]
    own_bin = bins[:, None]
    in_bin = np.take_along_axis(record.histogram, own_bin, axis=1)[:, 0]
    up_to_bin = np.take_along_axis(record.histogram.cumsum(axis=1), own_bin, axis=1)[:, 0]
    not_weaker = (value >= activation[:, None]).sum(axis=1)
    # Above the weakest kept, every image that is not kept is weaker; below, all that are kept are not.
    exact = activation > weakest_kept
    kept_in_bin = ((_bins(value) == own_bin) & np.isfinite(value)).sum(axis=1)
    lowest = np.where(exact, count - not_weaker, up_to_bin - in_bin)
    highest = np.where(exact, count - not_weaker, up_to_bin - kept_in_bin)
    if rectified:
        lowest, highest = (np.where(activation > 0, bound, 0) for bound in (lowest, highest))
    estimate = lowest + _position_in_bin(activation, bins, weakest_kept) * (highest - lowest)
    rank = np.where(exact & (activation > 0), not_weaker + 1, 0)
    return Percentiles(100 * estimate / count, 100 * lowest / count, 100 * highest / count, rank)


def _maxima(net: Net, batch: Tensor, layout: Layout) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Give each channel's maximum ``[c]`` on the picture, and its place, row * width + column."""
    with exact_arithmetic(net.device):
        everything = torch.full((layout.channels,), -torch.inf, device=net.device)
        picture = batch.contiguous(memory_format=torch.channels_last)
        maxima, places = image_maxima(net, picture, layout, everything)  # [1, c]
    if not bool(torch.isfinite(maxima).all()):
        raise ExploreError("a channel's response is not a finite number: this net overflows on its input")
    return maxima[0].cpu().numpy(), places[0].cpu().numpy()


def _classifier(checkpoint: Checkpoint) -> str | None:
    """Give the stage whose values are named classes; None where the net ends in none."""
    heads, names = checkpoint.net.heads, checkpoint.metadata.classes
    last = heads[-1] if heads else None
    if last is None or last.rectified or not 1 < last.channels == len(names):
        return None
    return last.name


def _most_probable(
    checkpoint: Checkpoint, logits: NDArray[np.float32] | None, count: int
) -> tuple[ClassProbability, ...]:
    """Give the highest of the softmax of ``logits [classes]``; equal ones in the order of the classes."""
    if logits is None:
        return ()
    values = torch.from_numpy(np.ascontiguousarray(logits)).double()
    if bool((values >= 0).all()) and abs(float(values.sum()) - 1) < SUM_TO_ONE:
        probability = values.numpy()  # the net takes the softmax itself
    else:
        probability = values.softmax(0).numpy()
    order = np.argsort(-probability, kind="stable")[: whole(count, "count", least=0)].tolist()
    names = checkpoint.metadata.classes
    return tuple(ClassProbability(index, names[index], float(probability[index])) for index in order)


def _of_stage(
    checkpoint: Checkpoint,
    atlas: Atlas,
    record: StageRecord,
    maxima: NDArray[np.float32],
    places: NDArray[np.int64],
    size: int,
) -> list[RankedChannel]:
    net, names = checkpoint.net, checkpoint.class_names(record.name)
    activation = _snapped(maxima, record.value, ROUNDING[atlas.header["precision"]])
    found = percentiles(record, activation, atlas.count, rectified=net.stage(record.name).rectified)
    windows = _windows(net, record, places, size)
    return [
        RankedChannel(
            unit=_unit(record, channel, int(places[channel])),
            activation=float(maxima[channel]),
            percentile=float(found.estimate[channel]),
            lowest=float(found.lowest[channel]),
            highest=float(found.highest[channel]),
            strength=_strength(float(activation[channel]), float(record.max[channel])),
            rank=int(found.rank[channel]) or None,
            window=windows.get(int(places[channel])),
            name=names[channel] if names else "",
        )
        for channel in range(record.channels)
    ]


def _unit(record: StageRecord, channel: int, place: int) -> Unit:
    if record.kind == "fc":
        return Unit(record.name, channel)
    return Unit(record.name, channel, *divmod(place, record.map_size[1]))


def _windows(net: Net, record: StageRecord, places: NDArray[np.int64], size: int) -> dict[int, Window]:
    """Give what the unit at each place sees of the input; many channels fire most at one place."""
    if record.kind == "fc":
        return {}
    shape, width = (size, size), record.map_size[1]
    different = {int(place) for place in places}
    return {place: net.window(record.name, place // width, place % width, shape) for place in different}


def _snapped(
    activation: NDArray[np.float32], value: NDArray[np.float32], rounding: float
) -> NDArray[np.float32]:
    """Replace each activation ``[c]`` by the kept value in ``[c, k]`` that it equals up to rounding."""
    distance = np.abs(value - activation[:, None])  # infinite if no image was kept
    nearest = distance.argmin(axis=1)[:, None]
    close = np.take_along_axis(distance, nearest, axis=1)[:, 0] <= rounding * np.abs(activation)
    return np.where(close, np.take_along_axis(value, nearest, axis=1)[:, 0], activation)


def _bins(values: NDArray[np.float32]) -> NDArray[np.int64]:
    return bins_of(torch.from_numpy(np.ascontiguousarray(values))).numpy()


def _position_in_bin(
    activation: NDArray[np.float32], bins: NDArray[np.int64], weakest_kept: NDArray[np.float32]
) -> Floats:
    """Give how far up its bin each activation lies, in [0, 1]; the bin ends at the weakest value kept.

    The position is logarithmic, but linear in the bin that begins at 0, and halfway in that of zero and
    less.
    """
    edges = np.concatenate([[-np.inf, 0.0], EDGES, [np.inf]])  # bin i lies between edges i and i + 1
    low, high = edges[bins], np.minimum(edges[bins + 1], np.maximum(weakest_kept, activation))
    position = np.full(activation.shape, 0.5)
    small, octave = bins == 1, (bins > 1) & (high > low)
    position[small] = activation[small] / high[small]
    position[octave] = np.log(activation[octave] / low[octave]) / np.log(high[octave] / low[octave])
    return position


def _strength(activation: float, best: float) -> float:
    if best > 0:
        return activation / best
    return float("inf") if activation > 0 else 0.0


def _descending(channel: RankedChannel) -> tuple[float, float]:
    # A channel that fires on no image of the atlas has no scale for its strength; mostly it barely fires.
    return -channel.percentile, -channel.strength if channel.strength < float("inf") else 1.0
