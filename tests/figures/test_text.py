from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zfexplore.errors import ExploreError
from zfexplore.figures.text import plain, shorten, typeface, use_font, width


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


def test_a_font_of_the_users_own_has_its_letters_until_it_is_given_back(tmp_path):
    own = typeface()
    (tmp_path / "mine.ttf").write_bytes(own.content)
    try:
        use_font(tmp_path / "mine.ttf")
        assert typeface().own
        assert typeface().has("A")
        assert not typeface().has("水")  # Aileron, as Pillow has it, draws a box
        assert (plain("A水"), width("abc", 20)) == ("A?", round(own.length("abc", 20)))
    finally:
        use_font(None)
    assert typeface() is own


@pytest.mark.parametrize(("content", "told"), [(None, "No such file"), (b"no font", "it is no TrueType or")])
def test_what_is_no_font_is_told(tmp_path, content, told):
    path = tmp_path / "mine.ttf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ExploreError, match=rf"the font \S*mine\.ttf cannot be used: {told}"):
        use_font(path)
    assert not typeface().own
