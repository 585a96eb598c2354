"""Images of a list: what sources have in common whose images, names and labels are known from the start."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from PIL import Image

from zfexplore.images.decode import UndecodableError
from zfexplore.images.depth import BITS
from zfexplore.images.sources import LeftOut, Picture, UnreadableImage


class ListedSource(ABC):
    """Images by name and label, in their order; a subclass decodes them and knows their content."""

    def __init__(
        self,
        name: str,
        names: Sequence[str],
        labels: Sequence[int | None],
        classes: Sequence[str] = (),
        left_out: Sequence[LeftOut] = (),
    ) -> None:
        self.name = name
        self.classes = tuple(classes)
        self.left_out = tuple(left_out)
        # By bits of a value, the images read so far that have more than 8.
        self.deep: dict[int, set[int]] = {}
        self._names, self._labels = list(names), list(labels)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Picture:
        name = self._names[index]
        try:
            image = self._decode(index)
        except UndecodableError as error:
            raise UnreadableImage(index, name, str(error)) from error
        if (bits := image.info.get(BITS)) is not None:
            self.deep.setdefault(bits, set()).add(index)
        return Picture(image, self._labels[index], name)

    def __iter__(self) -> Iterator[Picture]:
        return (self[index] for index in range(len(self)))

    def label(self, index: int) -> int | None:
        """Give the class of an image without decoding it."""
        return self._labels[index]

    def image_name(self, index: int) -> str:
        """Give the name of an image without decoding it."""
        return self._names[index]

    def byte_count(self, index: int) -> int | None:
        """Give the bytes of an image on the disk, None where they are not known."""
        return None

    def fingerprint(self) -> str:
        """Hash every image's name, label and content, whatever the set is called and wherever it lies."""
        digest = hashlib.sha256(f"{len(self)}\n{self.classes}\n".encode())
        for name, label, content in zip(self._names, self._labels, self._contents(), strict=True):
            digest.update(f"{name}\0{label}\0{content}\n".encode())
        return digest.hexdigest()[:16]

    @abstractmethod
    def _decode(self, index: int) -> Image.Image:
        """Decode an image; raises UndecodableError."""

    @abstractmethod
    def _contents(self) -> Iterator[str]:
        """Give for each image a text that changes with its content."""
