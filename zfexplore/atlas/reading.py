"""Images for the pass: decoded ahead by threads or by processes, in order, in slices of a fixed size.

Pillow lets other threads run while it decodes and resizes, so a net on a CPU need not wait. But for
Python's lock three threads do as much as sixteen, and a GPU waits for them: for it, processes decode
(``images/workers``). If one fails, threads go on. The images keep the order of the source. At most ``ahead``
prepared ones wait in memory with threads, and four times as many with processes. Squares that are one tensor
already are cut into slices where they lie.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from zfexplore.choices import Fit
from zfexplore.convention import InputConvention
from zfexplore.images.depth import BITS
from zfexplore.images.room import until_used
from zfexplore.images.sources import Picture, Source, UnreadableImage
from zfexplore.images.transforms import prepare
from zfexplore.images.workers import WorkerFailed, decoded_by, usual_workers
from zfexplore.nets.ranks import Ranks

MOST_AT_ONCE = 16  # images that a process decodes and sends together: 2.4 MB at 224 px


@dataclass(frozen=True)
class Readers:
    """Who reads: so many threads or ``processes``, with about ``ahead`` images waiting in memory.

    ``tell`` takes a line if processes fail and threads go on.
    """

    ahead: int
    workers: int = field(default_factory=usual_workers)
    processes: bool = False
    tell: Callable[[str], object] = lambda _: None


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
    source: Source, convention: InputConvention, readers: Readers, *, fit: Fit, first: int, size: int
) -> Generator[Slice, None, None]:
    """Yield the images from number ``first`` on, ``size`` readable ones per slice, fewer in the last."""
    current = Slice(end=first)
    read = _Read(source, convention, fit)
    with closing(_read_ahead(read, range(first, len(source)), readers)) as images:
        for number, image in images:
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
    readers: Readers,
    ranks: Ranks,
    *,
    fit: Fit,
    first: int,
    size: int,
) -> Generator[Slice, None, None]:
    """Yield this rank's slice of each round, in which the ranks read ``size`` images each, one after another.

    ``end`` is the number of the first image after the round. In the last one a slice may be empty.
    """
    count = len(source)
    starts = range(first, count, size * ranks.size)
    own = [range(start + size * ranks.rank, start + size * (ranks.rank + 1)) for start in starts]
    own = [numbers[: max(count - numbers.start, 0)] for numbers in own]
    every = [number for numbers in own for number in numbers]
    with closing(_read_ahead(_Read(source, convention, fit), every, readers)) as images:
        for start, numbers in zip(starts, own, strict=True):
            current = Slice(end=min(start + size * ranks.size, count))
            for _ in numbers:
                current.add(*next(images))
            yield current


class _Read:
    """Reads images of a source, one or several: what the net sees of each, or why there is nothing to see."""

    def __init__(self, source: Source, convention: InputConvention, fit: Fit) -> None:
        self.source, self._convention, self._fit = source, convention, fit

    def one(self, number: int) -> np.ndarray | UnreadableImage:
        """Give the pixels, uint8 ``[size, size, 3]``."""
        try:
            with until_used():
                return self._prepared(self.source[number])
        except UnreadableImage as error:
            return error

    def __call__(self, wanted: Sequence[int]) -> tuple[np.ndarray, dict[str, Any]]:
        """Give the pixels of several, ``[n, size, size, 3]``, and beside them what else there is to know.

        ``skipped`` has the unreadable ones by their places, and ``deep`` the bits of those deeper than 8.
        """
        size = self._convention.size
        pixels = np.empty((len(wanted), size, size, 3), np.uint8)
        beside: dict[str, Any] = {"skipped": {}, "deep": []}
        read = 0
        for place, number in enumerate(wanted):
            try:
                with until_used():
                    picture = self.source[number]
                    pixels[read] = self._prepared(picture)
            except UnreadableImage as error:
                beside["skipped"][str(place)] = (error.index, error.name, error.reason)
                continue
            read += 1
            if (bits := picture.image.info.get(BITS)) is not None:
                beside["deep"].append((bits, int(number)))
        return pixels[:read], beside

    def _prepared(self, picture: Picture) -> np.ndarray:
        return prepare(picture.image, self._convention, self._fit)


_Images = Generator[tuple[int, "np.ndarray | UnreadableImage"], None, None]


def _read_ahead(read: _Read, numbers: Sequence[int], readers: Readers) -> _Images:
    done = 0
    if readers.processes:
        try:
            with closing(_by_processes(read, numbers, readers)) as images:
                for one in images:
                    yield one
                    done += 1
        except WorkerFailed as error:
            readers.tell(f"{error.reason}: threads read the other images")
    with closing(_by_threads(read, numbers[done:], readers)) as images:
        yield from images


def _by_processes(read: _Read, numbers: Sequence[int], readers: Readers) -> _Images:
    size = max(1, min(readers.ahead // readers.workers, MOST_AT_ONCE))
    order = [numbers[start : start + size] for start in range(0, len(numbers), size)]
    deep: dict[int, set[int]] = getattr(read.source, "deep", {})  # of a source that notes them, here
    with closing(decoded_by(readers.workers, read, order)) as decoded:
        for wanted, (pixels, beside) in zip(order, decoded, strict=True):
            for bits, number in beside["deep"]:
                deep.setdefault(bits, set()).add(number)
            rows = iter(pixels)
            for place, number in enumerate(wanted):
                why = beside["skipped"].get(str(place))
                yield number, next(rows) if why is None else UnreadableImage(*why)


def _by_threads(read: _Read, numbers: Sequence[int], readers: Readers) -> _Images:
    pool = ThreadPoolExecutor(readers.workers, thread_name_prefix="read-images")
    waiting: deque[tuple[int, Future[np.ndarray | UnreadableImage]]] = deque()
    try:
        for number in numbers:
            waiting.append((number, pool.submit(read.one, number)))
            if len(waiting) >= readers.ahead:
                oldest, future = waiting.popleft()
                yield oldest, future.result()
        for number, future in waiting:
            yield number, future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
