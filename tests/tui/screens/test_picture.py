"""A picture of one's own: typing its path, and walking the channels that it excites."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from tests.support import StudyHost, text, until
from zfexplore.studies.records import RankedChannel
from zfexplore.tui import messages as say
from zfexplore.tui import questions as ask
from zfexplore.tui.paths import completions
from zfexplore.tui.screens import picture as screen
from zfexplore.tui.screens.feeds import FeedsScreen
from zfexplore.tui.screens.occlusion import OcclusionScreen
from zfexplore.tui.screens.picture import PictureScreen
from zfexplore.tui.widgets.ranked import PathList, RankedList
from zfexplore.units import Unit, Window

RANKED = (
    RankedChannel(Unit("conv2", 7, 3, 4), 31.0, 100.0, 100.0, 100.0, 1.1, 1, Window(2, 4, 20, 22)),
    RankedChannel(Unit("conv1", 9, 1, 1), 12.0, 99.0, 99.0, 99.0, 0.9, 3, Window(1, 1, 8, 8)),
    RankedChannel(Unit("fc6", 2), 2.0, 61.25, 60.0, 62.5, 0.5, None, None),
    RankedChannel(Unit("conv1", 5, 0, 0), 0.0, 0.0, 0.0, 0.0, 0.0, None, None),
)


STAGES = ("conv1", "conv2", "fc6")


def picture_host() -> StudyHost:
    return StudyHost(lambda host: PictureScreen(host.own_path, STAGES, host.mode))


@pytest.fixture
def host() -> StudyHost:
    return picture_host()


def asked(app) -> ask.RankPicture:
    """The last question about a picture."""
    return [each for each in app.engine.requests if isinstance(each, ask.RankPicture)][-1]


async def choose(app, pilot, folder, name="cat.png"):
    """Type the path of a picture."""
    app.screen.query_one("#own-path").value = str(folder / name)
    await pilot.press("enter")
    await until(pilot, lambda: any(isinstance(each, ask.RankPicture) for each in app.engine.requests))


async def rank(app, pilot, complete=True):
    """Answer the last question."""
    seen = say.Bitmap(np.full((32, 32, 3), 77, np.uint8))
    app.hear(ask.Answered(asked(app).number, ask.Ranking(seen, RANKED, 567, complete)))
    await until(pilot, lambda: app.screen.query_one(RankedList).count() == 4)


# -- the screen --------------------------------------------------------------------------------------


async def test_tab_completes_and_enter_goes_into_a_folder_then_asks_about_the_file(host, folder):
    async with host.run_test(size=(80, 24)) as pilot:
        line, files = host.screen.query_one("#own-path"), host.screen.query_one(PathList)
        line.value = f"{folder}/m"
        await until(pilot, lambda: files.paths == (f"{folder}/more/",))
        await pilot.press("tab")
        await until(pilot, lambda: line.value == f"{folder}/more/")
        await until(pilot, lambda: files.paths == (f"{folder}/more/dog.webp",))
        await pilot.press("down", "enter")

        assert asked(host).chosen == ask.Chosen("dog.webp", path=f"{folder}/more/dog.webp")
        assert "looking" in text(host)


async def test_tab_completes_what_stands_there_now_and_not_what_was_listed_before(host, folder):
    async with host.run_test(size=(80, 24)) as pilot:
        line, files = host.screen.query_one("#own-path"), host.screen.query_one(PathList)
        line.value = f"{folder}/c"
        await until(pilot, lambda: len(files.paths) == 2)
        line.value = f"{folder}/m"
        line.action_end()
        await pilot.press("tab")  # the list may still be the one before
        await until(pilot, lambda: line.value == f"{folder}/more/")


async def test_a_completion_of_what_has_changed_meanwhile_is_dropped(host, folder, monkeypatch):
    free = threading.Event()

    def slow(text):
        assert free.wait(10)
        return completions(text)

    async with host.run_test(size=(80, 24)) as pilot:
        line = host.screen.query_one("#own-path")
        monkeypatch.setattr(screen, "completions", slow)
        line.value = f"{folder}/m"
        line.action_end()
        await pilot.press("tab", "x")
        assert line.value == f"{folder}/mx"
        free.set()
        await host.workers.wait_for_complete()
        assert line.value == f"{folder}/mx"


async def test_while_a_path_is_typed_the_foot_tells_its_keys(host):
    async with host.run_test(size=(80, 24)) as pilot:
        told = ("⏎ look", "tab complete", "↓ list", "esc close")
        await until(pilot, lambda: all(key in text(host) for key in told))
        assert "occlude" not in text(host)  # there o is a letter


@pytest.mark.parametrize(("size", "colour"), [((80, 24), True), ((120, 40), False), ((50, 14), True)])
async def test_channels_are_listed_by_percentile(folder, size, colour, monkeypatch):
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    host = picture_host()
    async with host.run_test(size=size) as pilot:
        await choose(host, pilot, folder)
        await rank(host, pilot)
        await until(pilot, lambda: "conv2:7@3,4" in text(host))

        (best,) = [line for line in text(host).splitlines() if "conv2:7@3,4" in line]
        assert best.split()[1:4] == ["100", "31.0", "best"]
        assert "#3" in text(host)
        assert "~61.2" in text(host)
        assert "567 images" in text(host)


async def test_left_and_right_show_one_layer_in_the_order_of_the_net(host, folder):
    async with host.run_test(size=(80, 24)) as pilot:
        await choose(host, pilot, folder)
        await rank(host, pilot)
        shown = []
        for _ in range(4):
            await pilot.press("right")
            shown.append([str(row.unit) for row in host.screen.query_one(RankedList).rows])

        assert shown[:3] == [["conv1:9@1,1", "conv1:5@0,0"], ["conv2:7@3,4"], ["fc6:2"]]
        assert len(shown[3]) == 4


async def test_a_box_shows_what_the_unit_under_the_cursor_sees(host, folder):
    async with host.run_test(size=(120, 40)) as pilot:
        await choose(host, pilot, folder)
        await rank(host, pilot)
        picture = host.screen.query_one("#own-picture")
        assert picture.bitmap.box == Window(2, 4, 20, 22)
        await pilot.press("down")
        await until(pilot, lambda: picture.bitmap.box == Window(1, 1, 8, 8))
        await pilot.press("down")  # to a unit of a fully connected layer
        await until(pilot, lambda: picture.bitmap.box is None)
        await pilot.press("right")  # to conv1 alone
        await until(pilot, lambda: picture.bitmap.box == Window(1, 1, 8, 8))


async def test_more_is_asked_of_a_channel_on_the_same_picture(host, folder):
    async with host.run_test(size=(80, 24)) as pilot:
        await choose(host, pilot, folder)
        await rank(host, pilot)
        for key, screen, question in (("o", OcclusionScreen, ask.Occlude), ("f", FeedsScreen, ask.FeedsFrom)):
            await pilot.press(key)
            await until(pilot, lambda question=question: isinstance(host.engine.requests[-1], question))
            assert isinstance(host.screen, screen)
            assert host.engine.requests[-1].chosen.path == str(folder / "cat.png")
            host.pop_screen()
            await until(pilot, lambda: isinstance(host.screen, PictureScreen))


async def test_a_picture_that_cannot_be_read_is_told_and_another_can_be_typed(host, folder):
    async with host.run_test(size=(80, 24)) as pilot:
        await choose(host, pilot, folder)
        host.hear(ask.Answered(asked(host).number, ask.Refused("cat.png is not an image")))
        await until(pilot, lambda: "✗ cat.png is not an image" in text(host))
        old = asked(host).number
        await choose(host, pilot, folder, "car.JPG")
        host.hear(ask.Answered(old, ask.Refused("late")))
        await rank(host, pilot)

        assert asked(host).chosen.name == "car.JPG"
        assert "✗" not in text(host)
        assert "late" not in text(host)


async def test_leaving_gives_the_question_up_and_keeps_the_path(host, folder):
    async with host.run_test(size=(80, 24)) as pilot:
        await choose(host, pilot, folder)
        await pilot.press("escape")
        await until(pilot, lambda: ask.GiveUp(asked(host).number) in host.engine.requests)
        await until(pilot, lambda: not isinstance(host.screen, PictureScreen))
        host.open()
        await until(pilot, lambda: host.screen.query("#own-path"))

        assert host.screen.query_one("#own-path").value == str(folder / "cat.png")


@pytest.mark.parametrize("mouse", [False, True])
async def test_enter_or_a_second_click_goes_to_the_channel_in_the_panes_and_backspace_comes_back(
    app, engine, folder, mouse
):
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.settled > 0)
        await pilot.press("i")
        await choose(app, pilot, folder)
        await rank(app, pilot)
        if mouse:
            await pilot.click(app.screen.query_one(RankedList), offset=(5, 2), times=2)
        else:
            await pilot.press("down", "enter")
        await until(pilot, lambda: app.stage_name == "conv1")
        assert app.channel == 9

        await pilot.press("backspace")
        assert (app.stage_name, app.channel) == ("conv2", 0)
