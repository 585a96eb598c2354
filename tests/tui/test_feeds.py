"""Feeds from: the list of channels below a unit, diving into one and coming back."""

from __future__ import annotations

from pathlib import Path

import pytest

from zfexplore.tui import keys
from zfexplore.tui import questions as ask
from zfexplore.tui.inquiring import InquiringApp
from zfexplore.tui.screens.feeds import FeedsScreen, sum_of
from zfexplore.tui.widgets.feeds import FeedList, bar, name_of
from zfexplore.units import Unit

CHOSEN = ask.Chosen("face-3", "face", 7)
TOP = Unit("conv2", 7, 3, 4)


class Recorder:
    """Answers what it is asked at once."""

    def __init__(self, host) -> None:
        self.host = host
        self.requests: list[object] = []

    def ask(self, request: object) -> None:
        self.requests.append(request)
        if isinstance(request, ask.FeedsFrom):
            self.host.hear(ask.Answered(request.number, FED[request.unit.stage]))


class Host(InquiringApp):
    """The screen alone, without the panes."""

    CSS_PATH = Path(keys.__file__).with_name("theme.tcss")

    def __init__(self) -> None:
        super().__init__()
        self.engine, self.mode = Recorder(self), "quadrant"
        self.left_for: list[Unit | None] = []

    def on_mount(self) -> None:
        self.push_screen(FeedsScreen(CHOSEN, TOP, self.mode), self.left_for.append)


def fed(unit: Unit, below: str, shown: str | None) -> ask.Fed:
    """Three channels of the stage below: 3 + 1 - 2.5, and a bias of 0.5, make 2."""
    rows = tuple(
        ask.FeedRow(
            Unit(below, channel, 6, 8), amount, amount / 6.5, 4.0, Unit(shown, channel) if shown else None
        )
        for channel, amount in ((2, 3.0), (0, 1.0), (1, -2.5))
    )
    return ask.Fed(unit, 2.0, 2.0, 0.5, rows)


FED = {
    "conv2": fed(TOP, "pool1", "conv1"),
    "pool1": fed(Unit("pool1", 2, 6, 8), "conv1", "conv1"),
    "conv1": fed(Unit("conv1", 2, 6, 8), ask.INPUT, None),
}


def text(app) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips(app.size))


async def until(pilot, holds) -> None:
    for _ in range(60):
        if holds():
            return
        await pilot.pause()
    raise AssertionError(f"never held; the screen:\n{text(pilot.app)}")


# -- pieces ------------------------------------------------------------------------------------------


def test_the_sum_is_told_in_words():
    assert sum_of(FED["conv2"]) == "3 channels drive 4.00, hold down -2.50, bias 0.50: 2.00"


def test_a_unit_that_its_relu_silences_says_so():
    silent = ask.Fed(TOP, 0.0, -1.5, 0.5, FED["conv2"].rows)

    assert sum_of(silent).endswith(": -1.50, after the ReLU 0.00")


@pytest.mark.parametrize(("share", "drawn"), [(0.4, "━━━━"), (-0.2, "╌╌"), (0.0, "")])
def test_a_bar_tells_driving_from_holding_down_without_colour(share, drawn):
    assert bar(share, 0.4, cells=4) == drawn


def test_pixels_are_named_by_their_colour():
    assert name_of(Unit(ask.INPUT, 2, 6, 8)) == "blue@6,8"


# -- the screen --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "colour"), [((80, 24), True), ((120, 40), False), ((50, 14), True)])
async def test_channels_below_are_listed_from_driver_to_inhibitor(size, colour, monkeypatch):
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    host = Host()
    async with host.run_test(size=size) as pilot:
        await until(pilot, lambda: "pool1:2@6,8" in text(host))

        rows = [line.split() for line in text(host).splitlines() if "pool1:" in line]
        assert [row[0].lstrip("▸") for row in rows] == ["pool1:2@6,8", "pool1:0@6,8", "pool1:1@6,8"]
        assert [row[1] for row in rows] == ["+3.00", "+1.00", "-2.50"]
        assert "conv2:7@3,4 on face-3" in text(host)


async def test_enter_dives_down_to_the_picture_and_backspace_comes_back_to_the_same_row():
    host = Host()
    async with host.run_test(size=(80, 24)) as pilot:
        listed = host.screen.query_one(FeedList)
        await until(pilot, lambda: listed.count() == 3)
        await pilot.press("down", "enter")
        await until(pilot, lambda: listed.feeds is FED["pool1"].rows)
        assert host.engine.requests[-1].unit == Unit("pool1", 0, 6, 8)
        await pilot.press("right")
        await until(pilot, lambda: listed.feeds is FED["conv1"].rows)
        assert "blue@6,8" in text(host)
        asked = len(host.engine.requests)
        await pilot.press("enter")  # nothing lies below the picture
        assert len(host.engine.requests) == asked

        await pilot.press("backspace")
        await until(pilot, lambda: listed.feeds is FED["pool1"].rows)
        await pilot.press("left")
        await until(pilot, lambda: listed.feeds is FED["conv2"].rows)
        assert listed.cursor == 1

        await pilot.click(listed, offset=(5, 2), times=2)
        await until(pilot, lambda: listed.feeds is FED["pool1"].rows)


async def test_t_leaves_for_the_channel_that_the_panes_show():
    host = Host()
    async with host.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: host.screen.query_one(FeedList).count() == 3)
        await pilot.press("t")
        await until(pilot, lambda: host.left_for)

        assert host.left_for == [Unit("conv1", 2)]


async def test_what_adds_next_to_nothing_is_one_line_at_the_end():
    large = FED["conv2"].rows
    tiny = [
        ask.FeedRow(Unit("pool1", channel, 6, 8), 0.01 * sign, 0.0004 * sign, 2.0, Unit("conv1", channel))
        for channel, sign in ((3, 1), (4, 1), (5, 1), (6, -1))
    ]
    host = Host()
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
    host = Host()
    async with host.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: host.engine.requests)
        host.hear(ask.Answered(host.engine.requests[-1].number, ask.Refused("the image is gone")))

        await until(pilot, lambda: "✗ the image is gone" in text(host))
