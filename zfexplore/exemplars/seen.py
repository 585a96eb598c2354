"""What the network sees of a picture: an RGB image, or an image file, prepared and normalised."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zfexplore.choices import Fit
from zfexplore.errors import ExploreError
from zfexplore.images.decode import UndecodableError, read_rgb
from zfexplore.images.transforms import normalise, prepare

if TYPE_CHECKING:
    from zfexplore.nets.checkpoint import Checkpoint


class Seen(NamedTuple):
    """What the network sees of a picture: ``pixels [size, size, 3]`` uint8, and its input.

    ``batch [1, 3, size, size]`` is normalised, on the net's device and in its type.
    """

    pixels: np.ndarray
    batch: Tensor


def open_picture(path: str | os.PathLike[str]) -> Image.Image:
    """Open one image file, upright and in RGB; raises ExploreError, which names the file."""
    try:
        return read_rgb(os.path.expanduser(path))
    except UndecodableError as error:
        raise ExploreError(f"{os.fspath(path)} cannot be read: {error}") from error


def see(checkpoint: Checkpoint, image: Image.Image, fit: Fit = "crop") -> Seen:
    """Prepare an RGB ``image`` for the checkpoint's net; ``fit`` as in ``transforms.prepare``."""
    return seen_of(checkpoint, prepare(image, checkpoint.metadata.input, fit))


def seen_of(checkpoint: Checkpoint, pixels: np.ndarray) -> Seen:
    """Make the net's input from ``pixels [size, size, 3]`` that are already prepared."""
    net, convention = checkpoint.net, checkpoint.metadata.input
    batch = normalise(torch.from_numpy(pixels[None]).to(net.device), convention)
    return Seen(pixels, batch.to(net.dtype))
