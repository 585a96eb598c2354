"""The help: all keys by place, scrolled and closed by keys."""

from __future__ import annotations

from rich.console import Console

from tests.support import running, text, until
from zfexplore.tui import keys
from zfexplore.tui import messages as say
from zfexplore.tui.screens.help import HelpScreen, key_tables
from zfexplore.tui.widgets.status import StatusBar


async def test_help_lists_the_keys_closes_and_loses_nothing_that_comes_meanwhile(app):
    async with running(app, (80, 24)) as pilot:
        await pilot.press("question_mark")
        await until(pilot, lambda: "in the channels" in text(app))
        assert isinstance(app.screen, HelpScreen)
        app.hear(say.AtlasChanged({}, 12, False))
        await until(pilot, lambda: "12 of 567" in app.query_one(StatusBar).images)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, HelpScreen))


async def test_the_help_is_scrolled_by_the_keys_of_the_panes_and_tells_how_it_closes(app):
    async with running(app, (80, 24)) as pilot:
        await pilot.press("question_mark")
        await until(pilot, lambda: "esc closes" in text(app))
        assert text(app).splitlines()[-1].strip() == "esc close"
        dialog = app.screen.query_one(".dialog")
        half, end = dialog.size.height // 2, dialog.max_scroll_y
        places = []
        for key in ("j", "down", "k", "ctrl+d", "ctrl+u", "G", "g"):
            await pilot.press(key)
            await pilot.pause()
            places.append(round(dialog.scroll_y))
        assert places == [1, 2, 1, 1 + half, 1, end, 0]


def test_every_key_is_listed_once_as_it_is_on_the_keyboard_or_as_the_user_changed_it():
    console = Console(width=200, color_system=None)
    with console.capture() as captured:
        console.print(key_tables("channels", {"save": "w,slash"}, ""))
    lines = [line.split("  ")[0] for line in captured.get().splitlines()]

    titles = {"in the channels", "everywhere", *keys.TABLES} - {"in a pane"}
    every = [key for table in keys.TABLES.values() for key in table]
    written = ["w /" if key.id == "save" else keys.written(key.keys) for key in every]
    assert sorted(line for line in lines if line not in {"", *titles}) == sorted(written)
    assert [line for line in lines if line][:2] == ["in the channels", "w /"]


async def test_a_click_beside_the_dialog_closes_it_and_one_on_it_does_not(app):
    async with running(app) as pilot:
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await pilot.click(".dialog")
        assert isinstance(app.screen, HelpScreen)
        await pilot.click(offset=(0, 0))
        await until(pilot, lambda: not isinstance(app.screen, HelpScreen))
