from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.images.transforms import normalise, prepare_large
from zfexplore.progress import Note, finish
from zfexplore.training import data, inputs
from zfexplore.training.recipe import recipe

SMALL = InputConvention(size=56, resize=64)


def returned(events):
    """Give what a generator returns."""
    while True:
        try:
            next(events)
        except StopIteration as stop:
            return stop.value


def test_sizes_keep_the_papers_proportion():
    assert [inputs.at_size(SMALL, size).resize for size in (224, 128, 96, 56)] == [256, 146, 110, 64]


@pytest.mark.parametrize(("name", "spread"), [("default", 10.0), ("replication", None)])
def test_the_colours_mean_is_taken_off_and_the_spread_is_as_asked(stripes, name, spread):
    squares = data.Streamed(stripes, SMALL, 0)
    chosen = recipe(name)
    convention = InputConvention(56, 64, scale=chosen.scale)
    measured = returned(inputs.measure_input(chosen, squares, range(18), convention))
    pixels = np.stack([prepare_large(stripes[index].image, SMALL) for index in range(18)])
    values = normalise(pixels, measured)
    assert values.mean((0, 2, 3)).abs().max() < 1e-3 * (spread or 1)
    if spread is None:
        assert measured.std == (1.0, 1.0, 1.0)
        assert float(values.abs().max()) <= 1.0
    else:
        assert float(values.var((0, 2, 3)).mean().sqrt()) == pytest.approx(spread, rel=1e-3)
        assert len(set(measured.std)) == 1  # colours keep their proportion


def test_the_papers_mean_is_an_image(stripes):
    squares = data.Streamed(stripes, SMALL, 0)
    measured = returned(inputs.measure_input(recipe("paper"), squares, range(18), SMALL))
    pixels = np.stack([prepare_large(stripes[index].image, SMALL) for index in range(18)])
    assert np.allclose(measured.mean_image, pixels.mean(0).transpose(2, 0, 1), atol=1e-3)
    assert measured.std == (1.0, 1.0, 1.0)
    values = normalise(pixels, measured)
    assert values.mean(0).abs().max() < 1e-3
    assert -256 < float(values.min()) < -100 < 100 < float(values.max()) < 256


def test_images_of_one_colour_do_not_divide_by_zero(stripes):
    squares = data.Decoded(torch.full((2, 64, 64, 3), 9, dtype=torch.uint8), torch.zeros(2), {0: 0, 1: 1})
    measured = returned(inputs.measure_input(recipe(), squares, [0, 1], SMALL))
    assert measured.std == pytest.approx((0.1, 0.1, 0.1))


def test_images_that_cannot_be_read_at_all_are_an_error(make_stripes):
    squares = data.Streamed(make_stripes(3, broken=range(3)), SMALL, 0)
    with pytest.raises(ExploreError, match="none of the training images can be read"):
        finish(inputs.measure_input(recipe(), squares, range(3), SMALL))


def test_squares_are_held_where_they_fit_and_streamed_aloud_where_not(stripes, monkeypatch):
    def opened():
        return inputs.Images(stripes, range(6), SMALL, workers=0, what="training").at(SMALL)

    assert isinstance(returned(opened()), data.Decoded)
    monkeypatch.setattr(data, "free_memory", lambda: 1000)
    assert isinstance(returned(opened()), data.Streamed)
    assert next(opened()) == Note("6 training images do not fit in memory: decoding them anew every epoch")


def test_smaller_squares_are_made_of_the_largest_and_nothing_is_decoded_twice(make_stripes, monkeypatch):
    source = make_stripes(9, broken=[4])
    images = inputs.Images(source, range(9), inputs.at_size(SMALL, 112), workers=0, what="training")
    order = [[5, 1, 4], [0, 8], [4]]
    held = {}
    for size in (56, 80, 112):
        squares = returned(images.at(inputs.at_size(SMALL, size)))
        held[size] = list(squares.batches(order))
    assert source.decoded == Counter(range(9))
    # The same squares where little or nothing fits in memory: made as they are decoded.
    for free in (2 * 9 * 3 * (128**2 - 1), 0):
        monkeypatch.setattr(data, "free_memory", lambda free=free: free)
        images = inputs.Images(source, range(9), inputs.at_size(SMALL, 112), workers=2, what="training")
        for size, batches in held.items():
            squares = returned(images.at(inputs.at_size(SMALL, size)))
            for ours, theirs in zip(squares.batches(order), batches, strict=True):
                assert torch.equal(ours.pixels, theirs.pixels)
                assert torch.equal(ours.labels, theirs.labels)
                assert torch.equal(ours.indices, theirs.indices)
