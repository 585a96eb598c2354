"""When a training keeps its trunk, so that one can see how features come about (ZF figure 4).

Words say it: ``auto``, ``none``, ``1,2,5`` (after these epochs), ``every 2`` (epochs), ``5m`` (minutes). A
snapshot of the paper's trunk in fp16 takes 7.5 MB, whatever the classes.

``auto`` keeps every epoch of a run of up to 20. Of a longer one it keeps at most 20, each a constant factor
after the one before, for features change most at the start. Within epochs that take long it keeps one
after five minutes, and then again when a quarter of the time that the run has taken is over: at most 30
more in a hundred hours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from zfexplore.arguments import shown, whole_or_none
from zfexplore.errors import ExploreError

AUTO, NONE = "auto", "none"
MOST = 20  # epochs that auto keeps
SECONDS, SHARE = 300.0, 0.25  # auto, within an epoch: since the last one, and of all so far


@dataclass(frozen=True)
class Keeping:
    """When to keep the trunk: after ``epochs``, ``every`` so many, after so many ``minutes``, or ``auto``."""

    epochs: tuple[int, ...] = ()
    every: int = 0
    minutes: float = 0.0
    auto: bool = False

    def after(self, epoch: int, epochs: int, since: float) -> bool:
        """Tell whether to keep it after ``epoch`` of ``epochs``, ``since`` seconds after the last one."""
        if self.auto:
            return epoch in spread_out(epochs)
        if self.minutes:
            return since >= 60 * self.minutes or epoch == epochs
        if self.every:
            return epoch % self.every == 0 or epoch == epochs
        return epoch in self.epochs

    def within(self, since: float, elapsed: float) -> bool:
        """Tell whether to keep it amid an epoch, ``elapsed`` seconds after the run began."""
        if self.auto:
            return since >= max(SECONDS, SHARE * elapsed)
        return bool(self.minutes) and since >= 60 * self.minutes


def keeping(wanted: Sequence[int] | str) -> Keeping:
    """Read when to keep the trunk, as the user says it; raises ExploreError (usage)."""
    if isinstance(wanted, str):
        return _read(wanted)
    if not isinstance(wanted, Iterable):
        raise ExploreError(
            f"snapshots take a list of epochs, such as [1, 5], not {shown(wanted)}", usage=True
        )
    for epoch in wanted:
        number = whole_or_none(epoch)
        if number is None or number < 1:
            raise ExploreError(f"snapshots are taken after epochs 1, 2, ..., not {shown(epoch)}", usage=True)
    return Keeping(epochs=tuple(sorted({int(epoch) for epoch in wanted})))


def spread_out(epochs: int) -> tuple[int, ...]:
    """Give the epochs that ``auto`` keeps of so many: all, or at most ``MOST``, denser at the start."""
    if epochs <= MOST:
        return tuple(range(1, epochs + 1))
    return tuple(sorted({round(epochs ** (number / (MOST - 1))) for number in range(MOST)}))


def _read(text: str) -> Keeping:
    words = text.strip().lower()
    if words in (AUTO, NONE):
        return Keeping(auto=words == AUTO)
    if match := re.fullmatch(r"every\s*([1-9]\d{0,8})(?:\s*epochs?)?", words):
        return Keeping(every=int(match[1]))
    if match := re.fullmatch(r"(?:every\s*)?([1-9]\d{0,8})\s*m(?:in(?:utes?)?)?", words):
        return Keeping(minutes=float(match[1]))
    if re.fullmatch(r"[1-9]\d{0,8}(,\s*[1-9]\d{0,8})*", words):
        return keeping([int(part) for part in words.split(",")])
    raise ExploreError(
        f"--snapshots takes epochs such as 1,2,5, 'every 2' epochs, 5m for every 5 minutes, auto or none, "
        f"not {shown(text)}",
        usage=True,
    )
