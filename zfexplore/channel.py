"""A channel to look at: its exemplars, the table of its strongest places, its figure."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zfexplore.arguments import text_or_none
from zfexplore.exemplars.records import Exemplar
from zfexplore.figures.blocks import ChannelBlock
from zfexplore.figures.captions import channel_caption
from zfexplore.figures.channel import TILE, ChannelFigure
from zfexplore.figures.figure import Made
from zfexplore.figures.ideal import IdealBlock
from zfexplore.figures.inline import png_bytes
from zfexplore.figures.unit import UnitFigure
from zfexplore.settings import other_than
from zfexplore.showing import Records
from zfexplore.units import Unit

NOTEBOOK_TILE = 144


@dataclass(frozen=True, eq=False, repr=False)
class Channel:
    """A channel of a net on some images; iterating gives its exemplars, the strongest first.

    ``known`` is what the atlas knows about it, ``places`` the table of its strongest places, and ``block``
    what figures draw of it.
    """

    unit: Unit
    exemplars: tuple[Exemplar, ...]
    known: dict[str, Any]
    places: Records
    block: ChannelBlock
    made: Made

    def figure(
        self, *, tile: int = TILE, title: str | None = None, ideal: IdealBlock | None = None
    ) -> ChannelFigure:
        """Draw the channel large, as ``export channel`` does; ``tile`` is the edge of one picture.

        ``ideal``, which ``Explorer.ideal_block`` gives, adds a column: what the channel would like best.
        """
        title = text_or_none(title, "a title")
        options = {"tile": other_than(tile, TILE), "title": title, "ideal": ideal is not None}
        command = self.made.command.with_options(**options)
        made = replace(self.made, command=command, title=title or self.made.title)
        return ChannelFigure.draw(self.block, self.known, made, tile=tile, ideal=ideal)

    def unit_figure(self, rank: int, unit: Unit) -> UnitFigure:
        """Draw the exemplar of this ``rank`` large, with ``unit`` as its name."""
        caption = channel_caption(self.unit, self.known, self.made.origin)
        return UnitFigure.draw(self.block, rank, replace(self.made, title=str(unit)), caption)

    def save(self, path: str | os.PathLike[str] | None = None, *, npz: bool = False) -> list[Path]:
        """Write the figure and its tables, as ``export channel`` does; give the files written."""
        return self.figure().save(path, npz=npz)

    def __len__(self) -> int:
        return len(self.exemplars)

    def __getitem__(self, rank: int) -> Exemplar:
        return self.exemplars[rank]

    def __iter__(self) -> Iterator[Exemplar]:
        return iter(self.exemplars)

    def __str__(self) -> str:
        return str(self.places)

    def __repr__(self) -> str:
        return f"<Channel {self.unit}: {len(self)} exemplars>"

    def _repr_png_(self) -> bytes:
        """Show the figure in a notebook."""
        return png_bytes(self.figure(tile=NOTEBOOK_TILE).image)
