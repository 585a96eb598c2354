from __future__ import annotations

import pytest
from textual.app import App

from zfexplore.tui.widgets.minimap import Minimap


class Map(App[None]):
    def compose(self):
        yield Minimap()


@pytest.mark.parametrize(
    ("cursor", "lines"),
    [
        (1, ("▀▀▲▲▀▀", "▀▀▀▀")),
        (3, ("▼▼▀▀▀▀", "▀▀▀▀")),
        (7, ("▀▀▀▀▀▀", "▀▀▲▲")),  # the last row has none below
    ],
)
async def test_the_channel_under_the_cursor_is_seen_without_colour(cursor, lines, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    app = Map()
    async with app.run_test(size=(20, 6)) as pilot:
        minimap = app.query_one(Minimap)
        minimap.strengths, minimap.cursor = (1.0,) * 8, cursor
        await pilot.pause()
        shown = app.screen._compositor.render_strips(app.size)

        assert tuple(strip.text.rstrip() for strip in shown[:2]) == lines
