"""How well each stage's features serve other classes: a linear classifier on them, nothing else trained.

ZF table 7, by the protocol of their table 4: 15 or 30 training images of every class, at most 50 of the
others to test, and the mean over the classes of each class's own accuracy. The net stays as it is. Every
image is seen once, as its centre crop. A map is pooled to the largest square of averages that keeps it at
9,216 values or fewer, as many as pool5 of ZFNet has; a vector stays as it is.

The penalty of the classifier (``linear``) is chosen within the training images of each split: fitted on two
thirds of every class, judged on the last third, then fitted again on all. The test images are used once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from zfexplore.arguments import shown, whole
from zfexplore.errors import ExploreError
from zfexplore.images.sources import Source
from zfexplore.images.transforms import crop_offset, normalise
from zfexplore.images.workers import WorkerFailed, processes_pay, usual_workers
from zfexplore.nets.checkpoint import Checkpoint
from zfexplore.progress import Finished, Meter, Note, Progress, Skipped
from zfexplore.studies.linear import STRENGTHS, Classifier, fit, per_class_accuracy
from zfexplore.studies.records import StageTransfer, Transfer
from zfexplore.training.data import Batch, Streamed, free_memory, in_batches, members

MOST_VALUES = 9216
MOST_TESTED = 50  # images a class
IMAGES_AT_ONCE = 32
# ZF table 7, per cent, of a net trained on ImageNet: Caltech-101 at 30 images a class. Their layers 1, 2 and
# 5 end with the pool: the value stands beside it, or beside the convolution where the pool is not measured.
PAPER_ON_CALTECH_101 = {
    ("pool1", "conv1"): 44.8, ("pool2", "conv2"): 66.2, ("conv3",): 72.3, ("conv4",): 76.6,
    ("pool5", "conv5"): 86.2, ("fc7",): 85.5,
}  # fmt: skip
PAPER_PER_CLASS = 30


@dataclass(frozen=True)
class Drawn:
    """The images of a split, class by class: indices into a source."""

    training: tuple[tuple[int, ...], ...]
    test: tuple[tuple[int, ...], ...]

    def within(self) -> Drawn:
        """Give the training images alone, divided again: two thirds of every class, and a third to judge."""
        kept = [max(1, len(indices) * 2 // 3) for indices in self.training]  # some cannot be read
        parts = list(zip(self.training, kept, strict=True))
        return Drawn(
            tuple(indices[:count] for indices, count in parts),
            tuple(indices[count:] for indices, count in parts),
        )


def draw(source: Source, per_class: int, *, seed: int, split: int) -> Drawn:
    """Draw the training and the test images of every class, by (seed, split, class) alone.

    Raises ExploreError for a class that would have no image to test, and without classes.
    """
    training, test = [], []
    for label, indices in enumerate(members(source)):
        if len(indices) <= per_class:
            count = "1 image" if len(indices) == 1 else f"{len(indices)} images"
            raise ExploreError(
                f"{source.classes[label]} has {count}, too few to train on {per_class} and to test on "
                "others: give a smaller --per-class, or --exclude the class",
                usage=True,
            )
        shuffled = np.random.default_rng([seed, split, label]).permutation(indices).tolist()
        training.append(tuple(shuffled[:per_class]))
        test.append(tuple(shuffled[per_class:][:MOST_TESTED]))
    return Drawn(tuple(training), tuple(test))


def transfer(
    checkpoint: Checkpoint,
    source: Source,
    *,
    per_class: Sequence[int] = (15, 30),
    splits: int = 5,
    seed: int = 0,
    workers: int | None = None,
) -> Iterator[Any]:
    """Measure every watched stage of a net on a labelled source; the last event carries the ``Transfer``.

    ``per_class`` are the numbers of training images a class, ``splits`` how often each is drawn anew by
    ``seed``, ``workers`` the processes that decode: by default one per core for a GPU and many files, else
    0. Memory holds all stages' features of the images in use: 0.3 MB an image for ZFNet. Raises ExploreError
    for wrong numbers, a class with too few images, and features that do not fit in memory; WorkerFailed if
    a process that was asked for fails.
    """
    sizes = _sizes(per_class)
    splits, seed = whole(splits, "--splits"), whole(seed, "--seed", least=0)
    if splits < 1:
        raise ExploreError(f"--splits must be at least 1, not {splits}", usage=True)
    drawn = {
        (size, split): draw(source, size, seed=seed, split=split) for size in sizes for split in range(splits)
    }
    used = sorted({index for one in drawn.values() for part in (*one.training, *one.test) for index in part})
    features = yield from _features(checkpoint, source, used, workers)
    classes = len(source.classes)
    scores: list[StageTransfer] = []
    papers = _papers(checkpoint)
    meter = Meter("fitting classifiers", len(features.stages) * len(drawn), unit="fits")
    yield Progress(meter.task, 0, meter.total, unit=meter.unit)
    for name, values in features.stages.items():
        for size in sizes:
            accuracies, strengths = [], []
            for split in range(splits):
                rows = features.rows(drawn[size, split])
                accuracy, strength = score(values, features.labels, rows, classes, checkpoint.net.device)
                accuracies.append(accuracy)
                strengths.append(strength)
                if event := meter.tick():
                    yield event
            paper = papers.get(name) if size == PAPER_PER_CLASS else None
            one = StageTransfer(name, values.shape[1], size, tuple(accuracies), tuple(strengths), paper)
            scores.append(one)
    tested = {size: sum(map(len, features.rows(drawn[size, 0]).test)) for size in sizes}
    yield Finished(Transfer(source.name, classes, splits, seed, tested, tuple(scores)))


def score(
    values: Tensor, labels: Tensor, rows: Drawn, classes: int, device: torch.device | None = None
) -> tuple[float, float]:
    """Give the accuracy on the test rows of ``values [n, d]``, in [0, 1], and the strength that was chosen.

    Of strengths that judge equally well, the largest is taken. With one training image a class nothing is
    left to judge by, and it is the middle one. Raises ExploreError where no row trains, or none tests.
    """

    def taken(parts: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        chosen = torch.tensor([row for part in parts for row in part], dtype=torch.int64)
        return values[chosen].to(device), labels[chosen].to(device)

    def accuracy(classifier: Classifier, features: Tensor, theirs: Tensor) -> float:
        return per_class_accuracy(classifier.logits(features).argmax(1), theirs)

    if not any(rows.training) or not any(rows.test):
        raise ExploreError("of a split, no image to train on or none to test on can be read")
    within = rows.within()
    judged = taken(within.test)
    strength = STRENGTHS[len(STRENGTHS) // 2]
    if len(judged[0]):
        tried = [accuracy(one, *judged) for one in fit(*taken(within.training), classes)]
        strength = STRENGTHS[tried.index(max(tried))]
    (final,) = fit(*taken(rows.training), classes, [strength])
    return accuracy(final, *taken(rows.test)), strength


def pooled(values: Tensor, most: int = MOST_VALUES) -> Tensor:
    """Pool a map ``[n, c, h, w]`` to squares of averages: ``[n, d]``, d at most ``most``; keep ``[n, c]``."""
    if values.ndim == 2:
        return values
    channels, height, width = values.shape[1:]
    if channels * height * width > most:
        side = max(1, math.isqrt(most // channels))
        values = F.adaptive_avg_pool2d(values, (min(side, height), min(side, width)))
    return values.flatten(1)


@dataclass(frozen=True, eq=False)
class _Features:
    """Every stage's features ``[n, d]`` and the labels ``[n]``; ``row_of`` gives an image's row."""

    stages: dict[str, Tensor]
    labels: Tensor
    row_of: dict[int, int]

    def rows(self, drawn: Drawn) -> Drawn:
        """Give the rows of a split's images, without those that could not be read."""
        training, test = (
            tuple(tuple(self.row_of[index] for index in part if index in self.row_of) for part in parts)
            for parts in (drawn.training, drawn.test)
        )
        return Drawn(training, test)


def _features(
    checkpoint: Checkpoint, source: Source, used: Sequence[int], workers: int | None
) -> Generator[Any, None, _Features]:
    """Run the net over the images in use, once each."""
    net, convention = checkpoint.net, checkpoint.metadata.input
    start, size = crop_offset(convention), convention.size
    stages: dict[str, Tensor] = {}
    labels = torch.empty(len(used), dtype=torch.int64)
    row_of: dict[int, int] = {}
    meter = Meter("computing features", len(used))
    asked = in_batches(used, IMAGES_AT_ONCE)
    remarks: list[str] = []
    batches = _decoded(checkpoint, source, asked, workers, tell=remarks.append)
    for wanted, batch in zip(asked, batches, strict=True):
        while remarks:
            yield Note(remarks.pop())
        for name, reason in batch.unreadable:
            yield Skipped(name, reason)
        if len(batch):
            squares = batch.pixels[:, start : start + size, start : start + size].to(net.device)
            rows = slice(len(row_of), len(row_of) + len(batch))
            found = _pooled_maps(checkpoint, normalise(squares, convention))
            if not stages:
                _check_memory(found, len(used))
                stages = {name: torch.empty(len(used), values.shape[1]) for name, values in found.items()}
            for name, values in found.items():
                stages[name][rows] = values.cpu()
            labels[rows] = batch.labels
            row_of |= {index: rows.start + place for place, index in enumerate(batch.indices.tolist())}
        if event := meter.tick(len(wanted)):
            yield event
    if not row_of:
        raise ExploreError("none of the images can be read")
    count = len(row_of)
    return _Features({name: values[:count] for name, values in stages.items()}, labels[:count], row_of)


def _decoded(
    checkpoint: Checkpoint,
    source: Source,
    asked: Sequence[Sequence[int]],
    workers: int | None,
    *,
    tell: Callable[[str], object],
) -> Iterator[Batch]:
    """Give the batches. Where nobody asked for processes, the work goes on without those that fail."""
    convention, done, count = checkpoint.metadata.input, 0, sum(map(len, asked))
    chosen = workers is None
    if workers is None:
        workers, device = usual_workers(), checkpoint.net.device.type
        workers = workers if processes_pay(source, count, workers=workers, device=device) else 0
    try:
        for batch in Streamed(source, convention, workers).batches(asked):
            yield batch
            done += 1
    except WorkerFailed as error:
        if not chosen:
            raise
        tell(f"{error.reason}: the other images are decoded without")
        yield from Streamed(source, convention, 0).batches(asked[done:])


@torch.inference_mode()
def _pooled_maps(checkpoint: Checkpoint, images: Tensor) -> dict[str, Tensor]:
    """Give each watched stage's features of ``images [n, 3, size, size]``, float32 ``[n, d]``."""
    net = checkpoint.net
    maps = net.maps(images.to(net.dtype), net.watched)
    found = {name: pooled(maps[name].float()) for name in net.watched}
    for name, values in found.items():
        if not bool(torch.isfinite(values).all()):
            raise ExploreError(
                f"{name} gives numbers that are not finite: this net overflows on these images"
            )
    return found


def _papers(checkpoint: Checkpoint) -> dict[str, float]:
    """Give the paper's accuracy in [0, 1] by stage; none for a net that is not its."""
    if checkpoint.metadata.architecture != "zfnet":
        return {}
    watched = checkpoint.net.watched
    found = (
        (next((name for name in names if name in watched), None), value / 100)
        for names, value in PAPER_ON_CALTECH_101.items()
    )
    return {name: value for name, value in found if name is not None}


def _check_memory(found: dict[str, Tensor], count: int) -> None:
    needed, free = count * sum(values.shape[1] for values in found.values()) * 4, free_memory()
    if needed > 0.7 * free:
        raise ExploreError(
            f"the features of {count:,} images take {needed / 2**30:.1f} GB, and {free / 2**30:.1f} GB are "
            f"free: name fewer layers with --stage, such as --stage {list(found)[-1]}"
        )


def _sizes(per_class: Any) -> list[int]:
    """Give the numbers of training images a class, ascending; raises ExploreError for other things."""
    if isinstance(per_class, str) or not isinstance(per_class, Sequence) or not per_class:
        raise ExploreError(f"per_class takes a list such as [15, 30], not {shown(per_class)}", usage=True)
    return sorted({whole(size, "--per-class", least=1) for size in per_class})
