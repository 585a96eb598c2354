"""What a source holds, in figures: images by class, the first image, and which images cannot be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zfexplore.choices import PHOTOGRAPHS, SPECIMENS
from zfexplore.images import datasets
from zfexplore.images.remarks import without_class
from zfexplore.images.sources import LeftOut, Source, UnreadableImage, left_out
from zfexplore.progress import Finished, Meter, Progress, Skipped


@dataclass(frozen=True)
class Offer:
    """A name that ``open_images`` knows: what it is, where its files belong, whether they are there."""

    name: str
    about: str
    place: Path | None  # None if it needs no files
    here: bool
    downloads: bool


@dataclass(frozen=True)
class Summary:
    """A source in figures; ``per_class`` follows its classes, and ``unlabelled`` counts the rest.

    ``without_class`` names those without a class if others have one. ``left_out`` is what lies there and is
    not among the images.
    """

    name: str
    count: int
    per_class: dict[str, int]
    unlabelled: int
    first: str
    size: tuple[int, int] | None  # width and height of the first image; None if it cannot be read
    fingerprint: str
    without_class: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True)
class Health:
    """The result of reading every image: how many can be read, also by class, and which cannot.

    ``per_class`` has the classes that have images, and 0 for one of which no image can be read: it is none.
    """

    readable: int
    skipped: tuple[Skipped, ...]
    per_class: dict[str, int] = field(default_factory=dict)

    @property
    def broken_classes(self) -> list[str]:
        """The classes of which no image can be read."""
        return [name for name, count in self.per_class.items() if not count]


def offers() -> list[Offer]:
    """List every named source. This is quick, because it only looks for folders."""
    from zfexplore.images.photographs import Photographs
    from zfexplore.images.specimens.source import FAMILIES, PER_FAMILY

    album = Photographs()
    built_in = f"{len(album)} photographs in {len(album.classes)} classes, built in"
    drawn = f"{len(FAMILIES) * PER_FAMILY} images drawn here, {PER_FAMILY} of each of {len(FAMILIES)} kinds"
    root = datasets.default_root()
    return [
        Offer(PHOTOGRAPHS, built_in, None, True, False),
        Offer(SPECIMENS, drawn, None, True, False),
        *(
            Offer(known.name, known.about, root / known.folder, datasets.is_here(known), known.downloads)
            for known in datasets.SETS
        ),
    ]


def summarise(source: Source) -> Summary:
    """Count a source's images by class and look at the first one."""
    labels = Counter(source.label(index) for index in range(len(source)))
    try:
        size = source[0].image.size
    except UnreadableImage:
        size = None
    return Summary(
        name=source.name,
        count=len(source),
        per_class={name: labels[index] for index, name in enumerate(source.classes)},
        unlabelled=labels[None],
        first=source.image_name(0),
        size=size,
        fingerprint=source.fingerprint(),
        without_class=tuple(without_class(source)),
        left_out=left_out(source),
    )


def check(source: Source) -> Iterator[Progress | Skipped | Finished[Health] | Any]:
    """Read every image; yield a Skipped for each unreadable one, and Finished(Health) at the end."""
    meter, skipped = Meter("reading", len(source)), []
    read: Counter[int | None] = Counter()
    for index in range(len(source)):
        try:
            read[source[index].label] += 1
        except UnreadableImage as error:
            skipped.append(Skipped(error.name, error.reason))
            yield skipped[-1]
        if event := meter.tick():
            yield event
    present = {source.label(index) for index in range(len(source))}
    per_class = {name: read[label] for label, name in enumerate(source.classes) if label in present}
    yield Finished(Health(len(source) - len(skipped), tuple(skipped), per_class))
