"""Two nets in the explorer, on an instant engine."""

from __future__ import annotations

from tests.support import running, text, until
from zfexplore.tui import messages as say
from zfexplore.tui.keys import OF_SEVERAL_NETS
from zfexplore.tui.questions import Occlude
from zfexplore.tui.swapping import ONE_NET
from zfexplore.units import Unit


async def told(pilot, words: str) -> None:
    await until(pilot, lambda: any(words in toast.message for toast in pilot.app._notifications))


async def test_w_shows_the_next_net_under_the_same_number_and_what_is_asked_is_about_it(two_nets, nets):
    app, engine = two_nets, two_nets.engine
    async with running(app, (80, 24)) as pilot:
        await until(pilot, lambda: app.settled == app.generation > 0)
        assert "epoch-001: zfnet on cpu" in text(app)
        await pilot.press("down", "down", "w")
        await until(pilot, lambda: app.net == nets[1] and app.settled == app.generation)
        assert "epoch-040: zfnet on cpu" in text(app)
        assert (app.stage_name, app.channel) == ("conv2", 2)
        shown = [request for request in engine.requests if isinstance(request, say.ShowChannel)][-1]
        assert (shown.channel, shown.setup, shown.beside) == (2, nets[1], None)
        await pilot.press("enter", "y", "o")
        await until(pilot, lambda: any(isinstance(request, Occlude) for request in engine.requests))
        (saved,) = (request for request in engine.requests if isinstance(request, say.SaveChannel))
        assert saved == say.SaveChannel("conv2", 2, setup=nets[1])
        assert app.clipboard == nets[1].export_command("conv2", 2)
        assert engine.requests[-1].setup == nets[1]


async def test_pictures_of_the_net_before_are_gone_and_none_comes_late(two_nets, nets):
    app, engine = two_nets, two_nets.engine
    async with running(app) as pilot:
        await until(pilot, lambda: app.settled == app.generation > 0)
        before = app.generation
        engine.answer = False
        await pilot.press("w", "down")
        asked = engine.requests[-1]
        assert (asked.setup, asked.channel) == (nets[0], 1)  # it is in view until the other has come
        engine.explore(nets[1])
        await until(pilot, lambda: app.net == nets[1])
        assert [grid.pictures for grid in app.panes.grids] == [(), ()]
        engine.show(asked)
        engine.show(say.ShowChannel("conv2", 1, before))
        await pilot.pause()
        assert [grid.pictures for grid in app.panes.grids] == [(), ()]
        engine.show(say.ShowChannel("conv2", 1, app.generation))
        await until(pilot, lambda: len(app.panes.grids[1].pictures) == 9)


async def test_a_net_that_cannot_be_opened_is_told_and_the_present_one_stays(two_nets, nets):
    app, engine = two_nets, two_nets.engine
    async with running(app) as pilot:
        await until(pilot, lambda: app.settled == app.generation > 0)
        engine.answer = False
        await pilot.press("w", "o", "d")
        await told(pilot, "epoch-040 is being opened")
        engine.answer = True
        engine.post(say.Failed("epoch-040.pt is cut short", setup=nets[1]))
        await told(pilot, "epoch-040.pt is cut short")
        assert app.net == nets[0]
        await until(pilot, lambda: app.settled == app.generation)
        await pilot.press("w")
        await until(pilot, lambda: app.net == nets[1])


async def test_a_layer_that_the_other_net_lacks_is_told_and_the_like_of_it_shown(two_nets, nets):
    app = two_nets
    async with running(app) as pilot:
        await until(pilot, lambda: app.settled == app.generation > 0)
        app.go_to("pool1", 5)
        await pilot.press("w")
        await told(pilot, "epoch-040 has no layer like pool1: this is conv2")
        assert app.stage_name == "conv2"


async def test_both_nets_stand_side_by_side_and_follow_the_cursor(two_nets, nets):
    app, engine = two_nets, two_nets.engine
    async with running(app, (120, 40)) as pilot:
        await until(pilot, lambda: app.settled == app.generation > 0)
        await pilot.press("W", "down")
        await until(pilot, lambda: len(app.panes.grids[1].pictures) == 9 and app.panes.other_unit)
        first, second = (grid.pictures[0].projection.pixels[0, 0, 0] for grid in app.panes.grids)
        assert (first, second) == (40, 160)  # channel 1 of either net
        assert "3 projections, epoch-001" in text(app)
        assert "4 projections of conv2:1, epoch-040" in text(app)
        assert app.panes.grids[1].kind == "projection"
        assert engine.requests[-1].beside == nets[1]

        await pilot.press("s")
        saved = [request for request in engine.requests if isinstance(request, say.SaveChannel)]
        assert [request.setup for request in saved] == list(nets)
        await pilot.press("4", "y", "o")
        await told(pilot, "w makes it the other one")
        assert app.clipboard == nets[1].export_command("conv2", 1)
        await pilot.press("z", "s")
        await until(pilot, lambda: engine.requests[-1] == _saves_the_first(nets[1]))
        assert "of epoch-040" in text(app)

        await pilot.press("escape", "w")
        await until(pilot, lambda: "4 projections of conv2:1, epoch-001" in text(app))
        await pilot.resize_terminal(80, 24)
        await pilot.press("2", "p")
        await until(pilot, lambda: app.panes.grids[1].display and "epoch-001" in text(app).splitlines()[1])
        assert app.panes.on_other
        await pilot.press("w", "p")  # the net in view comes into sight first
        await until(pilot, lambda: app.net == nets[0] and app.panes.on_other)
        assert "epoch-040" in text(app).splitlines()[1]
        await pilot.press("space")
        await until(pilot, lambda: app.panes.grids[1].kind == "patch" and not app.panes.other)
        assert app.panes.grids[1].pictures == app.panes.grids[0].pictures


def _saves_the_first(setup: say.Setup) -> say.SaveChannel:
    row = say.PlaceRow(0, 30.0, "sunflower-0.png", "sunflower", 3, 0)
    return say.SaveChannel("conv2", 1, shown=row, setup=setup)


async def test_the_channel_most_alike_is_gone_to_and_backspace_comes_back(two_nets, nets):
    app = two_nets
    async with running(app) as pilot:
        await until(pilot, lambda: app.settled == app.generation > 0)
        await pilot.press("down", "equals_sign")
        await until(pilot, lambda: app.net == nets[1])
        assert (app.stage_name, app.channel) == ("conv2", 17)
        await told(pilot, "conv2:1 is most like conv2:17 of epoch-040: r = 0.83")
        await pilot.press("W")  # shows what was matched, until the cursor moves on
        await until(pilot, lambda: "4 projections of conv2:1, epoch-001" in text(app))
        await pilot.press("down")
        await until(pilot, lambda: "4 projections of conv2:18, epoch-001" in text(app))
        await pilot.press("space", "backspace")
        await until(pilot, lambda: app.net == nets[0])
        assert (app.stage_name, app.channel) == ("conv2", 1)
        app.take(say.AlikeFound(nets[0], Unit("conv2", 200), nets[1], Unit("conv2", 3), 0.5))
        assert app.wanted is None  # the user has gone on meanwhile


async def test_before_the_first_net_is_loaded_there_is_nothing_to_swap(two_nets):
    app = two_nets
    app.engine.start = lambda post: None
    async with app.run_test() as pilot:
        await pilot.press("w", "W", "equals_sign", "space")
        told = [toast.message for toast in app._notifications]
        assert told[:3] == ["the net is not loaded yet"] * 3
        assert not [request for request in app.engine.requests if isinstance(request, say.Explore)]


async def test_with_one_net_it_is_told_how_to_give_several(app):
    async with running(app) as pilot:
        await until(pilot, lambda: app.settled == app.generation > 0)
        await pilot.press("w", "W", "equals_sign")
        await until(pilot, lambda: [toast.message for toast in app._notifications] == [ONE_NET] * 3)


async def test_whoever_swaps_twice_at_once_is_where_they_were_and_nothing_is_under_way(two_nets, nets):
    app, engine = two_nets, two_nets.engine
    async with running(app) as pilot:
        await until(pilot, lambda: app.settled == app.generation > 0)
        engine.answer = False
        await pilot.press("w", "w")
        assert [one.setup for one in engine.requests if isinstance(one, say.Explore)] == [nets[1], nets[0]]
        engine.explore(nets[0])  # of two wishes the inbox keeps the latest
        await until(pilot, lambda: app.wanted is None)


async def test_a_net_on_its_way_is_not_waited_for_once_the_engine_has_died(two_nets, nets):
    app, engine = two_nets, two_nets.engine
    async with running(app) as pilot:
        await until(pilot, lambda: app.settled == app.generation > 0)
        engine.answer = False
        await pilot.press("w")
        app.hear(say.EngineDied("it was killed"))
        await until(pilot, lambda: app.died_of)
        assert app.wanted is None


async def test_what_has_ended_for_one_net_has_ended_for_the_one_beside(two_nets):
    app, engine = two_nets, two_nets.engine
    async with running(app) as pilot:
        await pilot.press("W")
        await until(pilot, lambda: len(app.panes.grids[1].pictures) == 9)
        engine.answer = False
        await pilot.press("down")
        await until(pilot, lambda: app.panes.grids[1].stale)
        await pilot.press("escape")
        assert [(grid.stale, grid.pictures) for grid in app.panes.grids] == [(False, ())] * 2


async def test_pictures_of_the_net_in_view_never_come_into_the_large_view_of_the_other(two_nets):
    app, engine = two_nets, two_nets.engine
    async with running(app) as pilot:
        await pilot.press("W")
        await until(pilot, lambda: len(app.panes.grids[1].pictures) == 9)
        await pilot.press("4", "z")
        await until(pilot, lambda: app.screen is not app.panes)
        theirs = app.screen.pictures
        engine.show([each for each in engine.requests if isinstance(each, say.ShowChannel)][-1])  # anew
        await until(pilot, lambda: app.panes.grids[0].pictures[8].rank == 8)
        await pilot.pause()
        assert app.screen.pictures is theirs


async def test_of_two_nets_help_and_palette_list_the_keys_that_need_them(two_nets):
    async with running(two_nets) as pilot:
        assert not set(OF_SEVERAL_NETS) & set(two_nets.resting_keys())
        await pilot.press("colon", *"other net")
        await until(pilot, lambda: "other net: the next net" in text(two_nets))
