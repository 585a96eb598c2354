"""What an atlas knows about one stage: arrays over its channels, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Place:
    """One of a channel's strongest places: image number ``image`` of the source, row ``y``, column ``x``."""

    rank: int
    value: float
    image: int
    name: str
    label: int | None
    y: int
    x: int


@dataclass(frozen=True, eq=False)
class StageRecord:
    """All ``c`` channels of one stage; every image counts by its maximum in the channel.

    The strongest places: ``value [c, k]`` float32, descending; ``image [c, k]`` int64, the number in the
    source; ``y`` and ``x`` ``[c, k]`` int32, row and column on the stage's map (0, 0 for fc stages). With
    fewer than k images, a row ends in value -inf and image -1.

    Over all image maxima: ``mean [c]`` float64; ``share_firing [c]`` float64, the share above zero;
    ``histogram [c, bins]`` int64, with the bins of ``tally.EDGES``; ``class_mean [c, classes]`` float32,
    NaN for a class without images, and None if the images have no labels.

    ``response [c, s]`` float16: the maxima on the images of ``Atlas.sample``, divided by the channel's
    largest of them in size. None in an atlas of an older version.

    ``map_size`` is (height, width).
    """

    name: str
    kind: str
    map_size: tuple[int, int]
    value: np.ndarray
    image: np.ndarray
    y: np.ndarray
    x: np.ndarray
    mean: np.ndarray
    share_firing: np.ndarray
    histogram: np.ndarray
    class_mean: np.ndarray | None = None
    response: np.ndarray | None = None

    @property
    def channels(self) -> int:
        """The number of channels."""
        return len(self.value)

    @property
    def max(self) -> np.ndarray:
        """The strongest activation of each channel over all images, ``[c]``."""
        return self.value[:, 0]

    @property
    def dead(self) -> np.ndarray:
        """Which channels fired on no image, bool ``[c]``."""
        return self.max <= 0

    @property
    def rarity(self) -> np.ndarray:
        """The share of images on which the channel does not fire, ``[c]``."""
        return 1.0 - self.share_firing

    @cached_property
    def selectivity(self) -> np.ndarray | None:
        """(best class mean - mean of the other classes' means) / their sum, ``[c]``, in [0, 1].

        None unless at least two classes have images. The means of logits may be negative, so the
        quotient is clipped to 1, and it is 0 if the sum is not positive.
        """
        if self.class_mean is None or self.best_class is None:
            return None
        means = self.class_mean.astype(np.float64)
        best = np.nanmax(means, axis=1)
        others = (np.nansum(means, axis=1) - best) / ((~np.isnan(means[0])).sum() - 1)
        total = best + others
        quotient = np.divide(best - others, total, out=np.zeros_like(total), where=total > 0)
        return np.clip(quotient, 0.0, 1.0)

    @cached_property
    def best_class(self) -> np.ndarray | None:
        """The class with the highest mean, ``[c]``; None unless at least two classes have images."""
        if self.class_mean is None or (~np.isnan(self.class_mean[0])).sum() < 2:
            return None
        return np.nanargmax(self.class_mean, axis=1)

    def described(self) -> dict[str, Any]:
        """Give everything that is not an array, as plain values."""
        return {"name": self.name, "kind": self.kind, "map_size": list(self.map_size)}

    def arrays(self) -> dict[str, np.ndarray]:
        """Give the arrays by their names in a file, such as ``conv5.value``."""
        parts = {part: getattr(self, part) for part in (*_DTYPES, *_OPTIONAL)}
        return {f"{self.name}.{part}": array for part, array in parts.items() if array is not None}

    @classmethod
    def from_arrays(
        cls, described: dict[str, Any], arrays: dict[str, np.ndarray], *,
        k: int, images: int, classes: int, sample: int = 0,
    ) -> StageRecord:  # fmt: skip
        """Read what ``described`` and ``arrays`` gave, for ``k`` places, and so many images and classes.

        ``sample`` is the number of images in the sample.

        Raises KeyError, TypeError or ValueError if parts are missing or do not fit.
        """
        name = str(described["name"])
        height, width = (int(length) for length in described["map_size"])
        parts = {part: arrays[f"{name}.{part}"] for part in _DTYPES}
        class_mean, response = (arrays.get(f"{name}.{part}") for part in _OPTIONAL)
        channels, bins = parts["histogram"].shape
        shapes = {"mean": (channels,), "share_firing": (channels,), "histogram": (channels, bins)}
        for part, array in parts.items():
            if array.dtype != _DTYPES[part] or array.shape != shapes.get(part, (channels, k)):
                raise ValueError(f"{name}.{part} is {array.dtype} {array.shape}")
        for part, lowest, end in (("image", -1, images), ("y", 0, height), ("x", 0, width)):
            if not ((parts[part] >= lowest) & (parts[part] < end)).all():
                raise ValueError(f"{name}.{part} points outside")
        if class_mean is not None and class_mean.shape != (channels, classes):
            raise ValueError(f"{name}.class_mean is {class_mean.shape}")
        if response is not None and (response.dtype != np.float16 or response.shape != (channels, sample)):
            raise ValueError(f"{name}.response is {response.dtype} {response.shape}")
        if response is not None and not (np.abs(response) <= 1).all():
            raise ValueError(f"{name}.response is not within -1 and 1")
        return cls(
            name, str(described["kind"]), (height, width), **parts, class_mean=class_mean, response=response
        )


_OPTIONAL = ("class_mean", "response")
_DTYPES: dict[str, type[np.generic]] = {
    "value": np.float32,
    "image": np.int64,
    "y": np.int32,
    "x": np.int32,
    "mean": np.float64,
    "share_firing": np.float64,
    "histogram": np.int64,
}
