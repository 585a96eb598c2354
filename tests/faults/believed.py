"""Change the files that zfexplore reads, at random and many times, and see what comes out.

    python -m tests.faults.believed --cases 100000
    python -m tests.faults.believed --only atlas,run --seed 7 --processes 1

Whatever is in a file, a loader gives its record or raises ExploreError, in one line: no other error, no
hang, and no memory beyond a small multiple of the file. Counts are printed for each loader, and each kind of
failure once, with the folder that holds the files of its first case. That folder is below TMPDIR, which is
best in memory, as /dev/shm is.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.faults.loaders import Loader, loaders, use_thin_nets
from zfexplore.errors import ExploreError

SECONDS = 60  # after which a case counts as hanging
MEMORY = 512 * 2**20  # bytes more than the process has, of which files of 100 kB need nothing
LONGEST = 2000  # letters of an error
SHARE = 2500  # cases that one process tries at a time


class Escaped(Exception):
    """A loader raised something else than ExploreError, or an error of several lines."""


@contextmanager
def no_hang() -> Iterator[None]:
    """Raise TimeoutError in a case that takes too long."""

    def late(*_: object) -> None:
        raise TimeoutError(f"no end after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


_held: dict[Path, dict[str, bytes]] = {}  # the files of each folder, as they were written


def try_case(loader: Loader, folder: Path, changed: dict[str, bytes]) -> str:
    """Read the files with those ``changed``; give ``refused`` or ``accepted``. Anything else is raised."""
    held = _held.setdefault(folder, {})
    for name, data in (loader.files | changed).items():
        if held.get(name) is not data:
            (folder / name).write_bytes(data)
            held[name] = data
    try:
        with no_hang():
            loader.load(folder)
    except ExploreError as error:
        told = str(error)
        if "\n" in told or len(told) > LONGEST or not told.isprintable():
            raise Escaped(f"an error that is no line: {told[:200]!r}") from error
        return "refused"
    return "accepted"


@dataclass
class Found:
    """What cases of a loader gave: how many were refused, accepted and failed, and each failure once."""

    loader: str
    counts: Counter[str] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, other: Found) -> None:
        """Take over what other cases of the same loader gave."""
        self.counts += other.counts
        self.failures = other.failures | self.failures
        self.seconds += other.seconds

    def __str__(self) -> str:
        shown = ", ".join(f"{self.counts[name]:,} {name}" for name in ("refused", "accepted", "failed"))
        rate = sum(self.counts.values()) / max(self.seconds, 0.01)
        told = "".join(f"\n--- {kind}\n{text}" for kind, text in self.failures.items())
        return f"{self.loader:12} {sum(self.counts.values()):,} cases: {shown} ({rate:.0f} a second){told}"


def run(loader: Loader, folder: Path, cases: int, number: int) -> Found:
    """Try so many cases, which ``number`` seeds; failed ones are kept below ``folder``."""
    found = Found(loader.name)
    began = time.process_time()

    @seed(number)
    @settings(
        max_examples=cases, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(loader.cases())
    def case(changed: dict[str, bytes]) -> None:
        try:
            found.counts[try_case(loader, folder, changed)] += 1
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a panic of a library is no Exception
            found.counts["failed"] += 1
            frame = traceback.extract_tb(error.__traceback__)[-1]
            kind = f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
            if kind not in found.failures:
                place = folder / f"failed-{len(found.failures)}"
                place.mkdir()
                for name, data in changed.items():
                    (place / name).write_bytes(data)
                found.failures[kind] = f"{place}\n{traceback.format_exc()}"

    case()
    found.seconds = time.process_time() - began
    return found


def shares(cases: int) -> list[int]:
    """Cut so many cases into shares: each has its own seed, and what hypothesis remembers stays small."""
    return [min(SHARE, cases - first) for first in range(0, cases, SHARE)]


def in_processes(
    chosen: list[Loader], home: Path, cases: int, number: int, processes: int
) -> Iterator[Found]:
    """Try so many cases of each loader, and give what they gave as soon as all of a loader's are done."""
    with ProcessPoolExecutor(processes, multiprocessing.get_context("fork"), _bound_memory) as pool:
        tasks = {
            loader.name: [
                pool.submit(_share, loader.name, home, share, number + index * 1_000_003)
                for index, share in enumerate(shares(cases))
            ]
            for loader in chosen
        }
        for name, futures in tasks.items():
            found = Found(name)
            for future in futures:
                found.add(future.result())
            yield found


_loaders: dict[str, Loader] = {}  # by name, for the processes that are forked off this one


def _share(name: str, home: Path, cases: int, number: int) -> Found:
    return run(_loaders[name], Path(tempfile.mkdtemp(prefix=f"{name}-", dir=home)), cases, number)


def _bound_memory() -> None:
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (in_use + MEMORY, resource.RLIM_INFINITY))


def main() -> int:
    """Try what the options say; 1 if anything failed."""
    options = argparse.ArgumentParser()
    options.add_argument("--cases", type=int, default=10_000, help="of all loaders together")
    options.add_argument("--only", default="", help="loaders by name, with commas")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    asked = options.parse_args()
    use_thin_nets()
    home = Path(tempfile.mkdtemp(prefix="believed-"))
    (home / "valid").mkdir()
    _loaders.update((each.name, each) for each in loaders(home / "valid"))
    if unknown := set(filter(None, asked.only.split(","))) - set(_loaders):
        options.error(f"there is no {', '.join(sorted(unknown))}: the loaders are {', '.join(_loaders)}")
    chosen = [each for name, each in _loaders.items() if not asked.only or name in asked.only.split(",")]
    began, failed = time.monotonic(), 0
    for found in in_processes(chosen, home, asked.cases // len(chosen), asked.seed, asked.processes):
        print(found, flush=True)
        failed += found.counts["failed"]
    print(f"{time.monotonic() - began:.0f} s")
    if not failed:
        shutil.rmtree(home)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
