"""What counts as a whole number or a path, and how a wrong value is shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from zfexplore.arguments import path_text, shown, whole, whole_or_none
from zfexplore.errors import ExploreError


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), np.array(3), torch.tensor(3)])
def test_whole_numbers_of_any_make_are_ints(value):
    assert whole(value, "k") == 3
    assert type(whole(value, "k")) is int


@pytest.mark.parametrize(
    "value", [None, True, np.True_, 3.0, np.float64(3), "3", b"3", [3], (), {}, 3j, torch.ones(2), np.ones(2)]
)
def test_what_is_no_whole_number_is_refused_in_one_line(value):
    assert whole_or_none(value) is None
    with pytest.raises(ExploreError, match="^k must be a whole number, not ") as caught:
        whole(value, "k")
    assert caught.value.usage
    assert "\n" not in str(caught.value)


def test_the_least_that_will_do_is_told():
    assert whole(1, "k", least=1) == 1
    with pytest.raises(ExploreError, match="^k must be at least 1, not 0$"):
        whole(0, "k", least=1)


def test_paths_and_names_are_text():
    assert path_text("album", "images") == path_text(Path("album"), "images") == "album"


@pytest.mark.parametrize("value", [None, 3, True, b"album", ["album"], object()])
def test_what_is_no_path_is_refused(value):
    with pytest.raises(ExploreError, match="^images must be a name or a path, not "):
        path_text(value, "images")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("zfnet", "'zfnet'"),
        (None, "None"),
        (1.5, "1.5"),
        ([1, 2], "[1, 2]"),
        (list(range(99)), "a list"),
        ("x" * 99, "a str"),
        (np.zeros(3), "a ndarray"),
        (torch.nn.Conv2d, "a type"),
        (object(), "an object"),
        ([torch.zeros(2, 2)], "a list"),
    ],
)
def test_a_value_is_shown_if_it_is_short(value, text):
    assert shown(value) == text
