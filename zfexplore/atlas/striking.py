"""Which channels are worth looking at first: by what the atlas keeps, without another look at an image.

A channel strikes the eye if it answers to a few images far more strongly than to the rest (*strength*: the
mean of its nine strongest maxima, in standard deviations above the mean of all), and if these images look
alike to the net (*likeness*: the mean correlation of any two of them, by how all channels of the stage
answer to them). The product is reduced for what a more striking channel already shows: by the
correlation with the most alike of those before it. Otherwise five detectors of the same fruit come first.

Tried on the built-in photographs and the shipped weights, by looking at the first sixteen of conv3, conv4
and conv5: selectivity for a class favours what happens to have a class; likeness alone gives near
duplicates, twelve times fruit in boxes in conv5; likeness by the stage above, by conv5 or by fc7 ranks
nearly the same; strength alone gives the best single channels, but also loose ones in conv3. The product,
less what is there already, shows faces, wheels, eyes, flowers, trousers, fruit and lettering side by side.

The maxima are those on the atlas's sample of the images (``StageRecord.response``), so that the nine are
the nine strongest of up to 1,024.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NINE = 9
UNLIKE = 0.25  # what likeness is added to, so that a strong channel of diverse images is not lost
WEIGHED = 64  # channels that the others are compared with; beyond, nobody looks from the top


def striking(response: NDArray[np.float16]) -> NDArray[np.float64]:
    """Give how striking each channel is, ``[c]``, from its maxima ``response [c, s]``: at best 1, 0 for dead.

    Deterministic; equal channels are ordered by their numbers.
    """
    rows = response.astype(np.float32)
    channels, images = rows.shape
    fires = rows.max(axis=1, initial=0.0) > 0
    if images < 2 or not fires.any():
        return np.zeros(channels)
    rows -= rows.mean(axis=1, keepdims=True)
    deviation = rows.std(axis=1, keepdims=True)
    rows = np.divide(rows, deviation, out=np.zeros_like(rows), where=deviation > 1e-5)
    kept = min(NINE, max(images // 2, 2))  # of a few images not all can be the strongest
    nine = np.argpartition(-rows, kept - 1, axis=1)[:, :kept]  # [c, 9]
    strength = np.take_along_axis(rows, nine, axis=1).mean(axis=1).astype(np.float64)
    score = np.where(fires, strength * (UNLIKE + _likeness(rows, nine)), 0.0)
    return _less_what_is_there(score, rows / np.sqrt(images))


def _likeness(rows: NDArray[np.float32], nine: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give the mean correlation of any two of each channel's ``nine [c, 9]`` images, at least 0."""
    seen = rows.T - rows.T.mean(axis=1, keepdims=True)  # [s, c], how all channels answer to an image
    length = np.linalg.norm(seen, axis=1, keepdims=True)
    seen = np.divide(seen, length, out=np.zeros_like(seen), where=length > 0)
    pairs = seen @ seen.T  # [s, s]
    count = nine.shape[1]
    # All pairs of nine, each twice, and each image with itself, which is 1.
    both = np.array([pairs[np.ix_(images, images)].sum() for images in nine], dtype=np.float64)
    alike = (both - count) / (count * (count - 1))
    return np.clip(alike, 0.0, 1.0)


def _less_what_is_there(score: NDArray[np.float64], rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Reduce each score by the correlation with the most alike channel that comes before it."""
    reduced, left = score.copy(), score.copy()
    for _ in range(min(WEIGHED, len(score))):
        best = int(left.argmax())
        if left[best] <= 0:
            break
        reduced[best] = left[best]
        left[best] = -np.inf
        there = np.clip(rows @ rows[best], 0.0, 1.0).astype(np.float64)
        # Of several that are there, the most alike counts: the smallest of the reduced scores.
        left = np.minimum(left, score * (1 - there))
    rest = np.isfinite(left)
    reduced[rest] = left[rest]
    largest = reduced.max()
    return reduced / largest if largest > 0 else reduced
