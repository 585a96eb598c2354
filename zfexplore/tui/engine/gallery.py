"""The pictures of channels: projected one by one, drawn, and kept for the latest channels."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING

from zfexplore.errors import ExploreError
from zfexplore.tui import messages as say

if TYPE_CHECKING:
    from zfexplore.exemplars.records import Exemplar
    from zfexplore.tui.drawing.bitmap import Bitmap, Tile
    from zfexplore.tui.engine.subject import Subject

log = logging.getLogger("zfexplore.tui")

KINDS = ("projection", "patch", "whole")  # the pictures of a unit
KEPT_BYTES = 128 * 2**20  # pictures of 24 channels of conv5


@dataclass
class KeptChannel:
    """A channel's pictures: the places they were projected for, the exemplars, and how each is shown."""

    rows: tuple[say.PlaceRow, ...]
    pictures: list[tuple[Exemplar | None, say.ShownUnit]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes of the arrays, each counted once: the whole image is the exemplar's own array."""
        arrays = {
            id(array): array
            for exemplar, shown in self.pictures
            for array in (
                *(() if exemplar is None else (exemplar.crop, exemplar.image)),
                shown.projection.pixels, shown.patch.pixels, shown.whole.pixels,
            )
        }  # fmt: skip
        return sum(array.nbytes for array in arrays.values())


class Gallery:
    """Knows the channels seen lately, the sizes of thumbnails, and the channels that may come next."""

    def __init__(self) -> None:
        self.tiles: dict[str, say.TileSize] = {}  # how each grid draws, by its name
        self.ahead: list[tuple[Subject | None, str, int]] = []  # None: the net that is explored
        self._channels: OrderedDict[tuple[Subject, str, int], KeptChannel] = OrderedDict()

    def pictures(
        self, subject: Subject, stage_name: str, channel: int, stopped: Callable[[], bool]
    ) -> Iterator[say.ShownUnit]:
        """Give a channel's pictures, kept or newly projected. A channel is kept only once it is complete."""
        rows = subject.top_rows(stage_name, channel)
        kept = self._channels.get((subject, stage_name, channel))
        if kept is not None and kept.rows == rows:
            self._channels.move_to_end((subject, stage_name, channel))
            yield from (self._draw(shown) for _, shown in kept.pictures)
            return
        new = KeptChannel(rows)
        for exemplar, shown in subject.pictures(stage_name, channel):
            new.pictures.append((exemplar, shown))
            yield self._draw(shown)
            if stopped():
                return
        self._channels[subject, stage_name, channel] = new
        while len(self._channels) > 1 and sum(kept.size for kept in self._channels.values()) > KEPT_BYTES:
            self._channels.popitem(last=False)

    def exemplars(self, subject: Subject, stage_name: str, channel: int) -> list[Exemplar]:
        """Give the exemplars behind the pictures of a kept channel."""
        pictures = self._channels[subject, stage_name, channel].pictures
        return [exemplar for exemplar, _ in pictures if exemplar is not None]

    def forget(self, subject: Subject) -> None:
        """Drop the pictures of a net that is closed."""
        for key in [key for key in self._channels if key[0] is subject]:
            del self._channels[key]
        self.ahead = [planned for planned in self.ahead if planned[0] is not subject]

    def sharpen(self, subject: Subject, stage_name: str, channel: int) -> Iterator[tuple[int, str, Tile]]:
        """Draw a kept channel's pictures in pixels, as the grids show them; give rank, kind and tile."""
        from zfexplore.tui.drawing.encode import encode

        kept = self._channels.get((subject, stage_name, channel))
        for size in [tile for tile in self.tiles.values() if tile.cell != (0, 0)]:
            for _, shown in kept.pictures if kept else ():
                bitmap: Bitmap = getattr(shown, size.kind)
                if size.cut not in bitmap.tiles:
                    tile = encode(bitmap, *size.cut)
                    bitmap.keep(tile)
                    yield shown.rank, size.kind, tile

    def expect(self, stage_name: str, channels: Iterable[int]) -> None:
        """Plan to project the channels that the cursor may come to next."""
        self.ahead = [(None, stage_name, channel) for channel in channels]

    def expect_of(self, subject: Subject, stage_name: str, channels: Iterable[int]) -> None:
        """Plan the same for another net that is shown beside, in turn with those planned already."""
        others = [(subject, stage_name, channel) for channel in channels]
        pairs = zip_longest(self.ahead, others)
        self.ahead = [planned for pair in pairs for planned in pair if planned is not None]

    def project_ahead(self, subject: Subject, stopped: Callable[[], bool]) -> None:
        """Project the next planned channel, unless it is kept. An ExploreError is only logged here."""
        other, stage_name, channel = self.ahead.pop(0)
        subject = other or subject
        if (subject, stage_name, channel) in self._channels:
            return
        try:
            for _ in self.pictures(subject, stage_name, channel, stopped):
                pass
        except (ExploreError, OSError) as error:
            log.info("%s:%d was not projected ahead: %s", stage_name, channel, error)

    def _draw(self, shown: say.ShownUnit) -> say.ShownUnit:
        """Draw the thumbnails as the grids show them, and drop those of other sizes."""
        from zfexplore.tui.drawing.picture import draw

        for kind in KINDS:
            bitmap: Bitmap = getattr(shown, kind)
            sizes = {tile.size for tile in self.tiles.values() if tile.kind == kind}
            bitmap.drawings = {size: draw(bitmap, *size) for size in sizes}
        return shown
