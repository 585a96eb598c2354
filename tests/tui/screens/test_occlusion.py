"""The occlusion's screen: maps that grow, a place under the cursor, saving and stopping."""

# tests zfexplore/tui/questions.py too: they are records, all sent or answered here and in the other studies

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.support import StudyHost, text, until
from zfexplore.progress import Progress
from zfexplore.studies.records import Response
from zfexplore.tui import messages as say
from zfexplore.tui import questions as ask
from zfexplore.tui.screens.occlusion import OcclusionScreen, numbers_of
from zfexplore.tui.widgets.classmap import ClassMap
from zfexplore.units import Window

NAN = math.nan
CHOSEN = ask.Chosen("face-3", "face", 7)


def occlusion_host() -> StudyHost:
    return StudyHost(lambda host: OcclusionScreen(CHOSEN, "conv5", 130, host.mode))


def view(*, whole: bool = True, classes: bool = True) -> ask.Occlusion:
    """Two by two places of 16 pixels; the last is not known unless ``whole``."""
    flat = say.Bitmap(np.full((32, 32, 3), 90, np.uint8))
    last, likely, best = (12.0, 0.75, 4) if whole else (NAN, NAN, -1)
    return ask.Occlusion(
        label="face" if classes else "",
        response=flat,
        likelihood=flat if classes else None,
        total=[[10.0, 4.0], [8.0, last]],
        probability=[[0.5, 0.125], [0.25, likely]] if classes else [],
        best=[[4, 2], [2, best]] if classes else [],
        names={4: "face", 2: "lamp"} if classes else {},
        intact=Response(16.0, 2.0, 0.9 if classes else None, 4 if classes else None),
        windows=[[Window(y, x, y + 24, x + 24) for x in (0, 8)] for y in (0, 8)],
        weakest=(0, 1),
        job=None if whole else Progress("occlusion", 3, 4, 2.0, 1.0, "places"),
    )


async def answer(host, pilot, given) -> int:
    """Wait for the question and answer it; give its number."""
    await until(pilot, lambda: host.engine.requests)
    number = host.engine.requests[0].number
    host.hear(ask.Answered(number, given))
    await until(pilot, lambda: host.screen.view is given)
    return number


# -- pieces ------------------------------------------------------------------------------------------


def test_the_numbers_of_a_place_stand_against_the_whole_picture():
    assert numbers_of(view(), (0, 1)) == [
        "square on rows 0-23, columns 8-31: sum of the map 4.00, 25% of 16.0 intact",
        "face 12.5%, intact 90.0%",
        "most probable lamp, intact face",
        "dark to bright: sum of the map 4.00 to 16.0 · probability 12.5% to 90.0%",
    ]


def test_a_place_not_visited_yet_says_so():
    assert numbers_of(view(whole=False), (1, 1))[0] == "square on rows 8-31, columns 8-31: not yet"


def test_a_net_without_classes_has_no_probability():
    lines = numbers_of(view(classes=False), (0, 0))

    assert lines == [
        "square on rows 0-23, columns 0-23: sum of the map 10.0, 62% of 16.0 intact",
        "dark to bright: sum of the map 4.00 to 16.0",
    ]


# -- the screen --------------------------------------------------------------------------------------


async def test_it_asks_at_once_and_draws_as_answers_come():
    host = occlusion_host()
    async with host.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: host.engine.requests)
        number = host.engine.requests[0].number
        assert host.engine.requests == [ask.Occlude(number, CHOSEN, "conv5", 130)]
        assert "the first answers are coming" in text(host)

        await answer(host, pilot, view(whole=False))
        await until(pilot, lambda: "occlusion 3/4" in text(host))
        assert "probability of face" in text(host)
        assert "25% of 16.0 intact" in text(host)

        await answer(host, pilot, view())
        await until(pilot, lambda: "occlusion 3/4" not in text(host))


@pytest.mark.parametrize("size", [(80, 24), (50, 14)])
async def test_p_changes_the_map_where_one_fits_and_all_can_be_read_without_colour(size, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    host = occlusion_host()
    async with host.run_test(size=size) as pilot:
        await answer(host, pilot, view())
        await until(pilot, lambda: "response of conv5:130" in text(host))
        await pilot.press("p")
        assert "probability of face" in text(host)
        await pilot.press("p")
        assert "▸b" in text(host) or "▸a" in text(host)
        assert "lamp" in text(host)


async def test_where_few_rows_fit_the_maps_have_half_of_them_and_classes_follow_the_cursor():
    side = 14
    square = replace(
        view(),
        total=[[1.0] * side] * side,
        probability=[[0.5] * side] * side,
        best=[[0] * (side - 1) + [row] for row in range(side)],
        names={row: f"kind {row}" for row in range(side)},
        windows=[[Window(0, 0, 24, 24)] * side] * side,
        weakest=(side - 1, side - 1),
    )
    host = occlusion_host()
    async with host.run_test(size=(50, 14)) as pilot:
        await answer(host, pilot, square)
        assert host.screen.query_one("#occlusion-response").size.height >= 7
        await pilot.press("p", "p")
        await until(pilot, lambda: "kind 0" in text(host) and "▸n" in text(host))


async def test_the_cursor_stays_at_the_weakest_place_until_it_is_moved():
    host = occlusion_host()
    async with host.run_test(size=(120, 40)) as pilot:
        await answer(host, pilot, view())
        assert host.screen.query_one(ClassMap).place == (0, 1)
        await pilot.press("down", "down", "right", "left")
        assert host.screen.query_one(ClassMap).place == (1, 0)
        await answer(host, pilot, view())
        assert host.screen.place == (1, 0)
        await pilot.press("g")
        assert host.screen.query_one(ClassMap).place == (0, 1)


async def test_s_saves_what_is_there_so_far_while_it_grows_on():
    host = occlusion_host()
    async with host.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: host.engine.requests)
        await pilot.press("s")
        assert len(host.engine.requests) == 1  # nothing is there yet
        number = await answer(host, pilot, view(whole=False))
        await pilot.press("s")
        await until(pilot, lambda: ask.SaveOcclusion(number) in host.engine.requests)
        assert host.screen.waiting


async def test_escape_stops_the_work_then_closes():
    host = occlusion_host()
    async with host.run_test(size=(80, 24)) as pilot:
        number = await answer(host, pilot, view(whole=False))
        await pilot.press("escape")
        await until(pilot, lambda: ask.GiveUp(number) in host.engine.requests)
        assert isinstance(host.screen, OcclusionScreen)
        assert host.screen.view.job is None
        host.hear(ask.Answered(number, view(whole=False)))  # was on its way
        await pilot.pause()
        assert (host.screen.view.job, host.screen.waiting) == (None, False)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(host.screen, OcclusionScreen))


@pytest.mark.parametrize(("size", "pane"), [((80, 24), "response"), ((120, 40), "class")])
async def test_a_click_goes_to_the_place(size, pane):
    host = occlusion_host()
    async with host.run_test(size=size) as pilot:
        await answer(host, pilot, view())
        assert host.screen.place == (0, 1)
        shown = host.screen.query_one(f"#occlusion-{pane}")
        lower_left = (2, 2) if pane == "class" else (shown.size.width // 2 - 8, shown.size.height - 4)
        await pilot.click(shown, offset=lower_left)
        await until(pilot, lambda: host.screen.place == (1, 0))


async def test_what_does_not_work_is_told_in_its_place():
    host = occlusion_host()
    async with host.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: host.engine.requests)
        number = host.engine.requests[0].number
        host.hear(ask.Answered(number, ask.Refused("the image is gone")))

        await until(pilot, lambda: "✗ the image is gone" in text(host))
        await pilot.resize_terminal(120, 40)
        await until(pilot, lambda: "✗ the image is gone" in text(host) and host.size.width == 120)
