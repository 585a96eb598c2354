"""A pinned channel and whole images: what each grid shows then. Another net beside: see test_swapping.py."""

from __future__ import annotations

import pytest

from tests.support import running, text, until
from zfexplore.tui import messages as say
from zfexplore.tui import questions as ask
from zfexplore.tui.screens.zoom import ZoomScreen


async def test_a_pinned_channel_stays_beside_the_one_walked_through(app):
    async with running(app) as pilot:
        pinned, before = app.panes.grids[0].pictures, app.generation
        await pilot.press("space", "down")
        await until(pilot, lambda: app.settled == app.generation > before)
        projections, second = app.panes.grids
        assert second.pictures == pinned
        assert projections.pictures != pinned
        await until(pilot, lambda: "projections of conv2:0, pinned" in text(app))
        await pilot.press("space")
        await until(pilot, lambda: second.pictures == projections.pictures)
        assert second.kind == "patch"


@pytest.mark.parametrize(("size", "key"), [((120, 40), "4"), ((80, 24), "p")])
async def test_keys_act_on_the_pinned_channel_where_it_is_focused_or_alone_in_sight(app, engine, size, key):
    async with running(app, size) as pilot:
        before = app.generation
        await pilot.press("space", "down")
        await until(pilot, lambda: app.settled == app.generation > before)
        pinned = app.panes.pinned[1]
        await pilot.press(key, "z")
        await until(pilot, lambda: isinstance(app.screen, ZoomScreen))
        assert (str(app.screen.unit), app.screen.pictures) == ("conv2:0", pinned)
        await pilot.press("s")
        assert engine.requests[-1] == say.SaveChannel("conv2", 0, shown=pinned[0].row)
        engine.show(next(ask for ask in reversed(engine.requests) if isinstance(ask, say.ShowChannel)))
        await pilot.pause()
        assert app.screen.pictures == pinned  # those of the channel walked to came again
        await pilot.press("escape", "y", "s")
        await until(pilot, lambda: engine.requests[-1] == say.SaveChannel("conv2", 0))
        assert app.clipboard == "zfexplore export channel conv2:0"
        await pilot.press("o")
        await until(pilot, lambda: isinstance(engine.requests[-1], ask.Occlude))
        assert (engine.requests[-1].stage_name, engine.requests[-1].channel) == ("conv2", 0)


async def test_beside_a_pinned_channel_b_shows_patches_of_both_then_whole_images_then_projections(app):
    async with running(app) as pilot:
        await pilot.press("space", "down")
        await until(pilot, lambda: app.settled == app.generation)
        for kind, title in (("patch", "patches"), ("whole", "whole images"), ("projection", "projections")):
            await pilot.press("b")
            await until(pilot, lambda title=title: f"3 {title}, here" in text(app))
            assert f"4 {title} of conv2:0, pinned" in text(app)
            assert [grid.kind for grid in app.panes.grids] == [kind, kind]
            assert [grid.pictures[0].value for grid in app.panes.grids]
        await pilot.press("b", "space")
        await until(pilot, lambda: "4 patches" in text(app) and "3 projections" in text(app))


@pytest.mark.parametrize(("size", "across"), [((160, 50), 2), ((200, 40), 4)])
async def test_with_room_a_pinned_channel_keeps_its_patches_beside_its_projections(app, engine, size, across):
    async with running(app, size) as pilot:
        pinned = app.panes.grids[0].pictures
        await pilot.press("space", "down")
        await until(pilot, lambda: app.settled == app.generation and app.panes.four)
        await until(pilot, lambda: app.panes.own_grids[1].region.area)
        here, own = app.panes.grids, app.panes.own_grids
        assert [grid.pictures == pinned for grid in (*here, *own)] == [False, False, True, True]
        assert here[0].pictures == here[1].pictures
        assert len({grid.region.y for grid in (*here, *own)}) == 4 // across
        assert len({grid.arrangement.rows for grid in (*here, *own)}) == 1
        assert here[0].arrangement.rows >= 5
        assert "patches of conv2:0, pinned" in text(app)
        await pilot.press("b")
        assert [grid.kind for grid in (*here, *own)] == ["projection", "whole"] * 2

        own[1].focus()
        await pilot.press("z")
        await until(pilot, lambda: isinstance(app.screen, ZoomScreen))
        assert str(app.screen.unit) == "conv2:0"
        await pilot.press("escape")
        await pilot.resize_terminal(120, 40)
        await until(pilot, lambda: "4 projections of conv2:0, pinned" in text(app))
        assert here[1].pictures == pinned
        await pilot.resize_terminal(*size)
        await pilot.press("space")
        await until(pilot, lambda: not own[0].display and here[1].pictures == here[0].pictures)
        assert here[1].kind == "whole"


async def test_the_box_shows_whole_images(app):
    async with running(app) as pilot:
        await pilot.press("b")
        assert app.panes.grids[1].kind == "whole"
        assert "whole images" in text(app)
        await pilot.press("b")
        assert app.panes.grids[1].kind == "patch"
