"""The loop that touches torch: it takes requests from its inbox and posts messages.

It loads the net and the images, builds the atlas a slice at a time between requests, projects the
channel that was asked for last, one picture at a time, and, when nothing is wanted, its neighbours.
Asked to, it explores another net; those explored lately stay open.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from zfexplore.errors import ExploreError
from zfexplore.progress import Finished, Note, Progress, Skipped
from zfexplore.tui import messages as say
from zfexplore.tui import questions as asked
from zfexplore.tui.engine.answers import Answerer
from zfexplore.tui.engine.failures import logged
from zfexplore.tui.engine.gallery import Gallery
from zfexplore.tui.engine.inbox import Inbox
from zfexplore.tui.engine.others import Others
from zfexplore.tui.engine.present import Present
from zfexplore.tui.engine.sharpener import Sharpener
from zfexplore.tui.engine.subjects import Subjects, state_of
from zfexplore.tui.log import log_path

SECONDS_BETWEEN_PARTIALS = 1.0
NAMED = 3  # images that are damaged

if TYPE_CHECKING:
    from zfexplore.atlas.store import Atlas
    from zfexplore.tui.engine.subject import Subject

log = logging.getLogger("zfexplore.tui")


class Engine:
    """Takes requests from ``inbox`` and answers through ``post``: ``load`` once, then ``work``."""

    def __init__(self, setup: say.Setup, inbox: Inbox, post: Callable[[object], object]) -> None:
        self.setup = setup
        self._inbox = inbox
        self._post = post
        self._subject: Subject  # what is explored, once loaded
        self._gallery = Gallery()
        self._subjects = Subjects(self._gallery.forget)
        self._sharpener = Sharpener(self._gallery, post)
        self._others = Others(self._subjects, self._gallery, self._sharpener, inbox, post)
        self._former: say.Setup | None = None  # explored before
        self._present = Present(self._gallery, self._sharpener, inbox, post)
        self._told: set[str] = set()  # remarks
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
            self._name_damaged()
        self._save_the_rest()
        for subject in self._subjects.all():
            subject.pause()

    def _turn(self) -> None:
        """Serve one request, or do a piece of what can wait."""
        building = self._subject.building is not None
        busy = building or self._gallery.ahead or self._answerer.busy or self._sharpener.busy
        other = None if busy else self._others.due(self.setup)
        idle = not busy and other is None
        request = self._inbox.take(wait=idle)
        if request is not None:
            self._serve(request)
        elif self._inbox.closed:
            return
        elif self._answerer.busy and (not building or self._subject.atlas is not None):
            self._answer()
        elif self._sharpener.busy:
            self._sharpener.step()
        elif building:
            self._build_on(self._subject)
        elif self._gallery.ahead:
            self._gallery.project_ahead(self._subject, lambda: self._inbox.busy)
        elif other is not None:
            self._prepare(other)

    def _load(self) -> None:
        """Open the images, which is quick and tells a wrong path at once, then torch and the net."""
        from zfexplore.tui.engine.subject import images_of, open_subject

        self._post(say.JobChanged(Progress("opening the images")))
        source = images_of(self.setup)  # of those that are gone, an index may tell, once the net is known
        if source is not None:
            self._post(say.ImagesOpened(source.name, len(source)))
        self._post(say.JobChanged(Progress("loading torch")))
        import torch  # noqa: F401

        self._post(say.JobChanged(Progress("loading the net")))
        state = state_of(self.setup)
        subject = open_subject(self.setup, source)
        if source is None:
            self._post(say.ImagesOpened(subject.source.name, len(subject.source)))
        self._subjects.keep(subject, state)
        self._begin(subject)

    # -- nets --------------------------------------------------------------------------------------

    def _begin(self, subject: Subject) -> None:
        """Explore a net that is open: tell what it is and what is known of it, and build on its atlas."""
        from zfexplore.tui.engine.subject import statistics

        self._post(replace(subject.loaded, indexed=subject.atlas is not None))
        self._subject = subject
        self.setup = subject.setup
        self._subjects.hold(subject.setup)
        self._gallery.ahead = []
        self._present.forget()
        if (atlas := subject.atlas) is not None:
            self._post(say.AtlasChanged(statistics(atlas), atlas.count, subject.complete))
        subject.build(seconds_between_partials=SECONDS_BETWEEN_PARTIALS)

    def _prepare(self, setup: say.Setup) -> None:
        """Open another net in play, or index a slice for it: nothing else is to be done."""
        known = self._subjects.kept(setup)
        subject = known or self._others.open(setup)
        if subject is not None and known is not None:
            # By threads: it waits between slices, and processes would wait with it.
            subject.build(seconds_between_partials=SECONDS_BETWEEN_PARTIALS, workers=0)
            self._build_on(subject)

    def _other(self, setup: say.Setup) -> Subject:
        """Give another net that is asked for, with its atlas if that needs no more than to be read."""
        subject = self._subjects.open(setup)
        subject.build(seconds_between_partials=SECONDS_BETWEEN_PARTIALS, workers=0)
        while subject.building is not None and not subject.running:
            self._build_on(subject)
        return subject

    def _explore(self, setup: say.Setup) -> None:
        """Explore another net; where it cannot be opened, say so and stay with the present one."""
        try:
            if self._subjects.kept(setup) is None:
                self._post(say.JobChanged(Progress(f"loading {setup.name}")))
            subject = self._subjects.open(setup)
        except Exception as error:
            self._fail(error, setup=setup)
            return
        for other in self._subjects.all():
            if other is not subject:
                other.pause()
        if subject is not self._subject:
            self._subject.pause()
            self._former = self.setup
        self._post(say.JobChanged(None))
        self._post(say.ImagesOpened(subject.source.name, len(subject.source)))
        self._begin(subject)

    def _subject_of(self, setup: say.Setup | None) -> Subject:
        """Give the net that a request is about; raises ExploreError if it cannot be opened again."""
        return self._subject if setup in (None, self.setup) else self._subjects.open(setup)  # type: ignore[arg-type]

    def _serve(self, request: object) -> None:
        if isinstance(request, say.TileSize):
            self._gallery.tiles[request.grid] = request
            self._sharpener.begin()
        elif isinstance(request, say.Explore):
            self._explore(request.setup)
        elif isinstance(request, say.ShowChannel):
            if request.setup not in (None, self.setup):
                return  # it was asked of the net before; of this one another will be
            self._present.take(request)
            if self._subject.atlas is not None:
                self._show(request)
            if request.beside is not None and not self._inbox.overtaken(request):
                self._show_beside(request, request.beside)
        elif isinstance(request, say.FindAlike):
            present, other = self._subject_of(request.setup), self._other(request.other)
            self._post(self._others.most_alike(request, present, other))
        elif isinstance(request, asked.Question):
            self._answerer.take(request)
        elif isinstance(request, say.SaveChannel):
            self._save_or_tell(request)

    def _answer(self) -> None:
        """Give the next answer to the question that is worked on."""
        try:
            subject = self._subject_of(self._answerer.asked_of)
        except Exception as error:
            self._answerer.refuse(error)
        else:
            self._answerer.step(subject, complete=not subject.growing)

    # -- the atlas ---------------------------------------------------------------------------------

    def _build_on(self, subject: Subject) -> None:
        """Take the next event of the build; between two of them lies about one slice of images."""
        from zfexplore.atlas.build import Partial

        assert subject.building is not None
        try:
            event = next(subject.building, None)
        except Exception as error:
            subject.building, subject.failed = None, True
            self._lose(subject, error)
            self._save_what_waited(subject)
            return
        if isinstance(event, Note):
            if not subject.quiet:
                self._note(event.text)
            return
        subject.quiet, subject.running = False, not isinstance(event, Finished)
        present = subject is self._subject
        if isinstance(event, Progress):
            of = "" if present else f" of {subject.setup.name}"
            self._post(say.JobChanged(replace(event, task=f"building the atlas{of}")))
        elif isinstance(event, Partial):
            self._atlas_grown(subject, event.atlas)
        elif isinstance(event, Skipped):
            subject.skipped += 1
            log.warning("skipped %s: %s", event.name, event.reason)
        elif isinstance(event, Finished):
            subject.building, subject.complete = None, True
            self._post(say.JobChanged(None))
            self._atlas_grown(subject, event.result)
            self._after_the_atlas(subject)

    def _lose(self, subject: Subject, error: Exception) -> None:
        """Tell that an atlas cannot be built; without any part of it, go back to the net before."""
        if subject is not self._subject:
            self._post(say.JobChanged(None))
            self._post(say.Noted(f"no atlas could be made of {subject.setup.name}: {logged(error)}"))
            return
        former, self._former = self._former, None
        if subject.atlas is None and former is not None and former != subject.setup:
            self._fail(error, setup=subject.setup)
            self._explore(former)
        else:
            self._fail(error, fatal=subject.atlas is None)

    def _atlas_grown(self, subject: Subject, atlas: Atlas) -> None:
        """Post the statistics, and renew the present channel's pictures if its places have changed.

        While images still come, renewing may take a quarter of the time, no more.
        """
        from zfexplore.tui.engine.subject import statistics

        if subject is not self._subject:
            self._others.grown(self._present.request, self._subject, subject)
            return
        self._post(say.AtlasChanged(statistics(atlas), atlas.count, subject.complete))
        if (request := self._present.changed(subject)) is not None:
            started = time.monotonic()
            self._show(request)
            self._present.rest(3 * (time.monotonic() - started))

    def _after_the_atlas(self, subject: Subject) -> None:
        """Name what was left out, and save the figures that waited for the whole atlas."""
        if subject.skipped:
            total = len(subject.source)
            left_out = f"{subject.skipped} of {total} images could not be read and were left out"
            self._note(f"{left_out}; their names are in {log_path()}")
        self._save_what_waited(subject)

    def _name_damaged(self) -> None:
        """Name the images that were read for the atlas and no longer can be: the first few, once each."""
        for subject in self._subjects.all():
            for name, reason in list(subject.damaged.items())[:NAMED]:
                self._note(f"{name} can no longer be read and is left out: {reason}")
            if len(subject.damaged) > NAMED:
                self._note(f"more images can no longer be read; their names are in {log_path()}")

    def _note(self, text: str) -> None:
        """Post a remark, unless another net has led to the same one."""
        if text not in self._told:
            self._told.add(text)
            self._post(say.Noted(text))

    # -- channels ----------------------------------------------------------------------------------

    def _show(self, request: say.ShowChannel) -> None:
        """Post what is known of the channel, then its pictures one by one, unless overtaken."""
        if self._inbox.overtaken(request):
            return
        try:
            self._present.show(self._subject)
        except Exception as error:
            self._fail(error, generation=request.generation)

    def _show_beside(self, request: say.ShowChannel, setup: say.Setup) -> None:
        """Post what another net has at the channel; a failure is told in the place of its pictures."""
        try:
            self._others.show(request, self._subject, self._other(setup))
        except Exception as error:
            self._post(say.BesideListed(request.generation, setup.name, None, "", logged(error)))

    # -- files -------------------------------------------------------------------------------------

    def _save_or_tell(self, request: say.SaveChannel, subject: Subject | None = None) -> None:
        """Save a figure, or say why not; while the atlas is being built it waits."""
        try:
            subject = subject or self._subject_of(request.setup)
            if subject.growing:
                subject.saves.append(request)
                self._post(say.Noted("this figure will be saved when the atlas is complete"))
                return
            settled = self._save(request, subject, lambda: self._inbox.closed)
        except Exception as error:
            self._fail(error)
            settled = True
        if settled:
            self._post(say.Settled(request))

    def _save_what_waited(self, subject: Subject) -> None:
        """Save the figures that waited for an atlas, or say why not: it grows no more."""
        saves, subject.saves = subject.saves, []
        for request in saves:
            self._save_or_tell(request, subject)

    def _save(self, request: say.SaveChannel, subject: Subject, stopped: Callable[[], bool]) -> bool:
        """Save a figure, or ask whether to replace another; give False if ``stopped`` came before."""
        stage_name, channel = request.stage_name, request.channel
        if subject.atlas is None:
            raise ExploreError("there is no atlas to take a figure from")
        path = subject.setup.figure_path(request)
        if not request.overwrite and (reason := subject.foreign(request)):
            self._post(say.OverwriteAsked(replace(request, setup=subject.setup), path, reason))
            return True
        self._post(say.JobChanged(Progress(f"saving {path.stem}")))
        try:
            for _ in self._gallery.pictures(subject, stage_name, channel, stopped):
                pass
            if stopped():
                subject.saves.append(request)  # for the end, which saves what it still can
                return False
            exemplars = self._gallery.exemplars(subject, stage_name, channel)
            self._post(say.FigureSaved(subject.save_figure(request, exemplars)))
        finally:
            self._post(say.JobChanged(None))
        return True

    def _save_the_rest(self) -> None:
        """Before the end, save what was asked for; what cannot be is not settled, and is named so."""
        waiting: list[tuple[say.SaveChannel, Subject | None]] = [
            (request, subject) for subject in self._subjects.all() for request in subject.saves
        ]
        for request in self._inbox.left():
            if isinstance(request, say.SaveChannel):
                waiting.append((request, None))
            elif isinstance(request, asked.Question) and isinstance(request, say.Save):
                self._answerer.take(request)
        self._answerer.save_the_rest(self._subject_of)
        for request, known in waiting:
            try:
                subject = known or self._subject_of(request.setup)
                if not subject.growing and (request.overwrite or not subject.foreign(request)):
                    self._save(request, subject, lambda: False)
                    self._post(say.Settled(request))
            except Exception as error:
                self._fail(error)

    def _fail(
        self,
        error: Exception,
        *,
        fatal: bool = False,
        generation: int = -1,
        setup: say.Setup | None = None,
    ) -> None:
        """Tell the user."""
        self._post(say.JobChanged(None))
        self._post(say.Failed(logged(error), fatal, generation, setup))
