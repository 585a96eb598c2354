from __future__ import annotations

import numpy as np
import pytest

from zfexplore.atlas.records import StageRecord
from zfexplore.atlas.select import ranked, select_channels
from zfexplore.atlas.store import Atlas
from zfexplore.errors import ExploreError


def atlas_of(mean, highest, firing, class_mean=None):
    count = len(mean)
    places = np.zeros((count, 1), np.int32)
    record = StageRecord(
        "conv1", "conv", (1, 1),
        value=np.array(highest, np.float32)[:, None], image=places.astype(np.int64), y=places, x=places,
        mean=np.array(mean, float), share_firing=np.array(firing, float),
        histogram=np.zeros((count, 123), np.int64),
        class_mean=None if class_mean is None else np.array(class_mean, np.float32),
    )  # fmt: skip
    return Atlas(
        {"conv1": record}, ("a.png",), np.zeros(1, np.int32), ("a",), 1, (), {"fingerprint": "f", "k": 1}
    )


@pytest.fixture
def atlas():
    """Channel 2 is dead; 0 and 4 tie in everything."""
    return atlas_of(
        mean=[1, 3, 0, 2, 1],
        highest=[5, 4, 0, 9, 5],
        firing=[0.5, 1.0, 0.0, 0.1, 0.5],
        class_mean=[[1, 1], [3, 1], [0, 0], [4, 0], [1, 1]],
    )


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("mean", [1, 3, 0, 4, 2]),
        ("max", [3, 0, 4, 1, 2]),
        ("selectivity", [3, 1, 0, 4, 2]),
        ("rarity", [3, 0, 4, 1, 2]),
    ],
)
def test_channels_are_ranked_highest_first_and_dead_ones_last(atlas, by, expected):
    assert ranked(atlas, "conv1", by) == expected


def test_an_unknown_order_names_the_known(atlas):
    with pytest.raises(ExploreError, match="mean, max, selectivity, rarity, striking; not by 'size'"):
        ranked(atlas, "conv1", "size")


def test_selectivity_needs_labels():
    with pytest.raises(ExploreError, match="it needs images of at least two"):
        ranked(atlas_of([1, 2], [1, 2], [1, 1]), "conv1", "selectivity")


def test_of_two_equal_logit_means_the_quotient_stays_in_range():
    record = atlas_of([1, 1, 1], [5, 5, 5], [1, 1, 1], [[5, -3], [-1, -3], [3, np.nan]]).stages["conv1"]
    assert record.selectivity is not None
    assert record.selectivity[:2].tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("top2", [1, 3]),
        ("top99", [1, 3, 0, 4, 2]),
        ("all", [0, 1, 2, 3, 4]),
        ("3,0-1", [3, 0, 1]),
        ("random99", [0, 1, 2, 3, 4]),
    ],
)
def test_a_choice_of_channels_is_read(atlas, text, expected):
    assert select_channels(atlas, "conv1", text) == expected


def test_the_highest_may_be_those_by_another_order(atlas):
    assert select_channels(atlas, "conv1", "top2", by="rarity") == [3, 0]
    with pytest.raises(ExploreError, match="by rarity is for the highest, such as top16, not for '0-2'"):
        select_channels(atlas, "conv1", "0-2", by="rarity")


def test_what_strikes_needs_an_atlas_that_kept_enough(atlas):
    with pytest.raises(ExploreError, match="older version.*zfexplore index --again"):
        ranked(atlas, "conv1", "striking")


def test_a_random_choice_is_fixed_by_its_seed(atlas):
    assert select_channels(atlas, "conv1", "random3", 1) == select_channels(atlas, "conv1", "random3", 1)
    assert len({tuple(select_channels(atlas, "conv1", "random3", seed)) for seed in range(20)}) > 3


@pytest.mark.parametrize("text", ["top0", "random0", "5", "best", "0-9"])
def test_a_wrong_choice_is_refused(atlas, text):
    with pytest.raises(ExploreError) as error:
        select_channels(atlas, "conv1", text)
    assert error.value.exit_code == 2


@pytest.mark.parametrize("choice", [None, 3, [1, 2], b"top9"])
def test_a_choice_that_is_no_text_is_refused(atlas, choice):
    with pytest.raises(ExploreError, match="names no channels: write text"):
        select_channels(atlas, "conv1", choice)
