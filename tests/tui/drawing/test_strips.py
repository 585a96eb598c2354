"""Strips, made of cells by way of runs: the text and the colours stay those of the cells."""

from __future__ import annotations

import numpy as np

from zfexplore.tui.drawing.cells import to_cells
from zfexplore.tui.drawing.runs import to_runs
from zfexplore.tui.drawing.strips import to_strips


def test_a_flat_row_is_one_segment():
    strips = to_strips(to_runs(to_cells(np.full((8, 8, 3), 90, np.uint8), 4, 6)))

    assert [len(list(strip)) for strip in strips] == [1, 1, 1, 1]
    assert {strip.cell_length for strip in strips} == {6}
    assert all(strip.text == " " * 6 for strip in strips)


def test_text_and_colours_are_those_of_the_cells():
    picture = np.random.default_rng(1).integers(0, 256, (12, 20, 3)).astype(np.uint8)
    drawn = to_cells(picture, 6, 10)

    for row, strip in enumerate(to_strips(to_runs(drawn))):
        assert strip.text == "".join(map(chr, drawn.glyph[row]))
        column = 0
        for text, style, _ in strip:
            for glyph in text:
                assert style.bgcolor.triplet == tuple(drawn.back[row, column])
                if glyph != " ":
                    assert style.color.triplet == tuple(drawn.fore[row, column])
                column += 1
