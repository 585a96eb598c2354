"""The explorer on an instant engine: what keys, mouse and messages do at every size.

What one pane or screen does alone is tested with it; here several work together.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual import events

from tests.support import running, text, until
from zfexplore.progress import Progress
from zfexplore.tui import messages as say
from zfexplore.tui import questions as ask
from zfexplore.tui.app import ExplorerApp
from zfexplore.tui.log import log_path
from zfexplore.tui.screens.dialogs import ConfirmScreen, ErrorScreen
from zfexplore.tui.screens.zoom import ZoomScreen
from zfexplore.tui.session import Session, keymap_path, load_session, save_session
from zfexplore.tui.widgets.channels import ChannelList
from zfexplore.tui.widgets.layers import LayerList, LayerTabs
from zfexplore.tui.widgets.minimap import Minimap
from zfexplore.tui.widgets.status import StatusBar
from zfexplore.tui.widgets.top import TopList

# What is in sight at a size, and the sizes that the explorer is made for.
PANES = {
    (50, 14): "tabs channels projections",
    (80, 24): "tabs channels projections top",
    (120, 40): "layers channels projections patches top map jobs",
    (200, 60): "layers channels projections patches top map jobs",
}


@pytest.mark.parametrize("colour", [True, False])
async def test_every_size_has_its_panes_whole_and_nine_pictures(engine, colour, monkeypatch):
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    app = ExplorerApp(say.Setup(), engine)
    async with running(app, (50, 14)) as pilot:
        assert (app.stage_name, app.channel) == ("conv2", 0)
        for size, seen in PANES.items():
            await pilot.resize_terminal(*size)
            await until(pilot, lambda seen=seen: in_sight(app) == seen)

            assert [len(grid.pictures) for grid in app.panes.grids] == [9, 9]
            assert "conv2:0" in text(app)
            assert "▸" in text(app)


def in_sight(app) -> str:
    """The panes that have room, each wholly on the screen."""
    names = ("tabs", "layers", "channels", "projections", "patches", "top", "map", "jobs")
    regions = {name: app.query_one(f"#{name}").region for name in names}
    return " ".join(name for name in names if regions[name].area and regions[name] in app.screen.region)


async def test_moving_asks_for_the_channel_under_the_cursor(app, engine):
    async with running(app) as pilot:
        await pilot.press("down", "j", "j", "k", "ctrl+d", "g", "G")
        await pilot.pause()

        channels = [request.channel for request in engine.requests if isinstance(request, say.ShowChannel)]
        half = channels[5] - 2
        assert channels == [0, 1, 2, 3, 2, 2 + half, 0, 255]
        assert half > 3
        assert app.query_one(StatusBar).unit == "conv2:255"


@pytest.mark.parametrize(
    ("keys", "images", "channel"), [("", 567, 7), ("", 17, 0), ("j", 567, 1), ("jk", 567, 0)]
)
async def test_it_opens_on_what_strikes_unless_the_user_has_moved(
    app, engine, monkeypatch, keys, images, channel
):
    start = engine.start
    later = (say.AtlasChanged,)
    monkeypatch.setattr(
        engine, "start", lambda post: start(lambda event: None if isinstance(event, later) else post(event))
    )
    async with running(app) as pilot:
        assert (app.stage_name, app.channel) == ("conv2", 0)
        await pilot.press(*keys)
        known = say.StageStatistics(
            maximum=[1.0] * 256, mean=[1.0] * 256, firing=[1.0] * 256,
            striking=[1.0 if number == 7 else 0.5 for number in range(256)],
        )  # fmt: skip
        app.hear(say.AtlasChanged({"conv2": known}, images, True))
        await until(pilot, lambda: app.panes.statistics and app.channel == channel)
        app.hear(say.AtlasChanged({"conv2": replace(known, striking=known.striking[::-1])}, images, True))
        await until(pilot, lambda: app.panes.statistics["conv2"].striking[-8] == 1)
        assert app.channel == channel  # once is enough
        assert f"conv2:{channel} " in text(app)


async def test_the_list_is_sorted_by_what_strikes_with_a_column_for_it(app, engine):
    async with running(app) as pilot:
        known = replace(app.panes.statistics["conv2"], striking=[number / 255 for number in range(256)])
        app.hear(say.AtlasChanged({"conv2": known}, 567, True))
        await until(pilot, lambda: app.panes.statistics["conv2"] is known)
        assert "striking" not in text(app)
        await pilot.press("less_than_sign")
        await until(pilot, lambda: "striking▾" in text(app))
        channels = app.query_one(ChannelList)
        assert channels.order[:3] == (255, 254, 253)
        assert channels.texts(0)[:2] == ("255", "1.00")


async def test_no_key_is_lost_when_they_come_faster_than_they_are_answered(app):
    async with running(app) as pilot:
        channels = app.query_one(ChannelList)
        for _ in range(40):
            channels.action_step(1, 0)
        await until(pilot, lambda: app.query_one(StatusBar).unit == "conv2:40")

        assert app.channel == 40


async def test_layers_change_by_brackets_arrows_and_list_and_each_keeps_its_channel(app):
    async with running(app) as pilot:
        await pilot.press("down", "down", "left_square_bracket")
        assert (app.stage_name, app.channel) == ("pool1", 0)
        await pilot.press("right_square_bracket")
        assert (app.stage_name, app.channel) == ("conv2", 2)
        await pilot.press("l")
        assert app.stage_name == "fc6"
        await pilot.press("right_square_bracket")
        assert app.stage_name == "fc6"
        await pilot.press("1", "home")
        assert app.stage_name == "conv1"
        assert app.query_one(LayerList).cursor == 0
        await pilot.press("right")
        assert app.focused is app.query_one(ChannelList)


async def test_one_cursor_for_projections_patches_and_table(app):
    async with running(app) as pilot:
        await pilot.press("3", "down", "right")
        assert [grid.cursor for grid in app.panes.grids] == [4, 4]
        assert app.query_one(TopList).cursor == 4
        await pilot.press("5", "down")
        assert [grid.cursor for grid in app.panes.grids] == [5, 5]
        await pilot.press("4", "right", "right", "end")
        assert app.query_one(TopList).cursor == 8


async def test_the_mouse_picks_channels_pictures_and_layers_below_titles_and_without(app):
    async with running(app) as pilot:
        await pilot.click(ChannelList, offset=(5, 5))
        assert app.channel == 3
        await pilot.click(LayerList, offset=(5, 2))
        assert app.stage_name == "conv1"
        await pilot.click("#patches", offset=(20, 10))
        assert app.panes.grids[0].cursor == 4

        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: app.query_one(LayerTabs).region.area)
        await pilot.click(ChannelList, offset=(5, 5))
        assert app.channel == 4
        await pilot.click("#projections", offset=(6, 3))
        assert app.panes.grids[0].cursor == 0
        await pilot.click(LayerTabs, offset=(10, 0))
        assert app.stage_name == "pool1"


async def test_one_grid_at_a_time_where_it_is_narrow(app):
    async with running(app, (80, 24)) as pilot:
        projections, patches = app.panes.grids
        assert (projections.display, patches.display) == (True, False)
        await pilot.press("p")
        assert (projections.display, patches.display) == (False, True)
        assert "patches" in text(app)
        await pilot.press("3")
        assert (projections.display, patches.display) == (True, False)


async def test_it_survives_a_storm_of_sizes(app):
    async with running(app) as pilot:
        for width, height in [(10, 3), (200, 60), (1, 1), (30, 50), (250, 5), (80, 24), (99, 31), (100, 32)]:
            await pilot.resize_terminal(width, height)
        await pilot.press("down")

        assert app.query_one("#patches").region.area
        assert len(app.panes.grids[0].pictures) == 9


async def test_old_pictures_stay_dimmed_until_the_first_new_one_and_late_ones_are_dropped(app, engine):
    async with running(app) as pilot:
        before, late = app.panes.grids[0].pictures, app.generation
        engine.answer = False
        await pilot.press("down")
        app.hear(say.PictureArrived(late, before[0]))
        await pilot.pause()
        assert app.panes.grids[0].stale
        assert app.panes.grids[0].pictures == before

        app.hear(say.PictureArrived(engine.requests[-1].generation, before[0]))
        await pilot.pause()
        assert (len(app.panes.grids[0].pictures), app.panes.grids[0].stale) == (1, False)


async def test_escape_before_the_first_picture_leaves_none_of_another_channel(app, engine):
    async with running(app) as pilot:
        before = app.panes.grids[0].pictures
        engine.answer = False
        await pilot.press("down", "escape")
        app.hear(say.PictureArrived(engine.requests[-1].generation, before[0]))  # was on its way
        await until(pilot, lambda: "stopped" in text(app))
        await pilot.press("z", "space")
        await pilot.pause()

        assert engine.cancelled
        assert not isinstance(app.screen, ZoomScreen)
        assert (app.panes.grids[0].pictures, app.panes.pinned) == ((), None)


async def test_escape_while_the_atlas_is_awaited_gives_nothing_up(app, engine):
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.settled > 0)
        engine.answer, app.panes.statistics = False, {}
        await pilot.press("down", "escape")
        await pilot.pause()

        assert not engine.cancelled
        assert app.panes.grids[0].stale


async def test_a_channel_is_pinned_only_with_its_own_pictures(app, engine):
    async with running(app) as pilot:
        engine.answer = False
        await pilot.press("down", "space")
        await pilot.pause()
        assert app.panes.pinned is None

        engine.show(engine.requests[-1])
        await until(pilot, lambda: app.settled == app.generation)
        await pilot.press("space")
        assert app.panes.pinned[0] == "conv2:1"


async def test_neighbours_are_those_of_the_list(app, engine):
    async with running(app) as pilot:
        await pilot.press("slash", *"class:sun", "enter", "down", "down")
        await until(pilot, lambda: app.channel == 5)

        assert engine.requests[-1].ahead == (7, 3, 9)


async def test_a_key_right_behind_that_of_a_pane_is_the_panes(app):
    async with running(app) as pilot:
        for key in ("3", "right"):
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await until(pilot, lambda: app.panes.grids[0].cursor == 1)

        assert app.stage_name == "conv2"


async def test_a_pane_without_room_is_not_focused(app):
    async with running(app, (50, 14)) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: "there is no room for" in text(app))

        assert app.focused is app.query_one(ChannelList)


async def test_a_failure_is_told_in_the_place_of_the_pictures(app, engine):
    async with running(app) as pilot:
        engine.answer = False
        await pilot.press("down")
        app.hear(say.Failed("gone.png is gone", generation=app.generation))
        await until(pilot, lambda: "could not be shown" in text(app))

        assert (app.panes.grids[0].pictures, app.panes.grids[0].stale) == ((), False)


async def test_a_dead_channel_says_so_until_another_is_looked_at(app, engine):
    async with running(app) as pilot:
        await pilot.press(*["down"] * 5)
        await until(pilot, lambda: "conv2:5 is dead: it fires on none" in text(app))
        app.hear(say.AtlasChanged(app.panes.statistics, 100, False))
        await until(pilot, lambda: "none of these images so far" in text(app))
        assert "fires on no image so far" in text(app)  # in the table
        engine.answer = False
        await pilot.press("down")
        await until(pilot, lambda: "fires on none" not in text(app))


async def test_a_dead_channel_says_so(app):
    async with running(app) as pilot:
        await pilot.press(*["down"] * 5)
        await until(pilot, lambda: "conv2:5 is dead: it fires on none" in text(app))

        assert "dead" in text(app)


async def test_an_error_is_a_toast_with_the_log_and_the_app_lives_on(app, monkeypatch):
    monkeypatch.setenv("ZFEXPLORE_CACHE", "/cache")
    async with running(app, (80, 24)) as pilot:
        app.hear(say.Failed("conv2:0 cannot be projected [here]"))
        await until(pilot, lambda: "cannot be projected" in text(app) and "[here]" in text(app))
        assert str(log_path()) in text(app)
        await pilot.press("down")

        assert app.channel == 1


async def test_a_fatal_error_is_a_dialog_and_the_exit_code(app):
    async with running(app, (80, 24)) as pilot:
        app.hear(say.Failed("no such folder: [nope]", fatal=True))
        await until(pilot, lambda: isinstance(app.screen, ErrorScreen))
        await pilot.press("q")

    assert (app.return_code, app.failure) == (1, "no such folder: [nope]")


async def test_glyphs_change_by_key_and_are_remembered(app, engine):
    async with running(app) as pilot:
        await pilot.press("m")
        assert app.panes.grids[0].mode == "halves"
        await pilot.pause()
        assert [request.mode for request in engine.requests if isinstance(request, say.TileSize)][
            -1
        ] == "halves"

    assert load_session().mode == "halves"


async def test_the_last_session_comes_back(engine):
    save_session(Session("conv1", 7))
    app = ExplorerApp(say.Setup(), engine)
    async with running(app, (80, 24)) as pilot:
        assert (app.stage_name, app.channel) == ("conv1", 7)
        await pilot.press("down", "q")

    assert load_session() == Session("conv1", 8)
    assert engine.stopped


@pytest.mark.parametrize(
    ("start", "place", "told"),
    [
        (("conv2", 130), ("conv2", 130), ""),
        (("conv2", None), ("conv2", 0), ""),
        (("conv2", 256), ("conv1", 7), "conv2 has no channel 256: it has 0-255"),
        (("conv9", None), ("conv1", 7), "there is no layer conv9: the layers are conv1, pool1"),
    ],
)
async def test_it_starts_where_the_user_says_or_says_why_not(engine, start, place, told):
    save_session(Session("conv1", 7))
    app = ExplorerApp(say.Setup(), engine, start=start)
    async with running(app):
        assert (app.stage_name, app.channel) == place
        assert [told in each.message for each in app._notifications] == ([True] if told else [])


async def test_a_session_of_another_net_is_no_harm(engine):
    save_session(Session("conv1", 7000))
    app = ExplorerApp(say.Setup(), engine)
    async with running(app, (80, 24)):
        assert (app.stage_name, app.channel) == ("conv1", 95)


async def test_keys_can_be_changed_by_a_file(engine):
    keymap_path().parent.mkdir(parents=True)
    keymap_path().write_text('{"save": "x"}')
    app = ExplorerApp(say.Setup(), engine)
    async with running(app) as pilot:
        await pilot.press("x")
        assert say.SaveChannel("conv2", 0) in engine.requests
        assert "x save" in text(app)
        await pilot.press("question_mark")
        await until(pilot, lambda: "x            project the channel" in text(app))


async def test_progress_is_in_the_job_bar_or_the_status_bar(app):
    job = Progress("building the atlas", 120, 567, 31.2, 14.3)
    async with running(app) as pilot:
        app.hear(say.JobChanged(job))
        await until(pilot, lambda: "building the atlas 120/567 · 31.2 images/s · 0:14 left" in text(app))
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: "building the atlas 21% · 0:14 left" in text(app))


async def test_ctrl_c_leaves_after_asking_once_on_every_screen_and_names_the_key_that_leaves(engine):
    keymap_path().parent.mkdir(parents=True, exist_ok=True)
    keymap_path().write_text('{"quit": "x"}')
    app = ExplorerApp(say.Setup(), engine)
    async with running(app) as pilot:
        await pilot.press("z", "ctrl+c")
        await until(
            pilot, lambda: [each for each in app._notifications if "in the panes x does" in each.message]
        )
        assert app.is_running
        app.interrupted -= 60  # a minute later it asks again
        await pilot.press("ctrl+c")
        assert app.is_running
        assert not engine.stopped
        await pilot.press("ctrl+c")
        await until(pilot, lambda: not app.is_running or engine.stopped)


async def test_glyphs_given_for_one_run_are_not_remembered(engine):
    save_session(Session("conv1", 0, "sextants"))
    app = ExplorerApp(say.Setup(), engine, mode="ascii")
    async with running(app, (80, 24)):
        assert {grid.mode for grid in app.panes.grids} == {"ascii"}
        assert load_session().mode == "sextants"

    assert load_session() == Session("conv1", 0, "sextants")


async def test_pictures_of_the_channel_before_are_dimmed_if_new_ones_are_long_in_coming(app, engine):
    async with running(app) as pilot:
        engine.answer = False
        await pilot.press("down")
        grid = app.panes.grids[0]
        assert (grid.stale, grid.dim) == (True, False)
        await until(pilot, lambda: grid.dim)
        engine.show(engine.requests[-1])
        await until(pilot, lambda: not grid.stale)

        assert not grid.dim


async def test_channels_that_stand_for_classes_have_names(app, engine):
    async with running(app) as pilot:
        names = ("face", "sunflower", "hat", "lamp", "tree", "dog")
        layers = (say.Stage("fc8", "fc", 6, (), None, names),)
        known = say.StageStatistics([29.7] * 5 + [0.0], [9.0] * 6, [0.5] * 6)
        app.hear(say.AtlasChanged({"fc8": known}, 567, True))
        app.panes.show_net(say.NetLoaded("zfnet", layers, "cpu"))
        app.go_to("fc8", 0)
        await until(pilot, lambda: app.stage_name == "fc8")
        await pilot.press("colon", *"hat")
        await until(pilot, lambda: "go to the channel of this class" in text(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.query_one(StatusBar).unit == "fc8:2 hat")
        assert "   2   29.7 hat" in text(app)
        await until(pilot, lambda: app.settled == app.generation)
        await pilot.press("z")
        await until(pilot, lambda: isinstance(app.screen, ZoomScreen) and "fc8:2@3,0 hat" in text(app))
        await pilot.press("escape", "slash", *"class:dog", "enter")
        await until(pilot, lambda: "fc8:5 dog is dead: it fires on none" in text(app))


async def test_the_map_is_walked_with_the_arrows_and_the_mouse(app):
    async with running(app) as pilot:
        await pilot.press("6", "down", "right")
        assert app.channel == 17
        await pilot.click(Minimap, offset=(4, 3))
        assert app.channel == 4 * 16 + 2


# -- an engine that dies -----------------------------------------------------------------------------


async def die(app, pilot) -> None:
    app.hear(say.EngineDied("it was killed"))
    await until(pilot, lambda: "the engine has died: it was killed" in text(app))


async def test_an_engine_that_has_died_is_started_again_where_the_user_was(app, engine):
    async with running(app) as pilot:
        await pilot.press("down", "down")
        engine.requests.clear()
        await die(app, pilot)
        assert "Start it again?" in text(app)
        await pilot.press("y")
        await until(pilot, lambda: {say.ShowChannel, say.TileSize} <= set(map(type, engine.requests)))
        (shown,) = [each for each in engine.requests if isinstance(each, say.ShowChannel)]
        assert (shown.stage_name, shown.channel) == ("conv2", 2)
        assert {each.grid for each in engine.requests if isinstance(each, say.TileSize)} == {
            "projections",
            "patches",
        }
        await until(pilot, lambda: app.settled == app.generation)
        assert len(app.panes.grids[0].pictures) == 9
        await pilot.press("down")
        assert engine.requests[-1].channel == 3


async def test_without_an_engine_nothing_is_waited_for_and_enter_offers_to_start_one(app, engine):
    async with running(app) as pilot:
        await die(app, pilot)
        await pilot.press("n", "down")
        await until(pilot, lambda: "the engine has died: ⏎ starts it again" in text(app))
        assert app.settled == app.generation
        assert app.query_one(StatusBar).unit == "conv2:1"
        engine.started = False
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: engine.started and len(app.panes.grids[0].pictures) == 9)
        assert app.channel == 1


async def test_a_question_that_a_dying_engine_was_at_is_refused_and_so_is_a_new_one(app, engine):
    async with running(app) as pilot:
        await pilot.press("o")
        await until(pilot, lambda: isinstance(engine.requests[-1], ask.Occlude))
        await die(app, pilot)
        await pilot.press("n")
        await until(pilot, lambda: "✗ the engine has died" in text(app))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.panes)
        asked = len(engine.requests)
        await pilot.press("o")
        await until(pilot, lambda: "✗ the engine has died" in text(app))
        assert len(engine.requests) == asked


async def test_images_that_are_gone_leave_the_table_and_say_so_in_the_place_of_the_pictures(app, engine):
    async with running(app) as pilot:
        engine.answer = False
        await pilot.press("down")
        await until(pilot, lambda: app.settled < app.generation)
        rows = (say.PlaceRow(0, 7.5, "sunflower/image_0012.jpg", "sunflower", 3, 4),)
        app.hear(say.TopListed("conv2", 1, app.generation, rows))
        app.hear(say.ImagesGone(app.generation))
        await until(pilot, lambda: text(app).count("the images are gone") == 2)
        assert "image_0012.jpg" in text(app)
        assert app.settled == app.generation
