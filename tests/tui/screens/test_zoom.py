"""The large view over the explorer: which picture it shows, what it says of it, and its keys."""

from __future__ import annotations

from dataclasses import replace

from tests.support import running, text, until
from zfexplore.tui import messages as say
from zfexplore.tui.screens.zoom import ZoomScreen

SIZES = ((50, 14), (80, 24), (120, 40), (200, 60))


async def test_pictures_that_come_while_one_is_large_can_be_walked_to(app, engine):
    async with running(app) as pilot:
        pictures, engine.answer = app.panes.grids[0].pictures, False
        await pilot.press("down")
        app.hear(say.PictureArrived(app.generation, pictures[0]))
        await until(pilot, lambda: not app.panes.grids[0].stale)
        await pilot.press("z")
        await until(pilot, lambda: "#1 of 1" in text(app))
        app.hear(say.PictureArrived(app.generation, pictures[1]))
        await until(pilot, lambda: "#1 of 2" in text(app))


async def test_pictures_that_come_anew_leave_the_large_one_until_its_turn_comes(app, engine):
    async with running(app) as pilot:
        pictures, engine.answer = app.panes.grids[0].pictures, False
        await pilot.press("z", "right")
        await until(pilot, lambda: "#2 of 9" in text(app))
        app.show_channel()  # as when more images were indexed
        for rank, told in ((0, "#2 of 9"), (1, "#2 of 2"), (2, "#2 of 3")):
            app.hear(say.PictureArrived(app.generation, pictures[rank]))
            await until(pilot, lambda rank=rank: len(app.panes.grids[0].pictures) == rank + 1)
            await until(pilot, lambda told=told: told in text(app))


async def test_the_large_view_of_old_pictures_says_why_there_is_none(app, engine):
    async with running(app) as pilot:
        engine.answer = False
        await pilot.press("down", "z")
        await until(pilot, lambda: "no picture under the cursor yet" in text(app))
        assert not isinstance(app.screen, ZoomScreen)


async def test_the_large_view_walks_at_every_size_and_leaves_the_cursor_where_it_was(app):
    async with running(app, (50, 14)) as pilot:
        await pilot.press("z")
        await until(pilot, lambda: isinstance(app.screen, ZoomScreen))
        for rank, size in enumerate(SIZES, start=2):
            await pilot.resize_terminal(*size)
            await pilot.press("right", "b", "p")
            await until(pilot, lambda rank=rank: f"#{rank} of 9" in text(app))
        await pilot.press("left", "z")
        await until(pilot, lambda: not isinstance(app.screen, ZoomScreen))

        assert [grid.cursor for grid in app.panes.grids] == [3, 3]


async def test_the_large_view_tells_the_unit_first_the_name_last_and_what_each_picture_is(app):
    async with running(app, (160, 40)) as pilot:
        await pilot.press("z")
        await until(pilot, lambda: "what the unit saw" in text(app))
        shown = text(app)
        order = (
            "conv2:0@3,0",
            "#1 of 9",
            "activation",
            "rows 4-23",
            "full brightness",
            "  sunflower  ",
            "sunflower-0",
        )
        places = [shown.index(part) for part in order]
        assert places == sorted(places)
        assert "─projection─" in shown
        await pilot.press("b")
        await until(pilot, lambda: "whole image" in text(app))


async def test_a_long_name_in_the_large_view_is_cut_and_not_left_out(app):
    async with running(app, (120, 40)) as pilot:
        app.panes.show_picture(replace(app.panes.grids[0].pictures[0], label="", name="n" * 80))
        await pilot.press("z")
        await until(pilot, lambda: isinstance(app.screen, ZoomScreen))
        await until(pilot, lambda: "nnn…" in text(app))


async def test_keys_of_the_panes_rest_below_a_dialog(app, engine):
    async with running(app) as pilot:
        await pilot.press("z")
        await until(pilot, lambda: isinstance(app.screen, ZoomScreen))
        before = len(engine.requests)
        await pilot.press("right_square_bracket", "r", "slash", "space")

        assert len(engine.requests) == before
        assert app.stage_name == "conv2"


async def test_the_command_is_copied_and_shown_from_the_large_view_too(app):
    app.setup = say.Setup(images="my photos", limit=50)
    command = "zfexplore export channel conv2:0 --images 'my photos' --limit 50"
    async with running(app) as pilot:
        await pilot.press("y")
        assert app.clipboard == command
        await until(pilot, lambda: "copied" in text(app) and "export channel conv2:0" in text(app))
        app.copy_to_clipboard("")
        await pilot.press("z")
        await until(pilot, lambda: isinstance(app.screen, ZoomScreen))
        await pilot.press("y")
        assert app.clipboard == command
        await pilot.press("question_mark")
        await until(pilot, lambda: "in the large view" in text(app))


async def test_a_second_click_shows_a_picture_large(app):
    async with running(app) as pilot:
        for pane, offset, rank in [("#patches", (20, 10), 5), ("#top", (5, 3), 2)]:
            await pilot.click(pane, offset=offset, times=2)
            await until(pilot, lambda: isinstance(app.screen, ZoomScreen))
            assert f"#{rank} of 9" in text(app)
            await pilot.press("escape")
            await until(pilot, lambda: not isinstance(app.screen, ZoomScreen))


async def test_both_large_pictures_have_one_size_and_no_key_to_swap_them(app):
    async with running(app) as pilot:
        await pilot.press("z")
        await until(pilot, lambda: isinstance(app.screen, ZoomScreen))
        sizes = {app.screen.query_one(f"#zoom-{which}").size for which in ("projection", "patch")}
        assert len(sizes) == 1
        assert "p swap" not in text(app)
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: "p swap" in text(app))
        await pilot.resize_terminal(121, 40)  # an odd column is left over
        await until(pilot, lambda: "p swap" not in text(app))
        sizes = {app.screen.query_one(f"#zoom-{which}").size for which in ("projection", "patch")}
        assert len(sizes) == 1
