from __future__ import annotations

import pytest

from zfexplore.errors import ExploreError
from zfexplore.tui.choice import choose, unfinished
from zfexplore.tui.messages import StageStatistics

KNOWN = StageStatistics(
    maximum=[3.0, 0.0, 9.0, 5.0],
    mean=[1.0, 0.0, 2.0, 3.0],
    firing=[0.5, 0.0, 0.04, 1.0],
    selectivity=[0.2, 0.0, 0.9, 0.4],
    rarity=[0.5, 1.0, 0.96, 0.0],
    best_class=["Face", "face_easy", "sunflower", "dots"],
    striking=[0.3, 0.0, 1.0, 0.6],
)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("", (0, 1, 2, 3)),
        ("2", (2,)),
        ("1-2", (1, 2)),
        ("dead", (1,)),
        ("alive", (0, 2, 3)),
        ("class:face", (0, 1)),
        ("max>3", (2, 3)),
        ("max>=3 fires<10", (2,)),
        ("sel<.5 alive", (0, 3)),
        ("rarity>0.9", (1, 2)),
        ("striking>=.6", (2, 3)),
    ],
)
def test_a_filter_keeps_what_all_its_words_let_through(text, left):
    assert choose(4, KNOWN, text) == left


@pytest.mark.parametrize("text", ["max>", "nope", "size>3", "max=3", "-1"])
def test_what_cannot_be_read_is_an_error_with_advice(text):
    with pytest.raises(ExploreError, match="max"):
        choose(4, KNOWN, text)


def test_a_class_is_found_by_the_channels_own_name_too():
    assert choose(3, None, "class:HAT", names=("hat", "face", "sun hat")) == (0, 2)


def test_columns_sort_from_the_highest_and_classes_from_a():
    assert choose(4, KNOWN, sort="max") == (2, 3, 0, 1)
    assert choose(4, KNOWN, sort="fires") == (3, 0, 2, 1)
    assert choose(4, KNOWN, "alive", "sel") == (2, 3, 0)
    assert choose(4, KNOWN, sort="best class") == (3, 0, 1, 2)
    assert choose(4, KNOWN, sort="striking") == (2, 3, 0, 1)


def test_before_anything_is_known_numbers_can_be_filtered_and_nothing_is_sorted():
    assert choose(4, None, "1-2", "max") == (1, 2)
    assert choose(4, None, "max>0") == ()


@pytest.mark.parametrize("text", ["c", "class", "dea", "max", "max>", "sel<=-", "0-", "dead fi"])
def test_a_word_that_may_still_be_finished(text):
    assert unfinished(text)


@pytest.mark.parametrize("text", ["x", "max>q", "classes", "0-x", "dead nonsense"])
def test_a_word_that_can_only_be_taken_back(text):
    assert not unfinished(text)
