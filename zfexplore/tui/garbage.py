"""When garbage is collected while the user walks: a key that comes meanwhile waits for it.

What is young takes some 5 ms, all of it 50 and more. Most garbage is young; screens and nets of before are
not. Python would look of its own accord in the midst of keys: ``cli/tui.py`` sets its thresholds high.
"""

from __future__ import annotations

import gc
import time

SECONDS_AT_REST = 1.0  # without a step to another channel, after which what is young is looked through
SECONDS_WITHOUT_REST = 20.0  # after which it is all the same: by keys without end, memory grew
SECONDS_AT_LONG_REST = 10.0  # after which all is, once
SECONDS_OVERDUE = 300.0  # after which all is, at the next rest


class Garbage:
    """Collects when it is told at which ``generation`` of requests the user is, now and then."""

    def __init__(self) -> None:
        self._generation = 0  # seen last
        self._moved = time.monotonic()  # when that changed
        self._young = self._all = self._moved  # when which was collected

    def look(self, generation: int) -> None:
        """Collect what is due."""
        now = time.monotonic()
        if generation != self._generation:
            self._generation, self._moved = generation, now
        rest = now - self._moved
        long = rest >= SECONDS_AT_LONG_REST
        if self._all <= self._moved and (long or (rest and now - self._all > SECONDS_OVERDUE)):
            gc.collect()
            self._young = self._all = now
        elif (self._young <= self._moved and rest) or now - self._young > SECONDS_WITHOUT_REST > rest:
            gc.collect(1)
            self._young = now
