"""From a source to the net's input: the squares of an input size, their mean and their spread.

The paper crops 224 pixels out of 256, and every other size keeps that proportion. So a net that
starts on small images sees the same part of each image throughout.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch

from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.images.sources import Source
from zfexplore.nets.ranks import ALONE, Ranks
from zfexplore.progress import Meter, Note, Skipped
from zfexplore.training.data import Decoded, Squares, Streamed, decode, fits_in_memory, in_batches
from zfexplore.training.recipe import Recipe

IMAGES_TO_MEASURE = 2048  # enough for a mean per colour; a mean image takes them all


def at_size(convention: InputConvention, size: int) -> InputConvention:
    """Give the convention for inputs of ``size`` pixels, cropped from squares of size * 256 / 224."""
    return replace(convention, size=size, resize=round(size * 256 / 224))


class Images:
    """The training or the held-out images as decoded squares, at every size of a training.

    The largest squares are decoded once, if they and the smaller ones fit in memory together, and the
    smaller ones are made from them. ``what`` the images are is for the reader. Each of several ranks decodes
    a part and then holds all; the ranks of a machine share its memory.
    """

    def __init__(
        self,
        source: Source,
        indices: Sequence[int],
        largest: InputConvention,
        *,
        workers: int,
        what: str,
        ranks: Ranks = ALONE,
    ) -> None:
        self._source, self._indices, self._largest = source, indices, largest
        self._workers, self._what, self._ranks = workers, what, ranks
        self._whole: Decoded | None = None

    def at(self, convention: InputConvention) -> Generator[Any, None, Squares]:
        """Give the squares of a size: held in memory if they fit, otherwise decoded when needed.

        Raises WorkerFailed.
        """
        count, is_smaller = len(self._indices), convention.resize < self._largest.resize
        together = (self._largest, convention) if is_smaller else (self._largest,)
        if self._whole is None and self._fit(count, *together):
            self._whole = yield from self._decoded(self._largest)
        if self._whole is not None:
            if not is_smaller:
                return self._whole
            task = f"making {self._what} images of {convention.resize} px"
            return (yield from _decoded_last(self._whole.smaller(convention.resize, task=task)))
        if self._fit(count, convention):
            return (yield from self._decoded(convention))
        yield Note(f"{count:,} {self._what} images do not fit in memory: decoding them anew every epoch")
        return Streamed(self._source, convention, self._workers, self._largest)

    def _fit(self, count: int, *conventions: InputConvention) -> bool:
        return self._ranks.all(fits_in_memory(count, *conventions, share=0.5 / self._ranks.local_size))

    def _decoded(self, convention: InputConvention) -> Generator[Any, None, Decoded]:
        task = f"decoding {self._what} images at {convention.resize} px"
        events = decode(
            self._source,
            self._ranks.part(self._indices),
            convention,
            workers=self._workers,
            task=task,
            largest=self._largest,
            once=not self._ranks.many,
        )
        if not self._ranks.many:
            return (yield from _decoded_last(events))
        skipped: list[Skipped] = []
        own = yield from _decoded_last(_noting(events, skipped))
        for number, theirs in enumerate(self._ranks.gather(skipped)):
            if number != self._ranks.rank:
                yield from theirs
        return own.with_those_of(self._ranks)


def _noting(events: Iterator[Any], skipped: list[Skipped]) -> Iterator[Any]:
    """Pass events on, and note which images are skipped."""
    for event in events:
        if isinstance(event, Skipped):
            skipped.append(event)
        yield event


def _decoded_last(events: Iterator[Any]) -> Generator[Any, None, Decoded]:
    """Pass events on, and return the squares that come last."""
    for event in events:
        if isinstance(event, Decoded):
            return event
        yield event
    raise AssertionError("this ends with decoded squares")


def measure_input(
    recipe: Recipe,
    squares: Squares,
    order: Sequence[int],
    convention: InputConvention,
    ranks: Ranks = ALONE,
) -> Generator[Any, None, InputConvention]:
    """Give the convention with the mean of the images, and their spread if the recipe asks for one.

    ``order`` is that of an epoch, so its beginning is a fair sample. Raises ExploreError if no image can
    be read.
    """
    order = order if recipe.mean == "pixel" else order[:IMAGES_TO_MEASURE]
    dealt = ranks.dealt(in_batches(order, 64))
    meter = Meter("measuring the images' mean", len(order))
    side = convention.resize
    total = torch.zeros(side, side, 3, dtype=torch.float64)
    of_squares = torch.zeros(3, dtype=torch.float64)
    count = 0
    for (wanted, _), batch in zip(dealt, squares.batches([own for _, own in dealt]), strict=True):
        values = batch.pixels.double()  # [n, side, side, 3]
        total += values.sum(0)
        of_squares += values.square().sum((0, 1, 2))
        count += len(batch)
        if event := meter.tick(wanted):
            yield event
    # Sums of whole numbers below 2^53: they are exact in any order.
    ranks.add(total)
    ranks.add(of_squares)
    count = int(ranks.add(torch.tensor(count)))
    if count == 0:
        raise ExploreError("none of the training images can be read")
    to_scale = recipe.scale / 255
    colour = total.mean((0, 1)) / count  # [3], of 255
    variance = (of_squares / (count * side * side) - colour.square()).mean()
    std = 1.0
    if recipe.spread is not None:
        std = float(variance.clamp(min=1.0).sqrt()) * to_scale / recipe.spread
    red, green, blue = (colour * to_scale).tolist()
    image = None
    if recipe.mean == "pixel":
        image = (total / count * to_scale).permute(2, 0, 1).float().contiguous()  # [3, side, side]
    return replace(convention, mean=(red, green, blue), std=(std, std, std), mean_image=image)
