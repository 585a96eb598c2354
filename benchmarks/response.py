"""Help, a wrong option and the explorer's first paint, each in a cold process, against ``import torch``.

Cold means a new process. The files are in the system's cache, as they are after the first use.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.host import Host
from benchmarks.material import Options
from benchmarks.measure import Work, alternate
from benchmarks.report import Remark, Row
from benchmarks.terminal import Terminal
from zfexplore.cli.main import COMMANDS, EXPORTS

LIMIT, LIMIT_PAINT = 0.4, 0.5  # seconds
QUICK_PAGES = 4
# What the first frame shows: every pane's title and the notice in the empty grids. The footer's keys
# follow in a second frame, while torch is already being imported.
FRAME = ("layers", "channels", "projections", "top activations", "map", "loading")
FOOTER = "quit"
WRONG = "zfexplore index --no-such-option"


def rows(options: Options, host: Host) -> Iterator[Row | Remark]:
    """Measure all pages in turns, with one ``import torch`` per turn."""
    program = [sys.executable, "-m", "zfexplore"]
    pages = [[], *([name] for name in COMMANDS), ["export"], *(["export", name] for name in EXPORTS)]
    commands = {" ".join(["zfexplore", *page, "--help"]): [*program, *page, "--help"] for page in pages}
    if options.quick:
        commands = dict(list(commands.items())[:QUICK_PAGES])
    commands[WRONG] = [*program, *WRONG.split()[1:]]
    with TemporaryDirectory() as folder:
        works: list[Work] = [_run([sys.executable, "-c", "import torch"])]
        works += [_run(command) for command in commands.values()]
        works.append(lambda: painted(Path(folder), *FRAME))
        works.append(lambda: painted(Path(folder), *FRAME, FOOTER))
        torch_, *timings, frame, footer = alternate(*works, runs=options.runs)
    *helps, wrong = timings
    for name, timing in zip(commands, helps, strict=False):
        yield Row(name, timing, "import torch", torch_)
    slowest = max(helps, key=lambda timing: timing.median)
    yield Row(f"the slowest of {len(helps)} help pages", slowest, "import torch", torch_, limit=LIMIT)
    yield Row(WRONG, wrong, "import torch", torch_, limit=LIMIT)
    yield Row("zfexplore tui, first frame", frame, "import torch", torch_, limit=LIMIT_PAINT)
    yield Row("zfexplore tui, its footer too", footer, "import torch", torch_, limit=LIMIT_PAINT)


def painted(home: Path, *words: str) -> float:
    """Give the seconds from starting the explorer to when all ``words`` are on the screen."""
    with Terminal([sys.executable, "-m", "zfexplore", "tui"], home_of_its_own(home)) as terminal:
        return terminal.until(*words) - terminal.started


def home_of_its_own(home: Path) -> dict[str, str]:
    """Give an environment in which the explorer finds neither the user's atlases nor their session."""
    return {
        "ZFEXPLORE_CACHE": str(home / "cache"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "LANG": "C.UTF-8",
    }


def _run(command: list[str]) -> Work:
    def run() -> None:
        subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)

    return run
