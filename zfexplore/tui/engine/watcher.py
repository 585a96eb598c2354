"""Looks at the folder of a run about once a second, in a thread of the engine, and tells what is new there.

The thread needs no torch: the explorer shows how the training goes while the engine still loads. A folder
that is gone or strange for a while is told, and looked at again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

from zfexplore.errors import ExploreError
from zfexplore.progress import Progress
from zfexplore.tui import messages as say
from zfexplore.tui.following import Course, Kept, RunRead

log = logging.getLogger("zfexplore.tui")

SECONDS = 1.0  # between two looks
LEAST_SHARE = 0.1  # of an epoch, from which its mean loss so far says something

Post = Callable[[object], object]


class Watcher:
    """Posts a ``RunRead`` whenever the run in ``folder`` is no longer as it was."""

    def __init__(self, folder: str, post: Post) -> None:
        from zfexplore.training.run import RunReader

        self._reader = RunReader(folder)
        self._post = post
        self._last = Course(Path(folder).resolve().name, trouble="not read yet")
        self._told: set[str] = set()
        self._some = Event()

    def look(self) -> Course:
        """Read the folder, and tell what is new."""
        try:
            course, unreadable = self._read()
        except Exception as error:
            if not isinstance(error, ExploreError | OSError) and str(error) != self._last.trouble:
                log.exception("the run cannot be read")
            course, unreadable = replace(self._last, condition="stopped", trouble=str(error)), ()
        for line in unreadable:
            if line not in self._told:
                self._told.add(line)
                self._post(say.Noted(line))
        if course != self._last:
            self._last = course
            self._post(RunRead(course))
        if course.weights:
            self._some.set()
        return course

    def start(self, stopped: Callable[[], bool]) -> None:
        """Look again and again in a thread, until ``stopped``."""
        Thread(target=self._watch, args=(stopped,), daemon=True).start()

    def first(self, stopped: Callable[[], bool]) -> Kept | None:
        """Wait for the newest weights, and give them; None if ``stopped`` comes before any."""
        if not self._some.is_set():
            self._post(say.JobChanged(Progress(f"waiting for the first weights of {self._last.name}")))
        while not self._some.wait(SECONDS / 4):
            if stopped():
                return None
        return self._last.weights[-1]

    def _watch(self, stopped: Callable[[], bool]) -> None:
        while not stopped():
            self.look()
            time.sleep(SECONDS)

    def _read(self) -> tuple[Course, tuple[str, ...]]:
        run = self._reader.read()
        done = max((point.epoch for point in run.points), default=0.0)
        losses = [(float(point.epoch), point.loss) for point in run.points]
        if run.within is not None:
            done = run.within.position
            if run.within.loss is not None and run.within.step >= LEAST_SHARE * run.within.steps:
                losses.append((done, run.within.loss))
        course = Course(
            self._last.name,
            run.condition,
            run.epochs or 0,
            float(done),
            tuple(losses),
            tuple((float(point.epoch), point.top1) for point in run.points if point.top1 is not None),
            tuple(Kept(str(one.path), one.epochs, one.stamp) for one in run.weights),
        )
        return course, run.unreadable
