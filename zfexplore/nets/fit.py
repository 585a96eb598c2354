"""How a file's tensors and a net compare: they fit, with what was left out, or they do not, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

PROFILED = ("total_ops", "total_params")  # what the program thop leaves behind, and no net has


@dataclass(frozen=True)
class Fit:
    """A net that a file fits: the arguments that make it, and its ``tensors`` by the net's own names.

    ``theirs`` gives each tensor's name in the file, ``counts`` those that are whole numbers in the net.
    ``notes`` say what was left out, or taken for what.
    """

    architecture: str
    arguments: dict[str, Any]
    tensors: dict[str, Tensor]
    theirs: dict[str, str]
    counts: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Misfit:
    """A net that a file does not fit: how many tensors do, out of how many, and what is wrong, in words."""

    architecture: str
    fitting: int
    count: int
    complaints: tuple[str, ...] = ()

    def share(self, tensors: int) -> float:
        """Give which share fits, of the net's tensors and of the file's, whichever are more."""
        return self.fitting / max(self.count, tensors)

    def __str__(self) -> str:
        more = f" (and {len(self.complaints) - 2} more)" if len(self.complaints) > 2 else ""
        return f"{'; '.join(self.complaints[:2])}{more}"


def other_shape(theirs: str, shape: tuple[int, ...], ours: str, wanted: tuple[int, ...]) -> str:
    """Say that their tensor has another shape than ours."""
    where = f"and not {wanted}" if theirs == ours else f"where {ours} is {wanted}"
    return f"{theirs} is {shape} {where}"


def some(names: list[str]) -> str:
    """List some of many names from a file."""
    shown = ", ".join(names[:2])
    return f"{shown} (and {len(names) - 2} more)" if len(names) > 2 else shown
