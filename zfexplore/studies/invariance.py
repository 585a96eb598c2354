"""What stays the same when a picture is shifted, enlarged or turned (ZF section 4.1, figure 5).

What the network sees of each picture is moved by some amounts. For each amount the Euclidean distance is
measured between the feature vector of the moved picture and that of the picture as it was, at some stages,
and the probability of one class. A stage that does not change is invariant; so is a net, if the probability
stays.

The paper moves five pictures vertically, by scale and by rotation, and compares layers 1 and 7. It gives no
numbers; its axes show about 60 pixels up and down, scales of 1 to 1.8, and 0 to 350 degrees, which are the
amounts by default (the pixels of an input of 224; others in proportion). It does not say what comes in from
outside either: here it is the mean that the net was trained with, which normalises to zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zfexplore.arguments import shown, whole
from zfexplore.choices import Fit, Move
from zfexplore.errors import ExploreError
from zfexplore.exemplars.seen import Seen, see, seen_of
from zfexplore.images.moved import Moved, checked_amount, move
from zfexplore.images.transforms import denormalise
from zfexplore.nets.checkpoint import Checkpoint
from zfexplore.nets.device import exact_arithmetic
from zfexplore.nets.net import Net
from zfexplore.progress import Finished, Meter, Progress
from zfexplore.studies.courses import Course, Invariance
from zfexplore.studies.occlusion import class_asked

KINDS: tuple[Move, ...] = get_args(Move)
SIZE = 224  # of the paper's input, for which the pixels below are
SHIFT, SHIFTS = 4, 15  # pixels of a step; steps up and down: 60 pixels
SCALES = tuple(round(1 + 0.05 * step, 2) for step in range(17))
ROTATIONS = tuple(float(degrees) for degrees in range(0, 360, 10))
BATCH = {"cpu": 8, "cuda": 64}  # moved pictures per forward pass


Event = Progress | Finished[Invariance]


def vary(
    checkpoint: Checkpoint,
    image: Image.Image,
    stages: Sequence[str] | None = None,
    *,
    label: int | str | None = None,
    amounts: Mapping[Move, Sequence[float]] | None = None,
    fit: Fit = "crop",
    batch_size: int | None = None,
) -> Iterator[Event]:
    """Move an RGB ``image``; yields events, the last one ``Finished(Invariance)``.

    ``stages`` are by default ``low_and_high``. ``label`` is the true class, as a number or name of the
    checkpoint's; by default it is the most probable class of the picture as it is. ``amounts`` are those of
    ``images.moved.move`` by kind, by default ``usual_amounts``. The generator may be closed at any time.

    Raises ExploreError for a stage, a class or an amount that does not exist.
    """
    net, size = checkpoint.net, checkpoint.metadata.input.size
    names = checked_stages(net, stages)
    wanted = checked_amounts(usual_amounts(size) if amounts is None else amounts)
    usual = BATCH.get(net.device.type, BATCH["cpu"])
    step = usual if batch_size is None else whole(batch_size, "batch_size", least=1)
    seen = see(checkpoint, image, fit)
    before = _Before.of(checkpoint, seen, names, label)

    every = [(kind, amount) for kind in wanted for amount in wanted[kind]]
    distance = np.zeros((len(every), len(names)))
    probability = np.full(len(every), np.nan)
    meter = Meter("moving", len(every), unit="moves")
    for start in range(0, len(every), step):
        moves = [move(seen.pixels, *one) for one in every[start : start + step]]
        here = slice(start, start + len(moves))
        distance[here], probability[here] = before.compared(moves)
        if (progress := meter.tick(len(moves))) is not None:
            yield progress
    courses, start = [], 0
    for kind, some in wanted.items():
        here = slice(start, start + len(some))
        shares = None if before.probability is None else probability[here]
        courses.append(Course(kind, some, distance[here], shares))
        start += len(some)
    yield Finished(before.result(tuple(courses)))


def low_and_high(net: Net) -> tuple[str, ...]:
    """Give the first stage and the one below the logits, as in ZF; without such a one, the last watched."""
    high = net.heads[-2].name if len(net.heads) > 1 else net.watched[-1]
    return tuple(dict.fromkeys((net.watched[0], high)))


def usual_amounts(size: int) -> dict[Move, tuple[float, ...]]:
    """Give the amounts for an input of ``size`` pixels by kind of move."""
    step = max(round(SHIFT * size / SIZE), 1)
    shifts = tuple(step * count for count in range(-SHIFTS, SHIFTS + 1))
    return {"translation": shifts, "scale": SCALES, "rotation": ROTATIONS}


def checked_amounts(amounts: Mapping[Move, Sequence[float]]) -> dict[Move, tuple[float, ...]]:
    """Give the amounts by kind of move, in order; raises ExploreError where there are none."""
    if not isinstance(amounts, Mapping):
        raise ExploreError(
            f"the amounts go by kind of move, as in {{'rotation': [0, 90]}}, not {shown(amounts)}", usage=True
        )
    checked: dict[Move, tuple[float, ...]] = {}
    for kind, some in amounts.items():
        if not isinstance(some, Iterable) or not (found := {checked_amount(kind, one) for one in some}):
            raise ExploreError(f"a {kind} needs one amount or more", usage=True)
        checked[kind] = tuple(sorted(found))
    if not checked:
        raise ExploreError("no move was named", usage=True)
    return checked


def checked_stages(net: Net, stages: Sequence[str] | None) -> tuple[str, ...]:
    """Give the stages' own names, each once; raises ExploreError for one that there is not."""
    if stages is None:
        return low_and_high(net)
    if isinstance(stages, str) or not stages:
        raise ExploreError("the layers are a list of names, one or more", usage=True)
    return tuple(dict.fromkeys(net.stage(name).name for name in stages))


@dataclass(frozen=True, eq=False)
class _Before:
    """How a net answers to the picture before it is moved: ``features [1, n]`` by stage, a probability."""

    checkpoint: Checkpoint
    pixels: np.ndarray  # uint8 [size, size, 3]
    stages: tuple[str, ...]
    head: str | None
    features: Mapping[str, Tensor]
    label: int | None
    probability: float | None

    @classmethod
    def of(
        cls, checkpoint: Checkpoint, seen: Seen, stages: tuple[str, ...], label: int | str | None
    ) -> _Before:
        net = checkpoint.net
        head = net.heads[-1].name if net.heads else None
        maps = _maps(net, seen.batch, stages, head)
        features = {name: _vectors(maps[name]) for name in stages}
        if not all(bool(torch.isfinite(one).all()) for one in features.values()):
            raise ExploreError("the features are not finite numbers: this net overflows on its input")
        number = class_asked(checkpoint.metadata.classes, label, None if head is None else maps[head])
        share = None if head is None or number is None else float(_shares(maps[head], number)[0])
        return cls(checkpoint, seen.pixels, stages, head, features, number, share)

    def compared(self, moves: Sequence[Moved]) -> tuple[np.ndarray, np.ndarray]:
        """Give distances ``[moves, stages]`` and probabilities ``[moves]``, NaN for a net without classes."""
        distance = np.zeros((len(moves), len(self.stages)))
        probability = np.full(len(moves), np.nan if self.probability is None else self.probability)
        # A move by nothing is not asked of the net: another batch might round it otherwise.
        rows = [row for row, one in enumerate(moves) if not _unmoved(one, self.pixels)]
        if rows:
            batch = _batch(self.checkpoint, [moves[row] for row in rows])
            maps = _maps(self.checkpoint.net, batch, self.stages, self.head)
            for place, name in enumerate(self.stages):
                apart = _vectors(maps[name]) - self.features[name]
                distance[rows, place] = apart.norm(dim=1).cpu().numpy()
            if self.head is not None and self.label is not None:
                probability[rows] = _shares(maps[self.head], self.label)
        return distance, probability

    def result(self, courses: tuple[Course, ...]) -> Invariance:
        classes, label = self.checkpoint.metadata.classes, self.label
        named = None if label is None else classes[label] if label < len(classes) else f"class {label}"
        nothing = torch.zeros(1, *self.pixels.shape).permute(0, 3, 1, 2)
        grey = denormalise(nothing, self.checkpoint.metadata.input)[0].numpy()
        norm = np.array([float(self.features[name].norm()) for name in self.stages])
        return Invariance(self.pixels, grey, self.stages, norm, label, named, self.probability, courses)


def _maps(net: Net, batch: Tensor, names: Sequence[str], head: str | None) -> dict[str, Tensor]:
    with exact_arithmetic(net.device):
        layout = batch.contiguous(memory_format=torch.channels_last)  # faster on CPUs and GPUs
        return net.maps(layout, dict.fromkeys([*names, *([] if head is None else [head])]))


def _vectors(maps: Tensor) -> Tensor:
    return maps.double().flatten(1)  # [n, channels * h * w]


def _shares(logits: Tensor, label: int) -> np.ndarray:
    return logits.double().softmax(1)[:, label].cpu().numpy()


def _batch(checkpoint: Checkpoint, moves: Sequence[Moved]) -> Tensor:
    """Give the net's input; what comes in from outside is the mean, which is exactly zero there."""
    batch = torch.cat([seen_of(checkpoint, there.pixels).batch for there in moves])  # [n, 3, size, size]
    inside = torch.from_numpy(np.stack([there.inside for there in moves])).to(batch.device)
    return batch * inside[:, None]


def _unmoved(there: Moved, pixels: np.ndarray) -> bool:
    return bool(there.inside.all()) and np.array_equal(there.pixels, pixels)
