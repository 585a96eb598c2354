"""A slice of images, taken into the state of a pass: forward, look up the places of the new maxima, merge."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from zfexplore.atlas.feeding import Faults, Feeder
from zfexplore.atlas.maxima import Layout, image_maxima
from zfexplore.atlas.reading import Slice
from zfexplore.atlas.state import State
from zfexplore.atlas.tally import NO_LABEL, upload
from zfexplore.choices import Precision
from zfexplore.errors import ExploreError
from zfexplore.images.sources import Source
from zfexplore.images.transforms import normaliser
from zfexplore.nets.checkpoint import Checkpoint
from zfexplore.nets.device import exact_arithmetic
from zfexplore.nets.ranks import Ranks

# Images per forward pass. On a CPU, 6: with more, the largest map (ZFNet's conv1, 4.6 MB per image) exceeds
# the 32 MB up to which glibc keeps freed memory at hand; with fewer, fc6's weights are read too often.
# On a GPU, where ZFNet runs fastest; a card of less memory than ROOMY takes fewer.
SLICE = {"cpu": 6, "cuda": 256}
SMALL_SLICE, ROOMY = 64, 40 << 30
# After how many slices the device is asked whether an activation was no number; a CPU has the answer ready.
SLICES_BETWEEN_CHECKS = {"cpu": 1, "cuda": 16}


def slice_size(device: torch.device) -> int:
    """Give how many images a slice has on ``device``."""
    if device.type != "cuda" or not torch.cuda.is_available():
        return SLICE[device.type]
    return SLICE["cuda"] if torch.cuda.get_device_properties(device).total_memory >= ROOMY else SMALL_SLICE


class Taker:
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

    def __call__(self, state: State, images: Slice) -> None:
        """Merge what a slice has into ``state``; raises ExploreError if an activation is not finite."""
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

    def check(self, state: State) -> None:
        """Raise ExploreError if an activation merged so far was no number; the state is then spoilt."""
        if self._unchecked:
            self._ask(state)

    def _ask(self, state: State) -> None:
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
