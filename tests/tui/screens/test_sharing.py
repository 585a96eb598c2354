"""Where the projections and patches of two channels stand."""

from __future__ import annotations

import pytest

from zfexplore.tui.screens.sharing import FourGrids, four_grids


@pytest.mark.parametrize(
    ("size", "four"),
    [
        ((120, 40), None),  # tiles of 4 rows
        ((160, 50), FourGrids(2, 9)),  # tiles of 5 rows: two grids of 19 rows, and 3 bars
        ((200, 60), FourGrids(2, 7)),  # tiles of 7 rows
        ((200, 40), FourGrids(4, 15)),  # 38 columns a grid: tiles of 6 rows, in one line of grids
        ((120, 46), FourGrids(2, 0)),  # tiles of 5 rows, if table and map give way
        ((99, 90), None),
    ],
)
def test_four_grids_stand_where_their_tiles_are_largest(size, four):
    assert four_grids(*size) == four
