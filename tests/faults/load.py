"""Many images, and many keys: the time and the memory that the explorer takes.

::

    python -m tests.faults.load                  # 200,000 images, then ten minutes of keys
    python -m tests.faults.load --minutes 8 --only soak

``many`` makes hard links of a few small pictures, lists them, and opens the explorer on them: how soon it
draws, answers a key and shows pictures, and the memory while it indexes. ``soak`` types 20 keys a second.
Times are told and not judged. Memory is: it may rise while it warms up, but of the time after that, its
median over the last third may not exceed that of the first one by more than a tenth. Ends with 1 if it does.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.terminal import Terminal
from tests.faults.explorer import ends, engine_of, opened
from tests.faults.trial import ROOT, chance, home_of_its_own, write_material, write_picture
from zfexplore.tui.widgets.rows import MARK

IMAGES, ORIGINALS, A_FOLDER = 200_000, 40, 1_000
SECONDS_OF_INDEXING = 60.0
BETWEEN_KEYS, BETWEEN_LOOKS = 1 / 20, 2.0  # seconds
# Caches of styles are full after 20 seconds of keys. But garbage waits for 20 seconds while keys never end,
# and the memory taken for it is not given back. How high that goes settles after four minutes.
WARM_UP_OF_KEYS, WARM_UP_OF_INDEXING = 240.0, 15.0  # seconds
MOST_GROWTH = 0.1
# Walking, the panes, sorting, the large view, the studies, the help, drawing otherwise: all but leaving and
# saving.
KEYS = [*"jjjjjjkkk[]hlgG\t12345pbzfo<>? m", *(["\x1b"] * 8)]

LISTS = """
import json, sys, time
from zfexplore.images.open import open_images

def resident():  # in kB
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

before = resident()
began = time.monotonic()
source = open_images(sys.argv[1])
listed = time.monotonic() - began
kept = resident()
source.fingerprint()
print(json.dumps([len(source), listed, before, kept, time.monotonic() - began - listed]))
"""


@dataclass
class Memory:
    """The memory of the explorer's two processes, in MB, at one look after another.

    It is judged from ``warm_up`` seconds on.
    """

    warm_up: float
    explorer: list[float] = field(default_factory=list)
    engine: list[float] = field(default_factory=list)
    looked: float = 0.0

    def look(self, terminal: Terminal) -> None:
        """Look, if it is time."""
        if time.monotonic() - self.looked < BETWEEN_LOOKS:
            return
        self.looked = time.monotonic()
        self.explorer.append(_resident(terminal.pid))
        if (engine := engine_of(terminal.pid)) is not None:
            self.engine.append(_resident(engine))

    def judge(self) -> Iterable[tuple[str, bool]]:
        """Say how the memory went, a line for each process, and whether it grew."""
        for name, values in (("explorer", self.explorer), ("engine", self.engine)):
            warm = values[round(self.warm_up / BETWEEN_LOOKS) :]
            third = len(warm) // 3
            if third == 0:
                yield f"{name}: looked at too seldom, or not after {self.warm_up:.0f} s", True
                continue
            parts = [median(warm[start : start + third]) for start in range(0, 3 * third, third)]
            grew = parts[2] > parts[0] * (1 + MOST_GROWTH)
            told = ", ".join(f"{part:.0f}" for part in parts)
            yield (
                f"{name}: {told} MB in the thirds after {self.warm_up:.0f} s, at most {max(values):.0f}",
                grew,
            )


def many(home: Path, count: int) -> bool:
    """List many images and explore them; give whether memory grew."""
    pictures = home / "many"
    began = time.monotonic()
    for number in range(ORIGINALS):
        write_picture(home / "originals" / f"{number}.png", (90 + number, 120, 120), seed=number)
    for number in range(count):
        folder = pictures / f"class-{number // A_FOLDER:03}"
        if number % A_FOLDER == 0:
            folder.mkdir(parents=True)
        os.link(home / "originals" / f"{number % ORIGINALS}.png", folder / f"{number}.png")
    print(f"{count:,} hard links made in {time.monotonic() - began:.1f} s", flush=True)
    environment = {**os.environ, **home_of_its_own(home)}
    done = subprocess.run(
        [sys.executable, "-c", LISTS, str(pictures)],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    found, seconds, before, kept, hashed = json.loads(done.stdout)
    print(
        f"{found:,} listed in {seconds:.1f} s, {(kept - before) / 1024:.0f} MB more; hashed in {hashed:.1f} s"
    )
    write_material(home / "material", indexed=1)
    began = time.monotonic()
    with opened(home / "material", home / "explorer", "--images", str(pictures)) as terminal:
        marks = [f"the first frame {terminal.until('1049h') - terminal.started:.1f} s"]
        sent = terminal.send("?")
        marks.append(f"its help {terminal.until('esc closes') - sent:.2f} s after the key")
        terminal.send("\x1b")
        log = home / "explorer" / "cache" / "explorer.log"
        while terminal.code is None and not (log.exists() and " shown in " in log.read_text()):
            terminal.wait(0.1)
        marks.append(f"nine pictures {time.monotonic() - began:.1f} s")
        print("from the start:", ", ".join(marks), flush=True)
        memory = Memory(WARM_UP_OF_INDEXING)
        echoes, channel, end = [], 0, time.monotonic() + SECONDS_OF_INDEXING
        while time.monotonic() < end and terminal.code is None:
            sent, channel = terminal.send("j"), channel + 1
            echoes.append(terminal.until(rf"{MARK} +{channel} ") - sent)
            terminal.wait(0.5)
            memory.look(terminal)
        usual, worst = median(echoes) * 1000, max(echoes) * 1000
        print(f"key echo while it indexes: median {usual:.0f} ms, worst {worst:.0f} ms")
        grew = _told(memory)
        print(f"left with {_left(terminal)}", flush=True)
    return grew


def soak(home: Path, minutes: float, seed: int, rate: float = 1 / BETWEEN_KEYS) -> bool:
    """Type ``rate`` keys a second into an explorer; give whether memory grew or it ended by itself."""
    random, memory = chance(seed, "soak"), Memory(WARM_UP_OF_KEYS)
    write_material(home / "soak", indexed=60)
    with opened(home / "soak", home / "soaked") as terminal:
        terminal.until(r"conv5:0\b")
        end, count, typed = time.monotonic() + 60 * minutes, 0, time.monotonic()
        while (now := time.monotonic()) < end and terminal.code is None:
            if now >= typed:
                typed += 1 / rate
                terminal.send(random.choice(KEYS))
                count += 1
            memory.look(terminal)
            terminal.wait(max(0.0, min(typed - time.monotonic(), 1 / rate)))
        alive = terminal.code is None
        print(
            f"{count:,} keys in {minutes:g} minutes" + ("" if alive else f"; it ended with {terminal.code}")
        )
        if not alive:
            print(_end_of_log(home / "soaked"), flush=True)
        grew = _told(memory)
        for _ in range(12):  # out of whatever is open
            terminal.send("\x1b")
            terminal.wait(0.2)
        code = _left(terminal)
        print(f"left with {code}", flush=True)
    return grew or not alive or code != 0


def _end_of_log(home: Path, lines: int = 80) -> str:
    """Give the last lines of the explorer's log, where a traceback goes."""
    log = home / "cache" / "explorer.log"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else "no log"


def _told(memory: Memory) -> bool:
    grew = False
    for line, more in memory.judge():
        print(f"  {line}{'; IT GREW' if more else ''}", flush=True)
        grew = grew or more
    return grew


def _left(terminal: Terminal) -> int | None:
    terminal.send("q")
    ends(terminal)
    return terminal.code


def _resident(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next(
        (int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS")), 0.0
    )


def main() -> None:
    """Read the options, and end with 1 if memory grew."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.load", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="of keys [10]")
    parser.add_argument("--images", type=int, default=IMAGES, help=f"how many links [{IMAGES}]")
    parser.add_argument("--rate", type=float, default=1 / BETWEEN_KEYS, help="keys a second [20]")
    parser.add_argument("--seed", type=int, default=0, help="of the keys [0]")
    parser.add_argument("--only", choices=("many", "soak"), help="one of the two [both]")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="load-") as folder:
        grew = given.only != "soak" and many(Path(folder), given.images)
        if given.only != "many":
            grew = soak(Path(folder), given.minutes, given.seed, given.rate) or grew
    sys.exit(1 if grew else 0)


if __name__ == "__main__":
    main()
