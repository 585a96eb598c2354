"""The folder of a run, as a training writes it.

::

    RUN/run.json                what was asked for: images, split, recipe, seed
    RUN/state.safetensors       all that the next step depends on, for --resume
    RUN/log.jsonl               one line an epoch
    RUN/progress.json           how far the present epoch is
    RUN/checkpoint.safetensors  the net after the last whole epoch, for load_checkpoint
    RUN/snapshots/epoch-005.safetensors             the trunk alone, fp16, after the fifth epoch
    RUN/snapshots/epoch-005-step-00120.safetensors  the same, within the fifth epoch
    RUN/.zfexplore-lock         which process trains here now; gone when it ends

All files are written atomically, by the one process that has the lock. Who looks on while a training writes
reads them with ``run.py``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from zfexplore.errors import ExploreError
from zfexplore.files import cannot_write, make_folder, sweep, write_text
from zfexplore.locks import Held, Lock, take
from zfexplore.opening import read_text
from zfexplore.plain import UNFIT, entry, mapping, maybe, number, parse, whole
from zfexplore.training.recipe import Recipe

FORMAT = 1
LOCK = ".zfexplore-lock"
_NUMBERS = ("held_out_loss", "top1", "top5", "per_class", "seconds", "lr", "waiting", "images_per_second")
_NAME = re.compile(r"epoch-(\d+)(?:-step-(\d+))?\.safetensors")


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

    def lock(self) -> Lock:
        """Take the run for this process, and remove what a killed one left half written.

        Raises ExploreError, which names the process, if another trains here.
        """
        if self.path.exists() and not self.path.is_dir():
            raise ExploreError(f"{self.path} is a file: a run needs a folder of its own", usage=True)
        try:
            make_folder(self.path)
            lock = take(self.path / LOCK)
        except Held as held:
            raise self._in_use(held) from None
        except OSError as error:
            raise cannot_write(self.path, error) from error
        for folder in (self.path, self.snapshots) if lock.sure else ():
            sweep(folder, older=0)
        return lock

    def check_free(self) -> None:
        """Raise the error of ``lock`` if another process trains here now, without a look at anything else."""
        if (self.path / LOCK).exists():
            try:
                take(self.path / LOCK).release()
            except Held as held:
                raise self._in_use(held) from None
            except OSError as error:
                raise cannot_write(self.path, error) from error

    def _in_use(self, held: Held) -> ExploreError:
        return ExploreError(
            f"{self.path} is being trained by {held.holder}: wait for its end, or choose another --out"
        )

    def snapshot(self, epoch: int, step: int | None = None) -> Path:
        """Give the file of the trunk after ``epoch`` (from 1), or after ``step`` steps of that epoch."""
        within = "" if step is None else f"-step-{step:05}"
        return self.snapshots / f"epoch-{epoch:03}{within}.safetensors"

    def forget_snapshots_after(self, epochs: int, step: int) -> None:
        """Remove the snapshots of steps that will be taken again: those after ``step`` of the next epoch."""
        for path, done, steps in snapshots_in(self.snapshots):
            if (done, steps) > (epochs, step):
                path.unlink(missing_ok=True)

    def tell_progress(self, epoch: int, step: int, steps: int, loss: float | None) -> None:
        """Write how far an epoch (from 1) is. It is told again soon, so that it need not reach the disk."""
        told = {"epoch": epoch, "step": step, "steps": steps, "loss": loss}
        with suppress(ExploreError):  # whoever looks on misses it; the run does not
            write_text(self.progress, json.dumps(told) + "\n", lasting=False)

    def begin(self, settings: dict[str, Any]) -> None:
        """Start a run; raises ExploreError if the folder already holds one."""
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
            settings: dict[str, Any] = parse(read_text(self.settings))
            if entry(settings, "format") != FORMAT:
                raise ValueError("another format")
            Recipe.from_json(mapping(settings, "recipe"))
            for name in ("asked", "images"):
                mapping(settings, name)
            whole(settings, "seed")
        except FileNotFoundError:
            raise ExploreError(f"there is no run to resume in {self.path}", usage=True) from None
        except (OSError, ExploreError, *UNFIT) as error:
            raise ExploreError(f"{self.settings} cannot be read: {error}") from error
        return settings

    def records(self) -> list[dict[str, Any]]:
        """Give the epochs logged so far, without lines that cannot be read."""
        return read_log(self.log)[0]

    def write_records(self, records: list[dict[str, Any]]) -> None:
        """Write the whole log anew."""
        write_text(self.log, "".join(json.dumps(record) + "\n" for record in records))


def read_log(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Give the epochs of a log as far as they can be read and go up, and how many other lines it has.

    Each has its ``epoch`` and its ``loss``; its other numbers are finite, or None. A log that is not there is
    empty. Raises ExploreError for one that cannot be opened.
    """
    try:
        lines = read_text(path, errors="replace").splitlines()
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise ExploreError(f"{path} cannot be read: {(error.strerror or 'unreadable').lower()}") from error
    records: list[dict[str, Any]] = []
    for line in lines:
        try:
            record = parse(line)
            whole(record, "epoch", least=records[-1]["epoch"] + 1 if records else 1)
            number(record, "loss")
            for name in _NUMBERS:
                maybe(number, record, name)
        except UNFIT:
            continue
        records.append(record)
    return records, len(lines) - len(records)


def snapshots_in(folder: Path) -> Iterator[tuple[Path, int, int]]:
    """Give the snapshots in a folder by name: path, epochs done, steps done of the next one."""
    try:
        paths = sorted(folder.iterdir())
    except OSError:
        return
    for path in paths:
        if match := _NAME.fullmatch(path.name):
            epoch, step = int(match[1]), match[2]
            yield (path, epoch, 0) if step is None else (path, epoch - 1, int(step))
