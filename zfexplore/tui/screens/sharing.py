"""How the panes share the screen: which rows pictures cannot use, and where two channels fit side by side."""

from __future__ import annotations

from dataclasses import dataclass

from zfexplore.tui.widgets.pictures import ROOM_FOR_BOTH, SIDE, widest_tile

WIDE, TALL = 160, 32  # columns and rows of the screen, from which panes have room to spare
SIDEBAR, WIDE_SIDEBAR = 28, 46  # columns, as in theme.tcss
BARS = 3  # rows of status, jobs and keys
LEAST_FACTS, MOST_FACTS = 6, 18  # rows: three places; all of a map of 32 x 32 channels
LEAST_TILE = 5  # rows of a tile, from which four grids show more than two


@dataclass(frozen=True)
class FourGrids:
    """Where projections and patches of two channels stand: ``across`` 2 or 4 grids; ``facts`` rows below."""

    across: int
    facts: int


def rows_of_facts(width: int, height: int) -> int:
    """Give the rows of table and map below two grids side by side: those that tiles cannot use, 0 for none.

    Tiles are square and three stand in a row, so that a grid's width says how high it can be.
    """
    sidebar = WIDE_SIDEBAR if width >= WIDE else SIDEBAR
    tile = widest_tile((width - sidebar - 2) // 2)  # the stage's edge, and a column between the grids
    left = height - BARS - (SIDE * (tile + 1) + 1)  # a caption above each tile, a title above all
    if left >= LEAST_FACTS:
        return min(left, MOST_FACTS)
    return max(8, min(11, height // 4 + 1)) if height >= TALL else 0


def four_grids(width: int, height: int) -> FourGrids | None:
    """Give how four grids stand, with the largest tiles; None where their tiles would be too small.

    Table and map stay as long as the tiles are large enough beside them.
    """
    if width < ROOM_FOR_BOTH:
        return None
    stage = width - (WIDE_SIDEBAR if width >= WIDE else SIDEBAR) - 1
    for facts in (LEAST_FACTS, 0):
        tiles = {across: _tile(stage, height - BARS - facts, across) for across in (2, 4)}
        across = max(tiles, key=lambda across: tiles[across])
        if tiles[across] >= LEAST_TILE:
            used = (4 // across) * (SIDE * (tiles[across] + 1) + 1)
            left = min(height - BARS - used, MOST_FACTS)
            return FourGrids(across, left if left >= LEAST_FACTS else 0)
    return None


def _tile(width: int, height: int, across: int) -> int:
    """Give the rows of a tile where ``across`` of four grids stand side by side."""
    grid_width = (width - (across - 1)) // across
    grid_height = height // (4 // across) - 1  # a title above each
    return min(widest_tile(grid_width), grid_height // SIDE - 1)
