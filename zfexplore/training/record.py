"""What an epoch leaves in the log."""

from __future__ import annotations

from dataclasses import dataclass, replace

from zfexplore.training.evaluate import Evaluation
from zfexplore.training.learner import learning_rate
from zfexplore.training.plan import Plan
from zfexplore.training.state import Position


@dataclass(frozen=True)
class EpochRecord:
    """One epoch, a line of the log. Accuracies are shares of the held-out images; None if there are none."""

    epoch: int  # from 1
    size: int  # of the input, in pixels
    loss: float  # mean over the epoch, with label smoothing if the recipe has it
    lr: float  # of the middle step, since a cosine's last rate is nearly 0
    images_per_second: float
    waiting: float  # share of the time spent waiting for data
    seconds: float
    held_out_loss: float | None = None
    top1: float | None = None
    top5: float | None = None
    per_class: float | None = None
    dead: dict[str, int] | None = None  # channels per stage with no positive value on any held-out image


def epoch_record(plan: Plan, position: Position, size: int, evaluation: Evaluation | None) -> EpochRecord:
    """Give the record of the epoch that ends at ``position``."""
    middle = replace(position, step=plan.steps_per_epoch // 2)
    return EpochRecord(
        epoch=position.epoch + 1,
        size=size,
        loss=position.loss_sum / max(position.images, 1),
        lr=learning_rate(plan.recipe, middle, plan.steps_per_epoch),
        images_per_second=position.images / max(position.seconds, 1e-9),
        waiting=position.waited / max(position.seconds, 1e-9),
        seconds=position.seconds,
        held_out_loss=evaluation.loss if evaluation else None,
        top1=evaluation.top1 if evaluation else None,
        top5=evaluation.top5 if evaluation else None,
        per_class=evaluation.per_class if evaluation else None,
        dead=evaluation.dead if evaluation else None,
    )
