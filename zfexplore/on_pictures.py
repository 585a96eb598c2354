"""A unit, or a channel's strongest unit, brought back to pixels on pictures of one's own.

explorer.on("conv5:130@6,7", "me.jpg").save()
explorer.on("conv5:130", "me.jpg", "you.jpg").figure()
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zfexplore.arguments import path_text, text_or_none, whole_or_none
from zfexplore.choices import Method
from zfexplore.errors import ExploreError
from zfexplore.exemplars.exemplars import of_picture
from zfexplore.exemplars.records import Exemplar
from zfexplore.exemplars.seen import see
from zfexplore.figures.blocks import BlockUnit, ChannelBlock, block_from
from zfexplore.figures.captions import channel_caption
from zfexplore.figures.channel import save_with_tables
from zfexplore.figures.figure import Figure, Made
from zfexplore.figures.inline import png_bytes
from zfexplore.figures.unit import TILE as UNIT_TILE
from zfexplore.figures.unit import unit_rows
from zfexplore.images.naming import shown
from zfexplore.printable import file_safe
from zfexplore.settings import Command, other_than
from zfexplore.studies.ranking import rank_channels
from zfexplore.studies.records import RankedChannel
from zfexplore.units import Unit

if TYPE_CHECKING:
    from zfexplore.explorer import Explorer
    from zfexplore.opened import Picture

CHANNEL_TILE = 224
NOTEBOOK_TILE = 144
FROM_PYTHON = "<picture from Python>"
LONGEST_NAME = 160  # bytes of a picture's name in the name of a file, which has 255 at most


@dataclass(frozen=True, slots=True)
class PictureName:
    """What a picture is called: ``name`` in figures and tables, ``path`` in commands and text chunks."""

    name: str
    path: str


@dataclass(frozen=True, eq=False, repr=False)
class OnPictures:
    """A unit on pictures, a row each; of a channel without a place, each picture's strongest unit.

    ``exemplars`` are the units with their projections and patches, in the order of ``pictures``.
    ``ranked`` has, for a channel, how each activation compares with the images of the atlas; it is empty
    for a unit.
    """

    unit: Unit
    pictures: tuple[PictureName, ...]
    exemplars: tuple[Exemplar, ...]
    ranked: tuple[RankedChannel, ...]
    block: ChannelBlock
    caption: str
    made: Made

    @property
    def usual_tile(self) -> int:
        """The edge of a picture by default: of a unit it is larger."""
        return CHANNEL_TILE if self.unit.y is None else UNIT_TILE

    def figure(self, *, tile: int | None = None, title: str | None = None) -> OnPicturesFigure:
        """Draw a row for each picture: the projection, what the unit saw, and where that is."""
        tile, title = self.usual_tile if tile is None else tile, text_or_none(title, "a title")
        command = self.made.command.with_options(tile=other_than(tile, self.usual_tile), title=title)
        made = replace(self.made, command=command, title=title or self.made.title)
        captions = [self._caption(row, unit) for row, unit in enumerate(self.block.units)]
        image = unit_rows(
            self.block.units, captions, self.block.side, tile=tile, title=made.title, subtitle=self.caption
        )
        return OnPicturesFigure(image, made, {self.block.name: self.rows()}, self.block)

    def save(self, path: str | os.PathLike[str] | None = None, *, npz: bool = False) -> list[Path]:
        """Write the figure and its tables, as the command does; give the files written."""
        return self.figure().save(path, npz=npz)

    def rows(self) -> list[dict[str, Any]]:
        """Give the table, one row per picture; percentiles are None for a unit that was chosen by place."""
        compared = self.ranked or (None,) * len(self.pictures)
        return [
            _row(picture, unit, ranked)
            for picture, unit, ranked in zip(self.pictures, self.block.units, compared, strict=True)
        ]

    def __len__(self) -> int:
        return len(self.exemplars)

    def __getitem__(self, index: int) -> Exemplar:
        return self.exemplars[index]

    def __iter__(self) -> Iterator[Exemplar]:
        return iter(self.exemplars)

    def __repr__(self) -> str:
        return f"<OnPictures {self.made.title}>"

    def _repr_png_(self) -> bytes:
        """Show the figure in a notebook."""
        return png_bytes(self.figure(tile=NOTEBOOK_TILE).image)

    def _caption(self, row: int, unit: BlockUnit) -> str:
        if unit.value <= 0:
            return f"{unit.value:.4g}: silent here"
        if self.ranked:
            return f"{unit.value:.4g}, {compared_in_words(self.ranked[row])}"
        return f"{unit.value:.4g}, full brightness at {unit.scale:.3g}"


@dataclass(frozen=True, eq=False, repr=False)
class OnPicturesFigure(Figure):
    """A unit on pictures, drawn; saved with its table as CSV and JSON beside it."""

    block: ChannelBlock

    def save(self, path: str | os.PathLike[str] | None = None, *, npz: bool = False) -> list[Path]:
        """Write the figure, the CSV and the JSON, and with ``npz`` the raw arrays; give the files written."""
        return save_with_tables(self, self.block, {"unit": self.block.name}, path, npz=npz)


def bring_back(
    explorer: Explorer, unit: Unit, pictures: Sequence[Picture], *, method: Method = "auto"
) -> OnPictures:
    """Bring ``unit`` back on each of ``pictures``; of a channel, each one's strongest unit.

    Raises ExploreError for a picture that cannot be read, and for a unit that is not there.
    """
    if not pictures:
        raise ExploreError("no picture was named", usage=True)
    checkpoint, settings = explorer.checkpoint, explorer.settings
    channel = Unit(unit.stage, unit.channel)
    known = explorer.known(channel)  # one that is not there is told here
    names, found, ranked = [], [], []
    for picture in pictures:
        image, name = explorer.image(picture), name_of(explorer, picture)
        place = unit
        if unit.y is None:
            every = rank_channels(checkpoint, explorer.atlas, image, stage=unit.stage)
            best = next(each for each in every if each.unit.channel == unit.channel)
            place = best.unit
            ranked.append(best)
        seen = see(checkpoint, image, settings.fit)
        found += of_picture(checkpoint, seen, [place], name.name, method=method, rule=settings.rule)
        names.append(name)
    block = block_from(unit, found, checkpoint.net.receptive_field(unit.stage), most=None)
    caption = channel_caption(channel, known, explorer.origin)
    return OnPictures(
        unit, tuple(names), tuple(found), tuple(ranked), block, caption, _made(explorer, unit, names, method)
    )


def name_of(explorer: Explorer, picture: Picture) -> PictureName:
    """Give a picture's name: that of its file (Pillow's images may know it), or of the image's number."""
    file = getattr(picture, "filename", None) or picture
    if isinstance(file, str | os.PathLike):
        path = path_text(file, "a picture")
        return PictureName(shown(os.path.basename(path)), path)
    number = whole_or_none(picture)
    if number is None:
        return PictureName("a picture", FROM_PYTHON)
    name, path_of = explorer.source.image_name(number), getattr(explorer.source, "path", None)
    return PictureName(name, f"<image {number}: {name}>" if path_of is None else str(path_of(number)))


def default_name(unit: Unit, names: Sequence[str]) -> str:
    """Give the file of a figure of ``unit`` on pictures of these names or paths."""
    on = file_name(shown(os.path.basename(names[0]))) if len(names) == 1 else f"{len(names)}-pictures"
    return f"{unit.slug}-on-{on}.png"


def file_name(name: str) -> str:
    """Turn a picture's name, without its suffix, into a part of a file's name that every system takes."""
    stem = name.removesuffix(Path(name).suffix)
    safe = file_safe(stem).strip("-.")
    coded = safe.encode()
    if len(coded) > LONGEST_NAME:  # names of files differ at the end
        parts = coded[: LONGEST_NAME // 2], coded[-LONGEST_NAME // 2 :]
        safe = "-".join(part.decode(errors="ignore") for part in parts)
    return safe or "picture"


def compared_in_words(ranked: RankedChannel) -> str:
    """Say what share of the atlas's images is weaker; ``~`` marks an estimate."""
    if ranked.percentile == 100:
        return "above all images"
    exact = "" if ranked.lowest == ranked.highest else "~"
    return f"above {exact}{ranked.percentile:.1f}% of images"


def _row(picture: PictureName, unit: BlockUnit, ranked: RankedChannel | None) -> dict[str, Any]:
    window = {"y0": unit.window.y0, "x0": unit.window.x0, "y1": unit.window.y1, "x1": unit.window.x1}
    return {
        "picture": picture.path,
        "activation": unit.value,
        "percentile": None if ranked is None else ranked.percentile,
        "lowest": None if ranked is None else ranked.lowest,
        "highest": None if ranked is None else ranked.highest,
        "y": unit.y,
        "x": unit.x,
        **window,
        "scale": unit.scale,
    }


def _made(explorer: Explorer, unit: Unit, names: Sequence[PictureName], method: Method) -> Made:
    """Give the origin and the command of the figure: ``export unit`` for a place, else ``export channel``."""
    paths = tuple(name.path for name in names)
    options = {
        "--tile": None, "--title": None, "--out": None, "--npz": None,
        **explorer.settings.options(), "--dense": method == "dense",
    }  # fmt: skip
    if unit.y is None:
        command = Command(("export", "channel", str(unit)), {"--on": paths, **options})
    else:
        command = Command(("export", "unit", str(unit), *paths), options)
    what = names[0].name if len(names) == 1 else f"{len(names)} pictures"
    notes = {"picture": ", ".join(paths)}
    name = default_name(unit, [each.name for each in names])
    return Made(explorer.origin, command, f"{unit} on {what}", name, notes)
