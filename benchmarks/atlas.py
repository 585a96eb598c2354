"""The atlas's pass against the bare forward pass, where its time goes, and what more images cost.

The bare forward pass is the fastest that we know: ready normalised tensors, channels-last, inference
mode, the fast normalisation, ReLUs in place on the convolutions' own output, and the fastest of several
batch sizes. It keeps nothing. Both compute in exact float32.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from benchmarks.host import Host, waiting
from benchmarks.material import HeldImages, Material, Options, forward_multiplications
from benchmarks.measure import Timing, Work, alternate, begin_peak, once, peak_memory
from benchmarks.report import Remark, Row
from zfexplore.atlas.build import SLICE, build_atlas
from zfexplore.atlas.maxima import Layout, image_maxima
from zfexplore.atlas.reading import read_slices
from zfexplore.convention import InputConvention
from zfexplore.images.open import open_images
from zfexplore.images.sources import Picture
from zfexplore.images.transforms import normalise
from zfexplore.nets.checkpoint import Checkpoint, Metadata
from zfexplore.nets.device import exact_arithmetic
from zfexplore.nets.steps import run_step
from zfexplore.nets.trunk import Trunk
from zfexplore.progress import finish

IMAGES = {"cpu": {False: 240, True: 24}, "cuda": {False: 4096, True: 256}}  # by quick; whole slices, batches
BATCHES = {"cpu": (4, 6, 8, 12, 24), "cuda": (64, 128, 256)}
GOAL = 0.95
GROWTH = {False: (1_000, 10_000, 100_000), True: (100, 1_000)}
TINY_SIZE, TINY_PICTURES = 32, 64
THREADS = min(os.cpu_count() or 1, 16)  # the pass reads with as many


def rows(options: Options, host: Host) -> Iterator[Row | Remark]:
    """Measure the pass, its parts, and its growth."""
    material = Material(options)
    yield from _against_forward(material, host)
    yield from _growth(material)


def _against_forward(material: Material, host: Host) -> Iterator[Row | Remark]:
    options, kind = material.options, material.options.device.type
    count, slice_ = IMAGES[kind][options.quick], SLICE[kind]
    held = _repeated(material.held, count)
    size = _fastest_batch(material, [size for size in BATCHES[kind] if size <= count])
    whole = [material.batch(_numbers(material, start, size)) for start in range(0, count, size)]
    batches = [batch.contiguous(memory_format=torch.channels_last) for batch in whole]
    sliced = [some for batch in batches for some in batch.split(slice_)]
    works = [
        lambda: _drop(finish(build_atlas(material.checkpoint, held))),
        _forward_work(material.trunk, batches),
        _maxima_work(material, sliced),
        lambda: _normalise_all(material, count, slice_),
        lambda: _read_all(material, held),
        lambda: _decode(material, count),
        lambda: _decoding_pass(material, count),
    ]
    timings = alternate(*works, runs=options.runs, wait=waiting(options.device))
    atlas, forward, maxima, normalising, reading, decoding, whole_pass = timings
    per_image = forward_multiplications(material.trunk, material.size)
    floor = host.floor(count * per_image) / count

    def row(name: str, ours: Timing, *, goal: float | None = None, note: str = "") -> Row:
        return Row(name, ours, "bare forward", forward, count, "images", goal=goal, note=note)

    yield Remark(f"the bare forward is fastest in batches of {size}; the pass takes {slice_} at once")
    least = f"operations alone: {1 / floor:.0f} images/s"
    yield row("the pass, images decoded beforehand", atlas, goal=GOAL, note=least)
    yield row("of it: forward and maxima", maxima)
    yield row("of it: normalising, laying out", normalising)
    yield row("of it: cropping, in threads", reading, note="beside the forward")
    yield row(f"decoding {material.source.name}, in threads", decoding, note="not in the pass above")
    yield row("the pass, decoding included", whole_pass)


def _numbers(material: Material, start: int, count: int) -> list[int]:
    return [(start + step) % len(material.held) for step in range(count)]


def _repeated(held: HeldImages, count: int) -> HeldImages:
    """Give ``count`` images, repeated if there are fewer."""
    return HeldImages.of([held[number % len(held)].image for number in range(count)])


def _fastest_batch(material: Material, sizes: list[int]) -> int:
    """Try each size on about the same number of images, and give the fastest."""
    images = material.batch(_numbers(material, 0, max(sizes))).contiguous(memory_format=torch.channels_last)
    works = [_forward_work(material.trunk, list(images.split(size))) for size in sizes]
    timings = alternate(*works, runs=min(material.options.runs, 3), wait=waiting(material.options.device))
    return sizes[min(range(len(sizes)), key=lambda number: timings[number].median)]


def _forward_work(trunk: Trunk, batches: list[Tensor]) -> Work:
    def forward() -> None:
        with torch.inference_mode(), exact_arithmetic(trunk.device):
            for batch in batches:
                x, before = batch, ""
                for step in trunk.steps:
                    own = step.kind == "relu" and before in ("conv", "linear")
                    x, before = torch.relu_(x) if own else run_step(step, x), step.kind

    return forward


def _maxima_work(material: Material, batches: list[Tensor]) -> Work:
    """Give the forward pass with its maxima, as late in a pass: hardly any image is still among the best."""
    trunk = material.trunk
    layout = Layout.of(trunk, trunk.watched, material.size[0])
    weakest = torch.full((layout.channels,), torch.inf, device=trunk.device)

    def forward() -> None:
        with exact_arithmetic(trunk.device):
            for batch in batches:
                image_maxima(trunk, batch, layout, weakest)

    return forward


def _normalise_all(material: Material, count: int, size: int) -> None:
    device, convention = material.options.device, material.checkpoint.metadata.input
    for start in range(0, count, size):
        pixels = material.pixels[_numbers(material, start, size)].to(device)
        normalise(pixels, convention).contiguous(memory_format=torch.channels_last)


def _read_all(material: Material, source: HeldImages) -> None:
    slices = read_slices(
        source,
        material.checkpoint.metadata.input,
        fit="crop",
        first=0,
        size=SLICE[material.options.device.type],
        ahead=32,
        workers=THREADS,
    )
    for _ in slices:
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
    options, counts = material.options, GROWTH[material.options.quick]
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
