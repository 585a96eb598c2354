"""Ways to begin a training, and what became of each: plain records, read without torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any, Literal

from zfexplore.choices import Initialisation

NAMES = {"constant": "constant 0.01", "paper": "normal 0.01", "xavier": "Xavier", "he-scaled": "He, scaled"}
INPUTS = {1.0: "[0, 1]", 255.0: "[-128, 128]"}

EXPLODED = 20.0  # times the first loss, as a training is given up
LEARNED = 0.98  # of the loss of who looks at no image: the mean over a tenth of the steps is uncertain
VANISHED = 0.02  # the strongest convolution's gradient, in the middle of the steps

Outcome = Literal["learns", "explodes", "explodes, then is dead", "is dead", "vanishes", "still guesses"]


@dataclass(frozen=True, slots=True)
class Start:
    """A way to begin: how the weights begin, the input's ``scale`` (1 or 255), the learning rate."""

    init: Initialisation
    scale: float
    rate: float

    @property
    def weights(self) -> str:
        """How the weights begin, in words."""
        return NAMES[self.init]

    @property
    def input(self) -> str:
        """The input's range before its mean is subtracted or, of [-128, 128], after."""
        return INPUTS.get(self.scale, f"[0, {self.scale:g}]")

    def __str__(self) -> str:
        return f"{self.weights}, inputs in {self.input}, rate {self.rate:g}"


# The paper's words taken literally, what they must mean, and the replication's way out of it.
STARTS = tuple(
    Start(init, scale, rate)
    for init in ("constant", "paper", "xavier")
    for scale in (1.0, 255.0)
    for rate in (1e-2, 1e-4)
)


@dataclass(frozen=True, slots=True)
class StartRun:
    """The steps from one start, for the layers ``stages``: conv1 first, the logits last.

    ``losses`` has a value a step, and ``gradients`` a row a step: the norm of the gradient of each layer's
    weights, before the step was taken. ``signals`` is the root mean square of each layer's map before the
    first step, after its ReLU. ``moved`` is how far each layer's weights were in the end from where they
    began, as a share of their norm then. Numbers that are not finite are in the last step only.
    """

    start: Start
    stages: tuple[str, ...]
    losses: tuple[float, ...]
    gradients: tuple[tuple[float, ...], ...]
    signals: tuple[float, ...]
    moved: tuple[float, ...]

    @property
    def last_loss(self) -> float:
        """The mean loss of the last tenth of the steps."""
        return fmean(self.losses[-max(1, len(self.losses) // 10) :])

    @property
    def gradient(self) -> float:
        """The gradient of the convolution that has the largest, in the middle of all steps by size."""
        return median(max(row[: self._convolutions]) for row in self.gradients)

    def outcome(self, blind: float) -> Outcome:
        """Say in words what became of it; ``blind`` is the loss of who looks at no image.

        ``explodes``: the loss was no finite number, or 20 times the first one. ``learns``: the last tenth of
        the losses is 2 % below ``blind``. ``dead``: the convolutions' gradients in the end are exactly zero,
        since ReLUs let nothing through. ``vanishes``: the convolutions' gradients are below 0.02.
        """
        silent = not any(self.gradients[-1][: self._convolutions])
        numbers = (*self.losses, *self.gradients[-1])
        if not all(map(math.isfinite, numbers)) or max(self.losses) > EXPLODED * self.losses[0]:
            return "explodes, then is dead" if silent else "explodes"
        if self.last_loss < LEARNED * blind:
            return "learns"
        if silent:
            return "is dead"
        return "vanishes" if self.gradient < VANISHED else "still guesses"

    @property
    def _convolutions(self) -> int:
        return sum(name.startswith("conv") for name in self.stages)


@dataclass(frozen=True, slots=True)
class Beginnings:
    """All runs, and what they have in common.

    ``blind`` is the loss of the best guess that looks at no image: the entropy of the classes' frequencies.
    """

    runs: tuple[StartRun, ...]
    blind: float
    images: int
    classes: int
    batch_size: int
    size: int
    fc: int
    seed: int

    def rows(self) -> list[dict[str, Any]]:
        """Give a row of plain values for every step of every run, as the CSV has them."""
        return [
            {
                "init": run.start.init, "input": run.start.input, "rate": run.start.rate,
                "outcome": run.outcome(self.blind), "step": step, "loss": loss,
                **dict(zip(run.stages, norms, strict=True)),
            }
            for run in self.runs
            for step, (loss, norms) in enumerate(zip(run.losses, run.gradients, strict=True), start=1)
        ]  # fmt: skip


def blind_loss(counts: Sequence[int]) -> float:
    """Give the entropy of classes with so many images each, in nats."""
    total = sum(counts)
    return -sum(count / total * math.log(count / total) for count in counts if count)
