"""How the panes share the screen."""

from __future__ import annotations

import pytest

from tests.support import until
from zfexplore.tui import messages as say
from zfexplore.tui.screens.sharing import rows_of_facts
from zfexplore.tui.widgets.layers import LayerList


@pytest.mark.parametrize(
    ("size", "rows"),
    [
        ((100, 30), 8),  # grids 35 wide: tiles of 5 rows, 3 * 6 + 1 of them and 3 bars
        ((120, 40), 12),
        ((160, 50), 16),
        ((120, 31), 0),  # 3 would be left, and the screen is low
        ((200, 40), 11),  # none would be left
        ((120, 90), 18),
    ],
)
async def test_table_and_map_have_the_rows_that_tiles_cannot_use(app, size, rows):
    assert rows_of_facts(*size) == rows

    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.settled > 0)
        assert app.panes.query_one("#facts").region.height == rows
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: app.panes.query_one("#facts").region.height == 21)
        await pilot.resize_terminal(*size)
        await until(pilot, lambda: app.panes.query_one("#facts").region.height == rows)


async def test_the_present_layer_is_in_sight_once_there_is_room_for_the_list(app):
    async with app.run_test(size=(99, 40)) as pilot:
        await until(pilot, lambda: app.settled > 0)
        layers = tuple(say.Stage(f"conv{number}", "conv", 9, (8, 8), (7, 7)) for number in range(12))
        app.hear(say.NetLoaded("deep", layers, "cpu"))
        await until(pilot, lambda: app.stage_name == "conv11")
        await pilot.resize_terminal(120, 31)
        listed = app.panes.query_one(LayerList)
        await until(pilot, lambda: listed.size.height == 5)

        seen = "\n".join(strip.text for strip in app.screen._compositor.render_strips(app.size))
        assert "▸conv11" in seen
