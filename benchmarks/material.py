"""What is measured: a net and images, the same for every section."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zfexplore.atlas.build import build_atlas
from zfexplore.atlas.store import Atlas
from zfexplore.images.open import open_images
from zfexplore.images.sources import Picture, Source, UnreadableImage
from zfexplore.images.transforms import normalise, prepare
from zfexplore.nets.checkpoint import Checkpoint, load_checkpoint
from zfexplore.nets.trunk import Trunk
from zfexplore.progress import finish

IMAGES = {False: 480, True: 24}  # by quick
THREADS = min(os.cpu_count() or 1, 16)  # that decode


@dataclass(frozen=True)
class Options:
    """The options of the command line; ``runs`` is how often each work of a row is run."""

    device: torch.device
    quick: bool
    runs: int
    images: str
    checkpoint: str | None


class HeldImages:
    """The first images of a source, decoded once and held in memory; unreadable ones are left out.

    It is a source itself, so a pass over it costs no decoding.
    """

    def __init__(self, source: Source) -> None:
        self.name = source.name
        self.classes: tuple[str, ...] = source.classes
        with ThreadPoolExecutor(THREADS) as pool:
            pictures = pool.map(lambda index: _picture(source, index), range(len(source)))
            self.decoded: list[Picture] = [picture for picture in pictures if picture is not None]

    @classmethod
    def of(cls, pictures: list[Image.Image]) -> HeldImages:
        """Give a source of pictures that were made elsewhere."""
        held = cls.__new__(cls)
        held.name, held.classes = "kept", ()
        held.decoded = [Picture(image, None, str(number)) for number, image in enumerate(pictures)]
        return held

    def first(self, count: int) -> HeldImages:
        """Give a source of the first ``count`` images."""
        return HeldImages.of([picture.image for picture in self.decoded[:count]])

    def __len__(self) -> int:
        return len(self.decoded)

    def __getitem__(self, index: int) -> Picture:
        return self.decoded[index]

    def label(self, index: int) -> int | None:
        """Give the class of an image."""
        return self.decoded[index].label

    def image_name(self, index: int) -> str:
        """Give the name of an image."""
        return self.decoded[index].name

    def fingerprint(self) -> str:
        """Give a text that identifies the images well enough for a benchmark."""
        return f"{self.name}-{len(self)}"


def _picture(source: Source, index: int) -> Picture | None:
    try:
        return source[index]
    except UnreadableImage:
        return None


class Material:
    """A checkpoint on the device, images, and what follows from them; each is made at first use."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.source = open_images(options.images, limit=IMAGES[options.quick])

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """The net, on the device."""
        return load_checkpoint(self.options.checkpoint, self.options.device)

    @property
    def trunk(self) -> Trunk:
        """The net's trunk."""
        return self.checkpoint.net

    @property
    def size(self) -> tuple[int, int]:
        """The height and width of the net's input."""
        return (self.checkpoint.metadata.input.size,) * 2

    @cached_property
    def held(self) -> HeldImages:
        """The images, decoded."""
        return HeldImages(self.source)

    @cached_property
    def pixels(self) -> Tensor:
        """What the net sees of the images, not yet normalised: uint8 ``[n, size, size, 3]``, on the CPU."""
        convention = self.checkpoint.metadata.input
        return torch.from_numpy(
            np.stack([prepare(picture.image, convention) for picture in self.held.decoded])
        )

    @cached_property
    def atlas(self) -> Atlas:
        """The atlas of the images."""
        return finish(build_atlas(self.checkpoint, self.held))

    def batch(self, numbers: list[int]) -> Tensor:
        """Give some of the images as the net's input, float32 ``[n, 3, size, size]`` on the device."""
        chosen = self.pixels[numbers].to(self.options.device)
        return normalise(chosen, self.checkpoint.metadata.input)


def forward_multiplications(trunk: Trunk, size: tuple[int, int]) -> int:
    """Count the multiply-adds of one image through the whole net, including fully connected layers."""
    total = 0
    for done, step in enumerate(trunk.steps, start=1):
        if step.kind in ("conv", "linear"):
            weight: Tensor = step.module.weight  # type: ignore[assignment]
            height, width = trunk.sizes(done, size)[-1] if step.kind == "conv" else (1, 1)
            total += weight.numel() * height * width
    return total
