from __future__ import annotations

import json
import math

import pytest

from zfexplore import plain

VALUES = {"n": 3, "x": 0.5, "t": "a\ud800b", "b": True, "l": [1, 2.5], "o": {"k": 1}, "none": None}


def test_what_is_of_its_kind_is_given():
    assert plain.whole(VALUES, "n") == 3
    assert plain.number(VALUES, "n") == 3.0
    assert plain.number(VALUES, "x", least=0, most=1) == 0.5
    assert plain.numbers(VALUES, "l") == (1.0, 2.5)
    assert plain.flag(VALUES, "b") is True
    assert plain.mapping(VALUES, "o") == {"k": 1}
    assert plain.maybe(plain.whole, VALUES, "none") is None
    assert plain.maybe(plain.whole, VALUES, "missing") is None
    assert plain.maybe(plain.whole, VALUES, "n", least=1) == 3
    assert plain.one_of({"fit": "crop"}, "fit", ("crop", "whole")) == "crop"


def test_half_a_letter_is_replaced_in_a_text_and_kept_in_a_path_only_where_it_is_a_byte():
    assert plain.text(VALUES, "t") == "a\N{REPLACEMENT CHARACTER}b"
    assert plain.texts({"l": ["\udcff"]}, "l") == ("\N{REPLACEMENT CHARACTER}",)
    assert plain.path({"p": "a\udcff"}, "p") == "a\udcff"
    for wrong in ("\ud800", "a\0b", "", 3):
        with pytest.raises(ValueError, match="and not a path"):
            plain.path({"p": wrong}, "p")


@pytest.mark.parametrize("wrong", [True, 1.0, -1, math.inf, math.nan, "1", None, [1], 2**53 + 1, 10**400])
def test_a_size_is_a_whole_number_within_bounds(wrong):
    with pytest.raises(ValueError, match="^n is .* and not a whole number from 0 to") as error:
        plain.whole({"n": wrong}, "n")
    assert len(str(error.value)) < 120


@pytest.mark.parametrize("wrong", [True, math.inf, -math.inf, math.nan, "1", None, 10**400])
def test_a_number_is_finite(wrong):
    assert plain.finite(wrong) is None
    with pytest.raises(ValueError, match="^x is .* and not a finite number"):
        plain.number({"x": wrong}, "x")
    with pytest.raises(ValueError, match="and not a list of finite numbers"):
        plain.numbers({"x": [1, wrong]}, "x")


def test_what_is_missing_or_stands_in_no_object_is_named():
    with pytest.raises(ValueError, match="n is missing"):
        plain.whole({}, "n")
    with pytest.raises(ValueError, match="where an object with n belongs"):
        plain.whole([1], "n")


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 40 + "]" * 40, "{", "9" * 5000, b"\xff", ""])
def test_no_json_or_json_too_deep_is_a_value_error(text):
    with pytest.raises(ValueError):  # noqa: PT011
        plain.parse(text)


def test_ours_are_read():
    assert plain.parse(json.dumps({"a": [[{"b": [1]}]]})) == {"a": [[{"b": [1]}]]}
