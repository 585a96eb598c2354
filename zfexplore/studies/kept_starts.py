"""Starts that are complete, kept in the user's cache: an interrupted study goes on, a complete one is there.

One JSON file holds the steps from one start. Its name is a hash of all that decides them: the images, the
settings, the start, the device, and the versions of zfexplore and torch. So steps of other settings are never
taken for these. A file is written whole or not at all, and checked when it is read.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from zfexplore.errors import ExploreError
from zfexplore.files import cache_dir, write_text
from zfexplore.opening import read_text
from zfexplore.plain import UNFIT, entry, listed, parse, texts
from zfexplore.studies.starts import Start, StartRun

FORMAT = 1


class KeptStarts:
    """The files of one study; ``decisive`` are its images and settings, as plain values."""

    def __init__(self, decisive: dict[str, Any], steps: int) -> None:
        self._decisive, self._steps = decisive, steps

    def path(self, start: Start) -> Path:
        """Give the file of the steps from a start."""
        decisive = {**self._decisive, "steps": self._steps, "start": asdict(start), "format": FORMAT}
        name = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:16]
        return cache_dir() / "starts" / f"{name}.json"

    def write(self, run: StartRun) -> None:
        """Keep the steps from a start; raises ExploreError where the cache cannot be written."""
        values = asdict(run)
        del values["start"]  # which the file's name stands for
        write_text(self.path(run.start), json.dumps(values) + "\n")

    def read(self, start: Start) -> StartRun | None:
        """Give the steps that were kept, or None; raises ExploreError for a file that is damaged."""
        path = self.path(start)
        try:
            return self._run(start, parse(read_text(path)))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, *UNFIT) as error:
            raise ExploreError(f"{path} is damaged: {getattr(error, 'strerror', None) or error}") from error

    def _run(self, start: Start, values: Any) -> StartRun:
        stages = texts(values, "stages")
        losses = _floats(values, "losses")
        rows = [_floats({"a step": row}, "a step", len(stages)) for row in listed(values, "gradients")]
        if not 1 <= len(losses) <= self._steps or len(rows) != len(losses):
            raise ValueError(f"it has {len(losses)} losses and {len(rows)} rows of gradients")
        broken = [not all(map(math.isfinite, (loss, *row))) for loss, row in zip(losses, rows, strict=True)]
        if any(broken[:-1]) or (len(losses) < self._steps and not broken[-1]):
            raise ValueError("it ends neither at the last step nor at the first number that is not finite")
        signals, moved = (_floats(values, name, len(stages)) for name in ("signals", "moved"))
        return StartRun(start, stages, losses, tuple(rows), signals, moved)


def _floats(values: Any, name: str, count: int | None = None) -> tuple[float, ...]:
    """Give the numbers of the list at ``name``, of which some may be infinite or none."""
    found: Sequence[Any] = entry(values, name)
    if not isinstance(found, list) or not all(isinstance(one, float) for one in found):
        raise ValueError(f"{name} is no list of numbers")
    if count is not None and len(found) != count:
        raise ValueError(f"{name} has {len(found)} numbers and not {count}")
    return tuple(found)
