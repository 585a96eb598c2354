"""One pass over images: for every channel, the images and places that excite it most.

This follows ZF section 4.1 and the replication. Each image counts once per channel, by its strongest
activation there. The pass keeps the nine images with the highest activations, and statistics on how
strongly and how often the channel fires. For each slice of images: forward, look up the places of
the new maxima, merge, report.

Every slice has the same number of images, and the last one is padded. A matrix product may round
differently for another number of rows (fc6 of ZFNet differs by 1e-6). With slices of one size the
result depends neither on how images are read ahead nor on where a pass was interrupted. The pass
runs in float32 without TF32; bfloat16 is a choice that the fingerprint records.

Memory holds one slice of maps, the images read ahead, and the tally. None of them grows with the
number of images; only the names and labels of the source do. Anything that needs a second look at an
image, such as its projections, is left to other modules.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zfexplore.arguments import path_text, whole
from zfexplore.atlas.believed import check_tally
from zfexplore.atlas.container import read_arrays, write_arrays
from zfexplore.atlas.maxima import Layout, image_maxima
from zfexplore.atlas.reading import Slice, read_rounds, read_slices
from zfexplore.atlas.records import StageRecord
from zfexplore.atlas.store import Atlas, describe, skipped_of
from zfexplore.atlas.tally import NO_LABEL, Tally
from zfexplore.choices import Fit, Precision
from zfexplore.errors import ExploreError
from zfexplore.images.sources import Source
from zfexplore.images.transforms import normalise
from zfexplore.nets.checkpoint import Checkpoint
from zfexplore.nets.device import exact_arithmetic
from zfexplore.nets.ranks import ALONE, Lost, Ranks
from zfexplore.plain import UNFIT, text
from zfexplore.plain import whole as whole_at
from zfexplore.progress import Finished, Meter, Note, Progress, Skipped


@dataclass(frozen=True)
class Partial:
    """The atlas of the images read so far, to look at before the pass is over."""

    atlas: Atlas


class Unkept(Note):
    """A note that something of the index could not be written: there it is lost, and here it is not."""


Event = Progress | Note | Skipped | Partial | Finished[Atlas]

# Images per forward pass. On a CPU, 6: with more, the largest map (ZFNet's conv1, 4.6 MB per image) exceeds
# the 32 MB up to which glibc keeps freed memory at hand; with fewer, fc6's weights are read too often.
SLICE = {"cpu": 6, "cuda": 64}
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
    ``batch_size`` is how many prepared images may wait in memory, and ``workers`` how many threads
    prepare them (by default one per core, at most 16); neither changes a number. With
    ``seconds_between_partials``, a ``Partial`` event carries the atlas so far at about that interval.

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
    layout = Layout.of(net, header["watched"], convention.size)
    sizes = {"k": k, "classes": len(source.classes), "images": len(source)}
    state = _State(Tally.empty(layout.channels, **sizes, device=net.device))
    if path is not None and ranks.first and os.path.exists(path):
        yield Note(_resume(state, path, header, layout, len(source)))
        yield from (Skipped(name, reason) for _, name, reason in state.skipped)

    [state.end] = ranks.numbers(state.end)[0]
    meter = Meter("index", len(source), done=state.end)
    how: dict[str, Any] = {
        "fit": fit,
        "first": state.end,
        "size": SLICE[net.device.type],
        "ahead": batch_size,
        "workers": workers or min(max((os.cpu_count() or 1) // ranks.local_size, 1), 16),
    }
    slices = (
        read_rounds(source, convention, ranks, **how)
        if ranks.many
        else read_slices(source, convention, **how)
    )
    pixels = _buffer(SLICE[net.device.type], convention.size, net.device)
    saved = shown = time.monotonic()
    try:
        for images in slices:
            before, named = state.end, len(state.skipped)
            _take(state, images, pixels, checkpoint, layout, precision, source, ranks)
            yield from (Skipped(name, reason) for _, name, reason in state.skipped[named:])
            if (progress := meter.tick(state.end - before)) is not None:
                yield progress
            due = seconds_between_partials is not None and time.monotonic() - shown > seconds_between_partials
            if due and state.end > len(state.skipped):
                yield Partial(_atlas(state, layout, header, source))
                shown = time.monotonic()
            if path is not None and keep and time.monotonic() - saved > SECONDS_BETWEEN_SAVES:
                try:
                    state.save(path, header)
                except ExploreError as error:
                    keep = False
                    yield Unkept(f"the unfinished index is not kept: {error}")
                saved = time.monotonic()
    except Lost as lost:
        raise Lost(f"{lost}; the same command goes on from here, in any number") from lost
    finally:
        slices.close()
        # An interrupt in the middle of a merge leaves half a state; the file then keeps the last whole one.
        if path is not None and keep and state.whole and 0 < state.end < len(source):
            with suppress(ExploreError):  # the end has its own reason
                state.save(path, header)

    if not ranks.first:
        return
    atlas = _atlas(state, layout, header, source)
    if path is not None and keep:
        with suppress(OSError):
            os.unlink(path)
    yield Finished(atlas)


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


def _buffer(count: int, size: int, device: torch.device) -> Tensor:
    """Make the buffer that holds each slice's images in turn, uint8 ``[count, size, size, 3]``."""
    return torch.zeros((count, size, size, 3), dtype=torch.uint8, pin_memory=device.type == "cuda")


def _take(
    state: _State,
    images: Slice,
    pixels: Tensor,
    checkpoint: Checkpoint,
    layout: Layout,
    precision: Precision,
    source: Source,
    ranks: Ranks,
) -> None:
    """Run a slice through the net, find its maxima and the places of those to keep, and merge them.

    With several ranks, the first merges all slices of a round. The others merge their own: a rank by itself
    knows weaker maxima than all together, so that it looks up all places that the first one needs.
    """
    net, convention = checkpoint.net, checkpoint.metadata.input
    for row, image in enumerate(images.pixels):  # rows after the last image are ignored
        pixels[row] = torch.from_numpy(image)
    with _arithmetic(net.device, precision):
        batch = normalise(pixels.to(net.device, non_blocking=True), convention)
        # Convolutions run 1.5 times as fast in this layout, on CPUs and on GPUs.
        batch = batch.contiguous(memory_format=torch.channels_last)
        # Looking up places waits for the device, so afterwards the buffer is free for the next slice.
        maxima, places = image_maxima(net, batch, layout, state.tally.weakest)  # [SLICE, c]
    _check_finite(maxima[: len(images.numbers)], images, layout, source)
    skipped = [(error.index, error.name, error.reason) for error in images.skipped]
    found = [(images.numbers, skipped, maxima, places)]
    if ranks.many:
        told, parts = ranks.gather((images.numbers, skipped)), (maxima.cpu(), places.cpu())
        collected = [ranks.collect(part.contiguous()) for part in parts]
        if ranks.first:
            device = maxima.device
            found = [
                (*one, values.to(device), of_values.to(device))
                for one, values, of_values in zip(told, *collected, strict=True)
            ]
    state.whole = False
    for numbers, left_out, maxima, places in found:
        labels = [source.label(number) for number in numbers]
        state.tally.merge(
            maxima[: len(numbers)],
            places[: len(numbers)],
            torch.tensor(numbers, dtype=torch.int64, device=maxima.device),
            [NO_LABEL if label is None else label for label in labels],
        )
        state.skipped += left_out
    state.end = images.end
    state.whole = True


@contextmanager
def _arithmetic(device: torch.device, precision: Precision) -> Iterator[None]:
    reduced = torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")
    with exact_arithmetic(device), reduced:
        yield


def _check_finite(maxima: Tensor, images: Slice, layout: Layout, source: Source) -> None:
    if bool(maxima.double().sum().isfinite()):
        return
    row, lane = (~torch.isfinite(maxima)).nonzero()[0].tolist()
    name = source.image_name(images.numbers[row])
    raise ExploreError(
        f"{layout.channel_name(lane)} is {maxima[row, lane].item()} on {name}: "
        "this net overflows on its input and cannot be indexed"
    )


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
