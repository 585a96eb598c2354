"""What the explorer knows of a training that it follows: plain records, for they come through the pipe."""

from __future__ import annotations

from dataclasses import dataclass

Places = tuple[tuple[float, float], ...]  # epochs done, and a value there


@dataclass(frozen=True)
class Kept:
    """Weights of a run, after so many ``epochs``. ``stamp`` differs where the file has been replaced."""

    path: str
    epochs: float
    stamp: tuple[int, int] = (0, 0)

    @property
    def called(self) -> str:
        """Say after how many epochs they were written: ``epoch 3``, ``epoch 3.42``."""
        return f"epoch {round(self.epochs, 2):g}"


@dataclass(frozen=True)
class Course:
    """A run as it stands: how it does, and the weights that can be looked at, in order.

    ``condition`` is training, stopped or finished. ``epochs`` is how many there are to be, 0 if that is not
    known, and ``done`` how many there are. ``accuracies`` are shares of the held-out images, without any
    where none are held out. ``trouble`` says what is wrong with the folder.
    """

    name: str
    condition: str = "stopped"
    epochs: int = 0
    done: float = 0.0
    losses: Places = ()
    accuracies: Places = ()
    weights: tuple[Kept, ...] = ()
    trouble: str = ""

    @property
    def length(self) -> float:
        """The epochs that the axis has room for."""
        far = max((kept.epochs for kept in self.weights), default=0.0)
        return max(float(self.epochs), self.done, far, 1.0)


@dataclass(frozen=True)
class RunRead:
    """The folder of the run has been read, and is no longer as it was."""

    course: Course


def nearest(weights: tuple[Kept, ...], epochs: float) -> int:
    """Give the number of the weights after so many epochs, or of the nearest; -1 where there are none."""
    numbers = range(len(weights))
    return min(numbers, key=lambda number: abs(weights[number].epochs - epochs), default=-1)
