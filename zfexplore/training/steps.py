"""An epoch's steps, one after the other: a batch of squares, views of them, and a step on these.

``Steps`` does this on any device, and among several ranks. On one GPU ``training/on_device.py`` does the
same without asking the host in between. Losses stay on the device until they are asked for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from zfexplore.convention import InputConvention
from zfexplore.images.augment import augment
from zfexplore.nets.ranks import Ranks, Share, Stopped
from zfexplore.training.data import Batch, Squares
from zfexplore.training.learner import Learner, learning_rate, take_step
from zfexplore.training.machine import Machine
from zfexplore.training.plan import Plan


@dataclass(frozen=True)
class Taken:
    """What a step was taken on: the images of its batch, those of them that could be read, and the others."""

    wanted: int
    images: int
    unreadable: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Loss:
    """The mean loss of the images of a step."""

    step: int
    value: float
    images: int


class Steps:
    """The steps of an epoch from the learner's position on, each begun when it is asked for."""

    def __init__(
        self,
        learner: Learner,
        squares: Squares,
        batches: Sequence[Sequence[int]],
        convention: InputConvention,
        plan: Plan,
    ) -> None:
        self._learner, self._squares, self._batches = learner, squares, batches
        self._convention, self._plan = convention, plan
        self._pending: list[tuple[int, Tensor, int]] = []

    def __iter__(self) -> Iterator[Taken]:
        """Take the steps. Raises ``WorkerFailed``, ``Lost`` and ``Stopped`` between two of them."""
        plan, position = self._plan, self._learner.position
        ranks = plan.machine.ranks
        loaded = iter(self._squares.batches([ranks.part(batch) for batch in self._batches]))
        for number, wanted in enumerate(self._batches, start=position.step):
            began = time.perf_counter()
            batch = next(loaded)
            pixels, labels = to_device(batch, plan.machine)
            position.waited += time.perf_counter() - began
            unreadable, images = _meet(batch, ranks)
            if images:
                loss = self._step(batch, pixels, labels)
                self._pending.append((number, loss, images))
            yield Taken(len(wanted), images, unreadable)

    def losses(self, *, wait: bool = True) -> list[Loss]:
        """Give the losses that were not given before; without ``wait`` those only that are there already."""
        values = torch.stack([loss for _, loss, _ in self._pending]).tolist() if self._pending else []
        found = [
            Loss(step, value, images) for (step, _, images), value in zip(self._pending, values, strict=True)
        ]
        self._pending.clear()
        return found

    def _step(self, batch: Batch, pixels: Tensor, labels: Tensor) -> Tensor:
        plan, position = self._plan, self._learner.position
        views = augment(
            pixels,
            batch.indices.numpy(),
            self._convention,
            plan.augmentation,
            epoch=position.epoch,
            seed=plan.seed,
        )  # [n, 3, size, size]
        if not len(batch):  # of several ranks: what weighs nothing
            views = views.new_zeros(1, *views.shape[1:])
            labels = labels.new_zeros(1)
        rate = learning_rate(plan.recipe, position, plan.steps_per_epoch)
        with plan.machine.ranks.step():
            return take_step(self._learner, views, labels, plan.recipe, plan.machine, lr=rate)


def to_device(batch: Batch, machine: Machine) -> tuple[Tensor, Tensor]:
    """Give pixels ``[n, R, R, 3]`` and labels ``[n]`` on the device; copies to a GPU do not block."""
    if machine.cuda and batch.pixels.device.type == "cpu":
        batch = batch.pinned()
    return (
        batch.pixels.to(machine.device, non_blocking=True),
        batch.labels.to(machine.device, non_blocking=True),
    )


def _meet(batch: Batch, ranks: Ranks) -> tuple[tuple[tuple[str, str], ...], int]:
    """Tell the other ranks what this one has of a batch; give all that is unreadable, and how many are not.

    Raises ``Stopped`` if one of them was told to stop: no rank has begun the step.
    """
    if not ranks.many:
        return batch.unreadable, len(batch)
    told = ranks.numbers(len(batch), len(batch.unreadable), int(ranks.stopping))
    counts, unreadable, stopping = zip(*told, strict=True)
    if any(stopping):
        raise Stopped
    ranks.share = Share(sum(counts[: ranks.rank]), len(batch), sum(counts))
    names: list[Any] = ranks.gather(batch.unreadable) if any(unreadable) else []
    return tuple(name for theirs in names for name in theirs), sum(counts)
