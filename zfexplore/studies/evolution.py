"""How features come about (ZF section 4.1, figure 4), and how early each stage settles.

For weights kept during one training: each channel's strongest activation over the same images, after each
epoch, brought back to pixels. So the place is another one every time: a channel may jump from one image to
the next, as in the paper. It is the first exemplar of the atlas of those weights, and each atlas goes to
the cache. One net is in memory at a time, beside the last one.

A stage has settled when its filters no longer turn. For each channel that is the correlation (Pearson's) of
its filter's weights, over all its inputs, with those of the next weights and with those of the last; a
stage's value is the mean over its channels. It sees neither a filter's size nor its bias. Epochs that lie
further apart have more time to change: with the last weights, all stages compare fairly.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zfexplore.arguments import path_text
from zfexplore.atlas.open import open_or_build
from zfexplore.atlas.store import Atlas
from zfexplore.choices import SHIPPED_NET, Fit, Rule
from zfexplore.errors import ExploreError
from zfexplore.exemplars.exemplars import exemplars
from zfexplore.exemplars.records import ChannelExemplars, Exemplar
from zfexplore.images.sources import Source
from zfexplore.nets.checkpoint import Checkpoint, load_checkpoint
from zfexplore.nets.net import Net, Stage
from zfexplore.nets.trunk import Trunk
from zfexplore.progress import Finished, Note, Progress, Skipped
from zfexplore.training.run import read_run
from zfexplore.units import Unit

Filters = Mapping[str, NDArray[np.float32]]  # by stage, [channels, weights of one filter]
Load = Callable[[str], Checkpoint]
Shapes = dict[str, tuple[int, ...]]  # of each stage its channels, and the shape of one filter


@dataclass(frozen=True, slots=True)
class Moment:
    """Weights kept during a training: after how many ``epochs``, their file's ``name``, and fingerprint."""

    epochs: float
    name: str
    weights: str

    @property
    def told(self) -> str:
        """The epochs in words: ``epoch 5``, or within one ``epoch 4.25``."""
        return f"epoch {self.epochs:.4g}"


@dataclass(frozen=True, slots=True)
class Settling:
    """How a ``stage``'s filters correlate, in [-1, 1], with those after the next moment and the last one.

    Entry i of both is of moment i; the last moment has none.
    """

    stage: str
    with_next: tuple[float, ...]
    with_last: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Evolution:
    """``strongest[channel][moment]`` is the exemplar then, None where the channel fired on no image.

    None too where its image could not be read. ``moments`` go up by their epochs.
    """

    moments: tuple[Moment, ...]
    channels: tuple[Unit, ...]
    strongest: tuple[tuple[Exemplar | None, ...], ...]
    settling: tuple[Settling, ...]


Event = Progress | Note | Skipped | Finished[Evolution]


def weights_in(files: Iterable[str | os.PathLike[str]], *, before: float = math.inf) -> list[str]:
    """Give the files of weights that ``files`` name: of a run's folder, all that it kept ``before`` an epoch.

    Raises ExploreError for a folder that is no run, or whose weights cannot be read.
    """
    found: list[str] = []
    for file in files:
        path = os.path.expanduser(path_text(file, "a file of weights"))
        if not os.path.isdir(path):
            found.append(path)
            continue
        run = read_run(path)
        if run.unreadable:
            raise ExploreError(f"{path}: {run.unreadable[0]}; move it away")
        kept = [str(weights.path) for weights in run.weights if weights.epochs < before]
        if not kept:
            earlier = "" if before == math.inf else f" before epoch {before:.4g}"
            raise ExploreError(
                f"{path} has kept no weights{earlier}: `zfexplore train --snapshots` says when it does"
            )
        found += kept
    return list(dict.fromkeys(found))


def in_order(names: Sequence[str], load: Load = load_checkpoint) -> list[Moment]:
    """Load each of the weights and give them by their epochs; raises ExploreError for two of one epoch."""
    return [moment for moment, _ in _surveyed(names, load)]


def evolve(
    earlier: Sequence[str],
    last: Checkpoint,
    atlas: Atlas,
    source: Source,
    channels: Sequence[Unit],
    *,
    name: str = SHIPPED_NET,
    load: Load = load_checkpoint,
    fit: Fit = "crop",
    rule: Rule = "deconv",
) -> Iterator[Event]:
    """Follow ``channels`` through the weights ``earlier``, files or names, to the ``last``, called ``name``.

    ``atlas`` is that of the last weights over ``source``; the others' are opened or built, as
    ``open_or_build`` does. ``fit`` must be the atlas's, ``rule`` as for ``project``. ``Finished`` carries
    the ``Evolution``. An image that cannot be read is ``Skipped`` once. To close it early loses nothing
    that is indexed.

    Raises ExploreError, before anything takes long, without earlier weights, for weights of the same epoch
    or later than the last, and for nets whose filters have other shapes than the last one's.
    """
    moments = _checked(_surveyed(earlier, load), _moment(name, last), last.net, channels)
    final = filters_of(last.net)
    strongest: list[dict[Unit, Exemplar]] = []
    settling = _Settled(final)
    skipped: set[str] = set()
    for moment in moments:
        is_last = moment is moments[-1]
        checkpoint = last if is_last else load(moment.name)
        found: dict[Unit, Exemplar] = {}
        events: Any = _at(checkpoint, atlas if is_last else None, source, channels, found, fit, rule)
        with closing(events):
            for event in events:
                if isinstance(event, Skipped):
                    if event.name not in skipped:
                        yield event
                    skipped.add(event.name)
                elif isinstance(event, Progress):
                    yield replace(event, task=f"{moment.told}: {event.task}")
                elif isinstance(event, Note):
                    yield Note(f"{moment.told}: {event.text}")
        strongest.append(found)
        settling.add(final if is_last else filters_of(checkpoint.net))
    by_channel = tuple(tuple(found.get(channel) for found in strongest) for channel in channels)
    yield Finished(Evolution(tuple(moments), tuple(channels), by_channel, settling.stages()))


def filters_of(net: Net) -> Filters:
    """Give each stage's filters ``[channels, weights]`` float32; of any net's, those named after a layer.

    A pool has none.
    """
    found = {}
    for stage in (*net.stages, *net.heads):
        weights = _weight(net, stage)
        if weights is not None and weights.ndim > 1 and len(weights) == stage.channels:
            found[stage.name] = weights.detach().float().cpu().flatten(1).numpy().copy()
    return found


def correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Give the mean over channels of the correlation of filters ``a`` and ``b [channels, weights]``.

    A filter whose weights are all equal correlates with nothing: 1 with itself, else 0.
    """
    pair = [np.asarray(each, np.float64) for each in (a, b)]
    centred = [each - each.mean(axis=1, keepdims=True) for each in pair]
    lengths = np.linalg.norm(centred[0], axis=1) * np.linalg.norm(centred[1], axis=1)  # [channels]
    products = (centred[0] * centred[1]).sum(axis=1)
    same = (pair[0] == pair[1]).all(axis=1)
    each = np.where(lengths > 0, products / np.where(lengths > 0, lengths, 1), same)
    return float(each.clip(-1, 1).mean())


class _Settled:
    """Correlates the filters of one moment after another; keeps those of the one before and of the last."""

    def __init__(self, last: Filters) -> None:
        self.last, self.before = last, dict[str, NDArray[np.float32]]()
        self.nexts: dict[str, list[float]] = {name: [] for name in last}
        self.lasts: dict[str, list[float]] = {name: [] for name in last}

    def add(self, filters: Filters) -> None:
        for name in list(self.nexts):
            if name not in filters:  # a snapshot is a trunk alone, without the matrices behind it
                del self.nexts[name], self.lasts[name]
                continue
            if name in self.before:
                self.nexts[name].append(correlation(self.before[name], filters[name]))
            if filters is not self.last:
                self.lasts[name].append(correlation(filters[name], self.last[name]))
        self.before = dict(filters)

    def stages(self) -> tuple[Settling, ...]:
        return tuple(Settling(name, tuple(self.nexts[name]), tuple(self.lasts[name])) for name in self.nexts)


def _surveyed(names: Sequence[str], load: Load) -> list[tuple[Moment, Shapes]]:
    """Give the moments in order, and the shapes of each one's stages."""
    found = []
    for name in names:
        checkpoint = load(name)
        found.append((_moment(name, checkpoint), _shapes(checkpoint.net)))
    found.sort(key=lambda each: each[0].epochs)
    for (one, _), (other, _) in zip(found, found[1:], strict=False):
        if one.epochs == other.epochs:
            raise ExploreError(f"{one.name} and {other.name} are both of {one.told}: give one", usage=True)
    return found


def _shapes(net: Net) -> Shapes:
    weights = {one.name: _weight(net, one) for one in (*net.stages, *net.heads)}
    return {
        one.name: (one.channels, *(() if weights[one.name] is None else weights[one.name].shape[1:]))
        for one in (*net.stages, *net.heads)
    }


def _moment(name: str, checkpoint: Checkpoint) -> Moment:
    return Moment(checkpoint.metadata.epochs, name, checkpoint.metadata.weights_fingerprint)


def _checked(
    earlier: Sequence[tuple[Moment, Shapes]], final: Moment, net: Net, channels: Sequence[Unit]
) -> list[Moment]:
    """Give all moments; raises ExploreError unless they can be of one training."""
    if not earlier:
        raise ExploreError("to see features come about takes weights of two epochs or more", usage=True)
    latest = earlier[-1][0]
    if latest.epochs >= final.epochs:
        raise ExploreError(
            f"{latest.name} is of {latest.told}, and {final.name} of {final.told}: "
            "give weights from before the last ones",
            usage=True,
        )
    own = _shapes(net)
    wanted = {name: own[name][0] for name in dict.fromkeys(unit.stage for unit in channels)}
    for moment, there in earlier:
        for name, count in wanted.items():
            if name not in there or there[name][0] != count:
                has = f"{there[name][0]} channels in" if name in there else "no"
                raise ExploreError(
                    f"{moment.name} has {has} {name}, where {final.name} has {count}: "
                    "they are not of one training"
                )
        for name in own:  # also those that are not drawn: all filters are correlated
            if there.get(name, own[name]) != own[name]:
                raise ExploreError(
                    f"the filters of {name} in {moment.name} have another shape than in {final.name}: "
                    "they are not of one training"
                )
    return [*(moment for moment, _ in earlier), final]


def _at(
    checkpoint: Checkpoint, atlas: Atlas | None, source: Source, channels: Sequence[Unit],
    found: dict[Unit, Exemplar], fit: Fit, rule: Rule,
) -> Iterator[Any]:  # fmt: skip
    """Index the images where needed, and put the strongest exemplar of each channel into ``found``."""
    if atlas is None:
        events: Any = open_or_build(checkpoint, source, fit=fit)
        with closing(events):
            for event in events:
                if isinstance(event, Finished):
                    atlas = event.result
                else:
                    yield event
    assert atlas is not None
    for event in exemplars(checkpoint, source, atlas, channels, rule=rule, most=1):
        if isinstance(event, ChannelExemplars):
            found.update((event.channel, exemplar) for exemplar in event.exemplars)
        elif isinstance(event, Progress | Skipped):
            yield event


def _weight(net: Net, stage: Stage) -> Any:
    """Give the weights of the layer that a stage comes from, or None."""
    if not isinstance(net, Trunk):
        return getattr(dict(net.module.named_modules()).get(stage.name), "weight", None)
    if stage.kind == "pool":
        return None
    steps = net.steps[: stage.end]
    return next(step.module.weight for step in reversed(steps) if step.kind in ("conv", "linear"))
