"""One pass over images: for every channel, the images and places that excite it most.

This follows ZF section 4.1 and the replication. Each image counts once per channel, by its strongest
activation there. The pass keeps the nine images with the highest activations, and statistics on how
strongly and how often the channel fires. For each slice of images: forward, look up the places of
the new maxima, merge, report.

Every slice has the same number of images, and the last one is padded. A matrix product may round
differently for another number of rows (fc6 of ZFNet differs by 1e-6). With slices of one size the
result depends neither on how images are read ahead nor on where a pass was interrupted. The pass
runs in float32 without TF32; bfloat16 is a choice that the fingerprint records.

A GPU is given slices ahead of its work and is asked for nothing before the end, but once in a while for the
state to save or to show (``feeding.py``).

Memory holds one slice of maps, the images read ahead, and the tally. None of them grows with the
number of images; only the names and labels of the source do. Anything that needs a second look at an
image, such as its projections, is left to other modules.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zfexplore.arguments import path_text, whole
from zfexplore.atlas.believed import check_tally
from zfexplore.atlas.container import read_arrays, write_arrays
from zfexplore.atlas.feeding import Faults, Feeder
from zfexplore.atlas.maxima import Layout, image_maxima
from zfexplore.atlas.reading import Slice, cut_slices, read_rounds, read_slices
from zfexplore.atlas.records import StageRecord
from zfexplore.atlas.store import Atlas, describe, skipped_of
from zfexplore.atlas.strongest import kernels_for
from zfexplore.atlas.tally import NO_LABEL, Tally, upload
from zfexplore.choices import Fit, Precision
from zfexplore.errors import ExploreError
from zfexplore.images.sources import Source
from zfexplore.images.squares import Squares
from zfexplore.images.transforms import normaliser
from zfexplore.nets.checkpoint import Checkpoint
from zfexplore.nets.device import exact_arithmetic, told_if_full
from zfexplore.nets.fused import unusable
from zfexplore.nets.ranks import ALONE, Lost, Ranks
from zfexplore.plain import UNFIT, text
from zfexplore.plain import whole as whole_at
from zfexplore.progress import Finished, Meter, Note, Progress, Skipped


@dataclass(frozen=True)
class Partial:
    """The atlas of the images read so far, to look at before the pass is over."""

    atlas: Atlas


class Unkept(Note):
    """A note that something could not be written to the cache: there it is lost, and here it is not."""


Event = Progress | Note | Skipped | Partial | Finished[Atlas]

# Images per forward pass. On a CPU, 6: with more, the largest map (ZFNet's conv1, 4.6 MB per image) exceeds
# the 32 MB up to which glibc keeps freed memory at hand; with fewer, fc6's weights are read too often.
# On a GPU, where ZFNet runs fastest; a card of less memory than ROOMY takes fewer.
SLICE = {"cpu": 6, "cuda": 256}
SMALL_SLICE, ROOMY = 64, 40 << 30
# After how many slices the device is asked whether an activation was no number; a CPU has the answer ready.
SLICES_BETWEEN_CHECKS = {"cpu": 1, "cuda": 16}
SECONDS_BETWEEN_SAVES = 20.0


def build_atlas(
    checkpoint: Checkpoint,
    source: Source,
    *,
    k: int = 9,
    batch_size: int = 32,
    device: torch.device | str | None = None,
    fit: Fit = "crop",
    path: str | os.PathLike[str] | None = None,
    stages: Sequence[str] | None = None,
    precision: Precision = "float32",
    workers: int | None = None,
    seconds_between_partials: float | None = None,
    keep: bool = True,
    ranks: Ranks = ALONE,
) -> Iterator[Event]:
    """Go once over ``source`` and give the atlas in the last event, ``Finished``.

    The ``k`` strongest images are kept for each channel of ``stages`` (by default every convN, the last
    pool and the fully connected stages). If ``device`` is given, the net is moved there first.
    ``batch_size`` is how many prepared images may wait in memory (on a GPU, at least a slice of them), and
    ``workers`` how many threads prepare them (by default one per core, at most 16); neither changes a
    number. With ``seconds_between_partials``, a ``Partial`` event carries the atlas so far at about that
    interval.

    ``path`` is a file for the unfinished state. It is written every 20 seconds and when the generator is
    closed, the pass continues from it if it exists, and it is removed at the end. Without ``keep`` it is only
    read: another process writes it. Where it cannot be written, an ``Unkept`` note says so once and the pass
    goes on. Unreadable images are skipped and named. Raises ExploreError if no image can be read or an
    activation is not finite.

    Of several ``ranks`` each reads its share and tells the first what it found, which merges it in the order
    of the images: to the last bit it is the atlas of one process. Only the first has a ``Finished``.
    """
    header = describe(checkpoint, source, k=k, fit=fit, stages=stages, precision=precision)
    k, batch_size = header["k"], whole(batch_size, "batch_size", least=1)
    workers = None if workers is None else whole(workers, "workers", least=1)
    path = None if path is None else path_text(path, "the unfinished state's file")
    if device is not None:
        checkpoint.net.to(device)
    net, convention = checkpoint.net, checkpoint.metadata.input
    keep = keep and ranks.first
    if ranks.first:
        yield from _without_kernels(net.device)
    layout = Layout.of(net, header["watched"], convention.size)
    sizes = {"k": k, "classes": len(source.classes), "images": len(source)}
    state = _State(Tally.empty(layout.channels, **sizes, device=net.device))
    if path is not None and ranks.first and os.path.exists(path):
        yield Note(_resume(state, path, header, layout, len(source)))
        yield from (Skipped(name, reason) for _, name, reason in state.skipped)

    [state.end] = ranks.numbers(state.end)[0]
    meter = Meter("index", len(source), done=state.end)
    workers = workers or min(max((os.cpu_count() or 1) // ranks.local_size, 1), 16)
    slices = _slices(source, checkpoint, ranks, fit=fit, first=state.end, ahead=batch_size, workers=workers)
    take = _Taker(checkpoint, layout, precision, source, ranks)
    saved = shown = time.monotonic()
    try:
        for images in slices:
            before, named = state.end, len(state.skipped)
            with told_if_full(
                f"{slice_size(net.device)} images at once",
                "end what else uses it, or give --device cpu",
            ):
                take(state, images)
            yield from (Skipped(name, reason) for _, name, reason in state.skipped[named:])
            if (progress := meter.tick(state.end - before)) is not None:
                yield progress
            due = seconds_between_partials is not None and time.monotonic() - shown > seconds_between_partials
            if due and state.end > len(state.skipped):
                take.check(state)
                yield Partial(_atlas(state, layout, header, source))
                shown = time.monotonic()
            if path is not None and keep and time.monotonic() - saved > SECONDS_BETWEEN_SAVES:
                take.check(state)
                try:
                    state.save(path, header)
                except ExploreError as error:
                    keep = False
                    yield Unkept(f"the unfinished index is not kept: {error}")
                saved = time.monotonic()
        take.check(state)
    except Lost as lost:
        raise Lost(f"{lost}; the same command goes on from here, in any number") from lost
    finally:
        slices.close()
        # An interrupt in the middle of a merge leaves half a state; the file then keeps the last whole one.
        if path is not None and keep and state.whole and 0 < state.end < len(source):
            with suppress(ExploreError):  # the end has its own reason
                take.check(state)
                state.save(path, header)

    if not ranks.first:
        return
    atlas = _atlas(state, layout, header, source)
    if path is not None and keep:
        with suppress(OSError):
            os.unlink(path)
    yield Finished(atlas)


def _without_kernels(device: torch.device) -> Iterator[Note]:
    """Say so if a GPU's own kernels do not work: the index is then the same, later."""
    if device.type == "cuda" and kernels_for(device) is None:
        why = unusable(device) or "those of the index do not work here"
        yield Note(f"indexing is slower than this GPU can be, without its own kernels: {why}")


@dataclass
class _State:
    """How far the pass has come: the images before number ``end`` are in ``tally`` or ``skipped``."""

    tally: Tally
    end: int = 0
    skipped: list[tuple[int, str, str]] = field(default_factory=list)
    whole: bool = True

    def save(self, path: str | os.PathLike[str], header: dict[str, Any]) -> None:
        progress = {"fingerprint": header["fingerprint"], "end": self.end, "skipped": self.skipped}
        write_arrays(path, self.tally.arrays(), progress)

    def load(self, path: str | os.PathLike[str], header: dict[str, Any], layout: Layout, images: int) -> None:
        """Take over a saved state; if it does not fit, raise ValueError and change nothing."""
        arrays, progress = read_arrays(path)
        if text(progress, "fingerprint") != header["fingerprint"]:
            raise ValueError("it is of other weights or images")
        end = whole_at(progress, "end", least=1, most=images)
        skipped = skipped_of(progress, end)
        check_tally(arrays, self.tally.arrays(), layout, [number for number, *_ in skipped], end)
        self.tally = Tally.from_arrays(arrays, self.tally.value.device)
        self.end, self.skipped = end, list(skipped)


def _resume(
    state: _State, path: str | os.PathLike[str], header: dict[str, Any], layout: Layout, images: int
) -> str:
    """Continue from the state saved at ``path`` if it fits; give a line for the user that says so."""
    try:
        state.load(path, header, layout, images)
    except (ExploreError, *UNFIT) as error:
        return f"the unfinished index was left aside ({error}): starting from the first image"
    return f"going on with the unfinished index, at image {state.end} of {images}"


def slice_size(device: torch.device) -> int:
    """Give how many images a slice has on ``device``."""
    if device.type != "cuda" or not torch.cuda.is_available():
        return SLICE[device.type]
    return SLICE["cuda"] if torch.cuda.get_device_properties(device).total_memory >= ROOMY else SMALL_SLICE


def _slices(
    source: Source, checkpoint: Checkpoint, ranks: Ranks, *, fit: Fit, first: int, ahead: int, workers: int
) -> Generator[Slice, None, None]:
    convention, size = checkpoint.metadata.input, slice_size(checkpoint.net.device)
    if checkpoint.net.device.type == "cuda":
        ahead = max(ahead, size)  # the threads go on while a slice is put together
    how: dict[str, Any] = {"fit": fit, "first": first, "size": size, "ahead": ahead, "workers": workers}
    if ranks.many:
        return read_rounds(source, convention, ranks, **how)
    if isinstance(source, Squares) and (crops := source.crops(convention, fit)) is not None:
        return cut_slices(crops, first=first, size=size)
    return read_slices(source, convention, **how)


class _Taker:
    """Takes slices: runs each through the net, finds its maxima and their places, and merges them.

    With several ranks, the first merges all slices of a round. The others merge their own: a rank by itself
    knows weaker maxima than all together, so that it looks up all places that the first one needs.
    """

    def __init__(
        self, checkpoint: Checkpoint, layout: Layout, precision: Precision, source: Source, ranks: Ranks
    ) -> None:
        self._net, self._layout, self._source, self._ranks = checkpoint.net, layout, source, ranks
        self._precision: Precision = precision
        self._device = device = checkpoint.net.device
        size = checkpoint.metadata.input.size
        self._feeder = Feeder(slice_size(device), size, device)
        self._normalised = normaliser(checkpoint.metadata.input, (size, size), device)
        self._faults, self._unchecked = Faults(layout, device), 0

    def __call__(self, state: _State, images: Slice) -> None:
        with _arithmetic(self._device, self._precision):
            batch = self._normalised(self._feeder.pixels(images))
            # Convolutions run 1.5 times as fast in this layout, on CPUs and on GPUs.
            batch = batch.contiguous(memory_format=torch.channels_last)
            weakest = state.tally.weakest if self._device.type == "cpu" else None
            maxima, places = image_maxima(self._net, batch, self._layout, weakest)  # [size, c]
            count = len(images.numbers)
            self._faults.look(maxima[:count], upload(images.numbers, self._device))
        if self._unchecked + 1 < SLICES_BETWEEN_CHECKS[self._device.type]:
            self._unchecked += 1
        else:
            self._ask(state)
        skipped = [(error.index, error.name, error.reason) for error in images.skipped]
        found = [(images.numbers, skipped, maxima, places)]
        if self._ranks.many:
            found = self._collected(images.numbers, skipped, maxima, places)
        state.whole = False
        for numbers, left_out, maxima, places in found:
            labels = [self._source.label(number) for number in numbers]
            state.tally.merge(
                maxima[: len(numbers)],
                places[: len(numbers)],
                numbers,
                [NO_LABEL if label is None else label for label in labels],
            )
            state.skipped += left_out
        state.end = images.end
        state.whole = True
        self._feeder.keep_pace()

    def check(self, state: _State) -> None:
        """Raise ExploreError if an activation merged so far was no number; the state is then spoilt."""
        if self._unchecked:
            self._ask(state)

    def _ask(self, state: _State) -> None:
        try:
            self._faults.check(self._source)
        except ExploreError:
            state.whole = state.whole and not self._unchecked
            raise
        self._unchecked = 0

    def _collected(
        self, numbers: list[int], skipped: list[tuple[int, str, str]], maxima: Tensor, places: Tensor
    ) -> list[tuple[list[int], list[tuple[int, str, str]], Tensor, Tensor]]:
        """Give the slices of all ranks to the first of them, and each of the others its own."""
        told = self._ranks.gather((numbers, skipped))
        collected = [self._ranks.collect(part.cpu().contiguous()) for part in (maxima, places)]
        if not self._ranks.first:
            return [(numbers, skipped, maxima, places)]
        return [
            (*one, values.to(self._device), of_values.to(self._device))
            for one, values, of_values in zip(told, *collected, strict=True)
        ]


@contextmanager
def _arithmetic(device: torch.device, precision: Precision) -> Iterator[None]:
    reduced = torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")
    with exact_arithmetic(device), reduced:
        yield


def _atlas(state: _State, layout: Layout, header: dict[str, Any], source: Source) -> Atlas:
    tally = state.tally.arrays()
    count = int(tally["seen"][0])
    if count == 0:
        raise ExploreError(f"none of the {len(source)} images of {source.name} could be read")
    stages = {
        name: _record(tally, count, name, kind, span, map_size)
        for name, kind, span, map_size in zip(
            layout.names, layout.kinds, layout.spans, layout.map_sizes, strict=True
        )
    }
    labels = [source.label(number) for number in range(len(source))]
    read = ~np.isnan(tally["response"][:, 0])
    return Atlas(
        stages=stages,
        image_names=tuple(source.image_name(number) for number in range(len(source))),
        labels=np.array([NO_LABEL if label is None else label for label in labels], dtype=np.int32),
        classes=tuple(source.classes),
        count=count,
        skipped=tuple(state.skipped),
        header=header,
        sample=tally["sample"][read],
    )


def _record(
    tally: dict[str, np.ndarray], count: int, name: str, kind: str, span: slice, map_size: tuple[int, int]
) -> StageRecord:
    rows, columns = np.divmod(tally["place"][span], map_size[1])
    class_mean = None
    if tally["class_seen"].any():
        seen = tally["class_seen"].astype(np.float64)
        means = np.full_like(tally["class_total"][:, span], np.nan)
        np.divide(tally["class_total"][:, span], seen[:, None], out=means, where=seen[:, None] > 0)
        class_mean = means.T.astype(np.float32)
    response = tally["response"][:, span]
    response = response[~np.isnan(response[:, 0])].T  # [c, s], the images that were read
    largest = np.abs(response).max(axis=1, keepdims=True, initial=0.0)
    scaled = np.divide(response, largest, out=np.zeros_like(response), where=largest > 0)
    return StageRecord(
        name=name,
        kind=kind,
        map_size=map_size,
        value=tally["value"][span],
        image=tally["image"][span],
        y=rows.astype(np.int32),
        x=columns.astype(np.int32),
        mean=tally["total"][span] / count,
        share_firing=1.0 - tally["histogram"][span, 0] / count,
        histogram=tally["histogram"][span],
        class_mean=class_mean,
        response=scaled.astype(np.float16),
    )
