"""The folder of a run: what a training writes into it, and how it stands at this moment.

::

    RUN/run.json                what was asked for: images, split, recipe, seed
    RUN/state.safetensors       all that the next step depends on, for --resume
    RUN/log.jsonl               one line an epoch
    RUN/progress.json           how far the present epoch is
    RUN/checkpoint.safetensors  the net after the last whole epoch, for load_checkpoint
    RUN/snapshots/epoch-005.safetensors             the trunk alone, fp16, after the fifth epoch
    RUN/snapshots/epoch-005-step-00120.safetensors  the same, within the fifth epoch

``RunFolder`` is the writer's side: all files are written atomically. ``RunReader`` is for those who look
on while a training writes. Files may be replaced, missing or cut then: what cannot be read is left out
and named, and read again next time. Neither needs torch.
"""

from __future__ import annotations

import json
import math
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from zfexplore.errors import ExploreError
from zfexplore.files import printable, write_text

FORMAT = 1
METADATA_KEY = "zfexplore"  # in a checkpoint's header, as nets/checkpoint.py writes it
LONGEST_HEADER = 2**26  # bytes; a longer one is no checkpoint of ours
LEAST_QUIET = 60.0  # seconds without a new byte, after which a run is said to have stopped
QUIET_EPOCHS = 3  # or so many times the last epoch's time, if that is longer
FEW, FOR_MANY = 600, 200  # images to look at weights with, of the run's own and of a built-in set
BUILT_IN = ("photographs", "specimens")
_NAME = re.compile(r"epoch-(\d+)(?:-step-(\d+))?\.safetensors")

Condition = Literal["training", "stopped", "finished"]


class RunFolder:
    """The files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings = path / "run.json"
        self.state = path / "state.safetensors"
        self.log = path / "log.jsonl"
        self.progress = path / "progress.json"
        self.checkpoint = path / "checkpoint.safetensors"
        self.snapshots = path / "snapshots"

    def snapshot(self, epoch: int, step: int | None = None) -> Path:
        """Give the file of the trunk after ``epoch`` (from 1), or after ``step`` steps of that epoch."""
        within = "" if step is None else f"-step-{step:05}"
        return self.snapshots / f"epoch-{epoch:03}{within}.safetensors"

    def forget_snapshots_after(self, epochs: int, step: int) -> None:
        """Remove the snapshots of steps that will be taken again: those after ``step`` of the next epoch."""
        for path, done, steps in _named(self.snapshots):
            if (done, steps) > (epochs, step):
                path.unlink(missing_ok=True)

    def tell_progress(self, epoch: int, step: int, steps: int, loss: float | None) -> None:
        """Write how far an epoch (from 1) is. It is told again soon, so that it need not reach the disk."""
        told = {"epoch": epoch, "step": step, "steps": steps, "loss": loss}
        temporary = self.progress.with_name(f".{self.progress.name}.{os.getpid()}")
        with suppress(OSError):  # whoever looks on misses it; the run does not
            temporary.write_text(json.dumps(told) + "\n", encoding="utf-8")
            os.replace(temporary, self.progress)

    def begin(self, settings: dict[str, Any]) -> None:
        """Start a run; raises ExploreError if the folder already holds one, or is a file."""
        if self.path.exists() and not self.path.is_dir():
            raise ExploreError(f"{self.path} is a file: a run needs a folder of its own", usage=True)
        if self.settings.exists() or self.state.exists() or self.checkpoint.exists():
            raise ExploreError(
                f"{self.path} already holds a run: go on with `zfexplore train --resume --out {self.path}`, "
                "or choose another folder",
                usage=True,
            )
        self.write_settings(settings)

    def write_settings(self, settings: dict[str, Any]) -> None:
        """Write the settings that the run was started with."""
        write_text(self.settings, json.dumps(settings, indent=2) + "\n")

    def read_settings(self) -> dict[str, Any]:
        """Give the settings that the run was started with.

        Raises ExploreError if there is no run or its settings cannot be read.
        """
        try:
            settings = json.loads(self.settings.read_text(encoding="utf-8"))
            if not isinstance(settings, dict) or settings["format"] != FORMAT:
                raise ValueError("another format")
        except FileNotFoundError:
            raise ExploreError(f"there is no run to resume in {self.path}", usage=True) from None
        except (OSError, ValueError, KeyError) as error:
            raise ExploreError(f"{self.settings} cannot be read: {error}") from error
        return settings

    def records(self) -> list[dict[str, Any]]:
        """Give the epochs logged so far."""
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    def write_records(self, records: list[dict[str, Any]]) -> None:
        """Write the whole log anew."""
        write_text(self.log, "".join(json.dumps(record) + "\n" for record in records))


@dataclass(frozen=True)
class Point:
    """What the log says of an epoch (from 1); shares and loss of the held-out images where there are any."""

    epoch: int
    loss: float
    held_out_loss: float | None = None
    top1: float | None = None
    top5: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Within:
    """How far the present epoch (from 1) is; ``loss`` is its mean so far."""

    epoch: int
    step: int
    steps: int
    loss: float | None = None

    @property
    def position(self) -> float:
        """Epochs done."""
        return self.epoch - 1 + self.step / self.steps


@dataclass(frozen=True)
class Weights:
    """A file of weights, and after how many epochs they were written. ``stamp`` differs if it is replaced."""

    path: Path
    epochs: float
    stamp: tuple[int, int]  # its time in ns, its bytes


@dataclass(frozen=True)
class Run:
    """A run at one moment. ``epochs`` is how long it is to be, None if that is not known.

    ``weights`` are in order: its snapshots, and the checkpoint where it is further than they are.
    ``unreadable`` has a line for each file that was left out. ``images`` are as they were asked for.
    """

    path: Path
    condition: Condition
    epochs: int | None
    points: tuple[Point, ...]
    within: Within | None
    weights: tuple[Weights, ...]
    unreadable: tuple[str, ...]
    images: tuple[str, ...]
    count: int | None  # of the images
    labels: str | None

    @property
    def seen_by(self) -> tuple[str | None, int | None, str | None]:
        """Give images to look at its weights with, how many of them at most, and their file of labels.

        All of its own where they are one folder of few enough, for each of its weights sees them. Else
        ``FOR_MANY`` of a built-in set: its own if that is one, or None for the usual one.
        """
        spec = self.images[0] if len(self.images) == 1 else None
        if spec is not None and Path(spec).exists() and self.count is not None and self.count <= FEW:
            return spec, None, self.labels
        return (spec if spec in BUILT_IN else None), FOR_MANY, None


class RunReader:
    """Reads a run again and again; a file that has not changed since is not read again."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.folder = RunFolder(Path(path))
        self._known: dict[tuple[Path, tuple[int, int]], float | str] = {}

    def read(self) -> Run:
        """Give the run as it is now; raises ExploreError (usage) for a folder that holds none."""
        folder = self.folder
        self._check()
        settings = _object(folder.settings)
        points = tuple(_points(folder.log))
        weights, unreadable = self._weights()
        within = _within(folder.progress)
        if within is not None and points and within.epoch <= points[-1].epoch:
            within = None
        epochs = _whole(_inside(settings, "recipe", "epochs"))
        asked = _inside(settings, "asked", "images")
        labels = _inside(settings, "asked", "labels")
        return Run(
            folder.path,
            self._condition(points, epochs),
            epochs,
            points,
            within,
            weights,
            unreadable,
            tuple(str(spec) for spec in asked) if isinstance(asked, list) else (),
            _whole(_inside(settings, "images", "count")),
            labels if isinstance(labels, str) else None,
        )

    def _check(self) -> None:
        folder = self.folder
        if not folder.path.is_dir():
            what = "is a file" if folder.path.exists() else "is not there"
            raise ExploreError(f"{folder.path} {what}: name the folder of a run", usage=True)
        parts = (folder.settings, folder.log, folder.checkpoint, folder.snapshots)
        if not any(part.exists() for part in parts) and not any(True for _ in _named(folder.path)):
            raise ExploreError(
                f"{folder.path} holds no run: name the folder that `zfexplore train --out` was given",
                usage=True,
            )

    def _weights(self) -> tuple[tuple[Weights, ...], tuple[str, ...]]:
        folder = self.folder
        files = [path for place in (folder.snapshots, folder.path) for path, *_ in _named(place)]
        found: dict[float, Weights] = {}
        unreadable = []
        for path in [*files, folder.checkpoint]:
            try:
                status = path.stat()
            except OSError:
                continue  # no checkpoint yet, or gone since it was listed
            stamp = (status.st_mtime_ns, status.st_size)
            epochs = self._epochs_of(path, stamp)
            if isinstance(epochs, str):
                unreadable.append(f"{path.name} was left out: {epochs}")
            elif path != folder.checkpoint or epochs > max(found, default=-1.0):
                found.setdefault(epochs, Weights(path, epochs, stamp))
        return tuple(found[epochs] for epochs in sorted(found)), tuple(unreadable)

    def _epochs_of(self, path: Path, stamp: tuple[int, int]) -> float | str:
        """Give the epochs that a file's header tells, or what is wrong with the file."""
        key = path, stamp
        if key not in self._known:
            try:
                self._known[key] = _epochs_in(path, stamp[1])
            except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
                reason = str(error) if type(error) is ValueError else "it is no checkpoint of zfexplore"
                self._known[key] = printable(reason)
        return self._known[key]

    def _condition(self, points: tuple[Point, ...], epochs: int | None) -> Condition:
        if epochs is not None and points and points[-1].epoch >= epochs:
            return "finished"
        folder = self.folder
        times = []
        for path in (folder.settings, folder.log, folder.progress, folder.checkpoint, folder.state):
            with suppress(OSError):
                times.append(path.stat().st_mtime)
        quiet = max(LEAST_QUIET, QUIET_EPOCHS * points[-1].seconds if points else 0.0)
        return "training" if times and time.time() - max(times) < quiet else "stopped"


def read_run(path: str | os.PathLike[str]) -> Run:
    """Give a run as it is now; raises ExploreError (usage) for a folder that holds none."""
    return RunReader(path).read()


def _named(folder: Path) -> Iterator[tuple[Path, int, int]]:
    """Give the snapshots in a folder by name: path, epochs done, steps done of the next one."""
    try:
        paths = sorted(folder.iterdir())
    except OSError:
        return
    for path in paths:
        if match := _NAME.fullmatch(path.name):
            epoch, step = int(match[1]), match[2]
            yield (path, epoch, 0) if step is None else (path, epoch - 1, int(step))


def _epochs_in(path: Path, size: int) -> float:
    """Read a safetensors header: 8 bytes of length, then JSON; tensors lie behind it at given offsets."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= LONGEST_HEADER:
            raise KeyError("header")
        text = file.read(length)
    if len(text) < length:
        raise ValueError("it is cut short")
    header = json.loads(text)
    described = json.loads(header.pop("__metadata__")[METADATA_KEY])
    end = max(tensor["data_offsets"][1] for tensor in header.values())
    if size < 8 + length + end:
        raise ValueError("it is cut short")
    epochs = float(described["epochs"])
    if not math.isfinite(epochs):
        raise KeyError("epochs")
    return epochs


def _points(log: Path) -> Iterator[Point]:
    """Read the log's lines as far as they are whole and go up."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    before = 0
    for line in lines:
        values = _parsed(line)
        epoch, loss = _whole(values.get("epoch")), _number(values.get("loss"))
        if epoch is not None and epoch > before and loss is not None:
            before = epoch
            yield Point(
                epoch,
                loss,
                _number(values.get("held_out_loss")),
                _number(values.get("top1")),
                _number(values.get("top5")),
                _number(values.get("seconds")) or 0.0,
            )


def _within(path: Path) -> Within | None:
    values = _object(path)
    epoch, step, steps = (_whole(values.get(name)) for name in ("epoch", "step", "steps"))
    if not epoch or step is None or not steps or step > steps:
        return None
    return Within(epoch, step, steps, _number(values.get("loss")))


def _object(path: Path) -> dict[str, Any]:
    """Read a JSON object; an empty one stands for what cannot be read."""
    try:
        return _parsed(path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return {}


def _parsed(text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def _inside(values: dict[str, Any], name: str, key: str) -> object:
    inner = values.get(name)
    return inner.get(key) if isinstance(inner, dict) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _number(value: object) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if known else None  # type: ignore[arg-type]
