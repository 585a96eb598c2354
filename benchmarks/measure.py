"""Times two or more ways of doing the same thing, in turns, in one process.

Turns are fair: if the machine gets slower during the measurement, it slows all of them. Each work runs
once beforehand, to fill its caches; if that takes more than ten seconds, it is not run again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

LONG = 10.0  # seconds; a longer work is run only once
SHORTEST = 0.05  # seconds; a shorter work is repeated within a run

# Does the thing once. If only a part of the call counts, it gives the seconds of that part.
Work = Callable[[], float | None]


@dataclass(frozen=True)
class Timing:
    """The seconds that one work took, one number per run."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median of the runs."""
        return median(self.seconds)

    @property
    def spread(self) -> float | None:
        """The slowest minus the fastest run, as a share of the median; None for a single run."""
        if len(self.seconds) < 2:
            return None
        return (max(self.seconds) - min(self.seconds)) / self.median


def alternate(*works: Work, runs: int = 5, wait: Callable[[], object] = lambda: None) -> list[Timing]:
    """Run the works in turns, ``runs`` times each, and give their timings.

    ``wait`` returns when the device has finished all its work.
    """
    first = [_once(work, wait) for work in works]
    repeats = [max(1, math.ceil(SHORTEST / max(seconds, 1e-7))) for seconds in first]
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(runs):
        for number, work in enumerate(works):
            if first[number] < LONG:
                taken[number].append(_several(work, repeats[number], wait))
    return [Timing(tuple(some) or (alone,)) for some, alone in zip(taken, first, strict=True)]


def once(work: Work, wait: Callable[[], object] = lambda: None) -> Timing:
    """Run a long work once, without a run beforehand."""
    return Timing((_once(work, wait),))


def _several(work: Work, repeats: int, wait: Callable[[], object]) -> float:
    """Give the seconds per call of ``repeats`` calls, waiting for the device only after the last."""
    if repeats == 1:
        return _once(work, wait)
    wait()
    began = time.perf_counter()
    for _ in range(repeats):
        work()
    wait()
    return (time.perf_counter() - began) / repeats


def _once(work: Work, wait: Callable[[], object]) -> float:
    wait()
    began = time.perf_counter()
    counted = work()
    wait()
    return time.perf_counter() - began if counted is None else counted


def begin_peak() -> int:
    """Reset the process's peak memory, if the system allows it (Linux does); give the present peak."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return peak_memory()


def peak_memory() -> int:
    """Give the most bytes of memory that the process held since ``begin_peak``, or since its start."""
    try:
        status = Path("/proc/self/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        import resource
        import sys

        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return largest if sys.platform == "darwin" else largest * 1024
