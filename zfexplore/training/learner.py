"""The net while it learns: how it starts, and one step of stochastic gradient descent."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zfexplore.errors import ExploreError
from zfexplore.nets.fused import INPUT_CHANNELS, Fused
from zfexplore.nets.zfnet import ZFNet
from zfexplore.training.machine import Machine
from zfexplore.training.recipe import Recipe
from zfexplore.training.state import Position


@dataclass
class Learner:
    """What changes with every step: the net, its momentum (in the optimiser), and the position."""

    net: ZFNet
    forward: Callable[[Tensor], Tensor]  # the net, or a faster form of it
    optimiser: torch.optim.SGD
    position: Position
    channels: int = 3  # of the input, for a form that is faster with empty ones


def make_learner(net: ZFNet, recipe: Recipe, machine: Machine) -> Learner:
    """Move a net to the machine, with an optimiser that decays weights but not biases."""
    placed: Any = net
    placed.to(machine.device, memory_format=torch.channels_last)
    weights = [value for value in net.parameters() if value.ndim > 1]
    biases = [value for value in net.parameters() if value.ndim == 1]
    optimiser = torch.optim.SGD(
        [
            {"params": weights, "weight_decay": recipe.weight_decay},
            {"params": biases, "weight_decay": 0.0},
        ],
        lr=recipe.lr,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov,
        fused=True,  # one pass over weights, gradients and momentum instead of four
    )
    fused = machine.kernels and not machine.compiled
    among = machine.ranks.wrapped(net, Fused if fused else None)
    forward: Callable[[Tensor], Tensor] = _compiled(among) if machine.compiled else among
    return Learner(net, forward, optimiser, Position(), INPUT_CHANNELS if fused else 3)


def _compiled(net: nn.Module) -> Callable[[Tensor], Tensor]:
    """Give the net as torch.compile makes it at its first use: there it finds out what is missing."""
    forward: Callable[[Tensor], Tensor] = torch.compile(net)

    def run(views: Tensor) -> Tensor:
        try:
            return forward(views)
        except RuntimeError as error:
            from torch._dynamo.exc import TorchDynamoException

            if not isinstance(error, TorchDynamoException):
                raise
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ExploreError(
                f"the net cannot be compiled here ({reason}): leave --compile out, in another --out"
            ) from error

    return run


def take_step(
    learner: Learner, views: Tensor, labels: Tensor, recipe: Recipe, machine: Machine, *, lr: float | Tensor
) -> Tensor:
    """Take a step on ``views [n, 3, size, size]`` and ``labels [n]``; give the loss, still on the device.

    The rate may lie there, too: nothing in here then asks the host, so that the step can be recorded.
    Of several ranks each takes its share of the batch (``machine.ranks.share``) and gives the loss of all.
    """
    for group in learner.optimiser.param_groups:
        group["lr"] = lr
    with machine.autocast():
        logits = learner.forward(views.contiguous(memory_format=torch.channels_last))  # [n, classes]
    loss = F.cross_entropy(logits.float(), labels, label_smoothing=recipe.label_smoothing)
    loss, of_all = machine.ranks.mean_loss(loss)
    learner.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    if recipe.clip_norm is not None:
        _clip(learner, recipe.clip_norm, machine)
    learner.optimiser.step()
    if recipe.max_rms is not None:
        renormalise_filters(learner.net, recipe.max_rms)
    return of_all


def _clip(learner: Learner, most: float, machine: Machine) -> None:
    """Let the whole gradient's norm be at most ``most``; on a GPU the optimiser divides as it reads it."""
    if not machine.cuda:
        nn.utils.clip_grad_norm_(learner.net.parameters(), most)
        return
    norm = nn.utils.get_total_norm(
        [value.grad for value in learner.net.parameters() if value.grad is not None]
    )
    optimiser: Any = learner.optimiser
    optimiser.grad_scale = ((norm + 1e-6) / most).clamp(min=1.0)


def learning_rate(recipe: Recipe, position: Position, steps_per_epoch: int) -> float:
    """Give the rate of the step at ``position``: linear warm-up, then the recipe's schedule."""
    total = recipe.epochs * steps_per_epoch
    step = position.epoch * steps_per_epoch + position.step
    warmup = min(recipe.warmup, total // 10)  # a short run must not be all warm-up
    rate = recipe.lr * min(1.0, (step + 1) / max(warmup, 1))
    if recipe.schedule == "cosine":
        rate *= 0.5 * (1 + math.cos(math.pi * max(step - warmup, 0) / max(total - warmup, 1)))
    if recipe.schedule == "plateau":
        rate *= position.rate_factor
    return rate


def judge_plateau(recipe: Recipe, position: Position, loss: float) -> None:
    """Divide the rate by 10 if the held-out loss has not improved for ``recipe.patience`` epochs.

    The authors of the paper did so by hand, "when the validation error plateaus".
    """
    if position.best is None or loss < position.best:
        position.best, position.epochs_since_best = loss, 0
        return
    position.epochs_since_best += 1
    if recipe.schedule == "plateau" and position.epochs_since_best >= recipe.patience:
        position.rate_factor, position.epochs_since_best = position.rate_factor / 10, 0


@torch.no_grad()
def renormalise_filters(net: nn.Module, limit: float) -> None:
    """Scale every convolutional filter whose RMS exceeds ``limit`` down to it (ZF section 3)."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            rms = layer.weight.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()  # [out, 1, 1, 1]
            layer.weight.mul_((limit / rms).clamp(max=1.0))
