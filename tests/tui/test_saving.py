"""What keys have saved, and what the explorer asks before a file is replaced."""

from __future__ import annotations

from dataclasses import replace

from tests.support import running, text, until
from zfexplore.tui import messages as say
from zfexplore.tui import questions as ask
from zfexplore.tui.screens.dialogs import ConfirmScreen
from zfexplore.units import Unit


async def test_enter_saves_and_says_where(app, engine):
    async with running(app) as pilot:
        await pilot.press("down", "enter")
        await until(pilot, lambda: "conv2-1.png" in text(app))

        assert engine.requests[-1] == say.SaveChannel("conv2", 1)


async def test_a_file_of_another_origin_is_replaced_only_when_told(app, engine, tmp_path):
    asked = ask.SaveUnit(7, ask.Chosen("cat.png"), Unit("conv2", 0, 1, 1))  # its screen may have gone by now
    told = replace(asked, overwrite=True)
    async with running(app, (80, 24)) as pilot:
        for key, replaced in [("n", False), ("escape", False), ("y", True)]:
            app.hear(say.OverwriteAsked(asked, tmp_path / "x.png", "came from another checkpoint"))
            await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
            await pilot.press(key)
            await until(pilot, lambda: not isinstance(app.screen, ConfirmScreen))

            assert (told in engine.requests) is replaced, key


async def test_s_saves_what_is_shown_the_channel_the_pinned_one_the_unit_in_the_large_view(app, engine):
    def saved():
        return [request for request in engine.requests if isinstance(request, say.SaveChannel)]

    async with running(app) as pilot:
        await pilot.press("b", "s")
        assert saved() == [say.SaveChannel("conv2", 0)]
        await pilot.press("space", "down", "s")
        assert saved()[1:] == [say.SaveChannel("conv2", 1), say.SaveChannel("conv2", 0)]
        await until(pilot, lambda: app.settled == app.generation)
        await pilot.press("z", "right", "s")
        assert saved()[3:] == [say.SaveChannel("conv2", 1, shown=app.panes.grids[0].pictures[1].row)]


async def test_s_offers_to_start_an_engine_that_has_died(app, engine):
    async with running(app) as pilot:
        app.hear(say.EngineDied("it was killed"))
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("n", "s")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        assert not any(isinstance(request, say.Save) for request in engine.requests)
