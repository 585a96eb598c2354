from __future__ import annotations

import numpy as np

from zfexplore.tui.drawing.cells import Cells
from zfexplore.tui.drawing.runs import to_runs

RED, BLUE, GREY, BLACK = (255, 0, 128), (1, 2, 255), (90, 90, 90), (0, 0, 0)


def cells(glyphs: list[str], fore: list[list[tuple]], back: list[list[tuple]]) -> Cells:
    codes = np.array([[ord(glyph) for glyph in row] for row in glyphs])
    return Cells(codes, np.array(fore, np.uint8), np.array(back, np.uint8))


def test_neighbours_of_equal_colours_share_a_run():
    drawn = cells(["▘▝", "▘▝"], [[RED, RED], [RED, BLUE]], [[GREY, GREY], [GREY, GREY]])

    assert to_runs(drawn) == (
        (("▘▝", 0xFF0080, 0x5A5A5A),),
        (("▘", 0xFF0080, 0x5A5A5A), ("▝", 0x0102FF, 0x5A5A5A)),
    )


def test_a_blank_joins_the_run_before_it_whatever_its_own_colour_but_not_over_another_ground():
    drawn = cells(["▘ ", "▘ "], [[RED, BLUE], [RED, RED]], [[GREY, GREY], [GREY, BLACK]])

    assert to_runs(drawn) == (
        (("▘ ", 0xFF0080, 0x5A5A5A),),
        (("▘", 0xFF0080, 0x5A5A5A), (" ", 0xFF0080, 0x000000)),
    )
