"""The built-in photographs: real images, without a download, that the shipped weights never saw.

They are 567 images in 195 classes, read unchanged from the archive beside this file.
``photographs.md``, also beside it, gives their origin and their licences.
"""

from __future__ import annotations

import hashlib
import io
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from zfexplore.choices import PHOTOGRAPHS
from zfexplore.errors import ExploreError
from zfexplore.images.decode import UndecodableError, read_rgb
from zfexplore.images.naming import natural_key
from zfexplore.images.sources import Picture, UnreadableImage

ARCHIVE = Path(__file__).with_suffix(".zip")


class Photographs:
    """The built-in photographs as a source, in the order of ``open_folder`` on the unpacked archive.

    ``limit`` keeps only the first images. Raises ExploreError if the archive is missing or damaged.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.name = PHOTOGRAPHS
        self._names = tuple(sorted(_archive(), key=natural_key))
        self.classes = tuple(dict.fromkeys(_class_of(name) for name in self._names))
        self._label = {name: label for label, name in enumerate(self.classes)}
        self._names = self._names[:limit]

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Picture:
        name = self._names[index]
        try:
            image = read_rgb(io.BytesIO(_archive()[name]))
        except UndecodableError as error:
            raise UnreadableImage(index, name, str(error)) from error
        return Picture(image, self.label(index), name)

    def label(self, index: int) -> int:
        """Give the class of an image without decoding it."""
        return self._label[_class_of(self._names[index])]

    def image_name(self, index: int) -> str:
        """Give the name of an image without decoding it."""
        return self._names[index]

    def fingerprint(self) -> str:
        """Hash names and contents (5 MB), not file times: an index outlives a reinstallation."""
        digest = hashlib.sha256()
        for name in self._names:
            digest.update(f"{name}\0{len(_archive()[name])}\n".encode())
            digest.update(_archive()[name])
        return digest.hexdigest()[:16]


def _class_of(name: str) -> str:
    return name.partition("/")[0]


@lru_cache(maxsize=1)
def _archive() -> dict[str, bytes]:
    """Read the whole archive, 5 MB, into memory: threads and processes then share no open file."""
    try:
        with ZipFile(ARCHIVE) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except (OSError, BadZipFile) as error:
        raise ExploreError(
            f"the built-in photographs cannot be read from {ARCHIVE} ({error}): install zfexplore again, "
            "or give --images a folder"
        ) from error
