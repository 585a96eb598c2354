"""How good a net is on images it never saw: top-1, top-5, mean per-class accuracy, dead channels.

Ten crops (K, ZF) are the corners and the centre of the ``resize`` square and their mirror images; their
softmax is averaged. A channel is dead if it has no positive value on any image.

All counts stay on the device until the end: a GPU waits at every number that it is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from zfexplore.arguments import shown
from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.images.sources import Source
from zfexplore.images.transforms import crop_offset, normaliser, ten_crop
from zfexplore.nets.checkpoint import Checkpoint
from zfexplore.nets.net import Net
from zfexplore.nets.ranks import Ranks
from zfexplore.nets.synsets import class_of_synset
from zfexplore.nets.transfers import upload
from zfexplore.plain import maybe, number, whole
from zfexplore.progress import Finished, Meter, Note, Skipped
from zfexplore.training.data import Squares, Streamed, in_batches, split
from zfexplore.training.machine import Machine

VIEWS_AT_ONCE = 64  # images, or crops of images, in one forward pass


@dataclass(frozen=True)
class Evaluation:
    """What a net scored on ``count`` images.

    ``loss`` is the mean cross-entropy. ``top1``, ``top5`` and ``per_class`` are shares in [0, 1];
    ``per_class`` is the mean over the classes of each class's own top-1. ``dead`` counts each stage's
    dead channels.
    """

    count: int
    loss: float
    top1: float
    top5: float
    per_class: float
    dead: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Give the figures as plain values."""
        return asdict(self)


def evaluate(
    net: Net,
    images: Squares,
    indices: Sequence[int],
    convention: InputConvention,
    machine: Machine,
    *,
    crops: int = 1,
    class_map: Sequence[int] | None = None,
    task: str = "evaluating",
) -> Iterator[Any]:
    """Measure the net on ``indices``; yields events, the last one ``Finished(Evaluation)``.

    ``crops`` is 1, for the centre, or 10. ``class_map`` turns the images' labels into the net's, if they
    differ; ``indices`` must not hold images of a class that the net does not know (-1). Of several ranks each
    measures some batches, and all give the figures of all.
    """
    counts = _Counts([stage.name for stage in net.stages if stage.kind == "conv"], machine.device)
    counts.stages += [stage.name for stage in net.heads[:-1]]
    meter = Meter(task, len(indices))
    net.module.eval()
    dealt = machine.ranks.dealt(in_batches(indices, max(1, VIEWS_AT_ONCE // crops)))
    known = None if class_map is None else torch.tensor(class_map)
    normalised: Callable[[Tensor], Tensor] | None = None
    for (wanted, _), batch in zip(dealt, images.batches([own for _, own in dealt]), strict=True):
        for name, reason in batch.unreadable:
            yield Skipped(name, reason)
        if len(batch):
            labels = batch.labels if known is None else known[batch.labels]
            pixels = upload(batch.pixels, machine.device)
            if normalised is None:
                normalised = normaliser(convention, (pixels.shape[1], pixels.shape[2]), machine.device)
            counts.add(*_predict(net, normalised, pixels, convention, machine, crops, counts.stages), labels)
        else:
            counts.add_nothing()
        if event := meter.tick(wanted):
            yield event
    counts.fetch()
    counts.join(machine.ranks)
    yield Finished(counts.result())


def evaluate_checkpoint(
    checkpoint: Checkpoint, source: Source, machine: Machine, *, crops: int = 1, held_out: bool = False
) -> Iterator[Any]:
    """Measure a checkpoint on a labelled source, or on the part of it that its training held out.

    Images of classes that the net does not know are left out, and a ``Note`` says how many. Raises
    ExploreError for a net without classes, and if ``held_out`` is given but the images are not those of
    the training.
    """
    if not checkpoint.net.heads:
        raise ExploreError(
            "this checkpoint is a trunk alone, as snapshots are: it cannot tell classes", usage=True
        )
    mapped = class_map(source.classes, checkpoint.metadata.classes)
    indices: Sequence[int] = range(len(source))
    if held_out:
        indices = _held_out(checkpoint.metadata.images, source)
    known = known_images(source, indices, mapped)
    if len(known) < len(indices):
        yield Note(f"{len(indices) - len(known)} images are of classes that the net does not know: left out")
    convention = checkpoint.metadata.input
    images = Streamed(source, convention, machine.workers)
    yield from evaluate(checkpoint.net, images, known, convention, machine, crops=crops, class_map=mapped)


def known_images(source: Source, indices: Iterable[int], class_map: Sequence[int]) -> list[int]:
    """Give those of ``indices`` whose class the net knows."""
    labels = ((index, source.label(index)) for index in indices)
    return [index for index, label in labels if label is not None and class_map[label] >= 0]


def _called(name: object) -> str:
    return name if isinstance(name, str) else shown(name)


def _held_out(recorded: dict[str, Any], source: Source) -> tuple[int, ...]:
    """Give the images that a training held out: the choice depends only on labels and seed."""
    how = recorded.get("held_out")
    try:
        fraction = maybe(number, how, "fraction", least=0, most=1) if isinstance(how, dict) else None
        seed = whole(how, "seed") if fraction else 0
    except ValueError as error:
        raise ExploreError(
            f"what the checkpoint says of its held-out images cannot be read: {error}"
        ) from error
    if not fraction:
        raise ExploreError(
            "this checkpoint's training held no part of its images out: give held-out images themselves",
            usage=True,
        )
    if recorded.get("fingerprint") != source.fingerprint():
        raise ExploreError(
            f"these are not the images ({_called(recorded.get('name'))}) that the checkpoint was trained on, "
            "so the held-out part cannot be told: give the same --images and --exclude",
            usage=True,
        )
    return split(source, fraction, seed=seed).held_out


def class_map(classes: Sequence[str], known: Sequence[str]) -> list[int]:
    """Give for each of the images' ``classes`` its index in ``known``, the net's classes, or -1.

    ImageNet's folders (``n01440764``) are those of the class's name (tench). Raises ExploreError if the
    net knows none of them.
    """
    places = {name: place for place, name in enumerate(known)}
    mapped = [places.get(name, places.get(class_of_synset(name) or "", -1)) for name in classes]
    if not any(place >= 0 for place in mapped):
        theirs = f"they are of {_some(classes)}" if classes else "they have no classes"
        raise ExploreError(f"the net knows {_some(known)}, and none of these images' classes: {theirs}")
    return mapped


@torch.inference_mode()
def _predict(
    net: Net,
    normalised: Callable[[Tensor], Tensor],
    pixels: Tensor,
    convention: InputConvention,
    machine: Machine,
    crops: int,
    stages: list[str],
) -> tuple[Tensor, dict[str, Tensor]]:
    """Give log probabilities ``[n, classes]`` and, by stage, each channel's strongest value ``[c]``."""
    large = normalised(pixels)  # [n, 3, R, R]
    if crops == 1:
        start, size = crop_offset(convention), convention.size
        x = large[:, :, start : start + size, start : start + size]
    else:
        x = ten_crop(large, convention.size).flatten(0, 1)  # [n * 10, 3, S, S]
    x = x.contiguous(memory_format=torch.channels_last)
    with machine.autocast():
        maps = net.maps(x, [*stages, net.names[-1]])
    log_shares = F.log_softmax(maps.pop(net.names[-1]).float(), dim=1).unflatten(0, (-1, crops))
    strongest = {name: values.movedim(1, 0).flatten(1).amax(1) for name, values in maps.items()}
    mean = torch.logsumexp(log_shares, dim=1) - math.log(crops)
    return mean, strongest


class _Counts:
    """The counts over the batches: on the device until ``fetch``, but for the labels."""

    def __init__(self, stages: list[str], device: torch.device) -> None:
        self.stages = stages
        self._device = device
        self._alive: dict[str, Tensor] = {}
        self._ranks: list[Tensor] = []
        self._labels: list[Tensor] = []
        self._losses: list[Tensor] = []

    def add(self, log_shares: Tensor, strongest: dict[str, Tensor], labels: Tensor) -> None:
        """Add a batch: log probabilities ``[n, classes]``, strongest values ``[c]``, labels ``[n]``."""
        right = log_shares.gather(1, upload(labels[:, None], self._device))  # [n, 1]
        self._ranks.append((log_shares > right).sum(1))  # how many classes are more probable
        self._losses.append(-right[:, 0])
        self._labels.append(labels)
        for name, values in strongest.items():
            alive = values > 0
            self._alive[name] = self._alive[name] | alive if name in self._alive else alive

    def add_nothing(self) -> None:
        """Add a batch of which no image could be read, or that this rank does not have."""
        self._ranks.append(torch.empty(0, dtype=torch.int64, device=self._device))
        self._losses.append(torch.empty(0, device=self._device))
        self._labels.append(torch.empty(0, dtype=torch.int64))

    def fetch(self) -> None:
        """Bring all to the CPU: this waits for the device."""
        counts = [len(labels) for labels in self._labels]
        if counts:
            self._ranks[:] = torch.cat(self._ranks).cpu().split(counts)
            self._losses[:] = torch.cat(self._losses).cpu().split(counts)
        if self._alive:
            channels = [len(alive) for alive in self._alive.values()]
            alive = torch.cat(list(self._alive.values())).cpu().split(channels)
            self._alive = dict(zip(self._alive, alive, strict=True))

    def join(self, ranks: Ranks) -> None:
        """Add what the other ranks counted, batch by batch, in the order of one process."""
        if not ranks.many:
            return
        told = ranks.gather((self._ranks, self._labels, self._losses, self._alive))
        for place, parts in enumerate((self._ranks, self._labels, self._losses)):
            parts[:] = [part for dealt in zip(*(one[place] for one in told), strict=True) for part in dealt]
        for _, _, _, theirs in told:
            for name, alive in theirs.items():
                self._alive[name] = self._alive[name] | alive if name in self._alive else alive

    def result(self) -> Evaluation:
        """Give the figures; raises ExploreError if no image could be read."""
        if not sum(map(len, self._ranks)):
            raise ExploreError("there is no readable labelled image to evaluate on")
        ranks, labels = torch.cat(self._ranks), torch.cat(self._labels)
        shares = [(ranks[labels == label] == 0).double().mean() for label in labels.unique()]
        return Evaluation(
            count=len(ranks),
            loss=float(torch.cat(self._losses).double().mean()),
            top1=float((ranks == 0).double().mean()),
            top5=float((ranks < 5).double().mean()),
            per_class=float(torch.stack(shares).mean()),
            dead={name: int((~alive).sum()) for name, alive in self._alive.items()},
        )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
