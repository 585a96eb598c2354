from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from zfexplore.tui.drawing.cells import Cells
from zfexplore.tui.drawing.runs import darker, read, to_runs, written

RED, BLUE, GREY, BLACK = (255, 0, 128), (1, 2, 255), (90, 90, 90), (0, 0, 0)


def cells(glyphs: list[str], fore: list[list[tuple]], back: list[list[tuple]]) -> Cells:
    codes = np.array([[ord(glyph) for glyph in row] for row in glyphs])
    return Cells(codes, np.array(fore, np.uint8), np.array(back, np.uint8))


def test_neighbours_of_equal_colours_share_a_run():
    drawn = cells(["▘▝", "▘▝"], [[RED, RED], [RED, BLUE]], [[GREY, GREY], [GREY, GREY]])

    assert to_runs(drawn) == [
        [("▘▝", 0xFF0080, 0x5A5A5A)],
        [("▘", 0xFF0080, 0x5A5A5A), ("▝", 0x0102FF, 0x5A5A5A)],
    ]


def test_a_blank_joins_the_run_before_it_whatever_its_own_colour_but_not_over_another_ground():
    drawn = cells(["▘ ", "▘ "], [[RED, BLUE], [RED, RED]], [[GREY, GREY], [GREY, BLACK]])

    assert to_runs(drawn) == [
        [("▘ ", 0xFF0080, 0x5A5A5A)],
        [("▘", 0xFF0080, 0x5A5A5A), (" ", 0xFF0080, 0x000000)],
    ]


def test_a_line_tells_of_each_run_the_colours_that_the_one_before_has_not_and_none_of_them_at_its_end():
    runs = [("▘", 0xFF0080, 0x5A5A5A), ("▝", 0x0102FF, 0x5A5A5A), (" ", 0x0102FF, 0)]

    assert written(runs) == ("\x1b[38;2;255;0;128;48;2;90;90;90m▘\x1b[38;2;1;2;255m▝\x1b[48;2;0;0;0m \x1b[0m")


def test_darker_is_two_fifths_of_the_brightness():
    assert read(darker(written([("▘", 0xFF6405, 0x0A005A), ("2", 0xFF6405, 0)]))) == [
        ("▘", 0x662802, 0x040024),
        ("2", 0x662802, 0),
    ]


COLOURS = st.integers(0, 0xFFFFFF)


@given(st.lists(st.tuples(st.text("▘▝█ A", min_size=1), COLOURS, COLOURS), max_size=8))
def test_what_is_written_is_read_again(runs):
    told = [run for number, run in enumerate(runs) if not number or run[1:] != runs[number - 1][1:]]

    assert read(written(told)) == told
