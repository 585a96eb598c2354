"""Images decoded already, as one tensor: on a GPU the atlas's pass then reads them where they lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from zfexplore.arguments import shown
from zfexplore.choices import Fit
from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.images.listed import ListedSource

if TYPE_CHECKING:
    from torch import Tensor


class Squares(ListedSource):
    """Images as ``pixels``, uint8 ``[n, side, side, 3]``, RGB, on any device: a source like any other.

    Each is an image's centre square, as ``prepare_large`` gives it. A net that resizes images to ``side``
    takes its crops from the tensor itself. For any other net, and for pictures to look at, an image is
    copied from the device and goes the way of all images.

    ``names`` are by default the images' numbers, and ``labels`` index ``classes``. Raises ExploreError for
    pixels of another form, and where there is not one name and label for each image.
    """

    def __init__(
        self,
        pixels: Tensor,
        names: Sequence[str] | None = None,
        labels: Sequence[int | None] | None = None,
        classes: Sequence[str] = (),
        name: str = "squares",
    ) -> None:
        import torch

        fits = isinstance(pixels, torch.Tensor) and pixels.dtype == torch.uint8 and pixels.ndim == 4
        if not fits or pixels.shape[1] != pixels.shape[2] or pixels.shape[3] != 3 or not len(pixels):
            form = f"{pixels.dtype} {list(pixels.shape)}" if hasattr(pixels, "dtype") else shown(pixels)
            raise ExploreError(f"squares are a tensor of torch.uint8 [n, side, side, 3], not {form}")
        count = len(pixels)
        names = [str(number) for number in range(count)] if names is None else names
        labels = [None] * count if labels is None else labels
        if {len(names), len(labels)} != {count}:
            raise ExploreError(f"{count} squares come with {len(names)} names and {len(labels)} labels")
        super().__init__(name, names, labels, classes)
        self.pixels = pixels

    def crops(self, convention: InputConvention, fit: Fit) -> Tensor | None:
        """Give what a net sees of the images, ``[n, size, size, 3]``, a part of ``pixels``.

        None where a crop of the squares is not what ``prepare`` gives.
        """
        from zfexplore.images.transforms import crop_offset

        if fit != "crop" or convention.channels != 3 or self.pixels.shape[1] != convention.resize:
            return None
        seen = slice(start := crop_offset(convention), start + convention.size)
        return self.pixels[:, seen, seen]

    def _decode(self, index: int) -> Image.Image:
        return Image.fromarray(self.pixels[index].cpu().numpy())

    def _contents(self) -> Iterator[str]:
        """Hash each image where it lies: two sums of its words of 32 bits, each word by a weight of its own.

        A sum's upper 32 bits tell any two images apart but for one pair in four billion.
        """
        import torch
        import torch.nn.functional as F

        for some in self.pixels.split(256):
            flat = some.flatten(1)
            words = F.pad(flat, (0, -flat.shape[1] % 4)).view(torch.int32).long()  # [m, w]
            weights = torch.from_numpy(_weights(words.shape[1])).to(words.device)  # [2, w]
            for sums in torch.stack([(words * own).sum(dim=1) for own in weights], dim=1).tolist():
                yield " ".join(str(one >> 32) for one in sums)


@lru_cache(maxsize=2)
def _weights(count: int) -> np.ndarray:
    """Give fixed numbers of 64 bits, int64 ``[2, count]``, as SplitMix64 makes them; they wrap by intent."""
    bits = np.arange(1, 2 * count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (bits ^ (bits >> np.uint64(31))).view(np.int64).reshape(2, count)
