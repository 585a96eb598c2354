"""The training images: several sources as one, a held-out part, and batches of decoded squares.

The order of an epoch depends only on (seed, epoch), and the held-out part only on the seed and the
labels. So an interrupted run that resumes, or a checkpoint evaluated later, finds the same images
again. An image that cannot be decoded is left out of its batch and named; no other takes its place.

Decoded squares are uint8 ``[resize, resize, 3]``. If they fit into memory they are held there,
otherwise workers decode them anew for every epoch. The batches are the same either way: squares for a
smaller input are made from those of the largest, also where only the smaller ones are held.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.images.room import until_used
from zfexplore.images.sources import Picture, Source, UnreadableImage
from zfexplore.images.transforms import prepare_large, shrink
from zfexplore.images.workers import decoded_by
from zfexplore.nets.ranks import Ranks
from zfexplore.progress import Meter, Progress, Skipped

SHARDS_AT_ONCE = 16  # some 16,000 images of ImageNet's usual shards, mixed


class Joined:
    """Several labelled sources as one; ``exclude`` names classes that are left out.

    Classes without images are left out too. A class name that two sources share is prefixed with its
    source's name ("photos/chair"). Raises ExploreError for a source without labels and for an excluded
    class that does not exist.
    """

    def __init__(self, sources: Sequence[Source], exclude: Iterable[str] = ()) -> None:
        for source in sources:
            if not source.classes:
                raise ExploreError(
                    f"{source.name} has no classes: training needs a folder with one subfolder a class",
                    usage=True,
                )
        excluded = set(exclude)
        known = {name for source in sources for name in source.classes}
        if missing := sorted(excluded - known):
            raise ExploreError(f"there is no class {missing[0]!r} to leave out", usage=True)
        shared = Counter(name for source in sources for name in source.classes)
        self.name = " + ".join(source.name for source in sources)
        self.classes: tuple[str, ...] = ()
        self._sources = list(sources)
        self._places: list[tuple[int, int, int]] = []  # (source, its index, our label)
        for number, source in enumerate(sources):
            present = {source.label(index) for index in range(len(source))}
            kept = [
                name for label, name in enumerate(source.classes) if label in present and name not in excluded
            ]
            first = len(self.classes)
            self.classes += tuple(f"{source.name}/{name}" if shared[name] > 1 else name for name in kept)
            label_of = {source.classes.index(name): first + place for place, name in enumerate(kept)}
            for index in range(len(source)):
                label = source.label(index)
                if label in label_of:
                    self._places.append((number, index, label_of[label]))

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Picture:
        number, place, label = self._places[index]
        try:
            picture = self._sources[number][place]
        except UnreadableImage as error:
            raise UnreadableImage(index, error.name, error.reason) from error
        return Picture(picture.image, label, picture.name)

    def label(self, index: int) -> int:
        """Give the class of an image."""
        return self._places[index][2]

    def image_name(self, index: int) -> str:
        """Give the name of an image."""
        number, place, _ = self._places[index]
        return self._sources[number].image_name(place)

    def byte_count(self, index: int) -> int | None:
        """Give the bytes of an image on the disk, None where its source does not know them."""
        number, place, _ = self._places[index]
        count = getattr(self._sources[number], "byte_count", None)
        return None if count is None else count(place)

    def shard(self, index: int) -> tuple[int, int] | None:
        """Give the shard that an image lies in, None where its source is not made of shards."""
        number, place, _ = self._places[index]
        shard = getattr(self._sources[number], "shard", None)
        return None if shard is None else (number, shard(place))

    def fingerprint(self) -> str:
        """Give a hash that identifies this collection: of the sources' fingerprints and the classes."""
        digest = hashlib.sha256()
        for text in (*(source.fingerprint() for source in self._sources), *self.classes):
            digest.update(text.encode() + b"\n")
        return digest.hexdigest()


@dataclass(frozen=True)
class Split:
    """The images that train the net and those that it never sees: indices into a source, ascending."""

    training: tuple[int, ...]
    held_out: tuple[int, ...]


def split(source: Source, fraction: float, *, seed: int, per_class: int | None = None) -> Split:
    """Hold out ``fraction`` of every class, chosen by ``seed``: at least one image of a class with two.

    ``per_class`` then caps the training images of a class. The choice depends only on labels and seed.
    Raises ExploreError for a source without labels or a fraction outside [0, 1).
    """
    if not 0 <= fraction < 1:
        raise ExploreError(f"the held-out part must be at least 0 and below 1, not {fraction}", usage=True)
    by_class = members(source)
    training: list[int] = []
    held_out: list[int] = []
    for label, indices in enumerate(by_class):
        random = np.random.default_rng([seed, label])
        shuffled = random.permutation(np.array(indices, dtype=np.int64)).tolist()
        count = 0
        if fraction and shuffled:
            count = min(max(round(len(shuffled) * fraction), 1), len(shuffled) - 1)
        held_out += shuffled[:count]
        training += shuffled[count:][:per_class]
    return Split(tuple(sorted(training)), tuple(sorted(held_out)))


def members(source: Source) -> list[list[int]]:
    """Give the indices of every class's images, class by class; raises ExploreError without labels."""
    by_class: list[list[int]] = [[] for _ in source.classes]
    for index in range(len(source)):
        label = source.label(index)
        if label is not None:
            by_class[label].append(index)
    if not any(by_class):
        raise ExploreError(
            f"{source.name} has no labels: put each class's images into a subfolder of its own", usage=True
        )
    return by_class


def shards_of(source: Source, indices: Sequence[int]) -> tuple[int, ...]:
    """Give the shard of each image as a number; none if an image lies in a file of its own."""
    shard = getattr(source, "shard", None)
    if shard is None:
        return ()
    numbers: dict[Any, int] = {}
    found = []
    for index in indices:
        if (its := shard(index)) is None:
            return ()
        found.append(numbers.setdefault(its, len(numbers)))
    return tuple(found)


def epoch_order(indices: Sequence[int], *, seed: int, epoch: int, shards: Sequence[int] = ()) -> np.ndarray:
    """Give ``indices`` in the order of epoch number ``epoch``, int64 ``[n]``.

    ``shards`` says in which file each of them lies, if it is one of many. Those of ``SHARDS_AT_ONCE`` files
    are then mixed, and the files follow one another at random: so few files at a time are read, each whole.
    """
    random, given = np.random.default_rng([seed, epoch]), np.asarray(indices, dtype=np.int64)
    kinds, of = np.unique(np.asarray(shards, dtype=np.int64), return_inverse=True)
    if len(kinds) <= SHARDS_AT_ONCE:
        return random.permutation(given)
    turn = np.empty(len(kinds), dtype=np.int64)
    turn[random.permutation(len(kinds))] = np.arange(len(kinds)) // SHARDS_AT_ONCE
    return given[np.lexsort((random.permutation(len(given)), turn[of]))]


def in_batches(order: Sequence[int] | np.ndarray, size: int) -> list[list[int]]:
    """Cut an order into batches of ``size``; the last may be shorter."""
    values = [int(index) for index in order]
    return [values[start : start + size] for start in range(0, len(values), size)]


@dataclass(frozen=True)
class Batch:
    """Decoded images: ``pixels`` uint8 ``[n, R, R, 3]``, ``labels`` and source ``indices`` int64 ``[n]``.

    ``unreadable`` has (name, reason) of those that should be in the batch but could not be decoded.
    """

    pixels: Tensor
    labels: Tensor
    indices: Tensor
    unreadable: tuple[tuple[str, str], ...] = ()

    def pinned(self) -> Batch:
        """Give the batch in page-locked memory, from which copies to the GPU do not block."""
        return Batch(self.pixels.pin_memory(), self.labels.pin_memory(), self.indices, self.unreadable)

    def __len__(self) -> int:
        return len(self.indices)


class Decoded:
    """Images decoded once and held in memory: ``count * resize * resize * 3`` bytes.

    ``pixels`` uint8 ``[n, R, R, 3]`` and ``labels`` int64 ``[n]`` are in the order of decoding.
    """

    def __init__(self, pixels: Tensor, labels: Tensor, row_of: dict[int, int]) -> None:
        self.pixels, self.labels, self._row_of = pixels, labels, row_of

    def rows(self, indices: np.ndarray) -> np.ndarray:
        """Give the row of each image, -1 where it could not be decoded: int64 ``[n]``."""
        return np.fromiter(
            (self._row_of.get(index, -1) for index in indices.tolist()), np.int64, len(indices)
        )

    def on(self, device: torch.device) -> Decoded:
        """Give the same squares on a device; the labels stay."""
        return Decoded(self.pixels.to(device), self.labels, self._row_of)

    def batches(self, order: Sequence[Sequence[int]]) -> Iterator[Batch]:
        """Give the batches of an epoch, without the images that could not be decoded."""
        for wanted in order:
            kept = [index for index in wanted if index in self._row_of]
            rows = torch.tensor([self._row_of[index] for index in kept], dtype=torch.int64)
            labels, at = self.labels[rows], rows
            if self.pixels.is_cuda:
                at = rows.pin_memory().to(self.pixels.device, non_blocking=True)
            yield Batch(self.pixels[at], labels, torch.tensor(kept, dtype=torch.int64))

    def with_those_of(self, ranks: Ranks) -> Decoded:
        """Put together what the ranks have decoded, so that each holds all."""
        held = ranks.gather(list(self._row_of))  # indices, by rank
        count = sum(map(len, held))
        pixels = torch.empty(count, *self.pixels.shape[1:], dtype=torch.uint8)
        labels = torch.empty(count, dtype=torch.int64)
        first = 0
        for rank, indices in enumerate(held):
            rows = slice(first, first + len(indices))
            if rank == ranks.rank:
                pixels[rows], labels[rows] = self.pixels, self.labels
            ranks.spread(pixels[rows], rank)
            ranks.spread(labels[rows], rank)
            first += len(indices)
        order = (index for indices in held for index in indices)
        return Decoded(pixels, labels, {index: row for row, index in enumerate(order)})

    def smaller(self, side: int, *, task: str) -> Iterator[Progress | Decoded]:
        """Make squares of ``side`` pixels from these; the last event is the ``Decoded``."""
        pixels = torch.empty(len(self.pixels), side, side, 3, dtype=torch.uint8)
        meter = Meter(task, len(pixels))
        parts, room = self.pixels.split(64), pixels.split(64)
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # torch shrinks the images of a batch one by one
            for theirs, smaller in zip(room, pool.map(lambda part: shrink(part, side), parts), strict=True):
                theirs.copy_(smaller)
                if event := meter.tick(len(theirs)):
                    yield event
        yield Decoded(pixels, self.labels, self._row_of)


class Streamed:
    """Images decoded when they are needed, in ``workers`` processes (0: in this one).

    ``largest`` is the convention of whose squares smaller ones are made.
    """

    def __init__(
        self,
        source: Source,
        convention: InputConvention,
        workers: int,
        largest: InputConvention | None = None,
    ) -> None:
        self._decode = _Decode(source, convention, largest or convention)
        self._workers = workers

    def batches(self, order: Sequence[Sequence[int]]) -> Iterator[Batch]:
        """Give the batches of an epoch, in order; raises WorkerFailed."""
        here = map(self._decode, order)
        decoded = decoded_by(self._workers, self._decode, order) if self._workers else here
        for pixels, beside in decoded:
            yield Batch(
                torch.from_numpy(pixels),
                labels=torch.tensor(beside["labels"], dtype=torch.int64),
                indices=torch.tensor(beside["indices"], dtype=torch.int64),
                unreadable=tuple((name, reason) for name, reason in beside["unreadable"]),
            )


Squares = Decoded | Streamed


def decode(
    source: Source,
    indices: Sequence[int],
    convention: InputConvention,
    *,
    workers: int,
    task: str,
    largest: InputConvention | None = None,
    once: bool = True,
) -> Iterator[Progress | Skipped | Decoded]:
    """Decode ``indices`` of a source into memory, in parallel; the last event is the ``Decoded``.

    ``largest`` is that of ``Streamed``. A source whose images come several times, each time as another
    index, may say so: ``source.same(index)`` is then equal for those of one image. It is decoded ``once``.
    Raises WorkerFailed.
    """
    same = getattr(source, "same", int) if once else int
    firsts: dict[Any, int] = {}
    for index in indices:
        firsts.setdefault(same(index), index)
    side = convention.resize
    pixels = torch.empty(len(firsts), side, side, 3, dtype=torch.uint8)
    labels = torch.empty(len(firsts), dtype=torch.int64)
    row_of: dict[int, int] = {}
    meter = Meter(task, len(firsts))
    asked = in_batches(list(firsts.values()), 32)
    streamed = Streamed(source, convention, workers, largest)
    for wanted, batch in zip(asked, streamed.batches(asked), strict=True):
        first = len(row_of)
        pixels[first : first + len(batch)] = batch.pixels
        labels[first : first + len(batch)] = batch.labels
        row_of.update({index: first + place for place, index in enumerate(batch.indices.tolist())})
        for name, reason in batch.unreadable:
            yield Skipped(name, reason)
        if event := meter.tick(len(wanted)):
            yield event
    count = len(row_of)
    if len(firsts) < len(indices):
        rows = ((index, row_of.get(firsts[same(index)])) for index in indices)
        row_of = {index: row for index, row in rows if row is not None}
    yield Decoded(pixels[:count], labels[:count], row_of)


def fits_in_memory(count: int, *conventions: InputConvention, share: float = 0.5) -> bool:
    """Whether ``count`` images, decoded for each convention, take at most ``share`` of the free memory."""
    return count * sum(convention.resize**2 for convention in conventions) * 3 <= share * free_memory()


def free_memory() -> int:
    """Give the bytes of memory available without swapping; if unknown, half of the machine's memory."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, OSError, ValueError):
        return 4 * 2**30


class _Decode:
    """Decodes a batch of a source, here or in a worker: pixels, and what a ``Batch`` has beside them."""

    def __init__(self, source: Source, convention: InputConvention, largest: InputConvention) -> None:
        self._source, self._convention, self._largest = source, convention, largest

    def __call__(self, wanted: Sequence[int]) -> tuple[np.ndarray, dict[str, Any]]:
        side = self._largest.resize
        pixels = np.empty((len(wanted), side, side, 3), np.uint8)
        labels: list[int] = []
        indices: list[int] = []
        unreadable: list[tuple[str, str]] = []
        for index in wanted:
            try:
                with until_used():
                    picture = self._source[index]
                    pixels[len(indices)] = prepare_large(picture.image, self._largest)
            except UnreadableImage as error:
                unreadable.append((error.name, error.reason))
                continue
            labels.append(-1 if picture.label is None else int(picture.label))
            indices.append(int(index))
        beside = {"labels": labels, "indices": indices, "unreadable": unreadable}
        pixels = pixels[: len(indices)]
        if self._convention.resize != side:
            pixels = shrink(torch.from_numpy(pixels), self._convention.resize).numpy()
        return pixels, beside
