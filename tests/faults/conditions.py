"""What goes wrong without a kill: full and read-only disks, small limits, changing folders, two at once.

Each check runs the commands under one condition. A command then either does its work or ends in one line.
What was there before stays whole, and no temporary file is left. When the condition is over, it goes on as if
nothing had been.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from threading import Event, Thread

from tests.faults.disks import NoDisk, change_disk, fill, small_disk
from tests.faults.explorer import ends, opened
from tests.faults.trial import (
    SAVES_ALWAYS,
    SMALL,
    Ended,
    Launcher,
    Report,
    chance,
    differences,
    hidden_files,
    pixels_of,
    state_of_cache,
    state_of_run,
    told,
)
from tests.faults.work import Work, indexing, training

MB = 2**20
KB = 2**10
DISKS = (16 * KB, 80 * KB, 160 * KB, 256 * KB)  # a run needs some 450, and each of these ends at another file
LIMITS = (1 * KB, 16 * KB, 64 * KB, 128 * KB)  # a file: the settings, a snapshot, the checkpoint, the state
AMPLE = 400 * MB
PASSES_OVER_A_CHANGING_FOLDER = 8
PAIRS = 6
LONGEST_OFFSET = 0.1  # seconds from the one to the other: a resumed training takes some 0.3


def on_full_disks(launcher: Launcher, material: Path, home: Path, seed: int) -> Report:
    """Train, index, save a figure and explore on disks that fill up; go on when there is room again."""
    report = Report("full disks")
    home = home / "full"
    try:
        run = _undisturbed_run(launcher, material, home)
        for size in DISKS:
            with small_disk(home / f"run-{size}", size) as disk:
                _train_where_it_cannot_be_kept(
                    report, launcher, material, disk, run, f"a disk of {size // KB} KB",
                    {}, lambda disk=disk: change_disk(disk, f"size={AMPLE}"),
                )  # fmt: skip
        with small_disk(home / "cache-full", 16 * MB) as disk:
            (disk / "cache").mkdir()
            ballast = fill(disk)
            _index_without_a_cache(report, launcher, material, disk, "a full disk", ballast.unlink)
        with small_disk(home / "figure", 64 * MB) as disk:
            _figure_where_it_cannot_be_kept(
                report, launcher, material, disk, "a full disk", lambda: fill(disk)
            )
            report.trials += 1
            report.blame(told(lambda: _explore(material, disk)), of="the explorer on a full disk")
    except NoDisk as reason:
        report.skipped.append(f"no disk can be mounted here: {reason}")
    return report


def on_read_only_disks(launcher: Launcher, material: Path, home: Path, seed: int) -> Report:
    """Do the same where nothing at all can be written."""
    report = Report("read-only disks")
    home = home / "read-only"
    try:
        with small_disk(home / "run", AMPLE) as disk:
            change_disk(disk, "ro")
            report.trials += 1
            ended = launcher.run(training(material).begin(disk), disk, settings=SMALL)
            report.blame(_refused(ended), of="train on a read-only disk")
        with small_disk(home / "cache", AMPLE) as disk:
            change_disk(disk, "ro")
            _index_without_a_cache(
                report, launcher, material, disk, "a read-only disk", lambda: change_disk(disk, "rw")
            )
        with small_disk(home / "figure", AMPLE) as disk:
            _figure_where_it_cannot_be_kept(
                report, launcher, material, disk, "a read-only disk", lambda: change_disk(disk, "ro")
            )
            report.trials += 1
            wrong = told(lambda: _explore(material, disk, out=home / "out"))
            report.blame(wrong, of="the explorer with its cache on a read-only disk")
    except NoDisk as reason:
        report.skipped.append(f"no disk can be mounted here: {reason}")
    return report


def under_limits(launcher: Launcher, material: Path, home: Path, seed: int) -> Report:
    """Train and index where no file may be larger than a limit (RLIMIT_FSIZE); then without it."""
    report = Report("limits of a file's size")
    home = home / "limits"
    run = _undisturbed_run(launcher, material, home)
    for largest in LIMITS:
        folder = home / f"run-{largest}"
        folder.mkdir()
        name = f"a limit of {largest:,} bytes"
        _train_where_it_cannot_be_kept(
            report, launcher, material, folder, run, name, {"largest": largest}, lambda: None
        )
    folder = home / "cache"
    folder.mkdir()
    _index_without_a_cache(
        report, launcher, material, folder, "a limit of 4,096 bytes", lambda: None, largest=4096
    )
    return report


def in_changing_folders(launcher: Launcher, material: Path, home: Path, seed: int) -> Report:
    """List and index a folder while files in it come, go, change their names and are cut."""
    report = Report("changing folders")
    random = chance(seed, "changing folders")
    home = home / "changing"
    folder = home / "pictures"
    shutil.copytree(material / "pictures", folder)
    index = [*indexing(material).begin(home), "--images", str(folder)]
    listing = ["images", str(folder), "--check"]
    with _changing(folder, random):
        for number in range(PASSES_OVER_A_CHANGING_FOLDER):
            for words in (listing, index):
                report.trials += 1
                ended = launcher.run(words, home, settings=SAVES_ALWAYS)
                wrong = ended.stumbled or ("" if ended.code == 0 else _refused(ended))
                report.blame(wrong, of=f"{words[0]} of a changing folder, pass {number + 1}")
    fresh = home / "fresh"
    for cache, where in ((home, "in the cache of before"), (fresh, "in an empty cache")):
        cache.mkdir(exist_ok=True)
        ended = launcher.run(index, cache)
        report.blame(
            "" if ended.code == 0 else f"it ended with {ended.code}: {ended.err}", of=f"index {where}"
        )
    expected, found = state_of_cache(fresh / "cache"), state_of_cache(home / "cache")
    there = {name: found.get(name, "missing") for name in expected}
    report.blame(differences(expected, there), of="index of a folder at rest after it changed")
    return report


def two_at_once(launcher: Launcher, material: Path, home: Path, seed: int) -> Report:
    """Begin, and resume, one training twice at once; build one atlas twice at once."""
    report = Report("two at once")
    home = home / "two"
    run = _undisturbed_run(launcher, material, home)
    train, index = training(material), indexing(material)
    for number in range(PAIRS):
        random = chance(seed, "two at once", number)
        offset = random.choice((0.0, 0.0, random.uniform(0.0, LONGEST_OFFSET)))
        folder = home / f"run-{number}"
        folder.mkdir()
        _one_of_two(report, launcher, train, folder, offset, f"train, pair {number + 1}")
        report.blame(
            told(lambda folder=folder: differences(run, train.state(folder))), of=f"train, pair {number + 1}"
        )
        begun = home / f"resumed-{number}"
        begun.mkdir()
        command = launcher.start(train.begin(begun), begun, settings=SAVES_ALWAYS | SMALL)
        _wait_for(begun / "run" / "state.safetensors")
        with suppress(ProcessLookupError):
            os.kill(command.pid, 9)
        launcher.end_of(command)
        name = f"train --resume, pair {number + 1}"
        _one_of_two(report, launcher, train, begun, offset, name)
        report.blame(told(lambda folder=begun: differences(run, train.state(folder))), of=name)
        folder = home / f"index-{number}"
        folder.mkdir()
        report.trials += 1
        for ended in _pair(launcher, index, folder, offset):
            wrong = ended.stumbled or ("" if ended.code == 0 else f"it ended with {ended.code}: {ended.err}")
            report.blame(wrong, of=f"index, pair {number + 1}")
        first = state_of_cache(home / "index-0" / "cache")
        report.blame(differences(first, state_of_cache(folder / "cache")), of=f"index, pair {number + 1}")
        report.blame(_hidden(folder), of=f"index, pair {number + 1}")
    return report


Check = Callable[[Launcher, Path, Path, int], Report]
ALL: dict[str, Check] = {
    "full": on_full_disks,
    "read-only": on_read_only_disks,
    "limits": under_limits,
    "changing": in_changing_folders,
    "two": two_at_once,
}


# -- the parts of checks -------------------------------------------------------------------------------


def _undisturbed_run(launcher: Launcher, material: Path, home: Path) -> dict[str, str]:
    folder = home / "undisturbed"
    folder.mkdir(parents=True)
    launcher.run(training(material).begin(folder), folder, settings=SAVES_ALWAYS | SMALL)
    return state_of_run(folder / "run")


def _train_where_it_cannot_be_kept(
    report: Report,
    launcher: Launcher,
    material: Path,
    folder: Path,
    expected: dict[str, str],
    where: str,
    options: dict[str, int],
    relieve: Callable[[], object],
) -> None:
    """Train until something cannot be written; then relieve, go on, and compare with an undisturbed run."""
    work = training(material)
    report.trials += 1
    ended = launcher.run(work.begin(folder), folder, settings=SMALL, **options)
    report.blame(_refused(ended), of=f"train on {where}")
    report.blame(_hidden(folder / "run"), of=f"train on {where}")
    relieve()
    ended = launcher.run(work.go_on(folder), folder, settings=SMALL)
    report.blame(
        "" if ended.code == 0 else f"it ended with {ended.code}: {ended.err}", of=f"train after {where}"
    )
    report.blame(told(lambda: differences(expected, work.state(folder))), of=f"train after {where}")


def _index_without_a_cache(
    report: Report,
    launcher: Launcher,
    material: Path,
    folder: Path,
    where: str,
    relieve: Callable[[], object],
    *,
    largest: int | None = None,
) -> None:
    """Index where nothing can be kept: that costs a remark and not the pass. Then relieve, and keep it."""
    work = indexing(material)
    report.trials += 1
    ended = launcher.run(work.begin(folder), folder, settings=SAVES_ALWAYS, largest=largest)
    wrong = ended.stumbled or ("" if ended.code == 0 else f"it ended with {ended.code}: {ended.err}")
    report.blame(wrong, of=f"index with its cache on {where}")
    report.blame("" if "ZFEXPLORE_CACHE" in ended.err else "nothing says how to have another cache",
                 of=f"index with its cache on {where}")  # fmt: skip
    report.blame(_hidden(folder), of=f"index with its cache on {where}")
    relieve()
    ended = launcher.run(work.begin(folder), folder)
    wrong = "" if ended.code == 0 and state_of_cache(folder / "cache") else f"{ended.code}, nothing was kept"
    report.blame(wrong, of=f"index after {where}")


def _figure_where_it_cannot_be_kept(
    report: Report, launcher: Launcher, material: Path, folder: Path, where: str, strain: Callable[[], object]
) -> None:
    """Save a figure, and then another where it cannot be kept: the first stays, the second is refused."""
    words = ["export", "channel", "conv5:0", *indexing(material).begin(folder)[1:], "--out"]
    report.trials += 1
    first = launcher.run([*words, "first.png"], folder)
    report.blame(
        "" if first.code == 0 else f"it ended with {first.code}: {first.err}", of="export on a new disk"
    )
    before = told(lambda: pixels_of(folder / "first.png"))
    strain()
    for out in ("first.png", "second.png"):
        ended = launcher.run([*words, out, "--title", "another", "--overwrite"], folder)
        report.blame(_refused(ended), of=f"export to {where}")
    after = told(lambda: pixels_of(folder / "first.png"))
    report.blame("" if before == after else f"{before} became {after}", of=f"the figure of before on {where}")
    report.blame(_hidden(folder), of=f"export to {where}")
    report.blame("second.png is there" if (folder / "second.png").exists() else "", of=f"export to {where}")


def _explore(material: Path, folder: Path, *, out: Path | None = None) -> str:
    """Open the explorer where it can write nothing, have a figure saved, and leave."""
    with opened(material, folder, *([] if out is None else ["--out", str(out)])) as terminal:
        terminal.until(r"conv5:0\b")
        terminal.until_silent(1.0, longest=10.0)
        terminal.send("\r")
        terminal.until_silent(1.0, longest=10.0)
        if terminal.code is not None:
            return f"it ended by itself with {terminal.code}: {terminal.written[-500:]!r}"
        terminal.send("q")
        if not ends(terminal):
            return "it did not leave"
        return "" if terminal.code == 0 else f"it left with {terminal.code}: {terminal.written[-500:]!r}"


def _refused(ended: Ended) -> str:
    """Say what is wrong with a command that had to end in one line; empty if nothing is."""
    if ended.stumbled:
        return ended.stumbled
    lines = ended.err.strip().splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    if ended.code in (1, 2) and len(errors) == 1 and lines[-1] == errors[0]:
        return ""
    return f"it ended with {ended.code}, and not with one line of error: {ended.err[-600:]!r}"


def _hidden(folder: Path) -> str:
    found = hidden_files(folder) if folder.exists() else []
    return f"temporary files are left: {', '.join(found[:4])}" if found else ""


def _pair(launcher: Launcher, work: Work, folder: Path, offset: float) -> list[Ended]:
    words, settings = work.go_on(folder), SAVES_ALWAYS | work.settings
    first = launcher.start(words, folder, settings=settings)
    time.sleep(offset)
    second = launcher.start(words, folder, settings=settings)
    return [launcher.end_of(first), launcher.end_of(second)]


def _one_of_two(
    report: Report, launcher: Launcher, work: Work, folder: Path, offset: float, name: str
) -> None:
    """Run a command twice at once: one must be done, and the other end in one line."""
    report.trials += 1
    endings = _pair(launcher, work, folder, offset)
    done = [ended for ended in endings if ended.code == 0]
    report.blame("" if len(done) == 1 else f"{len(done)} of two ended with 0", of=name)
    for ended in endings:
        report.blame(_refused(ended) if ended.code != 0 else ended.stumbled, of=name)
    report.blame(_hidden(folder), of=name)


def _wait_for(path: Path, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.005)


@contextmanager
def _changing(folder: Path, random: Random) -> Iterator[None]:
    """Change a folder of pictures again and again, meanwhile; the first four pictures stay."""
    over = Event()
    kept = [(folder / f"{number}.png").read_bytes() for number in range(4)]

    def change() -> None:
        count = 0
        while not over.wait(random.uniform(0.0, 0.01)):
            count += 1
            some = folder / f"{random.randrange(4, 60)}.png"
            with suppress(OSError):
                _change(some, random, kept[count % 4])

    thread = Thread(target=change, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _change(path: Path, random: Random, content: bytes) -> None:
    """Do one thing to a path: remove it, write it, cut it, rename it, or put a folder or a link there."""
    what = random.choice(("remove", "write", "cut", "rename", "folder", "link", "loop"))
    if what == "rename":
        path.rename(path.with_name(f"{random.randrange(4, 60)}.png"))
        return
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    if what == "write":
        path.write_bytes(content)
    elif what == "cut":
        path.write_bytes(content[: random.randrange(len(content))])
    elif what == "folder":
        path.mkdir()
        (path / "inside.png").write_bytes(content)
    elif what == "link":
        path.symlink_to(path.with_name("nowhere.png"))
    elif what == "loop":
        path.symlink_to(path.name)
