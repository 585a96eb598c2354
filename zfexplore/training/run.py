"""How a run stands at this moment, for those who look on while a training writes its folder.

Files may be replaced, missing or cut then: what cannot be read is left out and named, and read again next
time. ``training/folder.py`` says which files there are. Nothing here needs torch.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from zfexplore.errors import ExploreError
from zfexplore.nets.header import read_head
from zfexplore.opening import read_text
from zfexplore.plain import LARGEST, finite, is_whole, parse
from zfexplore.training.folder import RunFolder, snapshots_in

LEAST_QUIET = 60.0  # seconds without a new byte, after which a run is said to have stopped
QUIET_EPOCHS = 3  # or so many times the last epoch's time, if that is longer
FEW, FOR_MANY = 600, 200  # images to look at weights with, of the run's own and of a built-in set
BUILT_IN = ("photographs", "specimens")

Condition = Literal["training", "stopped", "finished"]


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
        if spec is not None and os.path.exists(spec) and self.count is not None and self.count <= FEW:
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
            tuple(spec for spec in asked if isinstance(spec, str)) if isinstance(asked, list) else (),
            _whole(_inside(settings, "images", "count")),
            labels if isinstance(labels, str) else None,
        )

    def _check(self) -> None:
        folder = self.folder
        if not folder.path.is_dir():
            what = "is a file" if folder.path.exists() else "is not there"
            raise ExploreError(f"{folder.path} {what}: name the folder of a run", usage=True)
        parts = (folder.settings, folder.log, folder.checkpoint, folder.snapshots)
        if not any(part.exists() for part in parts) and not any(True for _ in snapshots_in(folder.path)):
            raise ExploreError(
                f"{folder.path} holds no run: name the folder that `zfexplore train --out` was given",
                usage=True,
            )

    def _weights(self) -> tuple[tuple[Weights, ...], tuple[str, ...]]:
        folder = self.folder
        files = [path for place in (folder.snapshots, folder.path) for path, *_ in snapshots_in(place)]
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
            except ValueError as error:
                self._known[key] = str(error)
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


def _epochs_in(path: Path, size: int) -> float:
    """Give the epochs in a checkpoint's head; raises ValueError, in words, for a file that is none or cut."""
    try:
        head = read_head(path)
    except (OSError, ValueError) as error:
        raise ValueError("it is no checkpoint of zfexplore") from error
    except EOFError as error:
        raise ValueError("it is cut short") from error
    epochs = finite(head.metadata.get("epochs"))
    if epochs is None:
        raise ValueError("it is no checkpoint of zfexplore")
    if size < head.size:
        raise ValueError("it is cut short")
    return epochs


def _points(log: Path) -> Iterator[Point]:
    """Read the log's lines as far as they are whole and go up."""
    try:
        lines = read_text(log, errors="replace").splitlines()
    except OSError:
        return
    before = 0
    for line in lines:
        values = _parsed(line)
        epoch, loss = _whole(values.get("epoch")), finite(values.get("loss"))
        if epoch is not None and epoch > before and loss is not None:
            before = epoch
            yield Point(
                epoch,
                loss,
                finite(values.get("held_out_loss")),
                finite(values.get("top1")),
                finite(values.get("top5")),
                finite(values.get("seconds")) or 0.0,
            )


def _within(path: Path) -> Within | None:
    values = _object(path)
    epoch, step, steps = (_whole(values.get(name)) for name in ("epoch", "step", "steps"))
    if not epoch or step is None or not steps or step > steps:
        return None
    return Within(epoch, step, steps, finite(values.get("loss")))


def _object(path: Path) -> dict[str, Any]:
    """Read a JSON object; an empty one stands for what cannot be read."""
    try:
        return _parsed(read_text(path, errors="replace"))
    except OSError:
        return {}


def _parsed(text: str) -> dict[str, Any]:
    try:
        values = parse(text)
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}


def _inside(values: dict[str, Any], name: str, key: str) -> object:
    inner = values.get(name)
    return inner.get(key) if isinstance(inner, dict) else None


def _whole(value: Any) -> int | None:
    return value if is_whole(value) and 0 <= value <= LARGEST else None
