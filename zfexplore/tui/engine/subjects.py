"""The nets that are kept open: the one explored, and those explored lately, so that going back is instant."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from zfexplore.tui import messages as say
from zfexplore.tui.engine.subject import Subject, images_of, open_subject

if TYPE_CHECKING:
    from zfexplore.images.sources import Source

KEPT = 4  # nets; one of ZFNet's takes 60 MB


class Subjects:
    """Opens nets, shares the images among them, and closes the one that was explored longest ago.

    One that is explored, or that a figure waits for, stays.
    ``forget`` is told of every subject that is closed.
    """

    def __init__(self, forget: Callable[[Subject], object]) -> None:
        self._held: say.Setup | None = None  # the net that is explored, which stays
        self._forget = forget
        self._kept: OrderedDict[say.Setup, tuple[Subject, object]] = OrderedDict()

    def kept(self, setup: say.Setup) -> Subject | None:
        """Give a net that is open, unless its file has changed since."""
        subject, state = self._kept.get(setup, (None, None))
        return subject if state == state_of(setup) else None

    def hold(self, setup: say.Setup) -> None:
        """Note that a net that is kept is explored from now on, and the one before was until now."""
        for latest in (self._held, setup):
            if latest is not None and latest in self._kept:
                self._kept.move_to_end(latest)
        self._held = setup

    def open(self, setup: say.Setup) -> Subject:
        """Give the net, opened if it is not; raises ExploreError and leaves all as it is."""
        subject = self.kept(setup)
        if subject is None:
            state = state_of(setup)  # before it is read: what is written meanwhile is noticed the next time
            subject = open_subject(setup, self._source(setup))
            self.keep(subject, state)
        self._kept.move_to_end(setup)
        return subject

    def keep(self, subject: Subject, state: object) -> None:
        """Keep what is open in place of what its file was before, and close what is one too many."""
        if subject.setup in self._kept:
            self._close(subject.setup)
        self._kept[subject.setup] = subject, state
        needed = (self._held, subject.setup)
        idle = [one for one, (kept, _) in self._kept.items() if one not in needed and not kept.saves]
        for setup in idle[: max(0, len(self._kept) - KEPT)]:
            self._close(setup)

    def all(self) -> list[Subject]:
        """Give all that are open, the one explored longest ago first."""
        return [subject for subject, _ in self._kept.values()]

    def _source(self, setup: say.Setup) -> Source | None:
        """Give the images, shared with a net that is open and is shown the same ones."""
        for subject in self.all():
            if _images(subject.setup) == _images(setup) and not subject.gone:
                return subject.source
        return images_of(setup)

    def _close(self, setup: say.Setup) -> None:
        subject, _ = self._kept.pop(setup)
        subject.pause()
        self._forget(subject)


def state_of(setup: say.Setup) -> object:
    """Give what changes when a checkpoint's file is written anew; None where it is no file."""
    try:
        found = os.stat(setup.checkpoint or "")
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _images(setup: say.Setup) -> tuple[object, ...]:
    """Give the settings that say what the images are."""
    return setup.images, setup.limit, setup.download, setup.labels
