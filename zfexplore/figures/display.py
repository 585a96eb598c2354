"""From a projection's signed numbers to a picture: symmetric about zero, zero at mid-grey.

A projection has both signs. Parts brighter than grey speak for the unit; darker parts would have to be
darker in the image. The replication stretches each picture from its own minimum to its own maximum. That
moves zero to another grey every time, so "nothing" looks different from picture to picture. Here zero is
always 128, and one scale serves both signs and all three colours. The scale is returned, so that it can
be kept beside the picture.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zfexplore.errors import ExploreError

GREY = 128  # where zero lands
STEPS = 127  # levels on either side of it: 1..255, so both signs have equally many
PERCENTILE = 99.5


def to_rgb(
    pixels: NDArray[np.floating], *, scale: float | None = None, percentile: float = PERCENTILE
) -> tuple[NDArray[np.uint8], float]:
    """Turn signed ``pixels``, ``[3, h, w]`` or ``[h, w, 3]``, into ``uint8 [h, w, 3]`` and its scale.

    ``scale`` is the value shown at full brightness, by default that of ``scale_of``; set it to show
    several pictures on one scale. A map of zeros becomes plain grey. Raises ValueError for another
    shape and ExploreError for values that are not finite.
    """
    values = np.asarray(pixels, dtype=np.float64)  # [3, h, w]
    if values.ndim != 3 or 3 not in (values.shape[0], values.shape[2]):
        raise ValueError(f"a projection is [3, h, w] or [h, w, 3], not {list(values.shape)}")
    if values.shape[0] == 3:
        values = values.transpose(1, 2, 0)  # [h, w, 3]
    if scale is None:
        scale = scale_of(values, percentile)
    elif not np.isfinite(values).all():
        raise _not_finite()
    shown = np.clip(values / (scale or 1.0), -1, 1)
    return (GREY + np.rint(STEPS * shown)).astype(np.uint8), scale  # rint is odd: -x mirrors x


def in_colours(pixels: NDArray[Any]) -> NDArray[Any]:
    """Give ``[..., 1, h, w]``, of a net that sees grey, as three equal colours; others as they are."""
    return np.repeat(pixels, 3, axis=-3) if pixels.shape[-3] == 1 else pixels


def scale_of(pixels: NDArray[np.floating], percentile: float = PERCENTILE) -> float:
    """Give the percentile of the absolute values, or the largest value if that percentile is zero.

    ``pixels`` should be the unit's window only. Outside it every value is zero, so a percentile over the
    whole image would depend more on the window's share of the image than on the projection.
    """
    magnitudes = np.abs(np.asarray(pixels, dtype=np.float64))
    if magnitudes.size == 0:
        return 0.0
    if not np.isfinite(magnitudes).all():
        raise _not_finite()
    return float(np.percentile(magnitudes, percentile)) or float(magnitudes.max())


def _not_finite() -> ExploreError:
    return ExploreError(
        "the projection holds values that are not finite: the weights are broken or the input overflowed"
    )
