"""The specimens as a source: 24 families of 20 images, each drawn when it is asked for.

Image i is number ``i // 24`` of family ``i % 24``, so the first 24 images show every family. An image
depends only on (seed, family's name, number): it does not change with what was drawn before, nor
when a family is added. The family is the label.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from zfexplore.images.sources import Picture
from zfexplore.images.specimens import faces, machines, objects, patterns, plants, scenes, textures
from zfexplore.images.specimens.canvas import finish

# Raise it with every change that alters a specimen: atlases of the old ones are then rebuilt.
VERSION = 2
PER_FAMILY = 20

FAMILIES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "gratings": patterns.gratings,
    "polar": patterns.polar,
    "checks": patterns.checks,
    "dots": patterns.dots,
    "honeycomb": patterns.honeycomb,
    "plaid": patterns.plaid,
    "bricks": textures.bricks,
    "zebra": textures.zebra,
    "leopard": textures.leopard,
    "marble": textures.marble,
    "wood": textures.wood,
    "letters": objects.letters,
    "wheels": machines.wheels,
    "gears": machines.gears,
    "solids": objects.solids,
    "stars": objects.stars,
    "flowers": plants.flowers,
    "trees": plants.trees,
    "eyes": faces.eyes,
    "faces": faces.faces,
    "clouds": scenes.clouds,
    "waves": scenes.waves,
    "skylines": scenes.skylines,
    "mountains": scenes.mountains,
}


class Specimens:
    """The procedural images as a source; ``limit`` keeps only the first images."""

    name = "specimens"
    classes = tuple(FAMILIES)

    def __init__(self, *, seed: int = 0, limit: int | None = None) -> None:
        count = len(FAMILIES) * PER_FAMILY
        self.seed = seed
        self._count = count if limit is None else min(limit, count)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Picture:
        number, label = divmod(self._checked(index), len(FAMILIES))
        pixels = draw(self.classes[label], number, seed=self.seed)
        return Picture(Image.fromarray(pixels), label, self.image_name(index))

    def __iter__(self) -> Iterator[Picture]:
        return (self[index] for index in range(len(self)))

    def label(self, index: int) -> int:
        """Give the family's place in ``classes``."""
        return self._checked(index) % len(FAMILIES)

    def image_name(self, index: int) -> str:
        """Give family and number, such as ``zebra-07``."""
        number, label = divmod(self._checked(index), len(FAMILIES))
        return f"{self.classes[label]}-{number:02d}"

    def fingerprint(self) -> str:
        """Name what the images depend on: the version of the drawing, the seed, the count."""
        return f"specimens-v{VERSION}-seed{self.seed}-{len(self)}"

    def _checked(self, index: int) -> int:
        if not -len(self) <= index < len(self):
            raise IndexError(f"image {index} of {len(self)} specimens")
        return index % len(self)


def draw(family: str, number: int, *, seed: int = 0) -> np.ndarray:
    """Draw one specimen: uint8 RGB ``[256, 256, 3]``."""
    rng = np.random.default_rng([seed, zlib.crc32(family.encode()), number])
    return finish(rng, FAMILIES[family](rng, number))
