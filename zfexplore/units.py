"""Names of channels and units, and the rectangle of input pixels that a unit sees.

A stage of a net of modules has the module's name, as in ``layer3.1.conv2:130``. A channel is written
``conv5:130``, and one of its units ``conv5:130@6,7`` (row, column). In file names
they are ``conv5-130`` and ``conv5-130-6-7``, which every file system takes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from zfexplore.errors import ExploreError

_UNIT = re.compile(r"(?P<stage>\w[\w.#-]*):(?P<channel>\d{1,18})(?:@(?P<y>\d{1,18}),(?P<x>\d{1,18}))?")
_CHOICES = "a number, a range (0-15), a list (7,130), top16, random16 or all"
_RANGE = re.compile(r"(?P<first>\d{1,18})(?:-(?P<last>\d{1,18}))?")


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle in pixels, rows ``y0 <= y < y1`` and columns ``x0 <= x < x1``, clipped to its image."""

    y0: int
    x0: int
    y1: int
    x1: int

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.y1 - self.y0

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.x1 - self.x0

    def __iter__(self):
        """Give y0, x0, y1, x1 in this order."""
        return iter((self.y0, self.x0, self.y1, self.x1))


@dataclass(frozen=True, slots=True)
class Unit:
    """One channel of a stage; with a row ``y`` and a column ``x``, one unit of that channel."""

    stage: str
    channel: int
    y: int | None = None
    x: int | None = None

    @classmethod
    def parse(cls, text: str) -> Unit:
        """Read ``conv5:130`` or ``conv5:130@6,7``; raises ExploreError for anything else."""
        match = _UNIT.fullmatch(text.strip()) if isinstance(text, str) else None
        if match is None:
            raise ExploreError(
                f"{_in_one_line(text)} names no channel: write stage:channel, as in conv5:130, "
                "or stage:channel@row,column, as in conv5:130@6,7",
                usage=True,
            )
        place = (None, None) if match["y"] is None else (int(match["y"]), int(match["x"]))
        return cls(match["stage"], int(match["channel"]), *place)

    def __str__(self) -> str:
        """Write the unit as ``parse`` reads it."""
        place = "" if self.y is None else f"@{self.y},{self.x}"
        return f"{self.stage}:{self.channel}{place}"

    @property
    def slug(self) -> str:
        """The unit's name inside a file name: ``conv5-130`` or ``conv5-130-6-7``."""
        place = "" if self.y is None else f"-{self.y}-{self.x}"
        return f"{self.stage}-{self.channel}{place}"


def parse_channels(text: str, count: int) -> list[int]:
    """Read a choice among ``count`` channels: ``all``, ``7``, ``0-15``, ``7,130`` or ``0-3,12``.

    Channels come in the order written, each once. Raises ExploreError if the text cannot be read or
    names a channel that does not exist.
    """
    if not isinstance(text, str):
        raise ExploreError(
            f"{_in_one_line(text)} names no channels: write text, {_CHOICES}",
            usage=True,
        )
    if text.strip() == "all":
        return list(range(count))
    chosen: dict[int, None] = {}
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            raise ExploreError(f"{_in_one_line(text)} names no channels: write {_CHOICES}", usage=True)
        first = int(match["first"])
        last = int(match["last"] or first)
        if last < first:
            raise ExploreError(f"the range {part.strip()!r} runs backwards", usage=True)
        if last >= count:
            raise ExploreError(f"channel {last} is not there: this layer has 0-{count - 1}", usage=True)
        chosen.update(dict.fromkeys(range(first, last + 1)))
    return list(chosen)


def _in_one_line(value: object) -> str:
    return " ".join(repr(value).split())[:80]
