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
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch

from zfexplore.arguments import path_text, whole
from zfexplore.atlas.maxima import Layout
from zfexplore.atlas.reading import Readers, Slice, cut_slices, read_rounds, read_slices
from zfexplore.atlas.state import State, atlas_of, resume
from zfexplore.atlas.store import Atlas, describe
from zfexplore.atlas.strongest import kernels_for
from zfexplore.atlas.taking import Taker, slice_size
from zfexplore.atlas.tally import Tally
from zfexplore.choices import Fit, Precision
from zfexplore.errors import ExploreError
from zfexplore.images.sources import Source
from zfexplore.images.squares import Squares
from zfexplore.images.workers import processes_pay, usual_workers
from zfexplore.nets.checkpoint import Checkpoint
from zfexplore.nets.device import told_if_full
from zfexplore.nets.fused import unusable
from zfexplore.nets.ranks import ALONE, Lost, Ranks
from zfexplore.progress import Finished, Meter, Note, Progress, Skipped


@dataclass(frozen=True)
class Partial:
    """The atlas of the images read so far, to look at before the pass is over."""

    atlas: Atlas


class Unkept(Note):
    """A note that something could not be written to the cache: there it is lost, and here it is not."""


Event = Progress | Note | Skipped | Partial | Finished[Atlas]

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
    ``workers`` how many threads prepare them (by default one per core, at most 16), or processes, for a GPU
    and many files; with 0, threads whatever there is to read. Neither changes a number. With
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
    workers = None if workers is None else whole(workers, "workers", least=0)
    path = None if path is None else path_text(path, "the unfinished state's file")
    if device is not None:
        checkpoint.net.to(device)
    net, convention = checkpoint.net, checkpoint.metadata.input
    keep = keep and ranks.first
    if ranks.first:
        yield from _without_kernels(net.device)
    layout = Layout.of(net, header["watched"], convention.size)
    sizes = {"k": k, "classes": len(source.classes), "images": len(source)}
    state = State(Tally.empty(layout.channels, **sizes, device=net.device))
    if path is not None and ranks.first and os.path.exists(path):
        yield Note(resume(state, path, header, layout, len(source)))
        yield from (Skipped(name, reason) for _, name, reason in state.skipped)

    [state.end] = ranks.numbers(state.end)[0]
    meter = Meter("index", len(source), done=state.end)
    remarks: list[str] = []
    readers = _readers(source, net.device, ranks, batch_size, workers, tell=remarks.append)
    slices = _slices(source, checkpoint, readers, ranks, fit=fit, first=state.end)
    take = Taker(checkpoint, layout, precision, source, ranks)
    saved = shown = time.monotonic()
    try:
        for images in slices:
            while remarks:
                yield Note(remarks.pop())
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
                yield Partial(atlas_of(state, layout, header, source))
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
    atlas = atlas_of(state, layout, header, source)
    if path is not None and keep:
        with suppress(OSError):
            os.unlink(path)
    yield Finished(atlas)


def _without_kernels(device: torch.device) -> Iterator[Note]:
    """Say so if a GPU's own kernels do not work: the index is then the same, later."""
    if device.type == "cuda" and kernels_for(device) is None:
        why = unusable(device) or "those of the index do not work here"
        yield Note(f"indexing is slower than this GPU can be, without its own kernels: {why}")


def _readers(
    source: Source,
    device: torch.device,
    ranks: Ranks,
    ahead: int,
    workers: int | None,
    *,
    tell: Callable[[str], object],
) -> Readers:
    """Choose between threads and processes; ``workers`` is as in ``build_atlas``."""
    count = workers or usual_workers(ranks.local_size)
    if device.type == "cuda":
        ahead = max(ahead, slice_size(device))  # reading goes on while a slice is put together
    own = len(source) // ranks.size
    processes = workers != 0 and processes_pay(source, own, workers=count, device=device.type)
    return Readers(ahead, count, processes, tell)


def _slices(
    source: Source, checkpoint: Checkpoint, readers: Readers, ranks: Ranks, *, fit: Fit, first: int
) -> Generator[Slice, None, None]:
    convention, size = checkpoint.metadata.input, slice_size(checkpoint.net.device)
    how: dict[str, Any] = {"fit": fit, "first": first, "size": size}
    if ranks.many:
        return read_rounds(source, convention, readers, ranks, **how)
    if isinstance(source, Squares) and (crops := source.crops(convention, fit)) is not None:
        return cut_slices(crops, first=first, size=size)
    return read_slices(source, convention, readers, **how)
