"""The loop that touches torch: it takes requests from its inbox and posts messages.

It loads the net and the images, builds the atlas a slice at a time between requests, projects the
channel that was asked for last, one picture at a time, and, when nothing is wanted, its neighbours.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from zfexplore.errors import ExploreError
from zfexplore.progress import Finished, Note, Progress, Skipped
from zfexplore.tui import messages as say
from zfexplore.tui import questions as asked
from zfexplore.tui.engine.answers import Answerer
from zfexplore.tui.engine.gallery import Gallery
from zfexplore.tui.engine.inbox import Inbox
from zfexplore.tui.log import log_path

SECONDS_BETWEEN_PARTIALS = 1.0

if TYPE_CHECKING:
    from zfexplore.atlas.build import Event
    from zfexplore.atlas.store import Atlas
    from zfexplore.tui.engine.subject import Subject

log = logging.getLogger("zfexplore.tui")


class Engine:
    """Takes requests from ``inbox`` and answers through ``post``: ``load`` once, then ``work``."""

    def __init__(self, setup: say.Setup, inbox: Inbox, post: Callable[[object], object]) -> None:
        self.setup = setup
        self._inbox = inbox
        self._post = post
        self._subject: Subject  # once loaded
        self._building: Iterator[Event] | None = None
        self._gallery = Gallery()
        self._present: say.ShowChannel | None = None  # the channel the user looks at
        self._present_rows: tuple[say.PlaceRow, ...] | None = None
        self._shown_generation = -1  # of the channel whose pictures have all been posted
        self._renew_from = 0.0  # when its pictures may follow the growing atlas again
        self._saves: list[say.SaveChannel] = []  # waiting for the whole atlas
        self._skipped = 0
        self._answerer = Answerer(post)

    def load(self) -> bool:
        """Open the images and the net; where that fails, say so and give False."""
        try:
            self._load()
        except Exception as error:
            self._fail(error, fatal=True)
            return False
        return True

    def work(self) -> None:
        """Serve requests until the inbox is closed, then leave what can be gone on with."""
        while not self._inbox.closed:
            try:
                self._turn()
            except Exception as error:
                self._fail(error)
        self._answerer.end()
        self._save_the_rest()
        if self._building is not None:
            with suppress(Exception):
                self._building.close()  # type: ignore[attr-defined]

    def _turn(self) -> None:
        """Serve one request, or do a piece of what can wait."""
        idle = self._building is None and not self._gallery.ahead and not self._answerer.busy
        request = self._inbox.take(wait=idle)
        if request is not None:
            self._serve(request)
        elif self._inbox.closed:
            return
        elif self._answerer.busy and (self._building is None or self._subject.atlas is not None):
            self._answerer.step(self._subject, complete=self._building is None)
        elif self._building is not None:
            self._build_on()
        elif self._gallery.ahead:
            self._gallery.project_ahead(self._subject, lambda: self._inbox.busy)

    def _load(self) -> None:
        """Open the images, which is quick and tells a wrong path at once, then torch and the net."""
        from zfexplore.images.open import open_images
        from zfexplore.images.places import notes_on
        from zfexplore.images.sources import NoImages
        from zfexplore.tui.engine.subject import net_loaded, open_subject

        self._post(say.JobChanged(Progress("opening the images")))
        try:
            source = open_images(self.setup.images, limit=self.setup.limit, labels=self.setup.labels)
            self._post(say.ImagesOpened(source.name, len(source)))
        except NoImages:
            if not notes_on(self.setup.images).exists():
                raise
            source = None  # what was indexed there may still be known, which only the net tells
        self._post(say.JobChanged(Progress("loading torch")))
        import torch  # noqa: F401

        self._post(say.JobChanged(Progress("loading the net")))
        subject = open_subject(self.setup, source)
        if source is None:
            self._post(say.ImagesOpened(subject.source.name, len(subject.source)))
        self._post(net_loaded(subject.checkpoint, subject.checkpoint.net.watched))
        self._building = subject.explorer.index(seconds_between_partials=SECONDS_BETWEEN_PARTIALS)
        self._subject = subject

    def _serve(self, request: object) -> None:
        if isinstance(request, say.TileSize):
            self._gallery.tiles[request.grid] = request
        elif isinstance(request, say.ShowChannel):
            self._present, self._present_rows = request, None
            if self._subject.atlas is not None:
                self._show(request)
        elif isinstance(request, asked.Question):
            self._answerer.take(request)
        elif isinstance(request, say.SaveChannel):
            if self._building is None:
                self._save_or_tell(request)
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
            self._post(say.JobChanged(replace(event, task="building the atlas")))
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

    def _atlas_grown(self, atlas: Atlas, *, complete: bool) -> None:
        """Post the statistics, and renew the present channel's pictures if its places have changed.

        While images still come, renewing may take a quarter of the time, no more.
        """
        from zfexplore.tui.engine.subject import statistics

        self._post(say.AtlasChanged(statistics(atlas), atlas.count, complete))
        request = self._present
        if request is None or not (complete or time.monotonic() > self._renew_from):
            return
        if self._subject.top_rows(request.stage_name, request.channel) != self._present_rows:
            started = time.monotonic()
            self._show(request)
            self._renew_from = time.monotonic() + 3 * (time.monotonic() - started)

    def _after_the_atlas(self) -> None:
        """Name what was left out, and save the figures that waited for the whole atlas."""
        if self._skipped:
            total = len(self._subject.source)
            left_out = f"{self._skipped} of {total} images could not be read and were left out"
            self._post(say.Noted(f"{left_out}; their names are in {log_path()}"))
        saves, self._saves = self._saves, []
        for request in saves:
            self._save_or_tell(request)

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
        stage_name, channel, started = request.stage_name, request.channel, time.monotonic()
        if self._subject.gone and (rows := self._subject.top_rows(stage_name, channel)):
            self._post(say.TopListed(stage_name, channel, request.generation, rows))
            self._post(say.ImagesGone(request.generation))
            return
        renewing = request.generation == self._shown_generation
        rows = self._present_rows = self._subject.top_rows(stage_name, channel)
        pictures: Iterable[say.ShownUnit] = self._gallery.pictures(
            self._subject, stage_name, channel, lambda: self._inbox.overtaken(request)
        )
        if renewing:
            pictures = list(pictures)
        self._post(say.TopListed(stage_name, channel, request.generation, rows))
        count = 0
        for shown in pictures:
            self._post(say.PictureArrived(request.generation, shown))
            count += 1
        if self._inbox.overtaken(request):
            return
        self._shown_generation = request.generation
        seconds = time.monotonic() - started
        log.info("%s:%d shown in %.3f s", stage_name, channel, seconds)
        self._post(say.ChannelShown(stage_name, channel, request.generation, count))
        if self._building is None:
            self._gallery.expect(stage_name, request.ahead)

    # -- files -------------------------------------------------------------------------------------

    def _save_or_tell(self, request: say.SaveChannel) -> None:
        try:
            self._save(request, lambda: self._inbox.closed)
        except Exception as error:
            self._fail(error, path=self.setup.figure_path(request))

    def _save(self, request: say.SaveChannel, stopped: Callable[[], bool]) -> None:
        stage_name, channel = request.stage_name, request.channel
        if self._subject.atlas is None:
            raise ExploreError("there is no atlas to take a figure from")
        path = self.setup.figure_path(request)
        if not request.overwrite and (reason := self._subject.foreign(request)):
            self._post(say.OverwriteAsked(request, path, reason))
            return
        self._post(say.JobChanged(Progress(f"saving {path.stem}")))
        try:
            for _ in self._gallery.pictures(self._subject, stage_name, channel, stopped):
                pass
            if not stopped():
                exemplars = self._gallery.exemplars(stage_name, channel)
                self._post(say.FigureSaved(self._subject.save_figure(request, exemplars)))
            else:
                self._saves.append(request)  # for the end, which saves what it still can
        finally:
            self._post(say.JobChanged(None))

    def _save_the_rest(self) -> None:
        """Before the end, save what was asked for; what cannot be stays unanswered, and is named so."""
        left = [request for request in self._inbox.left() if isinstance(request, say.SaveChannel)]
        for request in self._saves + left:
            try:
                if self._building is None and (request.overwrite or not self._subject.foreign(request)):
                    self._save(request, lambda: False)
            except Exception as error:
                self._fail(error)

    def _fail(
        self, error: Exception, *, fatal: bool = False, generation: int = -1, path: Path | None = None
    ) -> None:
        """Tell the user in one line; what is not our own error is logged in full."""
        if isinstance(error, ExploreError | OSError):
            text = str(error)
            log.warning("%s", text)
        else:
            text = f"{type(error).__name__}: {error}"
            log.exception("the engine failed")
        self._post(say.JobChanged(None))
        self._post(say.Failed(text, fatal, generation, path))
