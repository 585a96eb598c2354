"""What a channel and a class need of one picture: the occlusion's maps, beside the channel's projection.

    occluded = explorer.occluded("me.jpg", "conv5:130")
    occluded.result.total  # the channel's response with the square on each place
    occluded.save("me-occluded.png")

The figure is ZF's seventh; the table beside it has a row for each place of the square.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from zfexplore.arguments import text_or_none
from zfexplore.atlas.lost import LostImages
from zfexplore.exemplars.exemplars import firing_places, of_picture
from zfexplore.exemplars.records import ChannelExemplars
from zfexplore.exemplars.seen import see
from zfexplore.figures.blocks import ChannelBlock
from zfexplore.figures.captions import SEPARATOR, images_in_words, in_the_papers
from zfexplore.figures.figure import Figure, Made
from zfexplore.figures.inline import png_bytes
from zfexplore.figures.occluded import occluded_figure
from zfexplore.figures.occlusion import TILE
from zfexplore.figures.provenance import ATLAS, CHECKPOINT, COMMAND
from zfexplore.figures.tables import write_tables
from zfexplore.nets.device import exact_arithmetic
from zfexplore.on_pictures import PictureName, file_name
from zfexplore.printable import printable
from zfexplore.progress import Finished, Progress, Skipped
from zfexplore.settings import Command, other_than
from zfexplore.studies.occlusion import OcclusionResult, occlude
from zfexplore.units import Unit

if TYPE_CHECKING:
    from zfexplore.explorer import Explorer

NOTEBOOK_TILE = 144


@dataclass(frozen=True, eq=False, repr=False)
class Occluded:
    """A picture's occlusion: its maps in ``result``, and what shows the channel itself.

    ``own`` is the channel's strongest unit on the picture, with its projection; ``exemplars`` are its
    strongest on the images explored.
    """

    picture: PictureName
    result: OcclusionResult
    own: ChannelBlock
    exemplars: ChannelBlock
    made: Made

    def figure(self, *, tile: int = TILE, title: str | None = None) -> OccludedFigure:
        """Draw the maps over the picture, and above them the projections; ``tile`` is a picture's edge."""
        title = text_or_none(title, "a title")
        command = self.made.command.with_options(tile=other_than(tile, TILE), title=title)
        notes = {**self.made.notes, "occlusion": json.dumps(self.result.described())}
        usual = f"{self.result.unit} on {self.picture.name}"
        if self.result.done < self.result.total.size:
            usual += f", {self.result.done} of {self.result.total.size} squares"
        made = replace(self.made, command=command, title=title or usual, notes=notes)
        image = occluded_figure(
            self.result, self.own, self.exemplars, tile=tile, title=made.title, subtitle=self._subtitle()
        )
        return OccludedFigure(image, made, {}, self)

    def save(self, path: str | os.PathLike[str] | None = None) -> list[Path]:
        """Write the figure and its table, as the command does; give the files written."""
        return self.figure().save(path)

    def rows(self) -> list[dict[str, Any]]:
        """Give the table, a row for each place of the square that was visited.

        ``y0, x0, y1, x1`` are the input pixels hidden. The last three are None for a net without classes.
        """
        found, grid = self.result, self.result.grid
        rows = []
        for row in range(grid.places):
            for column in range(grid.places):
                window, place = grid.window(row, column), (row, column)
                if np.isnan(found.total[place]):
                    continue
                best = None if found.best_class is None else int(found.best_class[place])
                rows.append({
                    "row": row, "column": column,
                    "y0": window.y0, "x0": window.x0, "y1": window.y1, "x1": window.x1,
                    "total": float(found.total[place]), "peak": float(found.peak[place]),
                    "probability": None if found.probability is None else float(found.probability[place]),
                    "best_class": best, "best_name": None if best is None else found.name_of(best),
                })  # fmt: skip
        return rows

    def __repr__(self) -> str:
        return printable(
            f"<Occluded {self.result.unit} on {self.picture.name}: {self.result.total.size} places>"
        )

    def _repr_png_(self) -> bytes:
        """Show the figure in a notebook."""
        return png_bytes(self.figure(tile=NOTEBOOK_TILE).image)

    def _subtitle(self) -> str:
        grid, origin = self.result.grid, self.made.origin
        return SEPARATOR.join(part for part in (
            in_the_papers(self.result.unit.stage, origin.architecture),
            f"a grey square of {grid.square} pixels moved in steps of {grid.stride}; "
            "each cell shows the answer with the square centred there",
            f"the exemplars are of {images_in_words(origin)}",
        ) if part)  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class OccludedFigure(Figure):
    """An occlusion, drawn; saved with its table as CSV and JSON beside it."""

    occluded: Occluded

    def __repr__(self) -> str:
        return printable(
            f"<OccludedFigure {self.made.title!r}: {self.image.width} x {self.image.height} pixels>"
        )

    def save(self, path: str | os.PathLike[str] | None = None) -> list[Path]:
        """Write the figure, the CSV and the JSON; give the files written."""
        (written,) = super().save(path)
        chunks = self.chunks(written)
        about = {"picture": chunks["picture"], **self.occluded.result.described()}
        origin = {name: chunks[name] for name in (COMMAND, CHECKPOINT, ATLAS)}
        return [written, *write_tables(written, self.occluded.rows(), {**about, **origin}, called="places")]


def occlude_picture(
    explorer: Explorer, image: Image.Image, picture: PictureName, channel: Unit | None,
    label: int | str | None, square: int | None, stride: int | None,
) -> Iterator[Progress | Skipped | Finished[Occluded]]:  # fmt: skip
    """Occlude an RGB ``image`` that is called ``picture``; see ``Explorer.occluded``."""
    settings = explorer.settings
    result = None
    stage, number = (None, None) if channel is None else (channel.stage, channel.channel)
    for event in occlude(
        explorer.checkpoint, image, stage, number,
        label=label, square=square, stride=stride, fit=settings.fit,
    ):  # fmt: skip
        if isinstance(event, Progress):
            yield event
        elif isinstance(event, Finished):
            result = event.result
    assert result is not None
    made = made_of(explorer, picture, channel, label, square, stride)
    yield from beside_its_channel(explorer, image, picture, result, made)


def beside_its_channel(
    explorer: Explorer, image: Image.Image, picture: PictureName, result: OcclusionResult, made: Made
) -> Iterator[Progress | Skipped | Finished[Occluded]]:
    """Add to a ``result``, whole or not, what shows its channel: its unit on the picture, and its exemplars.

    Of images that are gone by now there are none.
    """
    checkpoint, settings = explorer.checkpoint, explorer.settings
    seen = see(checkpoint, image, settings.fit)
    with exact_arithmetic(checkpoint.net.device):
        maps = checkpoint.net.maps(seen.batch, [result.unit.stage])[result.unit.stage]
    strongest = _strongest(result.unit, maps[0, result.unit.channel])
    own = of_picture(checkpoint, seen, [strongest], picture.name, rule=settings.rule)
    block = explorer.block(ChannelExemplars(result.unit, tuple(own)))
    if isinstance(explorer.source, LostImages):
        lost = ChannelExemplars(result.unit, (), unreadable=len(firing_places(explorer.atlas, result.unit)))
        yield Finished(Occluded(picture, result, block, explorer.block(lost), made))
        return
    for found in explorer.exemplars([result.unit]):
        if isinstance(found, Progress | Skipped):
            yield found
        elif isinstance(found, ChannelExemplars):
            yield Finished(Occluded(picture, result, block, explorer.block(found), made))


def made_of(
    explorer: Explorer, picture: PictureName, channel: Unit | None,
    label: int | str | None, square: int | None, stride: int | None,
) -> Made:  # fmt: skip
    """Give the origin and the command of the figure, which are known before the work."""
    options = {
        "--unit": None if channel is None else str(channel), "--patch": square, "--stride": stride,
        "--label": label, "--tile": None, "--title": None, "--out": None, **explorer.settings.options(),
    }  # fmt: skip
    command = Command(("export", "occlusion", picture.path), options)
    notes = {"picture": picture.path}
    return Made(explorer.origin, command, picture.name, default_name(channel, picture.name), notes)


def default_name(channel: Unit | None, picture: str) -> str:
    """Give the file of an occlusion of a picture of this name."""
    of = "" if channel is None else f"{channel.slug}-"
    return f"occlusion-{of}{file_name(picture)}.png"


def _strongest(channel: Unit, answer: Any) -> Unit:
    """Give the unit that is strongest in the channel's ``answer [h, w]``; of a head, the channel itself."""
    if answer.ndim != 2:
        return channel
    y, x = divmod(int(answer.argmax()), answer.shape[1])
    return Unit(channel.stage, channel.channel, y, x)
