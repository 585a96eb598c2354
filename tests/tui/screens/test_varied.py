"""The screen of a moved picture: its lines, the place under the cursor, saving and giving up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support import StudyHost, moved_picture, text, until
from zfexplore.progress import Progress
from zfexplore.tui import questions as ask
from zfexplore.tui.screens.varied import VariedScreen, move_in_words, numbers_of, still
from zfexplore.tui.widgets.large import LargePicture
from zfexplore.tui.widgets.moves import MoveCharts

CHOSEN = ask.Chosen("face-3", "face", 7)
VIEW = ask.Variation(moved_picture(), told=True)


def varied_host() -> StudyHost:
    return StudyHost(lambda host: VariedScreen(CHOSEN, host.mode))


async def answer(host, pilot, given) -> int:
    """Wait for the question and answer it; give its number."""
    await until(pilot, lambda: host.engine.requests)
    number = host.engine.requests[0].number
    host.hear(ask.Answered(number, given))
    await until(pilot, lambda: host.screen.view is given or host.screen.refusal)
    return number


async def whole(pilot) -> None:
    """For a picture of the screen."""
    await answer(pilot.app, pilot, VIEW)
    await pilot.press("right")


def pixels(host) -> np.ndarray:
    return host.screen.query_one(LargePicture).bitmap.pixels


# -- pieces ------------------------------------------------------------------------------------------


def test_moves_are_said_in_words():
    assert [move_in_words("translation", amount) for amount in (-4, 0, 4)] == [
        "shifted 4 pixels up", "as it is", "shifted 4 pixels down",
    ]  # fmt: skip
    assert move_in_words("scale", 1.5) == "1.5 times as large"
    assert move_in_words("rotation", 90.0) == "turned 90 degrees counter-clockwise"


def test_the_numbers_say_whose_class_it_is():
    assert numbers_of(VIEW, 0, 0) == [
        "translation: shifted 4 pixels up · face (its class) 40.0%",
        "90.0% as it is · over all amounts of this move 40.0% to 90.0%",
    ]
    assert "face (the most probable class)" in numbers_of(replace(VIEW, told=False), 0, 0)[0]
    without = replace(VIEW, found=replace(VIEW.found, probability=None))
    assert numbers_of(without, 1, 1) == ["scale: 1.5 times as large"]


def test_it_begins_at_the_amount_that_moves_nothing_or_nearly():
    assert [still(VIEW.found, kind) for kind in (0, 1)] == [1, 0]
    course = replace(VIEW.found.courses[1], amounts=(0.5, 1.25))
    assert still(replace(VIEW.found, courses=(course,)), 0) == 1


# -- the screen --------------------------------------------------------------------------------------


async def test_it_asks_at_once_and_walks_over_the_amounts_of_each_move():
    host = varied_host()
    async with host.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: host.engine.requests)
        number = host.engine.requests[0].number
        assert host.engine.requests == [ask.Vary(number, CHOSEN)]
        assert "the picture is being moved" in text(host)
        host.hear(ask.Answered(number, Progress("moving", 8, 84, 3.0, 20.0, "moves")))
        await until(pilot, lambda: "moving 8/84" in text(host))

        await answer(host, pilot, VIEW)
        await until(pilot, lambda: "as it is" in text(host) and "moving" not in text(host))
        np.testing.assert_array_equal(pixels(host), VIEW.found.image)

        await pilot.press("right", "right", "right")  # past the last
        assert "shifted 4 pixels down" in text(host)
        assert (pixels(host)[:4] == 120).all()  # four rows of grey came in from above
        await pilot.press("left")
        assert host.screen.places == [1, 0]
        await pilot.press("down", "down", "right")
        assert "1.5 times as large" in text(host)
        assert host.screen.query_one(MoveCharts).kind == 1
        await pilot.press("g", "up", "h")
        assert host.screen.places == [0, 0]


@pytest.mark.parametrize("size", [(50, 14), (60, 20)])
async def test_p_changes_between_picture_and_lines_where_one_fits(size, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    host = varied_host()
    async with host.run_test(size=size) as pilot:
        await answer(host, pilot, VIEW)
        await until(pilot, lambda: "as it is · p lines" in text(host))
        assert "conv1: distance" not in text(host)
        await pilot.press("p")
        await until(pilot, lambda: "conv1: distance" in text(host))
        assert "as it is · p lines" not in text(host)


async def test_a_click_on_the_lines_goes_there():
    host = varied_host()
    async with host.run_test(size=(120, 40)) as pilot:
        await answer(host, pilot, VIEW)
        await pilot.pause()
        await pilot.click(MoveCharts, offset=(9, 4))
        await until(pilot, lambda: host.screen.places == [0, 0])


async def test_s_saves_what_is_there():
    host = varied_host()
    async with host.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: host.engine.requests)
        await pilot.press("s")
        await until(pilot, lambda: "the picture is not moved yet" in text(host))
        number = await answer(host, pilot, VIEW)
        await pilot.press("s")
        await until(pilot, lambda: host.engine.requests[-1] == ask.SaveVaried(number))


async def test_closing_gives_up_what_is_not_computed():
    host = varied_host()
    async with host.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: host.engine.requests)
        number = host.engine.requests[0].number
        await pilot.press("left", "down", "g", "p")  # nothing is there to be moved
        await pilot.press("escape")
        await until(pilot, lambda: ask.GiveUp(number) in host.engine.requests and host.left_for == [None])


async def test_what_cannot_be_moved_is_told():
    host = varied_host()
    async with host.run_test(size=(80, 24)) as pilot:
        await answer(host, pilot, ask.Refused("face-3 cannot be read"))
        await until(pilot, lambda: "✗ face-3 cannot be read" in text(host))
