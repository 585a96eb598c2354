"""What the network sees of a picture: an RGB image, or an image file, prepared and normalised."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zfexplore.arguments import path_text
from zfexplore.choices import Fit
from zfexplore.errors import ExploreError
from zfexplore.images.decode import UndecodableError, read_rgb, to_rgb
from zfexplore.images.room import until_used
from zfexplore.images.sources import UnreadableImage
from zfexplore.images.transforms import normalise, prepare
from zfexplore.nets.transfers import upload

if TYPE_CHECKING:
    from zfexplore.nets.checkpoint import Checkpoint


READERS = min(16, os.cpu_count() or 1)  # threads that read images which go together
SHAPES = ((), (1,), (3,), (4,))  # of a pixel, in an array: grey twice, RGB, RGB with alpha


@dataclass(frozen=True, eq=False)
class Seen:
    """What the network sees of a picture: ``pixels [size, size, 3]`` uint8, and its input."""

    checkpoint: Checkpoint
    pixels: np.ndarray

    @cached_property
    def batch(self) -> Tensor:
        """The input, normalised, on the net's device and in its type: ``[1, 3, size, size]``."""
        return batch_of(self.checkpoint, [self.pixels])


Look = Callable[[int], Seen]  # from the number of an image to what is seen of it


def open_picture(path: str | os.PathLike[str]) -> Image.Image:
    """Open one image file, upright and in RGB; raises ExploreError, which names the file."""
    file = path_text(path, "a picture")
    if not file:
        raise ExploreError("no picture was named", usage=True)
    try:
        return read_rgb(os.path.expanduser(file))
    except UndecodableError as error:
        raise ExploreError(f"{file} cannot be read: {error}") from error


def as_picture(picture: Image.Image | np.ndarray) -> Image.Image:
    """Give an image that is already open in RGB, as ``open_picture`` gives a file.

    An array is uint8: ``[h, w, 3]`` RGB, ``[h, w]`` or ``[h, w, 1]`` grey, ``[h, w, 4]`` RGB with alpha.
    Raises ExploreError for anything else, and for an image without pixels or one that cannot be read.
    """
    if isinstance(picture, np.ndarray):
        shape = " x ".join(map(str, picture.shape))
        if picture.dtype != np.uint8 or picture.ndim not in (2, 3) or picture.shape[2:] not in SHAPES:
            raise ExploreError(
                f"a picture as an array is uint8 [h, w, 3], or grey [h, w], not {picture.dtype} {shape}",
                usage=True,
            )
        if picture.size == 0:
            raise ExploreError(f"a picture of {shape} has no pixels", usage=True)
        picture = Image.fromarray(picture[..., 0] if picture.shape[2:] == (1,) else picture)
    if 0 in picture.size:
        raise ExploreError(f"a picture of {picture.width} x {picture.height} pixels has none", usage=True)
    try:
        picture.load()
        return to_rgb(picture)
    except Exception as error:  # Pillow's readers raise nearly every type
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ExploreError(f"the picture cannot be read: {reason}") from error


def see(checkpoint: Checkpoint, image: Image.Image, fit: Fit = "crop") -> Seen:
    """Prepare an RGB ``image`` for the checkpoint's net; ``fit`` as in ``transforms.prepare``."""
    return seen_of(checkpoint, prepare(image, checkpoint.metadata.input, fit))


def seen_of(checkpoint: Checkpoint, pixels: np.ndarray) -> Seen:
    """Make the net's input from ``pixels [size, size, 3]`` that are already prepared."""
    return Seen(checkpoint, pixels)


def batch_of(checkpoint: Checkpoint, pictures: Sequence[np.ndarray]) -> Tensor:
    """Make one input of pictures ``[size, size, 3]`` that are already prepared: ``[n, 3, size, size]``."""
    net = checkpoint.net
    pixels = upload(torch.from_numpy(np.stack(pictures)), net.device)
    return normalise(pixels, checkpoint.metadata.input).to(net.dtype)


def look_at(
    images: Sequence[int], look: Look, at_once: int
) -> Generator[tuple[int, Seen | UnreadableImage], None, None]:
    """Give what the net sees of each image, in their order, or why it cannot be read.

    Images that go together are read by threads, ahead of their turn: the share's memory has room for all.
    """

    def seen_or_why(image: int) -> Seen | UnreadableImage:
        try:
            return look(image)
        except UnreadableImage as error:
            return error

    def in_its_room(image: int) -> Seen | UnreadableImage:
        with until_used():
            return seen_or_why(image)

    if at_once == 1:
        yield from zip(images, map(seen_or_why, images), strict=True)
        return
    pool = ThreadPoolExecutor(min(READERS, max(len(images), 1)), thread_name_prefix="look")
    try:
        yield from zip(images, pool.map(in_its_room, images), strict=True)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)  # who closes this early does not wait for the rest
