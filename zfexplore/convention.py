"""What a network expects of its input: size, value range, mean. Every checkpoint carries a convention.

The paper subtracts the per-pixel mean of the training set from values in [0, 255] (ZF section 3). The
replication subtracts a mean from values in [0, 1]. Both, and torchvision's convention too, are
``(rgb * scale - mean) / std`` with ``rgb`` in [0, 1].
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from zfexplore.plain import number, numbers, whole

LISTED = 6  # numbers that a message shows
LARGEST = 4096  # pixels of a side that a file may ask for

Values = tuple[float, ...]  # one for each channel of the input: three for RGB, one for grey


@dataclass(frozen=True)
class InputConvention:
    """How an RGB image in [0, 1] becomes a network's input, a square of ``size`` pixels.

    ``resize`` is the smallest side before cropping. ``mean`` and ``std`` are per channel, in scaled
    units: three for RGB, one for a net that sees grey. ``mean_image``, float32
    ``[channels, resize, resize]`` in scaled units, replaces ``mean`` if the net was trained with a
    per-pixel mean. It is stored beside the weights, not in JSON. Raises ValueError for a scale or std
    that is not positive, for numbers that are not finite, and for a mean and a std of different lengths.
    """

    size: int = 224
    resize: int = 256
    scale: float = 255.0
    mean: Values = (0.0, 0.0, 0.0)
    std: Values = (1.0, 1.0, 1.0)
    mean_image: Any = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.scale < math.inf:
            raise ValueError(f"the scale must be a positive number, not {self.scale:g}")
        if not self.std or not all(0 < value < math.inf for value in self.std):
            raise ValueError(f"the std must be {_counted(self.std, 'positive')}")
        if not self.mean or not all(math.isfinite(value) for value in self.mean):
            raise ValueError(f"the mean must be {_counted(self.mean, 'finite')}")
        if len(self.mean) != len(self.std):
            raise ValueError(f"the mean has {len(self.mean)} numbers and the std {len(self.std)}")

    @property
    def channels(self) -> int:
        """Give the channels of the input: 3 for RGB, 1 for grey."""
        return len(self.mean)

    def to_json(self) -> dict[str, Any]:
        """Give everything except ``mean_image`` as plain values."""
        return {
            "size": self.size,
            "resize": self.resize,
            "scale": self.scale,
            "mean": list(self.mean),
            "std": list(self.std),
            "colour": {1: "grey", 3: "RGB"}.get(self.channels, "channels"),
            "per_pixel_mean": self.mean_image is not None,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any], mean_image: Any = None) -> InputConvention:
        """Read what ``to_json`` wrote; raises ValueError for anything else."""
        size = whole(values, "size", least=1, most=LARGEST)
        return cls(
            size=size,
            resize=whole(values, "resize", least=size, most=LARGEST),
            scale=number(values, "scale"),
            mean=numbers(values, "mean"),
            std=numbers(values, "std"),
            mean_image=mean_image,
        )


def _counted(values: Values, kind: str) -> str:
    count = {1: "a", 3: "three"}.get(len(values), str(len(values) or "one"))
    return f"{count} {kind} number{'' if count in ('a', 'one') else 's'}, not {_listed(values) or 'none'}"


def _listed(values: Values) -> str:
    rest = ", …" if len(values) > LISTED else ""
    return ", ".join(f"{value:g}" for value in values[:LISTED]) + rest
