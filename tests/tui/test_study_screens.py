"""The keys that ask about the picture under the cursor, in the whole explorer."""

from __future__ import annotations

import pytest
from textual import events

from tests.support import text, until
from zfexplore.studies.records import Alike, Company, Feed, Feeds
from zfexplore.tui import keys
from zfexplore.tui import messages as say
from zfexplore.tui import questions as ask
from zfexplore.tui.screens.company import CompanyScreen
from zfexplore.tui.screens.feeds import FeedsScreen
from zfexplore.tui.screens.help import HelpScreen
from zfexplore.tui.screens.ideal import IdealScreen
from zfexplore.tui.screens.occlusion import OcclusionScreen
from zfexplore.tui.screens.picture import PictureScreen
from zfexplore.tui.screens.varied import VariedScreen
from zfexplore.units import Unit

TABLES = [
    (keys.PICTURE, PictureScreen),
    (keys.OCCLUSION, OcclusionScreen),
    (keys.VARIED, VariedScreen),
    (keys.FEEDS, FeedsScreen),
    (keys.IDEAL, IdealScreen),
    (keys.COMPANY, CompanyScreen),
]


@pytest.mark.parametrize(("table", "screen"), TABLES)
def test_every_action_is_there_and_no_key_means_two_things(table, screen):
    used = [name for key in table for name in key.keys.split(",")]

    assert len(set(used)) == len(used)
    assert all(hasattr(screen, f"action_{key.action.partition('(')[0]}") for key in table)
    assert keys.TABLES[screen.HELP] is table


async def test_o_and_f_ask_about_the_picture_under_the_cursor_and_t_jumps(app, engine):
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.settled > 0)
        await pilot.press("3", "right", "o")
        await until(pilot, lambda: isinstance(engine.requests[-1], ask.Occlude))
        chosen = ask.Chosen("sunflower-1.png", "sunflower", -1)
        number = engine.requests[-1].number
        assert engine.requests[-1] == ask.Occlude(number, chosen, "conv2", 0)
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape", "escape", "escape")
        await until(pilot, lambda: ask.GiveUp(number) in engine.requests and app.screen is app.panes)

        await pilot.press("f")
        await until(pilot, lambda: isinstance(engine.requests[-1], ask.FeedsFrom))
        assert engine.requests[-1].chosen == chosen
        assert engine.requests[-1].unit == Unit("conv2", 0, 3, 1)
        row = Feed(Unit("pool1", 9, 6, 8), 1.0, 1.0, 2.0)
        app.hear(ask.Answered(app.screen.number, Feeds(Unit("conv2", 0, 3, 1), 1.0, 1.0, 0.0, (row,))))
        await until(pilot, lambda: app.screen.found is not None)
        await pilot.press("t")
        await until(pilot, lambda: app.stage_name == "pool1")
        assert app.channel == 9


async def test_d_asks_what_moving_the_picture_under_the_cursor_does_and_d_again_gives_it_up(app, engine):
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.settled > 0)
        await pilot.press("3", "right", "d")
        await until(pilot, lambda: isinstance(engine.requests[-1], ask.Vary))
        asked = engine.requests[-1]
        assert (asked.chosen, asked.setup) == (ask.Chosen("sunflower-1.png", "sunflower", -1), app.net)
        assert isinstance(app.screen, VariedScreen)
        await pilot.press("d")
        await until(pilot, lambda: ask.GiveUp(asked.number) in engine.requests)
        assert app.screen is app.panes


async def test_a_asks_what_the_channel_would_like_best_and_a_again_gives_it_up(app, engine):
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.settled > 0)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(engine.requests[-1], ask.MakeIdeal))
        number = engine.requests[-1].number
        assert engine.requests[-1].unit == Unit("conv2", 0)
        await pilot.press("a")
        await until(pilot, lambda: ask.GiveUp(number) in engine.requests and app.screen is app.panes)


async def test_c_lists_what_fires_with_the_channel_enter_goes_there_and_backspace_comes_back(app, engine):
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.settled > 0)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(engine.requests[-1], ask.FindCompany))
        assert engine.requests[-1].unit == Unit("conv2", 0)
        others = (Alike(Unit("conv2", 5), 0.9, 7), Alike(Unit("conv2", 3), -0.2, 1))
        app.hear(ask.Answered(app.screen.number, Company(Unit("conv2", 0), 40, 8, others)))
        await until(pilot, lambda: "conv2:5" in text(app))
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.screen is app.panes and app.channel == 3)
        await pilot.press("backspace")
        await until(pilot, lambda: app.channel == 0)


async def test_without_a_channel_nothing_is_made(app, engine, monkeypatch):
    told = []
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.settled > 0)
        await pilot.press("slash", *"max>99", "enter")
        await until(pilot, lambda: app.panes.unit_in_use is None)
        monkeypatch.setattr(app, "notify", lambda text, **how: told.append(text))
        await pilot.press("a", "c")
        await until(pilot, lambda: len(told) == 2)

        assert told == ["no channel passes the filter"] * 2
        assert app.screen is app.panes


async def test_a_path_pasted_into_the_panes_is_looked_at(app, engine, folder):
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: app.settled > 0)
        app.post_message(events.Paste("not/there.png"))
        await until(pilot, lambda: "what was pasted is no file here" in text(app))
        app.post_message(events.Paste(f"'{folder}/cat.png'\n"))
        await until(pilot, lambda: isinstance(engine.requests[-1], ask.RankPicture))
        assert engine.requests[-1].chosen.path == f"{folder}/cat.png"
        assert not app.screen.asking
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.panes)
        app.post_message(events.Paste(str(folder)))  # a folder is looked into
        await until(pilot, lambda: isinstance(app.screen, PictureScreen) and app.screen.asking)
        assert app.screen.query_one("#own-path").value == f"{folder}/"


async def test_before_the_net_is_loaded_there_is_no_picture_yet(app, engine, monkeypatch):
    monkeypatch.setattr(engine, "start", lambda post: None)
    told = []
    async with app.run_test(size=(80, 24)) as pilot:
        monkeypatch.setattr(app, "notify", lambda text, **how: told.append(text))
        await pilot.press("z", "o")
        await until(pilot, lambda: len(told) == 2)

        assert set(told) == {"there is no picture under the cursor yet"}


async def test_without_a_picture_nothing_is_asked(app, engine):
    engine.answer = False
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.stage_name == "conv2")
        await pilot.press("o", "d", "f")

        assert app.screen is app.panes


async def test_a_map_cannot_be_saved_by_an_engine_that_has_died_and_the_screen_says_so(app, engine):
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: app.settled > 0)
        await pilot.press("o")
        await until(pilot, lambda: isinstance(engine.requests[-1], ask.Occlude))
        screen = app.screen
        app.hear(say.EngineDied("it was killed"))
        await until(pilot, lambda: app.died_of)
        await pilot.press("n")
        await until(pilot, lambda: app.screen is screen)
        screen.query_one("#occlusion-numbers").update("")
        screen.view = object()  # as far as it had come
        screen.action_save()
        await until(pilot, lambda: "start it again" in text(app))
        assert not any(isinstance(request, say.Save) for request in engine.requests)
