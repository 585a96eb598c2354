"""The atlas's pass against the bare forward pass and the decoder, where its time goes, what more images cost.

The bare forward pass is the fastest that we know: ready normalised tensors, channels-last, inference
mode, the fast normalisation, ReLUs in place on the convolutions' own output (on a GPU, if it is faster, the
training's kernels for both), and the fastest of several batch sizes. It keeps nothing. Both compute in exact
float32.

On a GPU the pass over squares that lie there already is held against it. From JPEG files the pass is held
against reading them alone, as it does and in threads: decoding and cropping is what limits it.
"""

from __future__ import annotations

import io
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from benchmarks.host import Host, waiting
from benchmarks.material import HeldImages, Material, Options, forward_multiplications
from benchmarks.measure import Timing, Work, alternate, begin_peak, once, peak_memory
from benchmarks.report import Remark, Row
from zfexplore.atlas.build import build_atlas
from zfexplore.atlas.maxima import Layout, image_maxima
from zfexplore.atlas.reading import Readers, read_slices
from zfexplore.atlas.taking import slice_size
from zfexplore.convention import InputConvention
from zfexplore.images.open import open_images
from zfexplore.images.photographs import Photographs
from zfexplore.images.sources import Picture, Source
from zfexplore.images.squares import Squares
from zfexplore.images.transforms import normaliser, prepare_large
from zfexplore.images.workers import processes_pay
from zfexplore.nets.checkpoint import Checkpoint, Metadata
from zfexplore.nets.device import exact_arithmetic
from zfexplore.nets.fused import Fused, unusable
from zfexplore.nets.steps import run_step
from zfexplore.nets.trunk import Trunk
from zfexplore.nets.zfnet import ZFNet
from zfexplore.progress import finish

IMAGES = {"cpu": {False: 240, True: 24}, "cuda": {False: 4096, True: 256}}  # by quick; whole slices, batches
ROUNDS = 5  # how often a GPU goes over them: what comes once a pass (0.1 s) is little of 20,480 images
BATCHES = {"cpu": (4, 6, 8, 12, 24), "cuda": (64, 128, 256, 512)}
GOAL = {"cpu": 0.95, "cuda": 0.9}
# On a GPU, 100,000 images of the tiny net take 11 s, in which Pillow and Python are measured.
GROWTH = {
    "cpu": {False: (1_000, 10_000, 100_000), True: (100, 1_000)},
    "cuda": {False: (1_000, 20_000), True: (100, 1_000)},
}
TINY_SIZE, TINY_PICTURES = 32, 64
THREADS = min(os.cpu_count() or 1, 16)  # the pass reads with as many
FILES = {False: 2048, True: 256}  # JPEG files, by quick
PICTURE, QUALITY = (500, 375), 95  # of a file: what most of ImageNet's measure
IMAGENET, MINUTES = 1_281_167, 10

# A work's row: its name, the work, its goal against the bare forward, a note.
Measured = tuple[str, Work, float | None, str]


def rows(options: Options, host: Host) -> Iterator[Row | Remark]:
    """Measure the pass, its parts, and its growth."""
    material = Material(options)
    yield from _against_forward(material, host)
    if options.device.type == "cuda":
        yield from _from_files(material)
    yield from _growth(material)


def _against_forward(material: Material, host: Host) -> Iterator[Row | Remark]:
    options, kind = material.options, material.options.device.type
    count, slice_ = IMAGES[kind][options.quick], slice_size(options.device)
    size, fused = _fastest_batch(material, [size for size in BATCHES[kind] if size <= count])
    whole = [material.batch(_numbers(material, start, size)) for start in range(0, count, size)]
    batches = [batch.contiguous(memory_format=torch.channels_last) for batch in whole]
    floor = host.floor(count * forward_multiplications(material.trunk, material.size)) / count
    least = f"operations alone: {1 / floor:.0f} images/s"
    if kind == "cuda":
        batches, count = batches * ROUNDS, count * ROUNDS
    works = _on_a_gpu if kind == "cuda" else _on_a_cpu
    measured = list(works(material, count, batches, least))
    forward, *timings = alternate(
        _forward_work(material.trunk, batches, fused),
        *(work for _, work, _, _ in measured),
        runs=options.runs if kind == "cpu" else min(options.runs, 3),
        wait=waiting(options.device),
    )
    how = " with the training's kernels" if fused else ""
    yield Remark(f"the bare forward is fastest in batches of {size}{how}; the pass takes {slice_} at once")
    for (name, _, goal, note), timing in zip(measured, timings, strict=True):
        yield Row(name, timing, "bare forward", forward, count, "images", goal=goal, note=note)
    if kind == "cuda":
        yield _imagenet("with the squares on the device", count / timings[0].median)


def _on_a_cpu(material: Material, count: int, batches: list[Tensor], least: str) -> Iterator[Measured]:
    held, sliced = _repeated(material.held, count), _sliced(material, batches)
    weakest = torch.full((_layout(material).channels,), torch.inf, device=material.trunk.device)
    pixels = material.pixels[_numbers(material, 0, count)]
    yield "the pass, images decoded beforehand", _pass_work(material, held), GOAL["cpu"], least
    yield "of it: forward and maxima", _maxima_work(material, sliced, weakest), None, ""
    yield "of it: normalising, laying out", lambda: _normalise_all(material, pixels), None, ""
    yield "of it: cropping, in threads", lambda: _read_all(material, held), None, "beside the forward"
    decoding = f"decoding {material.source.name}, in threads"
    yield decoding, lambda: _decode(material, count), None, "not in the pass above"
    yield "the pass, decoding included", lambda: _decoding_pass(material, count), None, ""


def _on_a_gpu(material: Material, count: int, batches: list[Tensor], least: str) -> Iterator[Measured]:
    convention = material.checkpoint.metadata.input
    few = [prepare_large(picture.image, convention) for picture in material.held.decoded]
    pixels = torch.from_numpy(np.stack(few)).to(material.options.device)
    squares = Squares(pixels[[number % len(few) for number in range(count)]])
    crops = squares.crops(convention, "crop")
    assert crops is not None
    yield "the pass, squares on the device", _pass_work(material, squares), GOAL["cuda"], least
    yield "of it: forward and maxima", _maxima_work(material, _sliced(material, batches), None), None, ""
    yield "of it: normalising the crops", lambda: _normalise_all(material, crops), None, ""


def _from_files(material: Material) -> Iterator[Row | Remark]:
    """Hold the pass over images in memory and over JPEG files against reading them, in threads."""
    count, runs, wait = (
        FILES[material.options.quick],
        min(material.options.runs, 2),
        waiting(material.options.device),
    )
    held = _repeated(material.held, count)
    reading, whole = alternate(
        lambda: _read_all(material, held), _pass_work(material, held), runs=runs, wait=wait
    )
    note = f"cropping in {THREADS} threads"
    yield Row("the pass, images in memory", whole, "cropping alone", reading, count, "images", note=note)
    with tempfile.TemporaryDirectory() as folder:
        kilobytes = _write_files(Path(folder), count)
        files = open_images(folder)
        processes = processes_pay(files, count, workers=THREADS, device=material.options.device.type)
        reading, whole, by_threads = alternate(
            lambda: _read_all(material, files, processes=processes),
            _pass_work(material, files),
            lambda: _read_all(material, files),
            runs=runs,
            wait=wait,
        )
    name = f"the pass, JPEG files of {PICTURE[0]} x {PICTURE[1]}, {kilobytes:.0f} kB each"
    how = "processes" if processes else "threads"
    note = f"reading: Pillow's decoder and cropping in {THREADS} {how}"
    yield Row(name, whole, "reading alone", reading, count, "images", goal=GOAL["cuda"], note=note)
    name, against = f"reading them in {THREADS} threads", f"reading them in {THREADS} {how}"
    yield Row(name, by_threads, against, reading, count, "images")
    yield _imagenet("from such files", count / whole.median)


def _imagenet(how: str, rate: float) -> Remark:
    wanted = IMAGENET / (60 * MINUTES)
    return Remark(
        f"ImageNet's {IMAGENET:,} images in {MINUTES} minutes are {wanted:,.0f} a second: {how}, at "
        f"{rate:,.0f} a second, they take {IMAGENET / rate / 60:.1f} minutes"
    )


def _write_files(folder: Path, count: int) -> float:
    """Write so many photographs as JPEG files, a few of them again and again; give the kilobytes of one."""
    photographs, kept = Photographs(limit=128), []
    for number in range(len(photographs)):
        written = io.BytesIO()
        photographs[number].image.resize(PICTURE).save(written, "JPEG", quality=QUALITY)
        kept.append(written.getvalue())
    for number in range(count):
        (folder / f"{number:05}.jpg").write_bytes(kept[number % len(kept)])
    return sum(map(len, kept)) / len(kept) / 1000


def _pass_work(material: Material, source: Source) -> Callable[[], None]:
    return lambda: _drop(finish(build_atlas(material.checkpoint, source)))


def _layout(material: Material) -> Layout:
    return Layout.of(material.trunk, material.trunk.watched, material.size[0])


def _sliced(material: Material, batches: list[Tensor]) -> list[Tensor]:
    """Cut batches into those of the pass, or join them; the same batch is not copied twice."""
    size = slice_size(material.options.device)
    if len(batches[0]) >= size:
        return [some for batch in batches for some in batch.split(size)]
    return list(torch.cat(batches).split(size))


def _numbers(material: Material, start: int, count: int) -> list[int]:
    return [(start + step) % len(material.held) for step in range(count)]


def _repeated(held: HeldImages, count: int) -> HeldImages:
    """Give ``count`` images, repeated if there are fewer."""
    return HeldImages.of([held[number % len(held)].image for number in range(count)])


def _fastest_batch(material: Material, sizes: list[int]) -> tuple[int, bool]:
    """Try each size on about the same number of images; give the fastest, and whether it is with kernels."""
    images = material.batch(_numbers(material, 0, max(sizes))).contiguous(memory_format=torch.channels_last)
    ways = [False, True] if _fused(material.trunk) is not None else [False]
    tried = [(size, fused) for fused in ways for size in sizes]
    works = [_forward_work(material.trunk, list(images.split(size)), fused) for size, fused in tried]
    timings = alternate(*works, runs=min(material.options.runs, 3), wait=waiting(material.options.device))
    return tried[min(range(len(tried)), key=lambda number: timings[number].median)]


def _fused(trunk: Trunk) -> Fused | None:
    """Give the net's forward pass with the kernels of the training, where they work."""
    usable = isinstance(trunk.module, ZFNet) and unusable(trunk.device) is None
    return Fused(trunk.module) if usable else None


def _forward_work(trunk: Trunk, batches: list[Tensor], fused: bool) -> Work:
    if fused and (net := _fused(trunk)) is not None:
        return lambda: _run_fused(net, batches)

    def forward() -> None:
        with torch.inference_mode(), exact_arithmetic(trunk.device):
            for batch in batches:
                x, before = batch, ""
                for step in trunk.steps:
                    own = step.kind == "relu" and before in ("conv", "linear")
                    x, before = torch.relu_(x) if own else run_step(step, x), step.kind

    return forward


def _run_fused(net: Fused, batches: list[Tensor]) -> None:
    with torch.inference_mode(), exact_arithmetic(batches[0].device):
        for batch in batches:
            net(batch)


def _maxima_work(material: Material, batches: list[Tensor], weakest: Tensor | None) -> Work:
    """Give the forward pass with its maxima, as late in a pass: hardly any image is still among the best."""
    trunk, layout = material.trunk, _layout(material)

    def forward() -> None:
        with exact_arithmetic(trunk.device):
            for batch in batches:
                image_maxima(trunk, batch, layout, weakest)

    return forward


def _normalise_all(material: Material, pixels: Tensor) -> None:
    device, size = material.options.device, material.size
    normalised = normaliser(material.checkpoint.metadata.input, size, device)
    for some in pixels.split(slice_size(device)):
        normalised(some).contiguous(memory_format=torch.channels_last)


def _read_all(material: Material, source: Source, *, processes: bool = False) -> None:
    size = slice_size(material.options.device)
    readers = Readers(max(32, size), THREADS, processes)
    for _ in read_slices(source, material.checkpoint.metadata.input, readers, fit="crop", first=0, size=size):
        pass


def _decode(material: Material, count: int) -> float:
    """Decode some images, and give the seconds that ``count`` images take at that rate."""
    some = min(count, len(material.source))
    began = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(material.source.__getitem__, range(some)))
    return (time.perf_counter() - began) * count / some


def _decoding_pass(material: Material, count: int) -> float:
    """Make the atlas of some images read from the disk; give seconds as ``_decode`` does."""
    source = open_images(material.options.images, limit=min(count, len(material.source)))
    began = time.perf_counter()
    finish(build_atlas(material.checkpoint, source))
    return (time.perf_counter() - began) * count / len(source)


class Many:
    """A source of many images: a few, repeated, under one name, so that it takes no memory."""

    name = "many"
    classes: tuple[str, ...] = ()

    def __init__(self, count: int) -> None:
        random = np.random.default_rng(0)
        pixels = random.integers(0, 256, (TINY_PICTURES, TINY_SIZE, TINY_SIZE, 3), dtype=np.uint8)
        self._pictures = [Picture(Image.fromarray(some), None, "one") for some in pixels]
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Picture:
        return self._pictures[index % TINY_PICTURES]

    def label(self, index: int) -> int | None:
        """Give None: the images have no class."""
        return None

    def image_name(self, index: int) -> str:
        """Give one name for all: a source's names take its own memory, not the pass's."""
        return "one"

    def fingerprint(self) -> str:
        """Give a text that differs for different numbers of images."""
        return f"many-{self._count}"


def _growth(material: Material) -> Iterator[Row | Remark]:
    """Show that each image costs the same time and memory, however many there are."""
    options = material.options
    counts = GROWTH[options.device.type][options.quick]
    checkpoint = _tiny_checkpoint(options.device)
    finish(build_atlas(checkpoint, Many(counts[0])))
    fewest: Timing | None = None
    for count in counts:
        each, more = _pass_over(checkpoint, Many(count))
        against = "" if fewest is None else f"of {counts[0]:,}"
        yield Row(f"{count:,} images, tiny net: an image", each, against, fewest, note=_megabytes(more))
        fewest = fewest or each
    each, more = _pass_over(material.checkpoint, _repeated(material.held, counts[0]))
    yield Row(f"{counts[0]:,} images, this net: an image", each, note=_megabytes(more))


def _tiny_checkpoint(device: torch.device) -> Checkpoint:
    first = (nn.Conv2d(3, 8, 5, stride=2), nn.ReLU(), nn.MaxPool2d(2))
    net = nn.Sequential(*first, nn.Conv2d(8, 16, 3), nn.ReLU(), nn.MaxPool2d(2))
    net.eval().requires_grad_(False).to(device)
    convention = InputConvention(size=TINY_SIZE, resize=TINY_SIZE)
    return Checkpoint(net, Trunk(net), Metadata("tiny", {}, input=convention))


def _pass_over(checkpoint: Checkpoint, source: Many | HeldImages) -> tuple[Timing, int]:
    """Give the seconds per image, and the bytes by which the process grew at most."""
    before = begin_peak()
    timing = once(lambda: _drop(finish(build_atlas(checkpoint, source))))
    return Timing((timing.median / len(source),)), peak_memory() - before


def _megabytes(more: int) -> str:
    return f"at most {more / 1e6:,.0f} MB more than before"


def _drop(_: object) -> None:
    """Drop the result of a call, so that it can be timed as a ``Work``."""
