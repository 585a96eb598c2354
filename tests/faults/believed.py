"""Change the files that zfexplore reads, at random and many times, and see what comes out.

    python -m tests.faults.believed --cases 100000
    python -m tests.faults.believed --only atlas,run --seed 7

Whatever is in a file, a loader gives its record or raises ExploreError, in one line: no other error, no
hang, and no memory beyond a small multiple of the file. Counts are printed for each loader, and each kind of
failure once, with the folder that holds the files of its first case.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.faults.loaders import Loader, loaders, use_thin_nets
from zfexplore.errors import ExploreError

SECONDS = 60  # after which a case counts as hanging
MEMORY = 512 * 2**20  # bytes more than the process has, of which files of 100 kB need nothing
LONGEST = 2000  # letters of an error


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


def try_case(loader: Loader, folder: Path, changed: dict[str, bytes]) -> str:
    """Read the files with those ``changed``; give ``refused`` or ``accepted``. Anything else is raised."""
    for name, data in (loader.files | changed).items():
        (folder / name).write_bytes(data)
    try:
        with no_hang():
            loader.load(folder)
    except ExploreError as error:
        told = str(error)
        if "\n" in told or len(told) > LONGEST or not told.isprintable():
            raise Escaped(f"an error that is no line: {told[:200]!r}") from error
        return "refused"
    return "accepted"


def run(loader: Loader, folder: Path, cases: int, number: int) -> tuple[Counter[str], dict[str, str]]:
    """Try so many cases; give how many were refused, accepted and failed, and each failure once."""
    counts: Counter[str] = Counter()
    failures: dict[str, str] = {}
    kept = folder / "failed"

    @seed(number)
    @settings(
        max_examples=cases, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(loader.cases())
    def case(changed: dict[str, bytes]) -> None:
        try:
            counts[try_case(loader, folder, changed)] += 1
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a panic of a library is no Exception
            counts["failed"] += 1
            frame = traceback.extract_tb(error.__traceback__)[-1]
            kind = f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
            if kind not in failures:
                place = kept / f"{loader.name}-{len(failures)}"
                place.mkdir(parents=True, exist_ok=True)
                for name, data in changed.items():
                    (place / name).write_bytes(data)
                failures[kind] = f"{place}\n{traceback.format_exc()}"

    case()
    return counts, failures


def main() -> int:
    """Try what the options say; 1 if anything failed."""
    options = argparse.ArgumentParser()
    options.add_argument("--cases", type=int, default=10_000, help="of all loaders together")
    options.add_argument("--only", default="", help="loaders by name, with commas")
    options.add_argument("--seed", type=int, default=0)
    given_options = options.parse_args()
    use_thin_nets()
    failed = 0
    home = Path(tempfile.mkdtemp(prefix="believed-"))
    (home / "valid").mkdir()
    every = loaders(home / "valid")
    chosen = [
        each
        for each in every
        if each.name in (given_options.only.split(",") if given_options.only else [e.name for e in every])
    ]
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (in_use + MEMORY, resource.RLIM_INFINITY))
    for loader in chosen:
        folder, began = home / loader.name, time.monotonic()
        folder.mkdir()
        counts, failures = run(loader, folder, given_options.cases // len(chosen), given_options.seed)
        shown = ", ".join(f"{counts[name]:,} {name}" for name in ("refused", "accepted", "failed"))
        print(
            f"{loader.name:12} {sum(counts.values()):,} cases: {shown} ({time.monotonic() - began:.0f} s)",
            flush=True,
        )
        for kind, told in failures.items():
            print(f"--- {kind}\n{told}", flush=True)
        failed += counts["failed"]
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
