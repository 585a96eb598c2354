"""What a source of images is: a length, and by index an RGB image, a label or none, and a name.

Sources hold only names until an image is asked for. They pickle, so worker processes can decode.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from zfexplore.errors import ExploreError

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class Picture:
    """One image of a source: upright RGB, its class's index or None, and its name."""

    image: Image
    label: int | None
    name: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that was found where the images are and is not among them: its name, and why."""

    name: str
    reason: str


class UnreadableImage(ExploreError):
    """An image of a source cannot be decoded; the caller counts it, names it and goes on."""

    def __init__(self, index: int, name: str, reason: str) -> None:
        super().__init__(f"image {index} ({name}) cannot be read: {reason}")
        self.index, self.name, self.reason = index, name, reason

    def __reduce__(self) -> tuple[type, tuple[int, str, str]]:
        """Rebuild the error from its three parts after pickling: worker processes send it back."""
        return UnreadableImage, (self.index, self.name, self.reason)


class NoImages(ExploreError):
    """There is no such folder or archive, or there are no images in it."""


class Source(Protocol):
    """What the program needs from images. Labels index ``classes``, which is empty without labels.

    A source may also have ``left_out``, records of ``LeftOut``; ``left_out`` below gives them for any source.
    """

    name: str
    classes: tuple[str, ...]

    def __len__(self) -> int:
        """Count the images."""

    def __getitem__(self, index: int) -> Picture:
        """Decode one image; raise UnreadableImage with its name, or IndexError beyond the end."""

    def label(self, index: int) -> int | None:
        """Give the class of an image without decoding it."""

    def image_name(self, index: int) -> str:
        """Give the name of an image without decoding it."""

    def fingerprint(self) -> str:
        """Give a short text that changes whenever the images may have changed."""


def left_out(source: Source) -> tuple[LeftOut, ...]:
    """Give what a source left out, nothing for sources that leave nothing out."""
    return tuple(getattr(source, "left_out", ()))
