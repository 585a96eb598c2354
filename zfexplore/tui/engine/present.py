"""The channel that the user looks at: shown, shown again as the atlas grows, and drawn in pixels."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from zfexplore.tui import messages as say

if TYPE_CHECKING:
    from zfexplore.tui.drawing.bitmap import Tile
    from zfexplore.tui.engine.gallery import Gallery
    from zfexplore.tui.engine.inbox import Inbox
    from zfexplore.tui.engine.subject import Subject

log = logging.getLogger("zfexplore.tui")


class Present:
    """Posts the pictures of the channel in ``request``; None before the first, and in a net just opened."""

    def __init__(self, gallery: Gallery, inbox: Inbox, post: Callable[[object], object]) -> None:
        self._gallery, self._inbox, self._post = gallery, inbox, post
        self.request: say.ShowChannel | None = None
        self._rows: tuple[say.PlaceRow, ...] | None = None  # whose pictures were posted
        self._shown_generation = -1  # of the channel whose pictures have all been posted
        self._renew_from = 0.0  # when its pictures may follow the growing atlas again
        self._sharpening: Iterator[tuple[int, str, Tile]] | None = None

    def take(self, request: say.ShowChannel) -> None:
        """Look at another channel, or at the same one anew."""
        self.request, self._rows, self._sharpening = request, None, None

    def forget(self) -> None:
        """Look at none: another net is explored."""
        self.request = self._rows = self._sharpening = None
        self._shown_generation = -1

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
        self.sharpen(subject)
        if not subject.growing:
            self._gallery.expect(stage_name, request.ahead)

    # -- in pixels ---------------------------------------------------------------------------------

    @property
    def sharpening(self) -> bool:
        """Whether pictures may be left to be drawn in pixels."""
        return self._sharpening is not None

    def sharpen(self, subject: Subject) -> None:
        """Plan to draw the channel in pixels too, once it is shown, if the grids show them."""
        if self.request is not None and self.request.generation == self._shown_generation:
            stage_name, channel = self.request.stage_name, self.request.channel
            self._sharpening = self._gallery.sharpen(subject, stage_name, channel)

    def sharpen_on(self) -> None:
        """Draw one more picture in pixels."""
        assert self.request is not None
        assert self._sharpening is not None
        drawn = next(self._sharpening, None)
        if drawn is None:
            self._sharpening = None
        else:
            self._post(say.TileDrawn(self.request.generation, *drawn))
