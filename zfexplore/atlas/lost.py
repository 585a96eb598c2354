"""Images that are gone, and their atlas that is still in the cache: all numbers, and nothing to draw.

An atlas is filed by what its images hold and not by where they lie. So the cache notes, for each place from
which images were indexed, what they held. When a folder was deleted or renamed, or its disk is not mounted,
the note leads to the atlas; a source without pixels takes the images' part.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

from zfexplore.atlas.open import atlas_path, load_believed
from zfexplore.atlas.store import Atlas, describe
from zfexplore.choices import Fit
from zfexplore.errors import ExploreError
from zfexplore.files import write_text
from zfexplore.images.listed import ListedSource
from zfexplore.images.open import is_name
from zfexplore.images.places import notes_on, short_hash
from zfexplore.nets.checkpoint import Checkpoint
from zfexplore.opening import read_text
from zfexplore.plain import UNFIT, parse, text


@dataclass(frozen=True)
class Spot:
    """Where images were, as options have it: the folder or archive, the first how many, which labels."""

    path: str
    limit: int | None = None
    labels: str | None = None


class LostImages(ListedSource):
    """The images of an atlas by name and label; asked for one of them, raises ExploreError."""

    def __init__(
        self,
        path: str,
        images: str,
        name: str = "",
        names: Sequence[str] = (),
        labels: Sequence[int | None] = (),
        classes: Sequence[str] = (),
    ) -> None:
        super().__init__(name, names, labels, classes)
        self.path, self._images = path, images

    @classmethod
    def of(cls, path: str, atlas: Atlas) -> LostImages:
        """Give the images that an atlas knows."""
        labels = [None if label < 0 else label for label in atlas.labels.tolist()]
        name = str(atlas.header.get("images_name", path))
        return cls(path, atlas.header["images"], name, atlas.image_names, labels, atlas.classes)

    @property
    def remark(self) -> str:
        """Say that they are gone, and what is left."""
        return (
            f"the images of {self.path} are gone: the numbers are those of its index "
            f"of {len(self):,} images, and nothing of them can be drawn"
        )

    def fingerprint(self) -> str:
        """Give that of the images as they were."""
        return self._images

    def _decode(self, index: int) -> NoReturn:
        name = self._names[index]
        raise ExploreError(
            f"{name} cannot be shown: the images of {self.path} are gone, only its index is left"
        )

    def _contents(self) -> Iterator[str]:
        return iter(())  # what they held is known by its fingerprint alone


def note_spot(spot: Spot, images: str) -> None:
    """Note that the images with fingerprint ``images`` lie at ``spot``, for the day when they are gone."""
    if is_name(spot.path):
        return
    text = json.dumps(asdict(spot) | {"images": images}, sort_keys=True)
    file = notes_on(spot.path) / f"{short_hash(text)}.json"
    if not os.path.exists(file):
        with suppress(ExploreError, UnicodeEncodeError):  # the command has its atlas, and goes on
            write_text(file, text)


def find_lost(spot: Spot, checkpoint: Checkpoint, fit: Fit) -> LostImages | None:
    """Give the images that were at ``spot``, from the newest atlas of these weights; None without one.

    One that was made with the same limit and labels goes first.
    """
    found: dict[Path, tuple[bool, float, dict[str, Any]]] = {}
    for file in notes_on(spot.path).glob("*.json"):
        with suppress(OSError, *UNFIT):
            noted = parse(read_text(file))
            source = LostImages(spot.path, text(noted, "images"))
            header = describe(checkpoint, source, k=9, fit=fit, stages=None, precision="float32")
            path = atlas_path(header["fingerprint"])
            same = (noted["limit"], noted["labels"]) == (spot.limit, spot.labels)
            same |= path in found and found[path][0]
            found[path] = (same, path.stat().st_mtime, header)
    for path, (*_, header) in sorted(found.items(), key=lambda one: one[1][:2], reverse=True):
        with suppress(ExploreError):  # a damaged one is no help, nor one that is not what it is filed as
            images = LostImages.of(spot.path, Atlas.load(path))
            load_believed(path, header, checkpoint, images)
            return images
    return None
