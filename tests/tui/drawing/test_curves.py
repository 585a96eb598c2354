from __future__ import annotations

from zfexplore.tui.drawing.curves import dots_of, glyph


def drawn(line, columns, rows, *, braille=True):
    return ["".join(glyph(cell, braille=braille) for cell in row) for row in dots_of(line, columns, rows)]


def test_a_line_goes_from_corner_to_corner():
    assert drawn([(0, 0), (1, 1)], 2, 1) == ["⡠⠊"]
    assert drawn([(0, 1), (1, 0)], 2, 1) == ["⠑⢄"]
    assert drawn([(0, 0), (1, 1)], 4, 2) == ["⠀⠀⡠⠊".replace("⠀", " "), "⡠⠊  "]


def test_a_level_line_a_steep_one_and_a_point():
    assert drawn([(0, 0.5), (1, 0.5)], 3, 1) == ["⠤⠤⠤"]
    assert drawn([(0, 0), (0, 1)], 1, 2) == ["⡇", "⡇"]
    assert drawn([(1, 1)], 2, 1) == [" ⠈"]
    assert drawn([], 2, 2) == ["  ", "  "]


def test_a_steep_line_has_no_gaps():
    rows = dots_of([(0, 0), (0.5, 1), (1, 0)], 4, 6)
    assert all(any(row) for row in rows)


def test_what_lies_outside_is_drawn_at_the_edge():
    assert drawn([(-1, 2), (5, 2)], 2, 1) == ["⠉⠉"]


def test_without_braille_signs_show_the_height():
    assert drawn([(0, 1), (1, 0)], 4, 1, braille=False) == ["'--."]
