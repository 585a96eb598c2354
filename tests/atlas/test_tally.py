from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from zfexplore.atlas.tally import BINS, EDGES, NO_LABEL, Tally, bins_of


def tally_of(maxima, labels=None, *, k=3, classes=3, cuts=()):
    """Merge ``maxima`` in pieces that end at ``cuts``; image i's place in channel c is 10 i + c."""
    maxima = torch.tensor(maxima, dtype=torch.float32)
    labels = [NO_LABEL] * len(maxima) if labels is None else labels
    numbers = list(range(len(maxima)))
    places = 10 * torch.tensor(numbers)[:, None] + torch.arange(maxima.shape[1])
    tally = Tally.empty(maxima.shape[1], k=k, classes=classes)
    bounds = [0, *cuts, len(maxima)]
    for start, stop in zip(bounds, bounds[1:], strict=False):
        piece = slice(start, stop)
        tally.merge(maxima[piece], places[piece], numbers[piece], labels[piece])
    return tally


def test_the_strongest_images_come_in_descending_order_with_their_places():
    tally = tally_of([[1.0], [5.0], [3.0], [4.0], [2.0]])
    assert tally.value.tolist() == [[5.0, 4.0, 3.0]]
    assert tally.image.tolist() == [[1, 3, 2]]
    assert tally.place.tolist() == [[10, 30, 20]]


def test_among_equal_maxima_the_earlier_image_wins():
    tally = tally_of([[2.0], [7.0], [2.0], [7.0], [2.0], [2.0]], cuts=(2, 3))
    assert tally.value.tolist() == [[7.0, 7.0, 2.0]]
    assert tally.image.tolist() == [[1, 3, 0]]


def test_places_stay_empty_while_there_are_fewer_images_than_places():
    tally = tally_of([[1.0], [2.0]])
    assert tally.value.tolist() == [[2.0, 1.0, float("-inf")]]
    assert tally.image.tolist() == [[1, 0, -1]]


def test_negative_maxima_of_logits_are_ranked_too():
    tally = tally_of([[-3.0], [-1.0], [-2.0], [-4.0]])
    assert tally.value.tolist() == [[-1.0, -2.0, -3.0]]


def test_sums_are_kept_over_all_images_and_over_each_class():
    tally = tally_of([[1.0, 0.0], [2.0, 8.0], [4.0, 0.0], [8.0, 1.0]], [0, 2, 0, NO_LABEL])
    assert tally.seen.tolist() == [4]
    assert tally.total.tolist() == [15.0, 9.0]
    assert tally.class_seen.tolist() == [2, 0, 1]
    assert tally.class_total.tolist() == [[5.0, 0.0], [0.0, 0.0], [2.0, 8.0]]


@pytest.mark.parametrize(
    ("maximum", "expected"),
    [
        (-1.0, 0),
        (0.0, 0),
        (2.0**-30, 1),
        (2.0**-10, 2),
        (2.0**-9.76, 2),
        (2.0**-9.75, 3),
        (1.0, 42),
        (1.18, 42),
        (1.19, 43),
        (2.0**20, 122),
        (1e30, 122),
    ],
)
def test_bins_are_quarter_octaves_with_one_for_silence(maximum, expected):
    assert bins_of(torch.tensor([maximum])).tolist() == [expected]


def test_every_edge_opens_its_own_bin():
    edges = torch.from_numpy(EDGES)
    assert bins_of(edges).tolist() == list(range(2, BINS))
    assert bins_of(torch.nextafter(edges, torch.zeros(1))).tolist() == list(range(1, BINS - 1))


def test_the_histogram_counts_each_image_once_a_channel():
    tally = tally_of([[0.0, 1.0], [1.0, 1.0], [3.0, 0.0]])
    assert tally.histogram.sum(dim=1).tolist() == [3, 3]
    assert tally.histogram[:, 0].tolist() == [1, 1]
    assert tally.histogram[1, 42].item() == 2


# Few distinct values make ties common; the last is too large for sums of float32 to be exact.
MAXIMA = arrays(
    np.float32,
    st.tuples(st.integers(1, 25), st.integers(1, 4)),
    elements=st.sampled_from([0.0, 0.1, 1.0, 1.5, 3.3, -2.0, 1e8]),
)


@settings(deadline=None, max_examples=80)
@given(maxima=MAXIMA, data=st.data())
def test_any_split_into_batches_gives_the_same_to_the_last_bit(maxima, data):
    count = len(maxima)
    labels = data.draw(st.lists(st.integers(NO_LABEL, 2), min_size=count, max_size=count))
    cuts = sorted(data.draw(st.lists(st.integers(1, count), max_size=6, unique=True)))
    cuts = [cut for cut in cuts if cut < count]
    whole, pieces = tally_of(maxima, labels), tally_of(maxima, labels, cuts=cuts)
    for name, values in whole.arrays().items():
        if name == "place":  # an empty place's is arbitrary
            values = np.where(whole.image.numpy() < 0, 0, values)
        np.testing.assert_array_equal(pieces.arrays()[name], values, err_msg=name)


@settings(deadline=None, max_examples=60)
@given(maxima=MAXIMA)
def test_the_best_are_those_of_a_sort_of_everything(maxima):
    tally = tally_of(maxima)
    for channel in range(maxima.shape[1]):
        expected = sorted(range(len(maxima)), key=lambda image: (-maxima[image, channel], image))[:3]
        assert tally.image[channel].tolist()[: len(expected)] == expected


def test_a_tally_survives_its_arrays():
    tally = tally_of([[1.0, 2.0], [3.0, 0.5]], [0, 1])
    again = Tally.from_arrays(tally.arrays())
    for name, values in tally.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], values)
