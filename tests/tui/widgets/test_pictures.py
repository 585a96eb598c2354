from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zfexplore.tui.widgets.pictures import SIDE, arrange


@pytest.mark.parametrize(
    ("pane", "tile"), [((40, 21), (6, 12)), ((42, 29), (7, 13)), ((34, 11), (3, 6)), ((70, 44), (11, 22))]
)
def test_tiles_are_as_large_as_the_pane_allows(pane, tile):
    arrangement = arrange(*pane)

    assert (arrangement.rows, arrangement.columns) == tile


@given(st.integers(10, 300), st.integers(6, 100))
def test_tiles_stay_inside_the_pane_and_square(width, height):
    place = arrange(width, height)

    assert place.left >= 1
    assert place.left + SIDE * place.columns + SIDE - 1 <= width
    assert place.line(height - 1) >= (SIDE - 1, place.rows - 1)
    assert abs(place.columns - 2 * place.rows) <= 1


@given(st.integers(20, 200), st.integers(9, 80))
def test_every_tile_can_be_hit_by_the_mouse_and_by_nothing_else(width, height):
    place = arrange(width, height)
    hit = {place.tile_at(x, y) for x in range(width) for y in range(height)}

    assert hit - {None} == set(range(SIDE * SIDE))
    for y in range(height):
        row, line = place.line(y)
        if row < SIDE and line >= 0:
            assert place.tile_at(place.left, y) == row * SIDE
            assert place.tile_at(place.left + place.columns, y) is None


@given(st.integers(20, 200), st.integers(9, 80))
def test_rows_of_tiles_are_drawn_whole_and_leave_no_line_of_a_tile_out(width, height):
    place = arrange(width, height)
    for row in range(SIDE):
        region = place.region(row, width)
        lines = [y for y in range(height) if place.line(y)[0] == row]

        assert (region.x, region.width) == (0, width)
        assert set(lines) <= set(range(region.y, region.bottom))
