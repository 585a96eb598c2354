"""The channel that the user looks at: shown, and shown again as the atlas grows."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from zfexplore.tui import messages as say
from zfexplore.units import Unit

if TYPE_CHECKING:
    from zfexplore.tui.engine.gallery import Gallery
    from zfexplore.tui.engine.inbox import Inbox
    from zfexplore.tui.engine.sharpener import Sharpener
    from zfexplore.tui.engine.subject import Subject

log = logging.getLogger("zfexplore.tui")


class Present:
    """Posts the pictures of the channel in ``request``; None before the first, and in a net just opened."""

    def __init__(
        self, gallery: Gallery, sharpener: Sharpener, inbox: Inbox, post: Callable[[object], object]
    ) -> None:
        self._gallery, self._sharpener, self._inbox, self._post = gallery, sharpener, inbox, post
        self.request: say.ShowChannel | None = None
        self._rows: tuple[say.PlaceRow, ...] | None = None  # whose pictures were posted
        self._shown_generation = -1  # of the channel whose pictures have all been posted
        self._renew_from = 0.0  # when its pictures may follow the growing atlas again

    def take(self, request: say.ShowChannel) -> None:
        """Look at another channel, or at the same one anew."""
        self.request, self._rows = request, None
        self._sharpener.forget()

    def forget(self) -> None:
        """Look at none: another net is explored."""
        self.request, self._rows, self._shown_generation = None, None, -1
        self._sharpener.forget()

    def changed(self, subject: Subject) -> say.ShowChannel | None:
        """Give the channel if the atlas has changed its places, and it may be shown again by now."""
        request = self.request
        if request is None or not (subject.complete or time.monotonic() > self._renew_from):
            return None
        return request if subject.top_rows(request.stage_name, request.channel) != self._rows else None

    def rest(self, seconds: float) -> None:
        """Follow the growing atlas no more for so long."""
        self._renew_from = time.monotonic() + seconds

    def show(self, subject: Subject) -> None:
        """Post what is known of the channel, then its pictures one by one, unless overtaken.

        What is shown already is renewed at one stroke: else places and pictures disagree meanwhile.
        """
        request = self.request
        assert request is not None
        stage_name, channel, started = request.stage_name, request.channel, time.monotonic()
        if subject.gone and (rows := subject.top_rows(stage_name, channel)):
            self._post(say.TopListed(stage_name, channel, request.generation, rows))
            self._post(say.ImagesGone(request.generation))
            return
        renewing = request.generation == self._shown_generation
        rows = self._rows = subject.top_rows(stage_name, channel)
        pictures: Iterable[say.ShownUnit] = self._gallery.pictures(
            subject, stage_name, channel, lambda: self._inbox.overtaken(request)
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
        log.info("%s:%d shown in %.3f s", stage_name, channel, time.monotonic() - started)
        self._post(say.ChannelShown(stage_name, channel, request.generation, count))
        self._sharpener.take(request.generation, subject, Unit(stage_name, channel))
        if not subject.growing:
            self._gallery.expect(stage_name, request.ahead)
