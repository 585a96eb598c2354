"""Keys and pixels over a slow line: how long a key's echo takes while tiles are sent, and without any.

    python -m benchmarks.slowline                  a line of 1 MB/s
    python -m benchmarks.slowline --rate 0.25      megabytes a second

The explorer runs in a pseudo-terminal whose other end reads no faster than the line, in pieces of 2 ms, and
says that it is a kitty; it answers as a kitty does, once it has read what was asked. Each key walks one
channel on, so that tiles of the channel before are always on their way. Then the same with
``--glyphs octants`` and with quadrants, where none are sent. The images are those of the album, indexed
beforehand.
"""

from __future__ import annotations

import argparse
import os
import re
import select
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.response import home_of_its_own
from benchmarks.terminal import Terminal
from zfexplore.tui.listening import STATUS, WELL
from zfexplore.tui.widgets.rows import MARK

PIECE = 0.002  # seconds of the line that are read at once
ANSWERS = {
    b"\x1b[>q": b"\x1bP>|kitty(0.41.1)\x1b\\",
    b"a=q": b"\x1b_Gi=31;OK\x1b\\",
    b"\x1b[16t": b"\x1b[6;20;10t",
    b"\x1b[c": b"\x1b[?62;c",
}
TILE = re.compile(rb"\x1b_G[^\x1b]*\x1b\\")


class SlowTerminal(Terminal):
    """Reads ``rate`` bytes a second at most."""

    rate = 1e6
    _next = 0.0
    _tail = b""

    def _read(self, seconds: float) -> bool:
        end = time.perf_counter() + max(seconds, 0.0)
        time.sleep(max(0.0, min(self._next - time.perf_counter(), seconds)))
        if time.perf_counter() < self._next:
            return True  # the line is busy: nothing can be said of what comes
        if not select.select([self._master], [], [], max(0.0, end - time.perf_counter()))[0]:
            return False
        try:
            data = os.read(self._master, max(1, int(self.rate * PIECE)))
        except OSError:
            return False
        self._next = time.perf_counter() + len(data) / self.rate
        seen = self._tail + data
        for question, answer in ANSWERS.items():
            if question in seen and question not in self._tail:
                os.write(self._master, answer)
        count = seen.count(STATUS.encode()) - self._tail.count(STATUS.encode())
        os.write(self._master, WELL.encode() * count)
        self._tail = seen[-8:]
        self.written += data
        return bool(data)


def echoes(rate: float, glyphs: str, keys: int, between: float, limit: int) -> tuple[list[float], int]:
    """Walk ``keys`` channels on; give the seconds from each to its cursor, and the bytes of tiles sent."""
    times, sent = [], 0
    with TemporaryDirectory() as folder:
        home = Path(folder)
        words = ["tui", "conv5:0", "--limit", str(limit), "--out", str(home / "out"), "--glyphs", glyphs]
        command = [sys.executable, "-m", "zfexplore", *words]
        with SlowTerminal(command, home_of_its_own(home)) as terminal:
            terminal.rate = rate
            terminal.until(r"conv5:0\b")
            terminal.until_silent(5.0)
            for channel in range(1, keys + 1):
                begun = terminal.send("j")
                times.append(terminal.until(rf"{MARK} +{channel} ") - begun)
                terminal.wait(between)
                sent += sum(map(len, TILE.findall(terminal.written)))
            terminal.leave("q")
    return times, sent


def main() -> None:
    """Parse the options, measure, and print a line for each kind."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.slowline",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rate", type=float, default=1.0, help="megabytes a second; default: %(default)s")
    parser.add_argument("--keys", type=int, default=60, help="default: %(default)s")
    parser.add_argument("--between", type=float, default=0.7, help="seconds; default: %(default)s")
    parser.add_argument("--limit", type=int, default=60, help="images; default: %(default)s")
    asked = parser.parse_args()
    for glyphs in ("pixels", "octants", "quadrants"):
        times, sent = echoes(asked.rate * 1e6, glyphs, asked.keys, asked.between, asked.limit)
        print(
            f"{glyphs}: {len(times)} keys, median {1000 * statistics.median(times):.1f} ms, "
            f"worst {1000 * max(times):.1f} ms; {sent / 1e6:.2f} MB of tiles"
        )


if __name__ == "__main__":
    main()
