"""Images for the pass: decoded ahead by a few threads, in order, in slices of a fixed size.

Pillow lets other threads run while it decodes and resizes, so the net need not wait. The images keep
the order of the source, and at most ``ahead`` prepared images wait in memory. Squares that are one tensor
already are cut into slices where they lie.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from zfexplore.choices import Fit
from zfexplore.convention import InputConvention
from zfexplore.images.room import until_used
from zfexplore.images.sources import Source, UnreadableImage
from zfexplore.images.transforms import prepare
from zfexplore.nets.ranks import Ranks


@dataclass
class Slice:
    """Consecutive images of the source.

    ``numbers`` are the source's numbers of the images that were read, ``pixels`` the images themselves
    (uint8 ``[size, size, 3]`` each, as arrays or as one tensor on any device). ``skipped`` holds the errors
    of those that could not be read. ``end`` is the number of the first image after the slice.
    """

    end: int
    numbers: list[int] = field(default_factory=list)
    pixels: list[np.ndarray] | Tensor = field(default_factory=list)
    skipped: list[UnreadableImage] = field(default_factory=list)

    @property
    def length(self) -> int:
        """The number of images, skipped ones included."""
        return len(self.numbers) + len(self.skipped)

    def add(self, number: int, image: np.ndarray | UnreadableImage) -> None:
        """Take the next image in, or that it could not be read."""
        if isinstance(image, UnreadableImage):
            self.skipped.append(image)
        elif isinstance(self.pixels, list):
            self.numbers.append(number)
            self.pixels.append(image)


def read_slices(
    source: Source,
    convention: InputConvention,
    *,
    fit: Fit,
    first: int,
    size: int,
    ahead: int,
    workers: int,
) -> Generator[Slice, None, None]:
    """Yield the images from number ``first`` on, ``size`` readable ones per slice, fewer in the last."""
    current = Slice(end=first)
    numbers = range(first, len(source))
    for number, image in _read_ahead(source, convention, fit, numbers, ahead, workers):
        current.end = number + 1
        current.add(number, image)
        if len(current.numbers) == size:
            yield current
            current = Slice(end=number + 1)
    if current.length:
        yield current


def cut_slices(crops: Tensor, *, first: int, size: int) -> Generator[Slice, None, None]:
    """Yield slices of ``crops [n, size, size, 3]`` from number ``first`` on; nothing is copied."""
    for start in range(first, len(crops), size):
        end = min(start + size, len(crops))
        yield Slice(end, list(range(start, end)), crops[start:end])


def read_rounds(
    source: Source,
    convention: InputConvention,
    ranks: Ranks,
    *,
    fit: Fit,
    first: int,
    size: int,
    ahead: int,
    workers: int,
) -> Generator[Slice, None, None]:
    """Yield this rank's slice of each round, in which the ranks read ``size`` images each, one after another.

    ``end`` is the number of the first image after the round. In the last one a slice may be empty.
    """
    count = len(source)
    starts = range(first, count, size * ranks.size)
    own = [range(start + size * ranks.rank, start + size * (ranks.rank + 1)) for start in starts]
    own = [numbers[: max(count - numbers.start, 0)] for numbers in own]
    every = [number for numbers in own for number in numbers]
    with closing(_read_ahead(source, convention, fit, every, ahead, workers)) as read:
        for start, numbers in zip(starts, own, strict=True):
            current = Slice(end=min(start + size * ranks.size, count))
            for _ in numbers:
                current.add(*next(read))
            yield current


def _read_ahead(
    source: Source,
    convention: InputConvention,
    fit: Fit,
    numbers: Iterable[int],
    ahead: int,
    workers: int,
) -> Generator[tuple[int, np.ndarray | UnreadableImage], None, None]:
    def read(number: int) -> np.ndarray | UnreadableImage:
        try:
            with until_used():
                return prepare(source[number].image, convention, fit)
        except UnreadableImage as error:
            return error

    pool = ThreadPoolExecutor(workers, thread_name_prefix="read-images")
    waiting: deque[tuple[int, Future[np.ndarray | UnreadableImage]]] = deque()
    try:
        for number in numbers:
            waiting.append((number, pool.submit(read, number)))
            if len(waiting) >= ahead:
                oldest, future = waiting.popleft()
                yield oldest, future.result()
        for number, future in waiting:
            yield number, future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
