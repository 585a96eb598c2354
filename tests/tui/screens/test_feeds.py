"""Feeds from: the list of channels below a unit, diving into one and coming back."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support import Recorder, StudyHost, text, until
from zfexplore.studies.records import INPUT, Feed, Feeds
from zfexplore.tui import messages as say
from zfexplore.tui import questions as ask
from zfexplore.tui.screens.feeds import FeedsScreen, sum_of
from zfexplore.tui.screens.zoom import ZoomScreen
from zfexplore.tui.widgets.feeds import FeedList
from zfexplore.units import Unit, Window

CHOSEN = ask.Chosen("face-3", "face", 7)
TOP = Unit("conv2", 7, 3, 4)
NEAREST = {"conv1": "conv1", "pool1": "conv1", "conv2": "conv2"}


class Answering(Recorder):
    """Answers what it is asked at once."""

    host: StudyHost
    sees = True

    def ask(self, request: object) -> None:
        super().ask(request)
        if isinstance(request, ask.FeedsFrom):
            self.host.hear(ask.Answered(request.number, FED[request.unit.stage]))
        elif isinstance(request, ask.SeeFeed) and self.sees:
            self.host.hear(ask.Answered(request.number, seen(request.unit)))

    def asked(self, kind: type) -> list[Unit]:
        return [request.unit for request in self.requests if isinstance(request, kind)]


def feeds_host() -> StudyHost:
    engine = Answering()
    engine.host = StudyHost(lambda host: FeedsScreen(CHOSEN, TOP, host.mode, NEAREST), engine)
    return engine.host


def seen(unit: Unit) -> say.ShownUnit:
    """A unit whose projection is as bright as its channel says."""
    flat = say.Bitmap(np.full((9, 9, 3), 60 * unit.channel, np.uint8))
    return say.ShownUnit(0, 4.0, "face-3", "", 6, 8, Window(0, 0, 9, 9), 1.0, flat, flat, flat)


def fed(unit: Unit, below: str) -> Feeds:
    """Three channels of the stage below: 3 + 1 - 2.5, and a bias of 0.5, make 2."""
    feeds = tuple(
        Feed(Unit(below, channel, 6, 8), amount, amount / 6.5, 4.0)
        for channel, amount in ((2, 3.0), (0, 1.0), (1, -2.5))
    )
    return Feeds(unit, 2.0, 2.0, 0.5, feeds)


FED = {
    "conv2": fed(TOP, "pool1"),
    "pool1": fed(Unit("pool1", 2, 6, 8), "conv1"),
    "conv1": fed(Unit("conv1", 2, 6, 8), INPUT),
}


# -- pieces ------------------------------------------------------------------------------------------


def test_the_sum_is_told_in_words():
    assert sum_of(FED["conv2"]) == "3 channels drive 4.00, hold down -2.50, bias 0.50: 2.00"


def test_a_unit_that_its_relu_silences_says_so():
    silent = Feeds(TOP, 0.0, -1.5, 0.5, FED["conv2"].feeds)

    assert sum_of(silent).endswith(": -1.50, after the ReLU 0.00")


# -- the screen --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "colour"), [((80, 24), True), ((120, 40), False), ((50, 14), True)])
async def test_channels_below_are_listed_from_driver_to_inhibitor(size, colour, monkeypatch):
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    host = feeds_host()
    async with host.run_test(size=size) as pilot:
        await until(pilot, lambda: "pool1:2@6,8" in text(host))

        rows = [line.split() for line in text(host).splitlines() if line[1:].startswith("pool1:")]
        assert [row[0].lstrip("▸") for row in rows] == ["pool1:2@6,8", "pool1:0@6,8", "pool1:1@6,8"]
        assert [row[1] for row in rows] == ["+3.00", "+1.00", "-2.50"]
        assert "conv2:7@3,4 on face-3" in text(host)


async def test_enter_dives_down_to_the_picture_and_backspace_comes_back_to_the_same_row():
    host = feeds_host()
    async with host.run_test(size=(80, 24)) as pilot:
        listed = host.screen.query_one(FeedList)
        await until(pilot, lambda: listed.count() == 3)
        await pilot.press("down", "enter")
        await until(pilot, lambda: listed.feeds is FED["pool1"].feeds)
        assert host.engine.asked(ask.FeedsFrom)[-1] == Unit("pool1", 0, 6, 8)
        await pilot.press("right")
        await until(pilot, lambda: listed.feeds is FED["conv1"].feeds)
        assert "blue@6,8" in text(host)
        await until(pilot, lambda: "blue@6,8, a pixel" in text(host))
        asked = len(host.engine.requests)
        await pilot.press("enter")  # nothing lies below the picture
        assert len(host.engine.requests) == asked

        await pilot.press("backspace")
        await until(pilot, lambda: listed.feeds is FED["pool1"].feeds)
        await pilot.press("left")
        await until(pilot, lambda: listed.feeds is FED["conv2"].feeds)
        assert listed.cursor == 1

        await pilot.click(listed, offset=(5, 2), times=2)
        await until(pilot, lambda: listed.feeds is FED["pool1"].feeds)


@pytest.mark.parametrize(("size", "where"), [((120, 40), True), ((80, 24), False)])
async def test_the_unit_under_the_cursor_is_shown_beside_the_list_and_z_enlarges_it(size, where):
    host = feeds_host()
    async with host.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: "pool1:2@6,8, 4.00" in text(host))
        assert ("where it is" in text(host)) is where
        host.engine.sees = False
        await pilot.press("down", "down", "z")
        await until(pilot, lambda: "no projection" in "".join(each.message for each in host._notifications))
        assert host.engine.asked(ask.SeeFeed) == [Unit("pool1", channel, 6, 8) for channel in (2, 0, 1)]
        numbers = [request.number for request in host.engine.requests]
        late, last = numbers[-2:]
        host.hear(ask.Answered(late, seen(Unit("pool1", 0, 6, 8))))
        host.hear(ask.Answered(last, seen(Unit("pool1", 1, 6, 8))))
        await until(pilot, lambda: "pool1:1@6,8, 4.00" in text(host))
        await pilot.press("z")
        await until(pilot, lambda: isinstance(host.screen, ZoomScreen))
        assert host.screen.shown.projection.pixels[0, 0, 0] == 60
        await pilot.press("escape", "up")
        await until(pilot, lambda: host.engine.asked(ask.SeeFeed)[3:])
        host.hear(ask.Answered(host.engine.requests[-1].number, ask.Refused("out of memory")))
        await until(pilot, lambda: "✗ out of memory" in text(host))
        assert host.screen.query_one(FeedList).count() == 3


async def test_t_leaves_for_the_channel_that_the_panes_show():
    host = feeds_host()
    async with host.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: host.screen.query_one(FeedList).count() == 3)
        await pilot.press("t")
        await until(pilot, lambda: host.left_for)

        assert host.left_for == [Unit("conv1", 2)]


async def test_what_adds_next_to_nothing_is_one_line_at_the_end():
    large = FED["conv2"].feeds
    tiny = [
        Feed(Unit("pool1", channel, 6, 8), 0.01 * sign, 0.0004 * sign, 2.0)
        for channel, sign in ((3, 1), (4, 1), (5, 1), (6, -1))
    ]
    host = feeds_host()
    async with host.run_test(size=(80, 24)) as pilot:
        listed = host.screen.query_one(FeedList)
        await until(pilot, lambda: listed.count() == 3)
        listed.feeds = (*large[:2], *tiny, large[2])
        await until(pilot, lambda: "and 4 more together     +0.0200" in text(host))

        assert listed.count() == 4
        listed.cursor = 2
        assert listed.here == large[2]
        listed.cursor = 3
        assert listed.here is None


async def test_what_does_not_work_is_told():
    host = feeds_host()
    async with host.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: host.engine.requests)
        host.hear(ask.Answered(host.engine.requests[-1].number, ask.Refused("the image is gone")))

        await until(pilot, lambda: "✗ the image is gone" in text(host))
