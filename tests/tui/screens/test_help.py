"""The help: all keys by place, scrolled and closed by keys."""

from __future__ import annotations

import pytest
from rich.console import Console

from tests.support import running, text, until
from zfexplore.tui import keys
from zfexplore.tui import messages as say
from zfexplore.tui.screens.help import HelpScreen, key_tables
from zfexplore.tui.screens.zoom import ZoomScreen
from zfexplore.tui.widgets.channels import ChannelList
from zfexplore.tui.widgets.feeds import FeedList
from zfexplore.tui.widgets.layers import LayerList
from zfexplore.tui.widgets.status import StatusBar
from zfexplore.tui.widgets.top import TopList

# Keys that rest where one net is explored, and no training is followed.
ALONE = [*keys.OF_SEVERAL_NETS, *(key.id for key in keys.FOLLOWING)]


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


def lines_of(*arguments) -> list[str]:
    console = Console(width=200, color_system=None)
    with console.capture() as captured:
        console.print(key_tables(*arguments))
    return [line.split("  ")[0] for line in captured.get().splitlines() if line]


def test_a_pane_lists_the_keys_that_act_there_each_once_as_the_user_changed_them():
    resting = ("swap", *(key.id for key in keys.FOLLOWING))
    lines = lines_of("channels", {"save": "w,slash"}, "", (), resting)

    every = [key for key in keys.PANES + keys.EVERYWHERE if key.id != "swap"]
    written = ["w /" if key.id == "save" else keys.written(key.keys) for key in every]
    assert sorted(lines) == sorted([*written, "in the channels", "everywhere"])
    assert lines[:2] == ["in the channels", "w /"]


@pytest.mark.parametrize(
    "place", [title for title in keys.TABLES if title not in ("in a pane", "everywhere")]
)
def test_another_screen_lists_its_own_keys_only(place):
    assert lines_of(place, {}, "") == [place, *(keys.written(key.keys) for key in keys.TABLES[place])]


def test_the_columns_of_a_list_come_first_each_explained():
    assert lines_of("channels", {}, "", (("sel", "how selective"),))[:3] == [
        "columns",
        "sel",
        "in the channels",
    ]
    for table in (ChannelList, LayerList, TopList, FeedList):
        assert all(about for _, about in table.ABOUT)


async def test_question_mark_on_a_list_explains_its_columns_and_leaves_out_what_is_idle(app):
    async with running(app) as pilot:
        for pane, explained, number in (
            ("2", "how much it prefers its best class", 6),
            ("5", "the rank: 1", 5),
        ):
            await pilot.press(pane, "question_mark")
            await until(pilot, lambda explained=explained: explained in text(app))
            titles = [title for title, _ in app.screen.columns]
            assert len(titles) >= number
            assert app.screen.idle == ["swap", *ALONE]
            await pilot.press("escape")
        shown = {column.title for column in app.query_one(ChannelList).columns()}
        assert shown <= {title for title, _ in ChannelList.ABOUT}
        await pilot.resize_terminal(80, 24)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        assert app.screen.idle == ["focus-1", "focus-6", *ALONE]  # panes that have no room
        await pilot.press("escape", "z")
        await until(pilot, lambda: isinstance(app.screen, ZoomScreen))
        await pilot.resize_terminal(120, 40)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        assert app.screen.idle == ["zoom-other"]


async def test_a_click_beside_the_dialog_closes_it_and_one_on_it_does_not(app):
    async with running(app) as pilot:
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await pilot.click(".dialog")
        assert isinstance(app.screen, HelpScreen)
        await pilot.click(offset=(0, 0))
        await until(pilot, lambda: not isinstance(app.screen, HelpScreen))
