"""What is shown, drawn in pixels too, a picture at a time while nothing more urgent is to be done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from zfexplore.tui import messages as say
from zfexplore.units import Unit

if TYPE_CHECKING:
    from zfexplore.tui.engine.gallery import Gallery
    from zfexplore.tui.engine.subject import Subject


class Sharpener:
    """Knows the channel looked at and the one beside it, and posts their tiles."""

    def __init__(self, gallery: Gallery, post: Callable[[object], object]) -> None:
        self._gallery, self._post = gallery, post
        self._shown: dict[bool, tuple[int, Subject, Unit]] = {}  # by whether it is beside
        self._left: Iterator[say.TileDrawn] | None = None

    def take(self, generation: int, subject: Subject, channel: Unit, *, beside: bool = False) -> None:
        """Take a channel all of whose pictures have been posted."""
        self._shown[beside] = generation, subject, channel
        self.begin()

    def forget(self) -> None:
        """Draw nothing more: other channels will be shown."""
        self._shown.clear()
        self._left = None

    def begin(self) -> None:
        """Draw as the grids show pictures by now, if they show pixels."""
        self._left = self._tiles()

    @property
    def busy(self) -> bool:
        """Whether pictures may be left to be drawn."""
        return self._left is not None

    def step(self) -> None:
        """Draw one more picture."""
        drawn = None if self._left is None else next(self._left, None)
        if drawn is None:
            self._left = None
        else:
            self._post(drawn)

    def _tiles(self) -> Iterator[say.TileDrawn]:
        for beside, (generation, subject, channel) in sorted(self._shown.items()):
            for drawn in self._gallery.sharpen(subject, channel.stage, channel.channel):
                yield say.TileDrawn(generation, *drawn, beside)
