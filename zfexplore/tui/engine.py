"""The one thread that touches torch: it takes requests from its inbox and posts messages.

It loads the net and the images, builds the atlas a slice at a time between requests, projects the
channel that was asked for last, one picture at a time, and, when nothing is wanted, its neighbours.
Nothing here blocks the keys: the thread runs at low priority, and after the heavy imports the
garbage collector is told to leave what they made alone, which keeps its pauses short.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from zfexplore.errors import ExploreError
from zfexplore.progress import Finished, Note, Progress, Skipped
from zfexplore.tui import messages as say
from zfexplore.tui import questions as asked
from zfexplore.tui.gallery import Gallery
from zfexplore.tui.inbox import Inbox
from zfexplore.tui.inquiries import Inquiries
from zfexplore.tui.terminal import log_path

NICENESS = 10
SECONDS_TO_SWITCH = 0.001  # after which this thread lets the event loop run Python; 0.005 is Python's own
SECONDS_BETWEEN_PARTIALS = 1.0
SECONDS_TO_STOP = 5.0

log = logging.getLogger("zfexplore.tui")


class Engine:
    """Takes requests from the event loop with ``ask`` and answers through ``post``."""

    def __init__(self, setup: say.Setup) -> None:
        self.setup = setup
        self._inbox = Inbox()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._post: Callable[[Any], Any] = lambda message: None
        self._subject: Any = None
        self._building: Iterator[Any] | None = None
        self._gallery = Gallery()
        self._present: say.ShowChannel | None = None  # the channel the user looks at
        self._present_rows: tuple[say.TopRow, ...] | None = None
        self._shown_generation = -1  # of the channel whose pictures have all been posted
        self._renew_from = 0.0  # when its pictures may follow the growing atlas again
        self._saves: list[say.SaveChannel] = []  # waiting for the whole atlas
        self.unsaved: tuple[str, ...] = ()  # figures asked for and not saved, once the engine has ended
        self._skipped = 0
        self._inquiries = Inquiries(lambda message: self._post(message))

    # -- from the event loop -----------------------------------------------------------------------

    def start(self, post: Callable[[Any], Any]) -> None:
        """Begin loading."""
        self._post = post
        self._thread.start()

    def ask(self, request: Any) -> None:
        """Take a request; never waits."""
        self._inbox.put(request)

    def cancel(self) -> None:
        """Give up the channel being projected."""
        self._inbox.cancel()

    def stop(self) -> None:
        """End after the slice or picture at hand, so that the atlas can be gone on with."""
        self._inbox.close()
        if self._thread.is_alive():
            self._thread.join(SECONDS_TO_STOP)

    # -- the thread --------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._load()
        except Exception as error:
            self._fail(error, fatal=True)
            return
        finally:
            _spare_the_collector()
        sys.setswitchinterval(SECONDS_TO_SWITCH)
        _lower_priority()  # not before: on a busy machine loading would take for ever
        while not self._inbox.closed:
            try:
                self._turn()
            except Exception as error:
                self._fail(error)
        self._inquiries.end()
        self._save_the_rest()
        if self._building is not None:
            with suppress(Exception):
                self._building.close()  # type: ignore[attr-defined]

    def _turn(self) -> None:
        """Serve one request, or do a piece of what can wait."""
        idle = self._building is None and not self._gallery.ahead and not self._inquiries.busy
        request = self._inbox.take(wait=idle)
        if request is not None:
            self._serve(request)
        elif self._inbox.closed:
            return
        elif self._inquiries.busy and (self._building is None or self._subject.atlas is not None):
            self._inquiries.step(self._subject, complete=self._building is None)
        elif self._building is not None:
            self._build_on()
        elif self._gallery.ahead:
            self._gallery.project_ahead(self._subject, lambda: self._inbox.busy)

    def _load(self) -> None:
        """Open the images, which is quick and tells a wrong path at once, then torch and the net."""
        from zfexplore.images.open import open_images
        from zfexplore.tui.subject import net_loaded, open_subject

        self._post(say.JobChanged(say.Job("opening the images")))
        source = open_images(self.setup.images, limit=self.setup.limit)
        self._post(say.ImagesOpened(source.name, len(source)))
        self._post(say.JobChanged(say.Job("loading torch")))
        import torch  # noqa: F401

        from zfexplore.atlas.store import watched_stages

        self._post(say.JobChanged(say.Job("loading the net")))
        subject = open_subject(self.setup, source)
        self._post(net_loaded(subject.checkpoint, tuple(watched_stages(subject.checkpoint.trunk))))
        self._building = subject.explorer.index(seconds_between_partials=SECONDS_BETWEEN_PARTIALS)
        self._subject = subject

    def _serve(self, request: Any) -> None:
        if isinstance(request, say.TileSize):
            self._gallery.tiles[request.grid] = request
            if self._present is not None:
                self._gallery.draw_again(self._present.stage, self._present.channel)
        elif isinstance(request, say.ShowChannel):
            self._present, self._present_rows = request, None
            if self._subject.atlas is not None:
                self._show(request)
        elif isinstance(request, asked.Question):
            self._inquiries.take(request)
        elif isinstance(request, say.SaveChannel):
            if self._building is None:
                self._save(request, lambda: self._inbox.closed)
            else:
                self._saves.append(request)
                self._post(say.Noted("this figure will be saved when the atlas is complete"))

    # -- the atlas ---------------------------------------------------------------------------------

    def _build_on(self) -> None:
        """Take the next event of the build; between two of them lies about one slice of images."""
        from zfexplore.atlas.build import Partial

        assert self._building is not None
        try:
            event = next(self._building, None)
        except Exception as error:
            self._building = None
            self._fail(error, fatal=self._subject.atlas is None)
            return
        if isinstance(event, Progress):
            self._post(say.JobChanged(_job(event, "building the atlas")))
        elif isinstance(event, Partial):
            self._atlas_grown(event.atlas, complete=False)
        elif isinstance(event, Note):
            self._post(say.Noted(event.text))
        elif isinstance(event, Skipped):
            self._skipped += 1
            log.warning("skipped %s: %s", event.name, event.reason)
        elif isinstance(event, Finished):
            self._building = None
            self._post(say.JobChanged(None))
            self._atlas_grown(event.result, complete=True)
            self._after_the_atlas()

    def _atlas_grown(self, atlas: Any, *, complete: bool) -> None:
        """Tell what is known now, and renew the present channel's pictures where its places have changed.

        While images still come, renewing may take a quarter of the time, no more.
        """
        from zfexplore.tui.subject import statistics

        self._post(say.AtlasChanged(statistics(atlas), atlas.count, complete))
        request = self._present
        if request is None or not (complete or time.monotonic() > self._renew_from):
            return
        if self._subject.top_rows(request.stage, request.channel) != self._present_rows:
            started = time.monotonic()
            self._show(request)
            self._renew_from = time.monotonic() + 3 * (time.monotonic() - started)

    def _after_the_atlas(self) -> None:
        """Do what waited for all images to be seen."""
        if self._skipped:
            total = len(self._subject.source)
            left_out = f"{self._skipped} of {total} images could not be read and were left out"
            self._post(say.Noted(f"{left_out}; their names are in {log_path()}"))
        saves, self._saves = self._saves, []
        for request in saves:
            self._save(request, lambda: self._inbox.closed)

    # -- channels ----------------------------------------------------------------------------------

    def _show(self, request: say.ShowChannel) -> None:
        """Post what is known of the channel, then its pictures one by one, unless overtaken."""
        if self._inbox.overtaken(request):
            return
        try:
            self._show_pictures(request)
        except Exception as error:
            self._fail(error, generation=request.generation)

    def _show_pictures(self, request: say.ShowChannel) -> None:
        """What is shown already is renewed at one stroke: else places and pictures disagree meanwhile."""
        stage, channel, started = request.stage, request.channel, time.monotonic()
        renewing = request.generation == self._shown_generation
        rows = self._present_rows = self._subject.top_rows(stage, channel)
        pictures: Iterable[say.Shown] = self._gallery.pictures(
            self._subject, stage, channel, lambda: self._inbox.overtaken(request)
        )
        if renewing:
            pictures = list(pictures)
        self._post(say.TopListed(stage, channel, request.generation, rows))
        count = 0
        for shown in pictures:
            self._post(say.PictureArrived(request.generation, shown))
            count += 1
        if self._inbox.overtaken(request):
            return
        self._shown_generation = request.generation
        seconds = time.monotonic() - started
        log.info("%s:%d shown in %.3f s", stage, channel, seconds)
        self._post(say.ChannelShown(stage, channel, request.generation, count))
        if self._building is None:
            self._gallery.expect(stage, request.ahead)

    # -- files -------------------------------------------------------------------------------------

    def _save(self, request: say.SaveChannel, stopped: Callable[[], bool]) -> None:
        stage, channel = request.stage, request.channel
        if self._subject.atlas is None:
            raise ExploreError("there is no atlas to take a figure from")
        path = self._subject.figure_path(request)
        if not request.overwrite and (reason := self._subject.foreign(request)):
            self._post(say.OverwriteAsked(request, path, reason))
            return
        self._post(say.JobChanged(say.Job(f"saving {path.stem}")))
        try:
            for _ in self._gallery.pictures(self._subject, stage, channel, stopped):
                pass
            if not stopped():
                exemplars = self._gallery.exemplars(stage, channel)
                self._post(say.FigureSaved(self._subject.save_figure(request, exemplars)))
        finally:
            self._post(say.JobChanged(None))

    def _save_the_rest(self) -> None:
        """Before the end, save what was asked for; what cannot be is left in ``unsaved``."""
        waiting = self._saves + [
            request for request in self._inbox.left() if isinstance(request, say.SaveChannel)
        ]
        unsaved = []
        for request in waiting:
            path = self._subject.figure_path(request)
            try:
                if self._building is not None or (not request.overwrite and self._subject.foreign(request)):
                    unsaved.append(str(path))
                else:
                    self._save(request, lambda: False)
            except Exception as error:
                self._fail(error)
                unsaved.append(str(path))
        self.unsaved = tuple(unsaved)

    def _fail(self, error: Exception, *, fatal: bool = False, generation: int = -1) -> None:
        """Tell the user in one line; what is not our own error is logged in full."""
        if isinstance(error, ExploreError | OSError):
            text = str(error)
            log.warning("%s", text)
        else:
            text = f"{type(error).__name__}: {error}"
            log.exception("the engine failed")
        self._post(say.JobChanged(None))
        self._post(say.Failed(text, fatal, generation))


def _job(event: Progress, task: str) -> say.Job:
    return say.Job(task, event.done, event.total, event.rate, event.seconds_left, event.unit)


def _lower_priority() -> None:
    """Let the event loop go first; on Linux a thread has a priority of its own, elsewhere nothing is done.

    Torch's own threads have been started while the net was loaded, at the priority of that time: they are
    those that Python does not know, and do most of the work.
    """
    if sys.platform != "linux":
        return
    pythons = {thread.native_id for thread in threading.enumerate()} - {threading.get_native_id()}
    for task in os.listdir("/proc/self/task"):
        if int(task) not in pythons:
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, int(task), NICENESS)


def _spare_the_collector() -> None:
    """Keep the garbage collector away from the many objects of the imports, during which it was off.

    Not collecting first leaves 7,000 objects of garbage, one in 25; it would stop the keys for 0.1 s.
    """
    import gc

    gc.freeze()
    gc.enable()
