"""The pictures of channels: projected one by one, drawn, and those of the latest channels kept.

Only the engine's thread comes here. What it gives are the records that go to the panes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zfexplore.tui import messages as say

if TYPE_CHECKING:
    from zfexplore.tui.subject import Subject

KEPT_CHANNELS = 48  # about 2.5 MB each for conv5
NEIGHBOURS = (1, -1, 2)  # projected ahead, in this order


@dataclass
class Entry:
    """A channel's pictures: the places they were projected for, exemplars and how they are shown."""

    rows: tuple[say.TopRow, ...]
    pictures: list[tuple[Any, say.Shown]] = field(default_factory=list)


class Gallery:
    """Knows the channels seen lately, the size at which thumbnails are shown, and what may come next."""

    def __init__(self) -> None:
        self.tile: say.TileSize | None = None
        self.ahead: list[tuple[str, int]] = []
        self._channels: OrderedDict[tuple[str, int], Entry] = OrderedDict()

    def pictures(
        self, subject: Subject, stage: str, channel: int, stopped: Callable[[], bool]
    ) -> Iterator[say.Shown]:
        """Give a channel's pictures, from those kept or newly projected; only whole channels are kept."""
        rows = subject.top_rows(stage, channel)
        kept = self._channels.get((stage, channel))
        if kept is not None and kept.rows == rows:
            self._channels.move_to_end((stage, channel))
            yield from (self._draw(shown) for _, shown in kept.pictures)
            return
        entry = Entry(rows)
        for exemplar, shown in subject.pictures(stage, channel):
            entry.pictures.append((exemplar, shown))
            yield self._draw(shown)
            if stopped():
                return
        self._channels[stage, channel] = entry
        while len(self._channels) > KEPT_CHANNELS:
            self._channels.popitem(last=False)

    def exemplars(self, stage: str, channel: int) -> list[Any]:
        """Give what the pictures of a channel that is kept were made of."""
        return [exemplar for exemplar, _ in self._channels[stage, channel].pictures]

    def expect_neighbours(self, stage: str, channel: int) -> None:
        """Plan to project the channels that the cursor may come to next."""
        self.ahead = [(stage, channel + step) for step in NEIGHBOURS]

    def project_ahead(self, subject: Subject, stopped: Callable[[], bool]) -> None:
        """Project one of the neighbours, unless it is kept."""
        stage, channel = self.ahead.pop(0)
        channels = subject.checkpoint.trunk.stage(stage).channels
        if not 0 <= channel < channels or (stage, channel) in self._channels:
            return
        for _ in self.pictures(subject, stage, channel, stopped):
            pass

    def _draw(self, shown: say.Shown) -> say.Shown:
        """Draw both thumbnails here, so that the event loop finds them ready."""
        from zfexplore.tui.widgets.pictures import drawn

        if self.tile is not None:
            for bitmap in (shown.projection, shown.patch):
                drawn(bitmap, self.tile.rows, self.tile.columns, self.tile.mode)
        return shown
