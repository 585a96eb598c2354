"""Kills of train, index and the explorer, at random and where they write: what is there afterwards?

::

    python -m tests.faults.kills                       # 30 kills of each, and all conditions
    python -m tests.faults.kills --only train --kills 300 --seed 7

Half of the kills come at a random time, half are aimed at a moment of writing or shortly after it; each is
SIGKILL, SIGTERM or SIGINT. A training is killed and resumed until it is done, an index killed and made again.
The end is compared bit for bit with that of a run that nobody disturbed. Of the explorer, what it had saved
must be whole and the same as without a kill, and no process may be left. `conditions.py` has the rest: full
disks, small limits, folders that change, two at once. Ends with 1 if there was any fault.

A trial is settled by ``--seed`` and its number, but for the times that the machine takes.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults import conditions, explorer
from tests.faults.trial import Launcher, Report, write_material
from tests.faults.work import indexing, kill_work, training


def run(only: set[str], kills: int, seed: int, home: Path) -> list[Report]:
    """Run the parts by name, and print what each found."""
    material = write_material(home / "material")
    reports = []
    with Launcher(home / "said") as launcher:
        parts: dict[str, Callable[[], Report]] = {
            "train": lambda: kill_work(training(material), launcher, home, kills, seed),
            "workers": lambda: kill_work(training(material, workers=2), launcher, home, kills // 3, seed),
            "index": lambda: kill_work(indexing(material), launcher, home, kills, seed),
            "explorer": lambda: explorer.kill_explorer(launcher, material, home, kills, seed),
            **{
                name: lambda check=check: check(launcher, material, home, seed)
                for name, check in conditions.ALL.items()
            },
        }
        for name, part in parts.items():
            if not only or name in only:
                began = time.monotonic()
                reports.append(report := part())
                print(*report.lines(), f"  ({time.monotonic() - began:.0f} s)", sep="\n", flush=True)
    return reports


def main() -> None:
    """Read the options, and end with 1 if there was a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kills", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=30, help="of each command [30]")
    parser.add_argument("--seed", type=int, default=0, help="fixes every random choice [0]")
    names = ["train", "workers", "index", "explorer", *conditions.ALL]
    parser.add_argument("--only", default="", help=f"some of {','.join(names)}")
    parser.add_argument("--keep", type=Path, help="a new folder for all that is written [a temporary one]")
    given = parser.parse_args()
    # A shell lets what it runs in the background ignore SIGINT, and so would all that is started here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    only = {name for name in given.only.split(",") if name}
    if unknown := only - set(names):
        parser.error(f"there is no part {', '.join(sorted(unknown))}: choose from {', '.join(names)}")
    if not sys.platform.startswith("linux"):
        parser.error("this reads /proc to see which processes are left, which only Linux has")
    if given.keep is not None:
        given.keep.mkdir(parents=True)
        reports = run(only, given.kills, given.seed, given.keep)
    else:
        with TemporaryDirectory(prefix="faults-") as folder:
            reports = run(only, given.kills, given.seed, Path(folder))
    faults = sum(len(report.faults) for report in reports)
    print(f"{faults} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
