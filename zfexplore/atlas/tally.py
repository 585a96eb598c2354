"""What an index has seen so far: the strongest places and the statistics of every channel.

All channels of all watched stages lie end to end on one axis ``c``, so a few tensor operations merge
a batch, on whatever device the maps are. Each image counts only by its maximum in each channel
(ZF section 4.1; Yao section 3). The tally keeps:

- the ``k`` images with the highest maxima, with the place of each; ties go to the earlier image;
- the sum of the maxima, over all images and over each class, in float64 and in the images' order;
- a histogram of the maxima, in integers;
- all maxima on a sample of the images, which tell how alike two channels or two images answer.

However a sequence of images is cut into batches, the result is therefore the same to the last bit.
On a GPU merging asks the device nothing, so that the host can go on with the next batch meanwhile.
The size of a tally depends on the channels and classes, and never grows with more than ``SAMPLE`` images.

The histogram's bins are fixed. Bin 0 counts maxima of zero or less, and bin 1 those above zero and
below 2^-10. The next bins are quarter octaves, up to 2^20, and the last bin counts the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache

import numpy as np
import torch
from torch import Tensor

from zfexplore.atlas.strongest import kernels_for

LOWEST_OCTAVE = -10
HIGHEST_OCTAVE = 20
BINS_AN_OCTAVE = 4
# The lower edges of bins 2, 3, ..., in float32; bin i holds EDGES[i - 2] <= maximum < EDGES[i - 1].
EDGES = np.exp2(
    np.arange(LOWEST_OCTAVE * BINS_AN_OCTAVE, HIGHEST_OCTAVE * BINS_AN_OCTAVE + 1) / BINS_AN_OCTAVE
).astype(np.float32)
BINS = len(EDGES) + 2

NO_IMAGE = -1
NO_LABEL = -1

# Images whose maxima are all kept. A correlation r over so many is off by about (1 - r^2) / 32.
SAMPLE = 1024


@dataclass
class Tally:
    """The running result for ``c`` channels; ``empty`` makes one and ``merge`` adds images.

    A channel's row of ``value`` is descending. If fewer than ``k`` images were seen, it ends in -inf,
    with ``image`` -1. ``place`` is row * width + column on the stage's map.
    """

    value: Tensor  # [c, k] float32
    image: Tensor  # [c, k] int64
    place: Tensor  # [c, k] int64
    total: Tensor  # [c] float64
    histogram: Tensor  # [c, BINS] int64
    class_total: Tensor  # [classes, c] float64
    class_seen: Tensor  # [classes] int64
    seen: Tensor  # [1] int64, how many images
    sample: Tensor  # [s] int64 on the CPU, the numbers of the images in the sample, ascending
    response: Tensor  # [s, c] float32, their maxima; NaN before an image is read

    @classmethod
    def empty(
        cls, channels: int, *, k: int, classes: int, images: int = 0, device: torch.device | str = "cpu"
    ) -> Tally:
        """Make the tally of no image at all; the sample is spread evenly over so many ``images``."""

        def zeros(*shape: int, dtype: torch.dtype = torch.int64) -> Tensor:
            return torch.zeros(shape, dtype=dtype, device=device)

        spread = np.linspace(0, max(images - 1, 0), min(images, SAMPLE)).round().astype(np.int64)
        return cls(
            value=torch.full((channels, k), float("-inf"), dtype=torch.float32, device=device),
            image=torch.full((channels, k), NO_IMAGE, dtype=torch.int64, device=device),
            place=zeros(channels, k),
            total=zeros(channels, dtype=torch.float64),
            histogram=zeros(channels, BINS),
            class_total=zeros(classes, channels, dtype=torch.float64),
            class_seen=zeros(classes),
            seen=zeros(1),
            sample=torch.from_numpy(spread),
            response=torch.full((len(spread), channels), float("nan"), dtype=torch.float32, device=device),
        )

    @property
    def weakest(self) -> Tensor:
        """The weakest maximum kept, ``[c]``: a place is needed only for maxima above it.

        A new maximum that ties with it loses, because its image comes later.
        """
        return self.value[:, -1]

    def merge(self, maxima: Tensor, places: Tensor, numbers: Sequence[int], labels: Sequence[int]) -> None:
        """Add the next images: ``maxima [n, c]`` float32, ``places [n, c]``, and their ``n`` numbers.

        Images come in ascending order, over all calls. ``labels`` has one class number per image, or
        ``NO_LABEL``. Maxima must be finite; ``places`` is read only for those above ``weakest``.
        """
        if (kernels := kernels_for(maxima.device)) is not None:
            best, sums = (self.value, self.image, self.place), (self.total, self.class_total, self.histogram)
            told = upload([list(numbers), list(labels)], maxima.device)
            kernels.merge(best, sums, maxima, places, told, LOWEST_OCTAVE)
        else:
            self._merge_best(maxima, places, upload(numbers, maxima.device))
            self._count(maxima)
            self._add(maxima.double(), labels)
        self.seen += len(maxima)
        known = [label for label in labels if label != NO_LABEL]
        if known:
            counts = np.bincount(known, minlength=len(self.class_seen))
            self.class_seen += upload(counts.tolist(), maxima.device)
        for row, number in enumerate(numbers):
            if (kept := self._row_of.get(number)) is not None:
                self.response[kept] = maxima[row]

    def arrays(self) -> dict[str, np.ndarray]:
        """Give a copy of everything as numpy arrays by name, as ``from_arrays`` takes it."""
        return {field.name: getattr(self, field.name).cpu().numpy().copy() for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray], device: torch.device | str = "cpu") -> Tally:
        """Read what ``arrays`` gave; raises KeyError if a part is missing."""
        tensors = {field.name: torch.tensor(arrays[field.name]) for field in fields(cls)}
        on_device = {name: tensor.to(device) for name, tensor in tensors.items() if name != "sample"}
        return cls(**on_device, sample=tensors["sample"])

    @cached_property
    def _row_of(self) -> dict[int, int]:
        """The row in ``response`` of each image of the sample, by its number."""
        return {number: row for row, number in enumerate(self.sample.tolist())}

    def _merge_best(self, maxima: Tensor, places: Tensor, images: Tensor) -> None:
        if maxima.device.type != "cpu":  # which channels change is on the device: all are taken
            self._take_best(slice(None), maxima.T, images, places.T)
            return
        changed = (maxima > self.weakest).any(dim=0).nonzero().squeeze(1)  # [m] channels
        if len(changed):
            self._take_best(changed, maxima[:, changed].T, images, places[:, changed].T)

    def _take_best(self, channels: Tensor | slice, maxima: Tensor, images: Tensor, places: Tensor) -> None:
        """Merge ``maxima [m, n]`` and ``places [m, n]`` of some ``channels`` into their rows."""
        value = torch.cat([self.value[channels], maxima], dim=1)  # [m, k + n]
        image = torch.cat([self.image[channels], images.expand(len(maxima), -1)], dim=1)
        place = torch.cat([self.place[channels], places], dim=1)
        # A stable order keeps the earlier image first among equals.
        order = value.sort(dim=1, descending=True, stable=True).indices[:, : self.value.shape[1]]
        self.value[channels] = value.gather(1, order)
        self.image[channels] = image.gather(1, order)
        self.place[channels] = place.gather(1, order)

    def _count(self, maxima: Tensor) -> None:
        bins = bins_of(maxima)  # [n, c]
        first = torch.arange(maxima.shape[1], device=maxima.device) * BINS
        flat = (first + bins).flatten()
        self.histogram.view(-1).scatter_add_(0, flat, torch.ones_like(flat))

    def _add(self, maxima: Tensor, labels: Sequence[int]) -> None:
        self.total.copy_(_sum_in_order(self.total, maxima))
        for row, label in enumerate(labels):
            if label != NO_LABEL:
                self.class_total[label] += maxima[row]


def bins_of(maxima: Tensor) -> Tensor:
    """Give the histogram bin of each maximum, int64 of the same shape."""
    return (torch.bucketize(maxima, _edges(maxima.device), right=True) + 1) * (maxima > 0)


def upload(numbers: Sequence[int] | Sequence[Sequence[int]], device: torch.device) -> Tensor:
    """Give whole numbers, or rows of them, as an int64 tensor on ``device``, without waiting for it.

    From ordinary memory a GPU is given data only when it has done all that it was told before.
    """
    pinned = device.type == "cuda" and torch.cuda.is_available()
    there = torch.tensor(numbers, dtype=torch.int64, pin_memory=pinned)
    return there.to(device, non_blocking=True)


@lru_cache
def _edges(device: torch.device) -> Tensor:
    return torch.from_numpy(EDGES).to(device)


def _sum_in_order(start: Tensor, rows: Tensor) -> Tensor:
    """Add ``rows [n, c]`` to ``start [c]`` one after another.

    A cumulative sum adds strictly in order, whereas ``sum`` may pair terms, depending on the batch size.
    """
    return torch.cat([start[None], rows]).cumsum(dim=0)[-1]
