"""A picture of one's own: a file opened as every image is, and what the network sees of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zfexplore.images.sources import Entry, FileSource
from zfexplore.images.transforms import Fit, normalise, prepare

if TYPE_CHECKING:
    from zfexplore.nets.checkpoint import Checkpoint


class Seen(NamedTuple):
    """What the network sees of a picture: ``pixels [size, size, 3]`` uint8, and its input.

    ``batch [1, 3, size, size]`` is normalised, on the net's device and in its type.
    """

    pixels: np.ndarray
    batch: Tensor


def open_picture(path: str | os.PathLike[str]) -> Image.Image:
    """Open one image file, upright and in RGB; raises UnreadableImage, an ExploreError that names it."""
    file = Path(path).expanduser()
    return FileSource(file.name, [Entry(os.fspath(file), os.fspath(path), None)])[0].image


def see(checkpoint: Checkpoint, image: Image.Image, fit: Fit = "crop") -> Seen:
    """Prepare an RGB ``image`` as the checkpoint's net wants it; ``fit`` as in ``transforms.prepare``."""
    trunk, convention = checkpoint.trunk, checkpoint.metadata.input
    pixels = prepare(image, convention, fit)
    batch = normalise(torch.from_numpy(pixels[None]).to(trunk.device), convention)
    return Seen(pixels, batch.to(trunk.dtype))
