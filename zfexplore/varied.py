"""Pictures moved, and what stays the same: distances of feature vectors, and one class's probability.

    varied = explorer.vary("me.jpg", "you.jpg", layers=["conv1", "fc7"])
    varied.found[0].courses  # translation, scale and rotation of the first picture
    varied.save("varied.png")

The figure is ZF's fifth; the table beside it has a row for each picture and move.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from zfexplore.arguments import shown, text_or_none
from zfexplore.choices import Move
from zfexplore.errors import ExploreError
from zfexplore.figures.captions import SEPARATOR, weights_in_words
from zfexplore.figures.figure import Figure, Made
from zfexplore.figures.inline import png_bytes
from zfexplore.figures.provenance import ATLAS, CHECKPOINT, COMMAND
from zfexplore.figures.tables import write_tables
from zfexplore.figures.varied import rows_of, varied_figure
from zfexplore.nets.synsets import class_of_synset
from zfexplore.on_pictures import PictureName, file_name
from zfexplore.printable import printable
from zfexplore.progress import Finished, Meter, Progress
from zfexplore.settings import Command, other_than
from zfexplore.studies.courses import Invariance
from zfexplore.studies.invariance import (
    checked_amounts,
    checked_stages,
    low_and_high,
    usual_amounts,
    vary,
)

if TYPE_CHECKING:
    from zfexplore.explorer import Explorer
    from zfexplore.images.sources import Source


@dataclass(frozen=True, eq=False, repr=False)
class Varied:
    """What moving ``pictures`` does, one record of ``found`` for each, with equal stages and moves.

    ``told`` says of each picture whether its class was given, or is the most probable one.
    """

    pictures: tuple[PictureName, ...]
    found: tuple[Invariance, ...]
    told: tuple[bool, ...]
    made: Made

    def figure(self, *, title: str | None = None) -> VariedFigure:
        """Draw the moved pictures, and the distances and probabilities as lines."""
        title = text_or_none(title, "a title")
        made = replace(
            self.made, command=self.made.command.with_options(title=title), title=title or self.made.title
        )
        image = varied_figure(rows_of(self.found), self.names(), title=made.title, subtitle=self._subtitle())
        return VariedFigure(image, made, {}, self)

    def save(self, path: str | os.PathLike[str] | None = None) -> list[Path]:
        """Write the figure and its tables, as the command does; give the files written."""
        return self.figure().save(path)

    def names(self) -> list[str]:
        """Give what each picture's line is called: its name, its class, and how probable that is."""
        names = []
        for picture, found, told in zip(self.pictures, self.found, self.told, strict=True):
            name = picture.name
            if found.probability is not None:
                which = "its class" if told else "the most probable class"
                name += f": {found.class_name} ({which}), {found.probability:.1%} before it is moved"
            names.append(name)
        return names

    def rows(self) -> list[dict[str, Any]]:
        """Give the table, a row for each picture and move.

        ``relative`` is the distance divided by the length of the picture's own feature vector.
        """
        rows = []
        for picture, found, told in zip(self.pictures, self.found, self.told, strict=True):
            for course in found.courses:
                for place, amount in enumerate(course.amounts):
                    share = None if course.probability is None else float(course.probability[place])
                    row = {
                        "picture": picture.path, "move": course.kind, "amount": amount,
                        "class": found.class_name, "class_given": told, "probability": share,
                    }  # fmt: skip
                    for number, stage in enumerate(found.stages):
                        distance, norm = float(course.distance[place, number]), float(found.norm[number])
                        row[f"{stage} distance"] = distance
                        row[f"{stage} relative"] = distance / norm if norm else None
                    rows.append(row)
        return rows

    def __repr__(self) -> str:
        return printable(f"<Varied {self.made.title}: {', '.join(self.found[0].stages)}>")

    def _repr_png_(self) -> bytes:
        """Show the figure in a notebook."""
        return png_bytes(self.figure().image)

    def _subtitle(self) -> str:
        return SEPARATOR.join([
            "Euclidean distance of the feature vector from that of the picture before it is moved",
            "what comes in from outside is the mean that the net was trained with",
            weights_in_words(self.made.origin),
        ])  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class VariedFigure(Figure):
    """The lines, drawn; saved with their table as CSV and JSON."""

    varied: Varied

    def __repr__(self) -> str:
        return printable(
            f"<VariedFigure {self.made.title!r}: {self.image.width} x {self.image.height} pixels>"
        )

    def save(self, path: str | os.PathLike[str] | None = None) -> list[Path]:
        """Write the figure, the CSV and the JSON; give the files written."""
        (written,) = super().save(path)
        chunks = self.chunks(written)
        origin = {name: chunks[name] for name in (COMMAND, CHECKPOINT, ATLAS)}
        about = {"picture": chunks["picture"], "layers": list(self.varied.found[0].stages), **origin}
        return [written, *write_tables(written, self.varied.rows(), about, called="moves")]


def vary_pictures(
    explorer: Explorer, pictures: Sequence[tuple[PictureName, Image.Image]],
    labels: Sequence[int | str | None] | None, layers: Sequence[str] | None,
    amounts: Mapping[Move, Sequence[float]] | None, made: Made | None = None,
) -> Iterator[Progress | Finished[Varied]]:  # fmt: skip
    """Move RGB images, each with what it is called; see ``Explorer.vary``.

    ``made`` is how the figure is made, by default from the pictures' own files.
    """
    checkpoint = explorer.checkpoint
    if not pictures:
        raise ExploreError("no picture was named", usage=True)
    names, given = tuple(name for name, _ in pictures), labels_of(labels, len(pictures))
    made = made or made_of(explorer, names, labels=given, layers=layers, amounts=amounts)
    stages, wanted = checked_stages(checkpoint.net, layers), amounts_or_usual(explorer, amounts)
    each = sum(map(len, wanted.values()))
    meter = Meter("moving", each * len(pictures), unit="moves")
    found = []
    for (name, image), label in zip(pictures, given, strict=True):
        before = 0
        for event in vary(checkpoint, image, stages, label=label, amounts=wanted, fit=explorer.settings.fit):
            if isinstance(event, Finished):
                found.append(event.result)
                continue
            if (told := meter.tick(event.done - before, name.name)) is not None:
                yield told
            before = event.done
    yield Finished(Varied(names, tuple(found), tuple(label is not None for label in given), made))


def made_of(
    explorer: Explorer, names: Sequence[PictureName], *, words: Sequence[str] | None = None,
    labels: Sequence[int | str | None] = (), layers: Sequence[str] | None = None,
    amounts: Mapping[Move, Sequence[float]] | None = None,
) -> Made:  # fmt: skip
    """Give the origin and the command of the figure, which are known before the work.

    ``words`` are what names the pictures in the command, by default their paths. Raises ExploreError for a
    layer or an amount that does not exist.
    """
    net = explorer.checkpoint.net
    stages, usual = checked_stages(net, layers), amounts_or_usual(explorer, None)
    wanted = amounts_or_usual(explorer, amounts)
    options = {
        "--layer": other_than(stages, low_and_high(net)),
        "--label": None if None in labels else tuple(map(str, labels)),
        **{f"--{kind}": _typed(some) for kind, some in wanted.items() if some != usual[kind]},
        "--title": None, "--out": None, **explorer.settings.options(),
    }  # fmt: skip
    paths = tuple(name.path for name in names)
    what = names[0].name if len(names) == 1 else f"{len(names)} pictures"
    command = Command(("export", "invariance", *(paths if words is None else words)), options)
    notes = {"picture": ", ".join(paths)}
    return Made(explorer.origin, command, f"Invariance: {what}", default_name(names), notes)


def amounts_or_usual(
    explorer: Explorer, amounts: Mapping[Move, Sequence[float]] | None
) -> dict[Move, tuple[float, ...]]:
    """Give the amounts by kind of move, checked; those of the paper where none are given."""
    usual = usual_amounts(explorer.checkpoint.metadata.input.size)
    return checked_amounts(usual if amounts is None else amounts)


def _typed(amounts: Sequence[float]) -> str:
    return ",".join(f"{one:.12g}" for one in amounts)


def default_name(names: Sequence[PictureName]) -> str:
    """Give the file of the figure of these pictures."""
    of = file_name(names[0].name) if len(names) == 1 else f"{len(names)}-pictures"
    return f"invariance-{of}.png"


def labels_of(labels: Sequence[int | str | None] | None, count: int) -> list[int | str | None]:
    """Give a label or None for each picture; one label is that of all. Raises ExploreError otherwise."""
    if labels is None:
        return [None] * count
    if isinstance(labels, str) or not isinstance(labels, Sequence):
        raise ExploreError(f"the labels are a list, one for each picture, not {shown(labels)}", usage=True)
    if len(labels) not in (1, count):
        raise ExploreError(
            f"{len(labels)} labels do not go with {count} {'picture' if count == 1 else 'pictures'}: "
            "give one for all, or one for each",
            usage=True,
        )
    return list(labels) * (count if len(labels) == 1 else 1)


def class_in_source(explorer: Explorer, source: Source, index: int) -> str | None:
    """Give the class that a source gives an image, if the net has it; else None."""
    label = source.label(index)
    if label is None:
        return None
    name, known = source.classes[label], explorer.checkpoint.metadata.classes
    return next((each for each in (name, class_of_synset(name)) if each in known), None)
