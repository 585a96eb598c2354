"""Images that are kept once they were decoded: the weights of a run are all shown the same ones."""

from __future__ import annotations

from zfexplore.images.sources import Picture, Source, left_out

MOST_PIXELS = 60_000_000  # three bytes each; some hundreds of photographs as nets are shown them


class Remembered:
    """A source that decodes an image once, as far as they fit; the others it decodes each time anew.

    Its fingerprint is taken once too: it is that of the images that are shown, whatever becomes of the files.
    """

    def __init__(self, source: Source, most_pixels: int = MOST_PIXELS) -> None:
        self.name, self.classes, self.left_out = source.name, source.classes, left_out(source)
        self._source = source
        self._room = most_pixels
        self._kept: dict[int, Picture] = {}
        self._fingerprint = ""

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> Picture:
        """Decode one image, or give it as it was decoded before; raises as the source does."""
        picture = self._kept.get(index)
        if picture is None:
            picture = self._source[index]
            pixels = picture.image.width * picture.image.height
            if pixels <= self._room:
                self._room -= pixels
                self._kept[index] = picture
        return picture

    def label(self, index: int) -> int | None:
        """Give the class of an image without decoding it."""
        return self._source.label(index)

    def image_name(self, index: int) -> str:
        """Give the name of an image without decoding it."""
        return self._source.image_name(index)

    def fingerprint(self) -> str:
        """Give what the source gave first."""
        self._fingerprint = self._fingerprint or self._source.fingerprint()
        return self._fingerprint
