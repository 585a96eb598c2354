"""What an atlas knows about one stage: arrays over its channels, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from zfexplore.atlas.striking import striking
from zfexplore.plain import entry, listed, text, whole


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

    @cached_property
    def striking(self) -> np.ndarray | None:
        """How much each channel is worth a look, ``[c]`` in [0, 1]; ``atlas.striking`` says by what.

        None in an atlas of an older version.
        """
        return None if self.response is None else striking(self.response)

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

        Raises ValueError if parts are missing or do not fit.
        """
        name, (height, width) = text(described, "name"), _map_size(described)
        parts: dict[str, np.ndarray] = {part: entry(arrays, f"{name}.{part}") for part in _DTYPES}
        class_mean, response = (arrays.get(f"{name}.{part}") for part in _OPTIONAL)
        channels, bins = parts["histogram"].shape
        if channels < 1:
            raise ValueError(f"{name} has no channels")
        shapes = {"mean": (channels,), "share_firing": (channels,), "histogram": (channels, bins)}
        for part, array in parts.items():
            if array.dtype != _DTYPES[part] or array.shape != shapes.get(part, (channels, k)):
                raise ValueError(f"{name}.{part} is {array.dtype} {array.shape}")
        for part, lowest, end in (("image", -1, images), ("y", 0, height), ("x", 0, width)):
            if not ((parts[part] >= lowest) & (parts[part] < end)).all():
                raise ValueError(f"{name}.{part} points outside")
        _check_places(name, parts["value"], parts["image"])
        if not (np.isfinite(parts["mean"]).all() and (parts["histogram"] >= 0).all()):
            raise ValueError(f"{name}.mean or {name}.histogram is not what maxima can have")
        if not ((parts["share_firing"] >= 0) & (parts["share_firing"] <= 1)).all():
            raise ValueError(f"{name}.share_firing is not within 0 and 1")
        if class_mean is not None and (
            class_mean.dtype != np.float32
            or class_mean.shape != (channels, classes)
            or np.isinf(class_mean).any()
            or (np.isnan(class_mean) != np.isnan(class_mean[0])).any()
        ):
            raise ValueError(f"{name}.class_mean is {class_mean.dtype} {class_mean.shape}, or not means")
        if response is not None and (response.dtype != np.float16 or response.shape != (channels, sample)):
            raise ValueError(f"{name}.response is {response.dtype} {response.shape}")
        if response is not None and not (np.abs(response) <= 1).all():
            raise ValueError(f"{name}.response is not within -1 and 1")
        return cls(
            name, text(described, "kind"), (height, width), **parts, class_mean=class_mean, response=response
        )


def _map_size(described: dict[str, Any]) -> tuple[int, int]:
    sizes = listed(described, "map_size")
    if len(sizes) != 2:
        raise ValueError(f"map_size has {len(sizes)} numbers")
    sides = {"height": sizes[0], "width": sizes[1]}
    return whole(sides, "height", least=1), whole(sides, "width", least=1)


def _check_places(name: str, value: np.ndarray, image: np.ndarray) -> None:
    """Raise ValueError unless values fall and are finite as far as there are images, and no further."""
    filled = image >= 0
    if not (np.isfinite(value) == filled).all() or np.isnan(value).any() or (value == np.inf).any():
        raise ValueError(f"{name}.value holds what is no activation")
    if not (value[:, :-1] >= value[:, 1:]).all():
        raise ValueError(f"{name}.value does not fall")


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
