"""The line of keys: whole hints only, and what they say is what happens."""

from __future__ import annotations

import pytest

from tests.support import running, until
from zfexplore.tui import app as module
from zfexplore.tui.keys import EVERYWHERE
from zfexplore.tui.messages import Setup
from zfexplore.tui.screens.zoom import ZoomScreen
from zfexplore.tui.widgets.keybar import KeyBar


def last_line(app) -> str:
    """The foot of the screen."""
    return app.screen._compositor.render_strips(app.size)[-1].text


@pytest.mark.parametrize("size", [(50, 14), (80, 24), (120, 40)])
async def test_hints_stand_whole_and_in_the_order_of_the_table(app, size):
    async with running(app, size):
        hints = [f"{key.footer} {key.label}" for key in EVERYWHERE if key.footer]
        if size[0] >= 100:
            hints.remove("p swap")  # both grids are in sight
        shown = [hint.strip() for hint in last_line(app).split("  ") if hint.strip()]

        assert shown == hints[: len(shown)]
        assert "q quit" in last_line(app)


async def test_a_click_on_a_hint_is_the_key(app):
    async with running(app) as pilot:
        bar = app.query_one(KeyBar)
        x = next(x for x, hint in bar.places() if hint.label == "zoom")
        await pilot.click(bar, offset=(x, 0))
        await until(pilot, lambda: isinstance(app.screen, ZoomScreen))

        await pilot.click(app.screen.query_one(KeyBar), offset=(0, 0))  # before the first
        assert isinstance(app.screen, ZoomScreen)


async def test_while_a_filter_is_typed_letters_are_no_keys(app):
    async with running(app) as pilot:
        await pilot.press("slash")
        await until(pilot, lambda: last_line(app).strip() == "⏎ to the channels  esc all channels")

        await pilot.press("escape")
        await until(pilot, lambda: "z zoom" in last_line(app))


async def test_changed_keys_are_told(engine, monkeypatch):
    monkeypatch.setattr(module, "load_keymap", lambda: {"zoom": "w"})
    app = module.ExplorerApp(Setup(), engine)
    async with running(app):
        assert "w zoom" in last_line(app)
