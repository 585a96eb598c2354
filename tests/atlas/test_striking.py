from __future__ import annotations

import numpy as np
import pytest

from zfexplore.atlas.striking import striking

IMAGES = 90


def responses(*channels):
    rows = np.array(channels, float)
    largest = np.abs(rows).max(axis=1, keepdims=True)
    return (rows / np.where(largest > 0, largest, 1)).astype(np.float16)


def peaks(where, height=10.0, seed=0):
    """Weak noise, and ``height`` on the images ``where``."""
    row = np.random.default_rng(seed).random(IMAGES)
    row[list(where)] += height
    return row


ALIKE = range(9)  # images that the helpers below answer to as well, so that they look alike to the net
DIVERSE = range(9, 90, 9)
HELPERS = [peaks(ALIKE, 3, seed) for seed in range(10, 16)]


def test_a_channel_that_is_strong_on_images_alike_comes_before_the_others():
    even = np.random.default_rng(1).random(IMAGES)
    scores = striking(
        responses(even, peaks(DIVERSE, seed=2), peaks(ALIKE, seed=3), np.zeros(IMAGES), *HELPERS)
    )
    assert scores[2] == scores.max() == 1
    assert scores[2] > scores[1] > scores[0] > 0
    assert scores[3] == 0  # dead


def test_what_a_stronger_channel_shows_already_counts_little():
    alone = striking(responses(peaks(DIVERSE, seed=2), peaks(ALIKE, 6, seed=4), *HELPERS))
    beside = striking(
        responses(peaks(DIVERSE, seed=2), peaks(ALIKE, 6, seed=4), *HELPERS, peaks(ALIKE, 40, seed=3))
    )
    assert alone[1] > 0.9
    assert beside[-1] == 1
    assert beside[1] < 0.5 * beside[0]


def test_scale_does_not_matter_and_the_same_gives_the_same():
    rows = np.stack([peaks(ALIKE), peaks(DIVERSE), *HELPERS])
    first = striking(responses(*rows))
    np.testing.assert_array_equal(first, striking(responses(*rows)))
    np.testing.assert_allclose(first, striking(responses(*(rows * np.arange(1, 9)[:, None]))), atol=5e-3)


@pytest.mark.parametrize("shape", [(3, 0), (3, 1), (1, 40), (70, 2), (100, 30)])
def test_few_images_or_channels_give_numbers_all_the_same(shape):
    scores = striking(np.random.default_rng(0).random(shape).astype(np.float16))
    assert scores.shape == (shape[0],)
    assert np.isfinite(scores).all()
    assert ((scores >= 0) & (scores <= 1)).all()


def test_a_layer_that_never_fires_strikes_nobody():
    assert striking(np.zeros((4, 20), np.float16)).tolist() == [0, 0, 0, 0]
