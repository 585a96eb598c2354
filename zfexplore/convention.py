"""What a network expects of its input: size, value range, mean. Every checkpoint carries a convention.

The paper subtracts the per-pixel mean of the training set from values in [0, 255] (ZF section 3). The
replication subtracts a mean from values in [0, 1]. Both, and torchvision's convention too, are
``(rgb * scale - mean) / std`` with ``rgb`` in [0, 1].
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class InputConvention:
    """How an RGB image in [0, 1] becomes a network's input, a square of ``size`` pixels.

    ``resize`` is the smallest side before cropping. ``mean`` and ``std`` are per channel, RGB, in
    scaled units. ``mean_image``, float32 ``[3, resize, resize]`` in scaled units, replaces ``mean`` if
    the net was trained with a per-pixel mean. It is stored beside the weights, not in JSON. Raises
    ValueError for a scale or std that is not positive, and for numbers that are not finite.
    """

    size: int = 224
    resize: int = 256
    scale: float = 255.0
    mean: Colour = (0.0, 0.0, 0.0)
    std: Colour = (1.0, 1.0, 1.0)
    mean_image: Any = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.scale < math.inf:
            raise ValueError(f"the scale must be a positive number, not {self.scale:g}")
        if not all(0 < value < math.inf for value in self.std):
            raise ValueError(f"the std must be three positive numbers, not {_listed(self.std)}")
        if not all(math.isfinite(value) for value in self.mean):
            raise ValueError(f"the mean must be three finite numbers, not {_listed(self.mean)}")

    def to_json(self) -> dict[str, Any]:
        """Give everything except ``mean_image`` as plain values."""
        return {
            "size": self.size,
            "resize": self.resize,
            "scale": self.scale,
            "mean": list(self.mean),
            "std": list(self.std),
            "colour": "RGB",
            "per_pixel_mean": self.mean_image is not None,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any], mean_image: Any = None) -> InputConvention:
        """Read what ``to_json`` wrote; raise KeyError, TypeError or ValueError for anything else."""
        red, green, blue = (float(value) for value in values["mean"])
        std = tuple(float(value) for value in values["std"])
        if len(std) != 3:
            raise ValueError("std needs three values")
        return cls(
            size=int(values["size"]),
            resize=int(values["resize"]),
            scale=float(values["scale"]),
            mean=(red, green, blue),
            std=std,
            mean_image=mean_image,
        )


def _listed(values: Colour) -> str:
    return ", ".join(f"{value:g}" for value in values)
