"""The screen of what a channel would like best: the exemplar first, then how far it is, then the picture."""

from __future__ import annotations

import numpy as np

from tests.support import StudyHost, text, until
from zfexplore.progress import Progress
from zfexplore.tui import messages as say
from zfexplore.tui import questions as ask
from zfexplore.tui.screens.ideal import IdealScreen, answer_of
from zfexplore.tui.widgets.large import LargePicture
from zfexplore.units import Unit, Window

UNIT = Unit("fc8", 2)


def flat(*colour: int) -> say.Bitmap:
    return say.Bitmap(np.full((32, 32, 3), colour, np.uint8))


BEST = say.ShownUnit(
    0, 20.0, "cats/7.png", "cats", -1, -1, Window(0, 0, 32, 32), 1.0,
    flat(40, 60, 128), flat(90, 160, 60), flat(90, 90, 90),
)  # fmt: skip
MADE = ask.IdealMade((flat(160, 90, 60), flat(90, 60, 160)), (50.0, 30.0))


def ideal_host() -> StudyHost:
    return StudyHost(lambda host: IdealScreen(UNIT, "fc8:2 tabby cat", host.mode))


async def asked(pilot) -> int:
    await until(pilot, lambda: pilot.app.engine.requests)
    return pilot.app.engine.requests[0].number


async def whole(pilot) -> None:
    """Answer all."""
    number = await asked(pilot)
    for answer in (ask.IdealBeside(20.0, BEST), Progress("ascending", 32, 64, 10.0, 3.2, "steps"), MADE):
        pilot.app.hear(ask.Answered(number, answer))
    await until(pilot, lambda: pilot.app.screen.made is MADE)
    await pilot.pause()


def test_a_dead_channels_activation_stands_alone():
    assert answer_of(50.0, 20.0) == "50.0, 2.5 times that on the strongest photograph"
    assert answer_of(50.0, 0.0) == "50.0"


async def test_the_exemplar_stands_there_while_the_picture_is_made():
    host = ideal_host()
    async with host.run_test(size=(80, 24)) as pilot:
        number = await asked(pilot)
        assert host.engine.requests == [ask.MakeIdeal(number, UNIT)]
        host.hear(ask.Answered(number, ask.IdealBeside(20.0, BEST)))
        host.hear(ask.Answered(number, Progress("ascending", 32, 64, 10.0, 3.2, "steps")))
        await until(pilot, lambda: "ascending 32/64" in text(host))
        assert host.screen.query_one("#ideal-projection", LargePicture).bitmap is BEST.projection
        assert "strongest photograph: activation 20.0 · cats · 7.png" in text(host)

        await pilot.press("s")
        host.hear(ask.Answered(number, MADE))
        await until(pilot, lambda: "50.0, 2.5 times" in text(host))
        assert "ascending" not in text(host)
        await pilot.press("escape")
        await until(pilot, lambda: host.left_for == [None])
        assert len(host.engine.requests) == 1  # nothing was saved too soon, and what is made is not given up


async def test_arrows_walk_the_starts_and_enter_saves():
    host = ideal_host()
    async with host.run_test(size=(120, 40)) as pilot:
        await whole(pilot)
        await pilot.press("right", "right")
        await until(pilot, lambda: "ideal, 2 of 2" in text(host))
        assert "activation 30.0, 1.5 times" in text(host)
        assert host.screen.query_one("#ideal-ideal", LargePicture).bitmap is MADE.pictures[1]
        await pilot.press("enter")
        await until(pilot, lambda: ask.SaveIdeal(host.screen.number) in host.engine.requests)


async def test_leaving_gives_up_what_is_not_made():
    host = ideal_host()
    async with host.run_test(size=(80, 24)) as pilot:
        number = await asked(pilot)
        host.hear(ask.Answered(number, Progress("ascending", 1, 64, 10.0, 6.3, "steps")))
        await until(pilot, lambda: "ascending 1/64" in text(host))
        await pilot.press("escape")
        await until(pilot, lambda: host.engine.requests[-1] == ask.GiveUp(number))


async def test_where_one_fits_p_shows_the_next():
    host = ideal_host()
    async with host.run_test(size=(50, 14)) as pilot:
        await whole(pilot)
        assert "ideal, 1 of 2 · p 1 of 3" in text(host)
        await pilot.press("p", "p")
        await until(pilot, lambda: "what it saw · p 3 of 3" in text(host))


async def test_what_is_refused_says_why_and_a_channel_that_never_fires_has_no_photograph():
    host = ideal_host()
    async with host.run_test(size=(80, 24)) as pilot:
        number = await asked(pilot)
        host.hear(ask.Answered(number, ask.IdealBeside(0.0, None, "fires on no image")))
        host.hear(ask.Answered(number, ask.Refused("the weights have changed")))
        await until(pilot, lambda: "✗ the weights have changed" in text(host))
        assert "no photograph to hold it against: fires on no image" in text(host)
        assert "ascending" not in text(host)
