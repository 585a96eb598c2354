"""The events of long work, and the meter that paces them.

Long work is a generator. It yields ``Progress`` at most ten times a second, ``Note`` and ``Skipped``
when they happen, and ``Finished`` with the result at the end. It never prints: the command line draws
the events with rich, the explorer with Textual. Closing it early leaves a resumable state.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")

SECONDS_BETWEEN_EVENTS = 0.1


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a task has come: ``done`` of ``total`` (None if unknown), units per second, seconds left."""

    task: str
    done: int = 0
    total: int | None = None
    rate: float = 0.0
    seconds_left: float | None = None
    unit: str = "images"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """A line that should stay visible, such as why an index is built again."""

    text: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """An image that could not be read: which one, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Finished(Generic[Result]):
    """The last event, carrying the result."""

    result: Result


class Meter:
    """Counts work and turns it into ``Progress`` events, at most ten a second.

    ``done`` is the count that resumed work starts from; the rate counts only the work done since.
    """

    def __init__(self, task: str, total: int | None = None, *, unit: str = "images", done: int = 0) -> None:
        self.task, self.total, self.unit, self.done = task, total, unit, done
        self._first = done
        self._started = time.monotonic()
        self._shown = float("-inf")

    def tick(self, count: int = 1, note: str = "") -> Progress | None:
        """Add ``count``; give an event if one is due or the work is complete."""
        self.done += count
        now = time.monotonic()
        if now - self._shown < SECONDS_BETWEEN_EVENTS and self.done != self.total:
            return None
        self._shown = now
        rate = (self.done - self._first) / max(now - self._started, 1e-9)
        left = None if self.total is None or rate == 0 else (self.total - self.done) / rate
        return Progress(self.task, self.done, self.total, rate, left, self.unit, note)


def finish(events: Iterable[Any]) -> Any:
    """Run long work to its end, show nothing, and give its result."""
    result = None
    for event in events:
        if isinstance(event, Finished):
            result = event.result
    return result
