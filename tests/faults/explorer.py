"""Kills of the explorer: what it had saved is whole and right, and none of its processes is left."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

from benchmarks.terminal import Terminal
from tests.faults.trial import (
    SIGNALS,
    Launcher,
    Report,
    chance,
    home_of_its_own,
    kill_session,
    left_alive,
    pixels_of,
    state_of_cache,
    told,
)
from zfexplore.atlas.container import read_arrays

SECONDS = 60.0  # for anything that must come
SECONDS_TO_LEAVE = 15.0  # it may save for some seconds
SECONDS_BETWEEN_KEYS = 0.15
SECONDS_OF_KEYS = 3.0  # from the first picture on
KEYS = ("j", "j", "\r")  # the next channel, or the figure of this one
SCREEN_TAKEN, SCREEN_GIVEN_BACK = b"\x1b[?1049h", b"\x1b[?1049l"


def kill_explorer(launcher: Launcher, material: Path, home: Path, kills: int, seed: int) -> Report:
    """Kill the explorer so many times, each time one with an empty cache; then open it on what is left."""
    report = Report("explorer")
    trials = _Trials(launcher, material, home, report)
    trials.look_undisturbed()
    while sum(report.kills.values()) < kills and report.trials < 2 * kills and trials.expected:
        report.trials += 1
        trials.kill(chance(seed, "explorer", report.trials))
    return report


@contextmanager
def opened(material: Path, folder: Path, *more: str) -> Iterator[Terminal]:
    """Open the explorer at conv5:0 with its files below ``folder``; nothing of it is left afterwards."""
    words = ["tui", "conv5:0", "--images", str(material / "pictures"), "--device", "cpu"]
    words += ["--checkpoint", str(material / "net.safetensors"), "--out", str(folder / "out"), *more]
    command = [sys.executable, "-m", "zfexplore", *words]
    with Terminal(command, home_of_its_own(folder), (100, 30)) as terminal:
        try:
            yield terminal
        finally:
            kill_session(terminal.pid)


def ends(terminal: Terminal, seconds: float = SECONDS_TO_LEAVE) -> bool:
    """Wait for the end of an explorer, reading what it draws; give whether it came in time."""
    end = time.monotonic() + seconds
    while terminal.code is None and time.monotonic() < end:
        terminal.wait(0.02)
    return terminal.code is not None


def wrong_end_of_killed(terminal: Terminal, whom: str) -> str:
    """Say what is wrong with the end of a killed explorer; empty if nothing is. ``whom`` names the kill."""
    if whom.endswith("engine") and not ends(terminal, 1.0):
        for _ in range(3):  # "Start it again?" and what a key before it asked; elsewhere escape does no harm
            terminal.send("\x1b")
            terminal.wait(0.5)
        return leave(terminal, codes=(0, 1))
    if not ends(terminal):
        return f"it did not end within {SECONDS_TO_LEAVE:.0f} s"
    drawn = terminal.written
    taken = whom != "SIGKILL" and SCREEN_TAKEN in drawn
    if taken and drawn.rfind(SCREEN_GIVEN_BACK) < drawn.rfind(SCREEN_TAKEN):
        return f"the screen was not given back (it ended with {terminal.code}): {drawn[-300:]!r}"
    return _wrong_end(terminal)


def leave(terminal: Terminal, codes: tuple[int, ...] = (0,)) -> str:
    """Leave an explorer by its key; say what is wrong with its end, empty if nothing is."""
    terminal.send("q")
    if not ends(terminal):
        return f"it did not leave within {SECONDS_TO_LEAVE:.0f} s"
    if terminal.code not in codes:
        return f"it left with {terminal.code}: {terminal.written[-500:]!r}"
    return _wrong_end(terminal)


def _wrong_end(terminal: Terminal) -> str:
    if b"Traceback" in terminal.written:
        return f"it showed a traceback: {re.sub(rb'.*Traceback', b'Traceback', terminal.written)[:1500]!r}"
    left = left_alive(terminal.pid)
    return f"it left processes behind: {left}" if left else ""


class _Trials:
    """What one trial needs of those before: the undisturbed atlas, and the figures of channels."""

    def __init__(self, launcher: Launcher, material: Path, home: Path, report: Report) -> None:
        self.launcher, self.material, self.home, self.report = launcher, material, home, report
        self.expected: dict[str, str] = {}
        self.seconds = 0.0  # until the undisturbed explorer shows pictures
        self._figures: dict[str, str] = {}

    def look_undisturbed(self) -> None:
        """Open the explorer, let it index, and leave."""
        folder = self.home / "explorer-undisturbed"
        folder.mkdir()
        began = time.monotonic()
        with opened(self.material, folder) as terminal:
            terminal.until(r"conv5:0\b")
            self.seconds = time.monotonic() - began + SECONDS_OF_KEYS
            self.expected = self._index_to_the_end(folder, terminal)
            self.report.blame(leave(terminal), of="explorer, undisturbed")
        self.report.notes.append(f"undisturbed: {self.seconds:.1f} s to the first pictures and some keys")

    def kill(self, random: Random) -> None:
        """Kill an explorer at some moment, look at what it left, and open it again on that."""
        name = f"explorer trial {self.report.trials}"
        folder = self.home / f"explorer-{self.report.trials}"
        folder.mkdir()
        number, aimed = random.choice(SIGNALS), random.random() < 0.5
        of_engine = random.random() < 0.2
        wait = random.uniform(0.2, self.seconds)
        with opened(self.material, folder) as terminal:
            self._walk(terminal, folder, random, wait, aimed=aimed)
            engine = engine_of(terminal.pid)
            with suppress(ProcessLookupError):
                if of_engine and engine is not None:
                    os.kill(engine, signal.SIGKILL)
                else:
                    os.kill(terminal.pid, number)
            whom = "SIGKILL of the engine" if of_engine and engine is not None else number.name
            self.report.killed(f"{whom} {'at a write' if aimed else 'at random'}")
            name = f"{name} ({whom} {'at a write' if aimed else f'after {wait:.2f} s'})"
            self.report.blame(wrong_end_of_killed(terminal, whom), of=name)
        self.report.blame(told(lambda: self._wrong_files(folder)), of=name)
        self.report.blame(told(lambda: self._wrong_afterwards(folder)), of=f"{name}, opened again")

    def _walk(self, terminal: Terminal, folder: Path, random: Random, wait: float, *, aimed: bool) -> None:
        """Type keys for ``wait`` seconds, or, where it is aimed, until a temporary file is there then."""
        began = typed = time.monotonic()
        taken = False
        while terminal.code is None:
            now = time.monotonic()
            taken = taken or SCREEN_TAKEN in terminal.written
            if now - began > wait and (not aimed or _writes(folder) or now - began > 2 * self.seconds):
                return
            if taken and now - typed > SECONDS_BETWEEN_KEYS:
                typed = now
                terminal.send(random.choice(KEYS))
                terminal.written = SCREEN_TAKEN  # what was written before is forgotten, but for this
            terminal.wait(0.001)

    def _wrong_files(self, folder: Path) -> str:
        """Say which files of a killed explorer are not whole, or not what they are without a kill."""
        wrong = []
        for figure in sorted((folder / "out").glob("[!.]*.png")):
            if pixels_of(figure) != self._figure(figure.stem):
                wrong.append(f"{figure.name} differs")
        for name, found in state_of_cache(folder / "cache").items():
            if name.endswith(".partial"):
                read_arrays(folder / "cache" / "atlases" / name)
            elif self.expected.get(name) != found:
                wrong.append(f"{name} differs")
        for path in (folder / "cache").rglob("[!.]*.json"):
            json.loads(path.read_text(encoding="utf-8"))
        return ", ".join(wrong)

    def _wrong_afterwards(self, folder: Path) -> str:
        """Open the explorer on what a killed one left, let it index to the end, and leave."""
        with opened(self.material, folder) as terminal:
            terminal.until(r"conv5:0\b", seconds=SECONDS)
            if self._index_to_the_end(folder, terminal) != self.expected:
                return f"the cache holds {sorted(state_of_cache(folder / 'cache'))}, or they differ"
            return leave(terminal)

    def _index_to_the_end(self, folder: Path, terminal: Terminal) -> dict[str, str]:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and terminal.code is None:
            found = state_of_cache(folder / "cache")
            if len(found) == 1 and next(iter(found)).endswith(".safetensors"):
                return found
            terminal.wait(0.05)
        return state_of_cache(folder / "cache")

    def _figure(self, channel: str) -> str:
        """Give the pixels of a channel's figure (``conv5-3``) as the command line makes it."""
        if channel not in self._figures:
            folder = self.home / "explorer-undisturbed"
            words = [
                "export",
                "channel",
                channel.replace("-", ":"),
                "--out",
                f"{channel}.png",
                "--device",
                "cpu",
            ]
            words += ["--images", str(self.material / "pictures")]
            ended = self.launcher.run(
                [*words, "--checkpoint", str(self.material / "net.safetensors")], folder
            )
            self._figures[channel] = pixels_of(folder / f"{channel}.png") if ended.code == 0 else ended.err
        return self._figures[channel]


def _writes(folder: Path) -> bool:
    """Tell whether a temporary file is there."""
    places = (folder / "out", folder / "cache", folder / "cache" / "atlases")
    with suppress(OSError):
        return any(name.startswith(".") for place in places if place.is_dir() for name in os.listdir(place))
    return False


def engine_of(pid: int) -> int | None:
    """Give the number of an explorer's engine; None while it has none."""
    with suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else None
    return None
