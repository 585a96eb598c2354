"""Commands that go on where they were killed: a training, and an index; how they are killed and compared."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests.faults.trial import (
    SAVES_ALWAYS,
    SIGNALS,
    SMALL,
    Command,
    Ended,
    Launcher,
    Report,
    Strike,
    chance,
    differences,
    hidden_files,
    left_alive,
    state_of_cache,
    state_of_run,
    told,
)

MOST_KILLS = 4  # of one training or index, before it may end
MOST_TRIALS = 4  # for each kill: some come too late
LONGEST_DELAY = 0.1  # seconds from a moment of writing to a death: longer than any file takes here


@dataclass(frozen=True)
class Work:
    """A command that goes on where it was killed: how it begins, how it goes on, and what it leaves."""

    what: str
    begin: Callable[[Path], list[str]]
    go_on: Callable[[Path], list[str]]
    state: Callable[[Path], dict[str, str]]
    settings: dict[str, Any] = field(default_factory=dict)  # always, of the package's constants


def training(material: Path, *, epochs: int = 2, workers: int = 0) -> Work:
    """Give a training of some seconds, in the folder ``run``; ``workers`` processes decode for it."""
    begin = ["train", "--images", str(material / "photos"), "--out", "run", "--epochs", str(epochs)]
    begin += [
        "--batch-size",
        "4",
        "--fc",
        "8",
        "--size",
        "56",
        "--val",
        "0.25",
        "--device",
        "cpu",
        "--no-amp",
    ]
    begin += ["--workers", str(workers)]
    resume = ["train", "--resume", "--out", "run"]
    return Work(
        "workers" if workers else "train",
        lambda folder: begin,
        lambda folder: resume if (folder / "run" / "run.json").exists() else begin,
        lambda folder: state_of_run(folder / "run"),
        SMALL,
    )


def indexing(material: Path) -> Work:
    """Give an index of some seconds; it goes on by itself."""
    words = [
        "index",
        "--images",
        str(material / "pictures"),
        "--checkpoint",
        str(material / "net.safetensors"),
    ]
    words += ["--device", "cpu"]
    return Work(
        "index", lambda folder: words, lambda folder: words, lambda folder: state_of_cache(folder / "cache")
    )


def kill_work(work: Work, launcher: Launcher, home: Path, kills: int, seed: int) -> Report:
    """Kill a command so many times and let it end; compare what it leaves with an undisturbed run."""
    report = Report(work.what)
    undisturbed = _new(home / f"{work.what}-undisturbed")
    began = time.monotonic()
    ended = launcher.run(work.begin(undisturbed), undisturbed, settings=SAVES_ALWAYS | work.settings)
    seconds = time.monotonic() - began
    if ended.code != 0 or not ended.moments:
        report.blame(f"undisturbed, it ended with {ended.code}: {ended.err[-1500:]}")
        return report
    expected = work.state(undisturbed)
    report.notes.append(f"undisturbed: {seconds:.1f} s, {ended.moments} moments of writing")
    left = kills
    while left > 0 and report.trials < MOST_TRIALS * kills:
        report.trials += 1
        random = chance(seed, work.what, report.trials)
        folder = _new(home / f"{work.what}-{report.trials}")
        done = _kill_and_go_on(
            work, launcher, folder, random, report, min(left, MOST_KILLS), seconds, ended.moments
        )
        left -= done
        name = f"{work.what} trial {report.trials}"
        report.blame(told(lambda folder=folder: differences(expected, work.state(folder))), of=name)
        if hidden := hidden_files(folder):
            report.notes.append(f"{name} leaves {len(hidden)} temporary files: {', '.join(hidden[:3])}")
    return report


def _kill_and_go_on(
    work: Work,
    launcher: Launcher,
    folder: Path,
    random: Random,
    report: Report,
    most: int,
    seconds: float,
    moments: int,
) -> int:
    """Kill one training or index some times, and let it end; give how often it was killed."""
    kills, wanted = 0, random.randint(1, most)
    while True:
        words = work.go_on(folder)
        last = kills == wanted
        number, late = random.choice(SIGNALS), random.random() < 0.5
        strike, wait = None, None
        if not last and random.random() < 0.5:
            delay = random.uniform(0.0001, LONGEST_DELAY) if late else 0.0
            strike = Strike(random.randint(1, moments), number, delay)
        elif not last:
            wait = random.uniform(0.0, seconds)
        settings = work.settings | (SAVES_ALWAYS if random.random() < 0.7 else {})
        command = launcher.start(words, folder, strike=strike, settings=settings)
        ended = launcher.ends_within(command, wait) if wait is not None else None
        if ended is None:
            if wait is not None:
                os.kill(command.pid, number)
            ended = launcher.end_of(command)
        name = f"{work.what} trial {report.trials}, life {kills + 1} ({strike or wait or 'undisturbed'})"
        report.blame(_wrong_end(ended, command), of=name)
        if ended.code == 0:  # where a kill came too late, the work is done all the same
            return kills
        if last:
            report.blame(f"{' '.join(words)} ended with {ended.code}: {ended.err[-1500:]}", of=name)
            return kills
        kills += 1
        aimed = "amid writing" if strike and strike.delay else "at a write" if strike else "at random"
        report.killed(f"{'SIGKILL' if strike and strike.delay else number.name} {aimed}")


def _wrong_end(ended: Ended, command: Command) -> str:
    """Say what is wrong with how a killed command ended; empty if nothing is."""
    if ended.stumbled:
        return ended.stumbled
    if left := left_alive(command.pid):
        return f"it left processes behind: {left}"
    fine = ended.code == 0 or ended.code == 130 or (ended.code or 0) < 0
    return "" if fine else f"it ended with {ended.code}: {ended.err[-1500:]}"


def _new(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
