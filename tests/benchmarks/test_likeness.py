"""The measure of likeness, held against pictures whose likeness is known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.likeness import STEADY, likeness, ssim

RANDOM = np.random.default_rng(0)


def test_a_picture_is_like_itself_and_unlike_its_negative():
    picture = RANDOM.uniform(0, 255, (40, 40))

    assert ssim(picture, picture) == pytest.approx(1)
    assert ssim(picture, 255 - picture) < 0


def test_flat_pictures_differ_by_their_light_alone():
    one, other = np.full((20, 20), 100.0), np.full((20, 20), 200.0)

    assert ssim(one, other) == pytest.approx((2 * 100 * 200 + STEADY[0]) / (100**2 + 200**2 + STEADY[0]))


def test_the_finer_the_glyphs_the_more_alike():
    y, x = np.mgrid[0:120, 0:120] / 120
    disc = np.where((x - 0.5) ** 2 + (y - 0.45) ** 2 < 0.09, 240.0, 40.0)
    picture = np.stack([disc, disc, 128 + 0 * x], axis=2).astype(np.uint8)
    near, farther = zip(
        *(likeness(picture, 7, 14, mode) for mode in ("octants", "sextants", "quadrants", "halves")),
        strict=True,
    )

    assert list(near) == sorted(near, reverse=True)
    assert list(farther) == sorted(farther, reverse=True)
