"""Strips with a drawing in them: what is written, and the segments where one is asked for."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from zfexplore.tui.drawing.bitmap import KEPT, Bitmap
from zfexplore.tui.drawing.cells import to_cells
from zfexplore.tui.drawing.picture import draw
from zfexplore.tui.drawing.runs import to_lines
from zfexplore.tui.drawing.strips import DrawnStrip, drawing_of, segments_of, style

PICTURE = np.random.default_rng(1).integers(0, 256, (12, 20, 3)).astype(np.uint8)
SIZE = (2, 4, "quadrants")
RED = Segment("a", Style.parse("red"))


@pytest.fixture
def line() -> str:
    return to_lines(to_cells(PICTURE, 6, 10))[0]


def console(system: str = "truecolor") -> Console:
    return Console(file=io.StringIO(), color_system=system, force_terminal=True)


def cells(written: str) -> list[tuple]:
    """Give every cell with its colours, as a terminal would show it."""
    from rich.text import Text

    shown = []
    for text, look, _ in Text.from_ansi(written).render(console()):
        shown += [(glyph, look.color if glyph != " " else None, look.bgcolor) for glyph in text.strip("\n")]
    return shown


def test_a_flat_row_is_one_segment():
    lines = to_lines(to_cells(np.full((8, 8, 3), 90, np.uint8), 4, 6))

    assert [[text for text, _, _ in segments_of(line)] for line in lines] == [[" " * 6]] * 4


def test_text_and_colours_are_those_of_the_cells():
    drawn = to_cells(PICTURE, 6, 10)
    for row, line in enumerate(to_lines(drawn)):
        column = 0
        for text, look, _ in segments_of(line):
            for glyph in text:
                assert glyph == chr(drawn.glyph[row, column])
                assert look.bgcolor.triplet == tuple(drawn.back[row, column])
                if glyph != " ":
                    assert look.color.triplet == tuple(drawn.fore[row, column])
                column += 1


def test_what_is_written_looks_as_its_segments_do(line):
    strip = DrawnStrip([RED, line, Segment("b")], 12)

    assert strip.render(console()).count(line) == 1
    assert cells(strip.render(console())) == cells(Strip(list(strip), 12).render(console()))
    assert [segment.text for segment in strip][0] == "a"
    assert strip.text.endswith("b")
    assert len(strip.text) == strip.cell_length == 12


def test_a_part_of_it_is_cut_from_its_segments(line):
    strip = DrawnStrip([RED, line, Segment("b")], 12)

    assert strip.divide([12]) == [strip]
    assert strip.crop(3, 7).text == strip.text[3:7]
    assert "".join(part.text for part in strip.divide([4, 12])) == strip.text


def test_a_terminal_of_fewer_colours_is_told_these(line):
    style.cache_clear()  # Textual keeps with a style how it was written first
    assert ";2;" not in DrawnStrip([line], 10).render(console("256"))
    assert "38;5;" in DrawnStrip([line], 10).render(console("256"))


def test_a_drawing_is_made_once_and_few_are_kept():
    bitmap = Bitmap(np.zeros((4, 4, 3), np.uint8))
    first = drawing_of(bitmap, *SIZE)

    assert drawing_of(bitmap, *SIZE) is first == draw(bitmap, *SIZE)
    for rows in range(1, 3 * KEPT):
        drawing_of(bitmap, rows, 4, "halves")
    assert len(bitmap.drawings) <= KEPT
