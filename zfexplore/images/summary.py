"""What a source holds, in figures: images by class, the first image, and which images cannot be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zfexplore.choices import PHOTOGRAPHS, SPECIMENS
from zfexplore.images import datasets
from zfexplore.images.sources import Source, UnreadableImage
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
    """A source in figures; ``per_class`` follows its classes, and ``unlabelled`` counts the rest."""

    name: str
    count: int
    per_class: dict[str, int]
    unlabelled: int
    first: str
    size: tuple[int, int] | None  # width and height of the first image; None if it cannot be read
    fingerprint: str


@dataclass(frozen=True)
class Health:
    """The result of reading every image."""

    readable: int
    skipped: tuple[Skipped, ...]


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
    )


def check(source: Source) -> Iterator[Progress | Skipped | Finished[Health] | Any]:
    """Read every image; yield a Skipped for each unreadable one, and Finished(Health) at the end."""
    meter, skipped = Meter("reading", len(source)), []
    for index in range(len(source)):
        try:
            source[index]
        except UnreadableImage as error:
            skipped.append(Skipped(error.name, error.reason))
            yield skipped[-1]
        if event := meter.tick():
            yield event
    yield Finished(Health(len(source) - len(skipped), tuple(skipped)))
