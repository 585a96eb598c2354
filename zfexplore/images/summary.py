"""What a source holds, for people: counts by class, the first image; and whether every image can be read."""

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
    """A name that ``open_images`` knows: what it is, where it would be, whether it is there."""

    name: str
    about: str
    place: Path | None  # None where no files are needed
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
    """What came of reading every image."""

    readable: int
    skipped: tuple[Skipped, ...]


def offers() -> list[Offer]:
    """List every named source; looks for folders only, so it is quick."""
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
    """Read every image; yields a Skipped for each that cannot be read, and last Finished(Health)."""
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
