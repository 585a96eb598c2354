"""What counts as a whole number or a path, and how a wrong value is shown."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from zfexplore.arguments import pasted_paths, path_text, shown, whole, whole_or_none
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


# -- pasted paths ------------------------------------------------------------------------------------

posix = pytest.mark.skipif(os.name == "nt", reason="Windows pastes other quotes")


@posix
@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/a/cat.png", "/a/cat.png"),
        ("/a/cat.png \n", "/a/cat.png"),
        ("  '/a/my cat.png'\n", "/a/my cat.png"),
        ('"/a/my cat.png"', "/a/my cat.png"),
        (r"/a/my\ cat\ \(1\).png ", "/a/my cat (1).png"),
        (r"'/a/it'\''s.png'", "/a/it's.png"),
        ("/a/it's.png", "/a/it's.png"),
        ("/a/my cat.png", "/a/my cat.png"),
        ("~/cat.png", "~/cat.png"),
        (r"~/my\ cat.png", "~/my cat.png"),
        ("file:///a/my%20cat%231.png\r\n", "/a/my cat#1.png"),
        ("file://localhost/a/caf%C3%A9.png", "/a/café.png"),
        ("'file:///a/100%25.png'", "/a/100%.png"),
        ("file:/a/cat.png", "/a/cat.png"),
        ("file:///a/my cat.png", "/a/my cat.png"),
        ("file://elsewhere/a/cat.png", "file://elsewhere/a/cat.png"),
    ],
)
def test_a_path_is_understood_as_terminals_paste_it(text, path):
    assert pasted_paths(text, lambda _: False) == (path,)


@pytest.mark.parametrize("text", ["", " ", "\n", "''"])
def test_nothing_pasted_is_no_path(text):
    assert pasted_paths(text, lambda _: False) == ()


@posix
def test_a_path_that_is_there_as_it_stands_is_not_read_otherwise(tmp_path):
    for name in ("'odd'.png", r"back\slash.png", "two words.png", "100%20.png", " edge "):
        (tmp_path / name).touch()
        assert pasted_paths(str(tmp_path / name)) == (str(tmp_path / name),)


@posix
def test_several_pasted_files_are_several_paths(tmp_path):
    one, other = tmp_path / "one.png", tmp_path / "my other.png"
    one.touch()
    side_by_side = f"{one} '{other}'"
    assert pasted_paths(side_by_side) == (side_by_side,)  # one is missing: it may be a single odd name
    other.touch()
    assert pasted_paths(side_by_side) == (str(one), str(other))
    assert pasted_paths(f"{one.as_uri()}\r\n{other.as_uri()}\r\n") == (str(one), str(other))


def test_a_text_that_can_be_no_path_is_not_there():
    assert pasted_paths("a\0b") == ("a\0b",)
