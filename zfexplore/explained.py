"""What a net makes of one picture: its classes, and the channels that it excites most unusually.

    explained = explorer.explain("me.jpg")
    print(explained)
    explained.save("me-explained.png")

The table costs one pass of the net. The projections are computed when the figure is drawn.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count as counted
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from zfexplore.arguments import text_or_none, whole
from zfexplore.exemplars.exemplars import of_picture
from zfexplore.exemplars.records import ChannelExemplars
from zfexplore.exemplars.seen import see, seen_of
from zfexplore.figures.captions import SEPARATOR, images_in_words
from zfexplore.figures.explain import TILE, ExcitedChannel, explain_figure, in_per_cent
from zfexplore.figures.figure import Figure, Made
from zfexplore.figures.grid import checked_tile
from zfexplore.figures.inline import png_bytes
from zfexplore.images.pictures import OwnPicture
from zfexplore.images.sources import UnreadableImage
from zfexplore.on_pictures import PictureName, compared_in_words, file_name
from zfexplore.printable import printable
from zfexplore.progress import Finished, Meter, Note, Progress, Skipped
from zfexplore.settings import Command, other_than
from zfexplore.showing import Records, empty_table, escaped, in_plain_lines, watch
from zfexplore.studies.ranking import rank_picture
from zfexplore.studies.records import ClassProbability, RankedChannel
from zfexplore.units import Unit

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table

    from zfexplore.explorer import Explorer

COUNT = 20
MOST_UNUSUAL = 3  # channels of a picture that a row names
NOTEBOOK_TILE = 64


@dataclass(frozen=True, eq=False, repr=False)
class Explained:
    """A picture's ``classes``, the most probable first, and the ``channels`` that it excites most unusually.

    Channels are in the order of ``studies.ranking.rank_picture``; silent ones are left out. ``pixels
    [size, size, 3]`` uint8 is what the net saw of the picture, which has ``size`` (width, height).
    ``spec`` names the archive or the set that the picture is in; None if it has a file of its own.
    """

    picture: PictureName
    size: tuple[int, int]
    pixels: np.ndarray
    classes: tuple[ClassProbability, ...]
    channels: tuple[RankedChannel, ...]
    layer: str | None
    made: Made
    explorer: Explorer
    spec: str | None = None

    @property
    def records(self) -> Records:
        """The channels as plain values that print as a table."""
        return Records(map(_record, self.channels), self._title(), _channel_table)

    def record(self) -> dict[str, Any]:
        """Give all of it as plain values, as ``--json`` prints them."""
        classes = [
            {"index": each.index, "name": each.name, "probability": each.probability} for each in self.classes
        ]
        return {
            "picture": self.picture.path, "images": self.explorer.atlas.count,
            "classes": classes, "channels": list(self.records),
        }  # fmt: skip

    def figure(self, *, tile: int = TILE, title: str | None = None) -> ExplainedFigure:
        """Draw the picture, its classes, and each channel's projection and strongest exemplar."""
        return watch(self.drawing(tile=tile, title=title))

    def drawing(
        self, *, tile: int = TILE, title: str | None = None
    ) -> Iterator[Progress | Skipped | Finished[ExplainedFigure]]:
        """Do the same as ``figure``, as events; the last one carries the figure."""
        tile, title = checked_tile(tile), text_or_none(title, "a title")
        explorer, units = self.explorer, [each.unit for each in self.channels]
        seen = seen_of(explorer.checkpoint, self.pixels)
        rule = explorer.settings.rule
        own = of_picture(explorer.checkpoint, seen, units, self.picture.name, rule=rule)
        channels = [Unit(unit.stage, unit.channel) for unit in units]
        drawn: list[ExcitedChannel] = []
        if channels:
            for event in explorer.exemplars(channels, most=1):
                if isinstance(event, Progress | Skipped):
                    yield event
                elif isinstance(event, ChannelExemplars):
                    ranked = self.channels[len(drawn)]
                    block = explorer.block(ChannelExemplars(event.channel, (own[len(drawn)],)))
                    words, placed = compared_in_words(ranked), ranked.unit.y is not None
                    drawn.append(ExcitedChannel(block, explorer.block(event), words, ranked.name, placed))
        options = {"tile": other_than(tile, TILE), "title": title}
        made = replace(
            self.made, command=self.made.command.with_options(**options), title=title or self.made.title
        )
        image = explain_figure(
            self.pixels, [(each.name, each.probability) for each in self.classes], drawn,
            seen=self._seen(), tile=tile, title=made.title, subtitle=self._subtitle(),
        )  # fmt: skip
        tables = {each.own.name: _rows(each, self.picture) for each in drawn}
        yield Finished(ExplainedFigure(image, made, tables, self.spec is None))

    def save(self, path: str | os.PathLike[str] | None = None) -> list[Path]:
        """Draw the figure and write it, by default below ``out``; give the file written."""
        return self.figure().save(path)

    def shown(self) -> Group:
        """Draw it for a terminal: the classes, if there are any, the channels, and what the columns mean."""
        from rich.console import Group
        from rich.text import Text

        parts: list[RenderableType] = [Text(printable(f"{self.picture.name}, {self._seen()}"), style="bold")]
        if self.classes:
            classes = empty_table(None)
            classes.add_column("class", style="bold")
            classes.add_column("probability", justify="right")
            for each in self.classes:
                classes.add_row(escaped(each.name), in_per_cent(each.probability))
            parts.append(classes)
        return Group(*parts, self.records.table(), Text(self._about(), style="dim"))

    def __str__(self) -> str:
        return in_plain_lines(self.shown())

    def __repr__(self) -> str:
        best = f"{self.classes[0].name} {self.classes[0].probability:.1%}, " if self.classes else ""
        return printable(f"<Explained {self.picture.name}: {best}{len(self.channels)} channels>")

    def _repr_png_(self) -> bytes:
        """Show the figure in a notebook."""
        return png_bytes(self.figure(tile=NOTEBOOK_TILE).image)

    def _title(self) -> str:
        where = f" of {self.layer}" if self.layer is not None else ""
        what = "channel" if len(self.channels) == 1 else f"{len(self.channels)} channels"
        return f"the {what}{where} that it excites most unusually" if self.channels else "it excites none"

    def _about(self) -> str:
        return (
            f"percentile: how many of the {self.explorer.atlas.count:,} images excite the channel less; "
            "between: its bounds, where the index\n"
            "keeps no exact one; top 9: its place among the nine strongest; @y,x: where the channel fired"
        )

    def _seen(self) -> str:
        width, height = self.size
        if width == height:
            return f"{width:,} x {height:,} pixels"
        part = "the centre" if self.explorer.settings.fit == "crop" else "the whole"
        return f"{part} of {width:,} x {height:,} pixels"

    def _subtitle(self) -> str:
        return SEPARATOR.join([
            f"{self._title()}, "
            f"compared with {images_in_words(self.explorer.origin)}",
            "of each the projection and what its unit saw: on this picture, and on its strongest image",
        ])  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class ExplainedFigure(Figure):
    """An explained picture, drawn; ``alone`` tells whether its command draws nothing else.

    The command always names a file: without ``--out`` it draws nothing. For a picture in an archive it
    draws all that are in it, into a folder.
    """

    alone: bool = True

    def chunks(self, path: str | os.PathLike[str]) -> dict[str, str]:
        """Give the text chunks that ``save`` writes."""
        never_usual = replace(self.made, name=os.sep)
        return never_usual.chunks(path if self.alone else Path(path).parent, self.tables)


def explain(
    explorer: Explorer, image: Image.Image, picture: PictureName, layer: str | None, count: int,
    spec: str | None = None,
) -> Explained:  # fmt: skip
    """Explain an RGB ``image`` that is called ``picture``; see ``Explorer.explain``."""
    count = whole(count, "count", least=1)
    checkpoint, fit = explorer.checkpoint, explorer.settings.fit
    found = rank_picture(checkpoint, explorer.atlas, image, stage=layer)
    channels = tuple(each for each in found.channels if each.activation > 0)[:count]
    options = {
        "--layer": layer, "--count": other_than(count, COUNT), "--tile": None, "--title": None, "--out": None,
        **explorer.settings.options(),
    }  # fmt: skip
    made = Made(
        explorer.origin, Command(("explain", spec or picture.path), options), picture.name,
        f"explain-{file_name(picture.name)}.png", {"picture": picture.path},
    )  # fmt: skip
    pixels = see(checkpoint, image, fit).pixels
    return Explained(picture, image.size, pixels, found.classes, channels, layer, made, explorer, spec)


def explain_all(
    explorer: Explorer, pictures: Sequence[OwnPicture], layer: str | None, count: int
) -> Iterator[Progress | Note | Skipped | Explained | Finished[int]]:
    """Explain ``pictures`` one after another; ``Finished`` carries how many could be read."""
    meter, readable = Meter("explaining", len(pictures), unit="pictures"), 0
    for picture, name in zip(pictures, figure_names(pictures), strict=True):
        try:
            image = picture.open().image
        except UnreadableImage as error:
            yield Skipped(error.name, error.reason)
        else:
            readable += 1
            spec = picture.spec if picture.path is None else None
            explained = explain(explorer, image, called(picture), layer, count, spec)
            yield replace(explained, made=replace(explained.made, name=name))
        if event := meter.tick(note=picture.name):
            yield event
    yield Finished(readable)


def called(picture: OwnPicture) -> PictureName:
    """Give a picture's name, and its file or, in an archive or a set, where it is."""
    return PictureName(picture.name, picture.path or f"{picture.spec}/{picture.name}")


def figure_names(pictures: Iterable[OwnPicture]) -> list[str]:
    """Name the figure of each picture; a second me gets a number: me.jpg and me.png are two figures."""
    names: dict[str, str] = {}  # by their small letters, which some file systems do not tell from large ones
    for picture in pictures:
        stem = f"explain-{file_name(picture.name)}"
        numbered = (stem if number == 1 else f"{stem}-{number}" for number in counted(1))
        name = next(name for name in numbered if name.casefold() not in names)
        names[name.casefold()] = f"{name}.png"
    return list(names.values())


def summary_table(explained: Sequence[Mapping[str, Any]], title: str) -> Table:
    """Draw records of several pictures: a row each, with the best class and the most unusual channels."""
    table = empty_table(title)
    table.add_column("picture", overflow="fold")
    if any(record["classes"] for record in explained):
        table.add_column("class")
        table.add_column("probability", justify="right")
    table.add_column("most unusual channels")
    for record in explained:
        cells = [record["picture"]]
        if len(table.columns) > 2:
            best = record["classes"][0]
            cells += [best["name"], in_per_cent(best["probability"])]
        named = [f"{row['channel']} {_percentile(row)}" for row in record["channels"][:MOST_UNUSUAL]]
        table.add_row(*map(escaped, cells), ", ".join(named) or "none")
    return table


def _record(ranked: RankedChannel) -> dict[str, Any]:
    unit = ranked.unit
    return {
        "channel": str(Unit(unit.stage, unit.channel)),
        "unit": str(unit),
        **({"stands_for": ranked.name} if ranked.name else {}),
        "activation": ranked.activation,
        "percentile": ranked.percentile,
        "lowest": ranked.lowest,
        "highest": ranked.highest,
        "rank": ranked.rank,
        "y": unit.y,
        "x": unit.x,
        "window": None if ranked.window is None else list(ranked.window),
    }


def _channel_table(rows: Sequence[Mapping[str, Any]], title: str) -> Table:
    """Draw one line per channel."""
    named = any("stands_for" in row for row in rows)
    table = empty_table(title)
    table.add_column("channel", style="bold")
    if named:
        table.add_column("stands for")
    for heading in ("activation", "percentile", "between", "top 9"):
        table.add_column(heading, justify="right")
    table.add_column("@y,x")
    for row in rows:
        exact = row["lowest"] == row["highest"]
        table.add_row(
            row["channel"],
            *([escaped(row.get("stands_for", ""))] if named else []),
            f"{row['activation']:.4g}",
            _percentile(row),
            "" if exact else f"{row['lowest']:.1f}-{row['highest']:.1f}",
            "best" if row["rank"] == 1 else f"#{row['rank']}" if row["rank"] else "",
            "" if row["y"] is None else f"@{row['y']},{row['x']}",
        )
    return table


def _percentile(row: Mapping[str, Any]) -> str:
    exact = row["lowest"] == row["highest"]
    return f"{'' if exact else '~'}{row['percentile']:.{0 if row['percentile'] == 100 else 1}f}%"


def _rows(channel: ExcitedChannel, picture: PictureName) -> list[dict[str, Any]]:
    """Give the figure's table of a channel: its unit on the picture, then its strongest exemplar."""
    (own,) = channel.own.rows()
    return [own | {"rank": None, "image": None, "name": picture.path}, *channel.strongest.rows()]
