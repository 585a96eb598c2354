"""What the trials share: material, the launcher's near end, processes that are left, and what differs."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image
from safetensors import safe_open

from tests.support import write_zfnet

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 120.0  # the longest wait for a command
SECONDS_TO_VANISH = 15.0  # for its workers, which see it gone once they send their next batch
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)

# A twelfth of the channels: a training then takes a second.
SLIM = "tests.training.conftest.Slim"
SMALL = {"zfexplore.training.loop.ZFNet": SLIM, "zfexplore.nets.zfnet.ZFNet": SLIM}
# As often as there is anything to save: a kill within a state's writing is then no rarity.
SAVES_ALWAYS: dict[str, Any] = {
    "zfexplore.progress.SECONDS_BETWEEN_EVENTS": 0.0,
    "zfexplore.training.loop.SECONDS_BETWEEN_STATES": 0.0,
    "zfexplore.training.loop.SECONDS_BETWEEN_TIDINGS": 0.0,
    "zfexplore.atlas.build.SECONDS_BETWEEN_SAVES": 0.0,
}


@dataclass(frozen=True)
class Strike:
    """At the moment of writing ``number``, ``signal``; or death ``delay`` seconds after that moment."""

    number: int
    signal: int = signal.SIGKILL
    delay: float = 0.0


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code (its signal below 0; None if it never ended), and what it said."""

    code: int | None
    out: str
    err: str
    moments: int | None  # of writing, where it was undisturbed

    @property
    def stumbled(self) -> str:
        """What no command may do, whatever happened to it; empty if it did not."""
        if self.code is None:
            return f"it did not end within {SECONDS:.0f} s: {self.err[-1500:]}"
        if "Traceback" in self.err:
            return f"it showed a traceback: {self.err[-1500:]}"
        return ""


@dataclass(frozen=True)
class Command:
    """A command under way."""

    pid: int
    said: str


class Launcher:
    """Runs commands as children of one process that has torch already; a context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder  # for what they say
        self._count = 0

    def __enter__(self) -> Launcher:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.launcher"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            # The level is read as torch is imported; `cli/ranks.py` sets it where a command does that itself.
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "PYTHONPATH": str(ROOT),
                "TORCH_CPP_LOG_LEVEL": "ERROR",
            },
        )
        self._ask()
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.wait()

    def start(
        self,
        words: list[str],
        folder: Path,
        *,
        strike: Strike | None = None,
        settings: dict[str, Any] | None = None,
        largest: int | None = None,
        environment: dict[str, str] | None = None,
    ) -> Command:
        """Start a command in ``folder``, where its cache is too; ``largest`` bounds the size of its files."""
        self._count += 1
        said = str(self._folder / f"{self._count:04}")
        pid = self._ask(
            words=words,
            folder=str(folder),
            said=said,
            strike=None if strike is None else vars(strike),
            settings=settings or {},
            largest=largest,
            environment=home_of_its_own(folder) | (environment or {}),
        )
        return Command(pid, said)

    def ends_within(self, command: Command, seconds: float) -> Ended | None:
        """Give how a command ended, None if it goes on after so many seconds."""
        code = self._ask(pid=command.pid, seconds=seconds)
        return None if code is None else self._told(command, code)

    def end_of(self, command: Command, seconds: float = SECONDS) -> Ended:
        """Wait for a command's end; one that does not come is killed, and has the code None."""
        if (ended := self.ends_within(command, seconds)) is not None:
            return ended
        os.kill(command.pid, signal.SIGUSR1)
        if self.ends_within(command, 1.0) is None:
            os.kill(command.pid, signal.SIGKILL)
            self._ask(pid=command.pid, seconds=SECONDS)
        return self._told(command, None)

    def run(self, words: list[str], folder: Path, **options: Any) -> Ended:
        """Run a command to its end."""
        return self.end_of(self.start(words, folder, **options))

    def _told(self, command: Command, code: int | None) -> Ended:
        out, err, moments = (_text(f"{command.said}.{ending}") for ending in ("out", "err", "moments"))
        return Ended(code, out, err, int(moments) if moments else None)

    def _ask(self, **request: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        if not (answer := self._process.stdout.readline()):
            raise RuntimeError("the launcher has ended")
        return json.loads(answer)


def home_of_its_own(folder: Path) -> dict[str, str]:
    """Give the environment of a command whose cache and settings are below ``folder``."""
    return {
        "HOME": str(folder),
        "ZFEXPLORE_CACHE": str(folder / "cache"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
    }


@dataclass
class Report:
    """What a part of the program found: how many trials and kills of each kind, and the faults, in words."""

    what: str
    trials: int = 0
    kills: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def killed(self, how: str) -> None:
        """Count a kill."""
        self.kills[how] = self.kills.get(how, 0) + 1

    def blame(self, fault: str, *, of: str = "") -> None:
        """Keep a fault, if there is one."""
        if fault:
            self.faults.append(f"{of}: {fault}" if of else fault)

    def lines(self) -> Iterator[str]:
        """Give what is worth telling, a line each."""
        kills = ", ".join(f"{how} {count}" for how, count in sorted(self.kills.items()))
        told = f"{self.trials} trials" + (f", {sum(self.kills.values())} kills ({kills})" if kills else "")
        yield f"{self.what}: {told}, {len(self.faults)} faults"
        yield from (f"  skipped: {reason}" for reason in self.skipped)
        yield from (f"  note: {note}" for note in self.notes)
        yield from (f"  FAULT {fault}" for fault in self.faults)


def chance(seed: int, what: str, trial: int = 0) -> Random:
    """Give the random numbers of one trial, so that it can be repeated by itself."""
    return Random(f"{seed} {what} {trial}")


# -- material ------------------------------------------------------------------------------------------


def write_material(folder: Path, *, photos: int = 6, indexed: int = 40) -> Path:
    """Write ``net.safetensors``, ``photos/`` in two classes to train on, and ``pictures/`` to index."""
    write_zfnet(folder / "net.safetensors", classes=("blue", "red"), fc=8)
    colours = {"blue": (40, 40, 200), "red": (200, 40, 40)}
    for name, colour in colours.items():
        for number in range(photos):
            write_picture(folder / "photos" / name / f"{number}.png", colour, seed=number)
    for number in range(indexed):
        write_picture(folder / "pictures" / f"{number}.png", (120, 120, 120), seed=100 + number)
    return folder


def write_picture(path: Path, colour: tuple[int, int, int], *, seed: int) -> None:
    """Write coarse noise about a colour, 90 x 70."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(-40, 40, (7, 9, 3))
    coarse = Image.fromarray((np.array(colour) + noise).clip(0, 255).astype(np.uint8))
    coarse.resize((90, 70)).save(path)


# -- what is there afterwards --------------------------------------------------------------------------


def left_alive(session: int) -> list[str]:
    """Wait until no process of a session is left; give those that stay, by number and command."""
    end = time.monotonic() + SECONDS_TO_VANISH
    while (left := list(_members(session))) and time.monotonic() < end:
        time.sleep(0.02)
    return left


def kill_session(session: int) -> None:
    """Kill what is left of a session that we started."""
    for member in _members(session):
        os.kill(int(member.split()[0]), signal.SIGKILL)


def _members(session: int) -> Iterator[str]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            state, _, _, belongs = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(belongs) == session and state not in "ZX":
                yield f"{entry.name} {(entry / 'cmdline').read_text().replace(chr(0), ' ')[:80]}"
        except (OSError, ValueError):
            continue  # it has ended meanwhile


def hidden_files(folder: Path) -> list[str]:
    """Give what is temporary below a folder: its hidden files, and its hidden folders."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob(".*"))


def state_of_run(run: Path) -> dict[str, str]:
    """Give all that a run holds, part by part, as text to compare: everything but times."""
    parts = {
        path.name: _hash(path) for path in [run / "checkpoint.safetensors", *run.glob("snapshots/epoch-*")]
    }
    for number, line in enumerate((run / "log.jsonl").read_text(encoding="utf-8").splitlines()):
        values = json.loads(line)
        parts[f"line {number} of the log"] = str(_but(values, "seconds", "waiting", "images_per_second"))
    with safe_open(run / "state.safetensors", framework="numpy") as state:
        described = json.loads(state.metadata()["zfexplore-training"])
        for name in state.keys():  # noqa: SIM118
            parts[f"{name} of the state"] = hashlib.sha256(state.get_tensor(name).tobytes()).hexdigest()
    # Python's and numpy's own random numbers begin anew with a process; a training draws from neither.
    described = _but(described, "python", "numpy")
    described["position"] = _but(described["position"], "seconds", "waited")
    return parts | {f"{name} of the state": str(value) for name, value in described.items()}


def state_of_cache(cache: Path) -> dict[str, str]:
    """Give the atlases of a cache and the passes that are unfinished, as text to compare."""
    found = (cache / "atlases").glob("[!.]*")
    return {path.name: _hash(path) for path in found if path.suffix in (".safetensors", ".partial")}


def pixels_of(picture: Path) -> str:
    """Give a picture's pixels as text to compare; raises OSError if it is not whole."""
    with Image.open(picture) as opened:
        opened.load()
        return f"{opened.size} {hashlib.sha256(opened.convert('RGB').tobytes()).hexdigest()}"


def differences(expected: dict[str, str], found: dict[str, str]) -> str:
    """Say which parts differ from the undisturbed ones; empty if none does."""
    names = sorted(name for name in expected | found if expected.get(name) != found.get(name))
    return f"{len(names)} parts differ: {', '.join(names[:6])}" if names else ""


def told(what: Callable[[], str]) -> str:
    """Give what a check says; an error of its own is a fault as well."""
    try:
        return what()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        return f"{type(error).__name__}: {error}"


def _but(values: dict[str, Any], *without: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in without}


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
