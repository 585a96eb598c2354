"""The sidebar in the explorer: channels filtered by what is typed, and sorted by a column."""

from __future__ import annotations

from dataclasses import replace

from tests.support import running, text, until
from zfexplore.tui import messages as say
from zfexplore.tui.widgets.channels import ChannelList
from zfexplore.tui.widgets.status import StatusBar
from zfexplore.tui.widgets.top import TopList


async def test_typing_a_filter_leaves_the_channels_it_names(app, engine):
    async with running(app) as pilot:
        await pilot.press("slash", *"class:sun", "space", *"10-14")
        channels = app.query_one(ChannelList)
        assert channels.order == (11, 13)
        await pilot.press("enter")
        await until(pilot, lambda: app.channel == 11 and "2 conv2, 2 of 256" in text(app))
        assert app.focused is channels
        await until(pilot, lambda: engine.requests[-1].channel == 11)
        await pilot.press("escape")

        assert len(channels.order) == 256
        assert app.channel == 11


async def test_what_is_no_filter_is_refused_before_the_net_is_known_too(app, engine):
    start, engine.start = engine.start, lambda post: None
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("slash", *"nonsense", "enter")
        await until(pilot, lambda: "is no filter" in text(app))
        start(app.hear)
        await until(pilot, lambda: len(app.query_one(ChannelList).order) == 256)


async def test_a_filter_given_up_leaves_the_cursor_on_the_channel_that_is_shown(app, engine):
    async with running(app) as pilot:
        await pilot.press("down", "slash", *"dead")
        channels = app.query_one(ChannelList)
        assert (channels.order, channels.channel) == ((5,), 5)
        await pilot.press("escape")
        assert (len(channels.order), channels.channel) == (256, 1)
        await pilot.press("slash", *"0-12", "enter")  # on the way there was 0 alone
        await until(pilot, lambda: app.focused is channels)
        assert (len(channels.order), channels.channel) == (13, 1)
        assert app.query_one(StatusBar).unit == "conv2:1"


async def test_a_filter_that_leaves_nothing_is_left_for_the_channel_that_is_shown(app, engine):
    async with running(app) as pilot:
        await pilot.press("down", "slash", *"max>99", "enter")
        channels = app.query_one(ChannelList)
        await until(pilot, lambda: app.focused is channels and channels.order == ())
        await pilot.press("escape")
        await until(pilot, lambda: len(channels.order) == 256)

        assert channels.channel == 1
        await until(pilot, lambda: engine.requests[-1].channel == 1)
        assert app.query_one(StatusBar).unit == "conv2:1"


async def test_a_filter_stays_as_layers_change_and_ends_where_it_hides_a_channel_that_is_named(app, engine):
    async with running(app) as pilot:
        channels = app.query_one(ChannelList)
        await pilot.press("slash", *"class:sun", "enter")
        await until(pilot, lambda: app.focused is channels and app.channel == 1)
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: app.stage_name == "pool1" and "2 pool1, 48 of 96" in text(app))
        assert app.channel == 1  # it was never here: 0, the first, is hidden
        await until(pilot, lambda: app.query_one(StatusBar).unit == "pool1:1")
        assert "class:sun" in text(app)
        app.go_to("conv2", 7)
        assert len(channels.order) == 128
        app.go_to("pool1", 4)
        assert (len(channels.order), app.channel) == (96, 4)
        await until(pilot, lambda: engine.requests[-1].channel == 4)


async def test_a_filter_that_leaves_nothing_of_another_layer_clears_the_panes(app, engine):
    async with running(app) as pilot:
        await pilot.press("slash", *"200-210", "enter")
        await until(pilot, lambda: app.query_one(StatusBar).unit == "conv2:200")
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: "no channel of pool1 passes the filter" in text(app))
        assert app.query_one(StatusBar).unit == "pool1"
        assert (app.panes.grids[0].pictures, app.query_one(TopList).places) == ((), ())
        await pilot.press("z", "o", "f", "space", "enter")
        await until(pilot, lambda: text(app).count("no channel passes the filter") >= 2)
        assert app.screen is app.panes
        assert app.panes.pinned is None
        assert not any(isinstance(request, say.SaveChannel) for request in engine.requests)

        await pilot.press("slash", "backspace", *"5", "escape")  # on the way some are left again
        await until(pilot, lambda: app.query_one(StatusBar).unit == "pool1:0")
        await until(pilot, lambda: len(app.panes.grids[0].pictures) == 9)
        assert app.channel == 0


async def test_a_filter_that_cannot_be_read_is_told_when_entered(app):
    async with running(app) as pilot:
        await pilot.press("slash", *"nope")
        await until(pilot, lambda: "2 ✗ this is no filter" in text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "no filter" in text(app))
        assert len(app.query_one(ChannelList).order) == 256


async def test_a_channel_that_the_growing_atlas_filters_away_gives_its_pictures_to_the_next(app, engine):
    async with running(app) as pilot:
        await pilot.press("slash", *"max<30", "enter")
        await until(pilot, lambda: app.query_one(StatusBar).unit == "conv2:1")
        grown = replace(app.panes.statistics["conv2"], maximum=[31.0] * 3 + [20.0] * 253)
        app.hear(say.AtlasChanged({"conv2": grown}, 567, True))
        await until(pilot, lambda: app.query_one(StatusBar).unit == "conv2:3")

        assert app.channel == 3
        assert engine.requests[-1].channel == 3


async def test_sorting_keeps_the_cursor_on_its_channel(app):
    async with running(app) as pilot:
        await pilot.press("down", *["greater_than_sign"] * 4)
        channels = app.query_one(ChannelList)
        assert app.panes.sidebar.sort == "sel"
        assert channels.order[:3] == (255, 254, 253)
        assert app.channel == 1
        assert "sel▾" in text(app)
        await pilot.press(*["less_than_sign"] * 4)
        assert channels.order[:3] == (0, 1, 2)


async def test_a_click_on_a_title_sorts_by_it_and_another_by_number_again(app):
    async with running(app, (160, 50)) as pilot:
        channels = app.query_one(ChannelList)
        await pilot.click(channels, offset=(29, 1))
        assert (app.panes.sidebar.sort, channels.order[0]) == ("sel", 255)
        await pilot.click(channels, offset=(29, 1))
        assert (app.panes.sidebar.sort, channels.order[0]) == ("ch", 0)


async def test_the_column_sorted_by_is_in_sight_in_every_width(app):
    async with running(app) as pilot:
        for size, titles in {
            (160, 50): "ch max fires mean sel▾ best class",
            (120, 40): "ch sel▾ max fires",
            (50, 14): "ch sel▾",
        }.items():
            await pilot.resize_terminal(*size)
            app.panes.sidebar.sort = "sel"
            app.panes.sidebar.order_channels()
            await until(pilot, lambda titles=titles: f" {titles} " in " ".join(text(app).split()))


async def test_without_labels_there_is_nothing_of_classes(app, engine):
    async with running(app, (160, 50)) as pilot:
        known = replace(app.panes.statistics["conv2"], selectivity=(), best_class=())
        app.hear(say.AtlasChanged({"conv2": known}, 567, True))
        await until(pilot, lambda: "best class" not in text(app))
        sorts = []
        for _ in range(4):
            await pilot.press("greater_than_sign")
            sorts.append(app.panes.sidebar.sort)

        assert sorts == ["max", "fires", "mean", "ch"]
