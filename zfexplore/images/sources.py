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


class UnreadableImage(ExploreError):
    """An image of a source that cannot be decoded; the caller counts it, names it and goes on."""

    def __init__(self, index: int, name: str, reason: str) -> None:
        super().__init__(f"image {index} ({name}) cannot be read: {reason}")
        self.index, self.name, self.reason = index, name, reason

    def __reduce__(self) -> tuple[type, tuple[int, str, str]]:
        """Survive the way out of a worker process."""
        return UnreadableImage, (self.index, self.name, self.reason)


class Source(Protocol):
    """What every part of the program asks of images. Labels index ``classes``, empty without labels."""

    name: str
    classes: tuple[str, ...]

    def __len__(self) -> int:
        """Count the images."""

    def __getitem__(self, index: int) -> Picture:
        """Decode one image; raises UnreadableImage naming it, and IndexError beyond the end."""

    def label(self, index: int) -> int | None:
        """Give the class of an image without decoding it."""

    def image_name(self, index: int) -> str:
        """Give the name of an image without decoding it."""

    def fingerprint(self) -> str:
        """Give a short text that changes whenever the images may have changed."""
