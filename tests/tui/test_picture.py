"""A picture of one's own: typing its path, and walking the channels that it excites."""

from __future__ import annotations

import numpy as np
import pytest

from zfexplore.tui import messages as say
from zfexplore.tui import questions as ask
from zfexplore.tui.paths import completed, completions
from zfexplore.tui.screens.feeds import FeedsScreen
from zfexplore.tui.screens.occlusion import OcclusionScreen
from zfexplore.tui.screens.picture import PictureScreen
from zfexplore.tui.widgets.ranked import PathList, RankedList
from zfexplore.units import Unit

RANKED = (
    ask.RankedRow(Unit("conv2", 7, 3, 4), 31.0, 100.0, 100.0, 100.0, 1),
    ask.RankedRow(Unit("conv1", 9, 1, 1), 12.0, 99.0, 99.0, 99.0, 3),
    ask.RankedRow(Unit("fc6", 2), 2.0, 61.25, 60.0, 62.5, None),
    ask.RankedRow(Unit("conv1", 5, 0, 0), 0.0, 0.0, 0.0, 0.0, None),
)


def text(app) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips(app.size))


async def until(pilot, holds) -> None:
    for _ in range(60):
        if holds():
            return
        await pilot.pause()
    raise AssertionError(f"never held; the screen:\n{text(pilot.app)}")


@pytest.fixture
def folder(tmp_path):
    """Two pictures, a text and a folder with a third picture; only names matter here."""
    for name in ("cat.png", "car.JPG", "cargo.txt", "more/dog.webp", ".hidden/a.png"):
        path = tmp_path / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "mine"


def rank(app, engine, *, complete=True):
    """Answer the last question about a picture."""
    (request,) = [each for each in engine.requests if isinstance(each, ask.RankPicture)][-1:]
    seen = say.Bitmap(np.full((32, 32, 3), 77, np.uint8))
    app.post_message(ask.Answered(request.number, ask.Ranking(seen, RANKED, 480, complete)))
    return request


async def opened(app, pilot, folder, name="cat.png"):
    """Ask about a picture."""
    await until(pilot, lambda: app.settled > 0)
    await pilot.press("i")
    app.screen.query_one("#own-path").value = str(folder / name)
    await pilot.press("enter")


# -- completion --------------------------------------------------------------------------------------


def test_folders_come_first_and_only_files_that_look_like_pictures(folder):
    assert completions(f"{folder}/") == tuple(f"{folder}/{name}" for name in ("more/", "car.JPG", "cat.png"))
    assert completions(f"{folder}/c") == (f"{folder}/car.JPG", f"{folder}/cat.png")


def test_hidden_ones_come_when_asked_for(folder):
    assert completions(f"{folder}/.h") == (f"{folder}/.hidden/",)


def test_what_is_not_there_has_no_completion(folder):
    assert completions(f"{folder}/nowhere/x") == ()


def test_the_home_folder_keeps_its_sign(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))

    assert completions("~/cat") == ("~/cat.png",)


@pytest.mark.parametrize(
    ("found", "gives"), [((), "a/c"), (("a/car", "a/cat"), "a/ca"), (("a/car.png",), "a/car.png")]
)
def test_a_path_is_completed_as_far_as_it_is_certain(found, gives):
    assert completed("a/c", found) == gives


# -- the screen --------------------------------------------------------------------------------------


async def test_tab_completes_and_enter_goes_into_a_folder_then_asks_about_the_file(app, engine, folder):
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.settled > 0)
        await pilot.press("i")
        line, files = app.screen.query_one("#own-path"), app.screen.query_one(PathList)
        line.value = f"{folder}/m"
        await until(pilot, lambda: files.paths == (f"{folder}/more/",))
        await pilot.press("tab")
        assert line.value == f"{folder}/more/"
        await until(pilot, lambda: files.paths == (f"{folder}/more/dog.webp",))
        await pilot.press("down", "enter")

        (request,) = [each for each in engine.requests if isinstance(each, ask.RankPicture)]
        assert request.chosen == ask.Chosen("dog.webp", path=f"{folder}/more/dog.webp")
        assert "looking" in text(app)


@pytest.mark.parametrize(("size", "colour"), [((80, 24), True), ((120, 40), False), ((50, 14), True)])
async def test_channels_are_listed_by_percentile(app, engine, folder, size, colour, monkeypatch):
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    async with app.run_test(size=size) as pilot:
        await opened(app, pilot, folder)
        rank(app, engine)
        await until(pilot, lambda: "conv2:7@3,4" in text(app))

        (best,) = [line for line in text(app).splitlines() if "conv2:7@3,4" in line]
        assert best.split()[1:4] == ["100", "31.0", "best"]
        assert "#3" in text(app)
        assert "~61.2" in text(app)
        assert "480 images" in text(app)


async def test_left_and_right_show_one_layer_in_the_order_of_the_net(app, engine, folder):
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot, folder)
        rank(app, engine)
        channels = app.screen.query_one(RankedList)
        await until(pilot, lambda: channels.count() == 4)
        shown = []
        for _ in range(4):
            await pilot.press("right")
            shown.append([str(row.unit) for row in channels.rows])

        assert shown[:3] == [["conv1:9@1,1", "conv1:5@0,0"], ["conv2:7@3,4"], ["fc6:2"]]
        assert len(shown[3]) == 4


async def test_enter_goes_to_the_channel_and_backspace_comes_back(app, engine, folder):
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot, folder)
        rank(app, engine)
        await until(pilot, lambda: app.screen.query_one(RankedList).count() == 4)
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.stage == "conv1")
        assert app.channel == 9

        await pilot.press("backspace")
        assert (app.stage, app.channel) == ("conv2", 0)


@pytest.mark.parametrize(("key", "screen"), [("o", OcclusionScreen), ("f", FeedsScreen)])
async def test_more_is_asked_of_a_channel_on_the_same_picture(app, engine, folder, key, screen):
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot, folder)
        rank(app, engine)
        await until(pilot, lambda: app.screen.query_one(RankedList).count() == 4)
        await pilot.press(key)
        await until(pilot, lambda: isinstance(app.screen, screen))
        await until(pilot, lambda: isinstance(engine.requests[-1], ask.Occlude | ask.FeedsFrom))

        assert engine.requests[-1].chosen.path == str(folder / "cat.png")


async def test_a_picture_that_cannot_be_read_is_told_and_another_can_be_typed(app, engine, folder):
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot, folder)
        app.post_message(ask.Answered(app.screen.number, ask.Refused("cat.png is not an image")))
        await until(pilot, lambda: "✗ cat.png is not an image" in text(app))

        assert app.focused is app.screen.query_one("#own-path")


async def test_answers_to_an_older_picture_are_dropped(app, engine, folder):
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot, folder)
        old = app.screen.number
        await pilot.press("i")
        app.screen.query_one("#own-path").value = str(folder / "car.JPG")
        await pilot.press("enter")
        app.post_message(ask.Answered(old, ask.Refused("late")))
        rank(app, engine)
        await until(pilot, lambda: app.screen.query_one(RankedList).count() == 4)

        assert "late" not in text(app)


async def test_leaving_gives_the_question_up_and_keeps_the_path(app, engine, folder):
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot, folder)
        number = app.screen.number
        await pilot.press("escape")
        await until(pilot, lambda: ask.GiveUp(number) in engine.requests)
        await pilot.press("i")

        assert isinstance(app.screen, PictureScreen)
        assert app.screen.query_one("#own-path").value == str(folder / "cat.png")
