"""A picture of one's own: typing its path, and walking the channels that it excites."""

# tests zfexplore/tui/screens/path.py too: it is the part of that screen which asks for the path
# tests zfexplore/tui/screens/choice.py too: that screen opens it
# tests zfexplore/tui/widgets/own.py too: its pictures stand beside the list

from __future__ import annotations

import threading

import numpy as np
import pytest
from textual import events

from tests.support import StudyHost, text, until
from zfexplore.studies.records import ClassProbability, RankedChannel
from zfexplore.tui import messages as say
from zfexplore.tui import questions as ask
from zfexplore.tui import watching
from zfexplore.tui.paths import completions
from zfexplore.tui.screens import path as screen
from zfexplore.tui.screens.choice import ChoiceScreen
from zfexplore.tui.screens.feeds import FeedsScreen
from zfexplore.tui.screens.occlusion import OcclusionScreen
from zfexplore.tui.screens.picture import SECONDS_TO_LOOK, SECONDS_TO_REST, PictureScreen
from zfexplore.tui.screens.varied import VariedScreen
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


async def rank(app, pilot, complete=True, rows=RANKED, classes=()):
    """Answer the last question."""
    seen = say.Bitmap(np.full((32, 32, 3), 77, np.uint8))
    number = asked(app).number
    app.hear(ask.Answered(number, ask.Ranking(seen, rows, 567, complete, classes)))
    await until(pilot, lambda: app.screen.ranked_by == number)


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
        await until(pilot, lambda: picture.bitmap.box == Window(2, 4, 20, 22))
        await pilot.press("down")
        await until(pilot, lambda: picture.bitmap.box == Window(1, 1, 8, 8))
        await pilot.press("down")  # to a unit of a fully connected layer
        await until(pilot, lambda: picture.bitmap.box is None)
        await pilot.press("right")  # to conv1 alone
        await until(pilot, lambda: picture.bitmap.box == Window(1, 1, 8, 8))


# -- the unit under the cursor -----------------------------------------------------------------------


def shown(value, name="cat.png", label=""):
    """A unit in three flat colours."""
    bitmaps = [say.Bitmap(np.full((8, 8, 3), colour, np.uint8)) for colour in (10, 20, 30)]
    return say.ShownUnit(0, value, name, label, 1, 1, Window(0, 0, 8, 8), 1.0, *bitmaps)


def see(app, unit, best=True, number=None):
    """Bring a unit back."""
    exemplar = shown(44.0, "hats/[7].png", "hats") if best else None
    seen = ask.UnitSeen(unit, shown(31.0), exemplar)
    app.hear(ask.Answered(app.screen.ranked_by if number is None else number, seen))
    return seen


def titles(app):
    return [str(pane.border_title) for pane in app.screen.query("#own-unit LargePicture")]


async def test_the_row_under_the_cursor_is_asked_for_with_the_next_ones_and_shown_when_it_comes(host, folder):
    async with host.run_test(size=(120, 40)) as pilot:
        await choose(host, pilot, folder)
        await rank(host, pilot)
        await until(pilot, lambda: isinstance(host.engine.requests[-1], ask.SeeUnit))
        request = host.engine.requests[-1]
        units = [row.unit for row in RANKED]
        assert (request.number, [request.unit, *request.ahead]) == (host.screen.ranked_by, units)
        panes = list(host.screen.query("#own-unit LargePicture"))
        assert set(request.sizes) == {pane.drawn_size for pane in panes}

        seen = see(host, units[0])
        await until(pilot, lambda: panes[1].bitmap is seen.here.projection)
        assert [pane.bitmap for pane in panes] == [
            seen.here.whole, seen.here.projection, seen.best.whole, seen.best.projection,
        ]  # fmt: skip
        assert titles(host)[:2] == ["your picture", "projection, 31.0"]
        assert "strongest, hats, [7].png" in text(host)
        assert titles(host)[3] == "projection, 44.0"
        await pilot.press("b")
        assert (panes[0].bitmap, panes[2].bitmap) == (seen.here.patch, seen.best.patch)

        ahead = see(host, units[1], best=False)  # it was asked for ahead, and came
        await until(pilot, lambda: units[1] in host.screen.seen)
        await pilot.press("b", "down")
        await until(pilot, lambda: panes[1].bitmap is ahead.here.projection)
        assert "fires on no image" in titles(host)

        await pilot.press("down")
        await until(pilot, lambda: titles(host)[1:] == ["projection", "strongest exemplar", "projection"])
        assert [pane.bitmap for pane in panes[1:]] == [None] * 3
        late = see(host, units[2], number=host.screen.ranked_by - 1)  # of a picture before
        await pilot.pause()
        assert panes[1].bitmap is not late.here.projection


async def test_where_nothing_but_the_list_fits_p_shows_the_pictures(host, folder):
    async with host.run_test(size=(50, 14)) as pilot:
        await choose(host, pilot, folder)
        await rank(host, pilot)
        await pilot.pause(0.1)
        assert not any(isinstance(each, ask.SeeUnit) for each in host.engine.requests)
        await pilot.press("p")
        await until(pilot, lambda: isinstance(host.engine.requests[-1], ask.SeeUnit))
        see(host, RANKED[0].unit)
        await until(pilot, lambda: "projection, 44.0" in text(host))
        await pilot.press("p")
        await until(pilot, lambda: "conv2:7@3,4" in text(host))


async def test_a_unit_that_cannot_be_brought_back_is_told_and_the_list_stays(host, folder):
    async with host.run_test(size=(120, 40)) as pilot:
        await choose(host, pilot, folder)
        await rank(host, pilot)
        await until(pilot, lambda: isinstance(host.engine.requests[-1], ask.SeeUnit))
        host.hear(ask.Answered(host.screen.ranked_by, ask.Refused("the atlas does not belong here")))
        await until(pilot, lambda: "✗ the atlas does not belong here" in text(host))
        assert not host.screen.asking
        assert "conv2:7@3,4" in text(host)


async def test_classes_are_named_and_c_goes_to_the_unit_of_one_after_the_other(host, folder):
    classes = tuple(
        ClassProbability(index, name, share)
        for index, name, share in ((2, "hat", 0.75), (0, "[ant]", 0.125), (9, "x", 0.1))
    )
    rows = (*RANKED[:2], *(
        RankedChannel(Unit("fc6", index), 1.0, 50.0, 50.0, 50.0, 0.5, None, None, name)
        for index, name in ((0, "[ant]"), (2, "hat"))
    ))  # fmt: skip
    async with host.run_test(size=(120, 40)) as pilot:
        await choose(host, pilot, folder)
        await rank(host, pilot, rows=rows, classes=classes)
        await until(pilot, lambda: "hat 75.0% · [ant] 12.5% · x 10.0%" in text(host))
        listed = host.screen.query_one(RankedList)
        await pilot.press("c")
        assert (listed.layer, listed.here.unit, listed.here.name) == ("fc6", Unit("fc6", 2), "hat")
        await pilot.press("c")
        assert listed.here.name == "[ant]"
        await until(pilot, lambda: "fc6:0 [ant]" in text(host))
        await pilot.press("f")
        await until(pilot, lambda: isinstance(host.engine.requests[-1], ask.FeedsFrom))
        assert host.engine.requests[-1].unit == Unit("fc6", 0)


async def test_l_asks_for_a_layer_and_is_a_letter_in_a_path(host, folder):
    async with host.run_test(size=(120, 40)) as pilot:
        await pilot.press("l")
        assert host.screen.query_one("#own-path").value == "l"
        await choose(host, pilot, folder)
        await rank(host, pilot)
        await pilot.press("l")
        await until(pilot, lambda: isinstance(host.screen, ChoiceScreen))
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: isinstance(host.screen, PictureScreen))
        assert [str(row.unit) for row in host.screen.query_one(RankedList).rows] == ["conv2:7@3,4"]
        await pilot.press("l")
        await until(pilot, lambda: isinstance(host.screen, ChoiceScreen))
        await pilot.press("home", "enter")
        await until(pilot, lambda: isinstance(host.screen, PictureScreen))
        assert host.screen.query_one(RankedList).count() == 4


async def test_help_says_what_the_columns_are_and_c_that_there_are_no_classes(host, folder):
    async with host.run_test(size=(120, 50), notifications=True) as pilot:
        await choose(host, pilot, folder)
        await rank(host, pilot)
        await pilot.press("c")
        await until(pilot, lambda: "this net has no named classes" in text(host))
        await pilot.press("question_mark")
        await until(pilot, lambda: "the bounds of an estimate" in text(host))


async def test_enter_saves_the_figure_of_the_picture_that_is_listed(host, folder):
    async with host.run_test(size=(120, 40)) as pilot:
        await choose(host, pilot, folder)
        await rank(host, pilot)
        await until(pilot, lambda: isinstance(host.engine.requests[-1], ask.SeeUnit))
        number, chosen = host.screen.ranked_by, asked(host).chosen
        await pilot.press("enter")
        await until(pilot, lambda: ask.SaveUnit(number, chosen, RANKED[0].unit) in host.engine.requests)
        await pilot.press("down")
        await until(pilot, lambda: isinstance(host.engine.requests[-1], ask.SeeUnit))
        assert host.engine.requests[-1].unit == RANKED[1].unit


@pytest.mark.parametrize("key", ["f", "o", "d"])
async def test_a_cursor_that_has_just_moved_does_not_end_the_question_of_the_screen_above(host, folder, key):
    async with host.run_test(size=(120, 40)) as pilot:
        await choose(host, pilot, folder)
        await rank(host, pilot)
        host.simulate_key("down")
        host.simulate_key(key)  # at once: a pilot would wait until the cursor rests
        await until(pilot, lambda: not isinstance(host.screen, PictureScreen))
        await pilot.pause(3 * SECONDS_TO_REST)
        assert isinstance(host.engine.requests[-1], ask.FeedsFrom | ask.Occlude | ask.Vary)


async def test_what_another_screens_question_has_ended_is_asked_again(host, folder):
    async with host.run_test(size=(120, 40)) as pilot:
        await choose(host, pilot, folder)
        await rank(host, pilot)
        await pilot.press("f")
        await until(pilot, lambda: isinstance(host.engine.requests[-1], ask.FeedsFrom))
        host.pop_screen()
        await until(pilot, lambda: isinstance(host.engine.requests[-1], ask.SeeUnit))


# -- watching ----------------------------------------------------------------------------------------


def questions(app):
    return [each.chosen.name for each in app.engine.requests if isinstance(each, ask.RankPicture)]


async def test_v_follows_the_newest_picture_of_a_folder_until_it_is_ended(tmp_path):
    folder, lone = tmp_path / "shots", str(tmp_path / "no.png")
    folder.mkdir()
    host = StudyHost(lambda host: PictureScreen(lone, STAGES, host.mode, at_once=True))
    async with host.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: questions(host) == ["no.png"])
        await pilot.press("v")
        await until(pilot, lambda: "watch a file or a folder" in text(host))
        host.screen.query_one("#own-path").value = str(folder)
        await pilot.press("enter")
        await until(pilot, lambda: "waiting: no picture in it yet" in text(host))

        (folder / "one.png").write_text("half")
        await until(pilot, lambda: questions(host)[1:] == ["one.png"])
        host.hear(ask.Answered(asked(host).number, ask.Refused("one.png is truncated")))
        await until(pilot, lambda: questions(host)[1:] == ["one.png"] * 2)  # tried again, and nothing is told
        assert "truncated" not in text(host)
        await rank(host, pilot)
        await until(pilot, lambda: "watching · one.png" in text(host))

        await pilot.press("down")
        (folder / "two.png").write_text("whole")
        await until(pilot, lambda: questions(host)[-1] == "two.png")
        assert "watching · one.png" in text(host)  # until the next is there
        await rank(host, pilot, rows=RANKED[::-1])
        await until(pilot, lambda: "watching · two.png" in text(host))
        assert host.screen.query_one(RankedList).here is RANKED[1]  # the channel stays

        await pilot.press("escape")
        await until(pilot, lambda: "watching" not in text(host))
        (folder / "three.png").write_text("late")
        await pilot.pause(0.3)
        assert questions(host)[-1] == "two.png"
        assert isinstance(host.screen, PictureScreen)


async def test_watching_ends_no_question_of_a_screen_above_and_goes_on_where_that_ended_its_own(tmp_path):
    host = StudyHost(lambda host: PictureScreen(str(tmp_path), STAGES, host.mode))
    (tmp_path / "one.png").write_text("whole")
    async with host.run_test(size=(120, 40)) as pilot:
        host.screen.action_watch()
        await pilot.press("enter")
        await until(pilot, lambda: questions(host) == ["one.png"])
        await rank(host, pilot)
        (tmp_path / "two.png").write_text("whole")
        await until(pilot, lambda: questions(host) == ["one.png", "two.png"])  # which is on its way
        await pilot.press("f")
        await until(pilot, lambda: isinstance(host.engine.requests[-1], ask.FeedsFrom))  # which ends it
        (tmp_path / "three.png").write_text("whole")
        await pilot.pause(5 * SECONDS_TO_LOOK)
        assert isinstance(host.engine.requests[-1], ask.FeedsFrom)
        await pilot.press("escape")
        await until(pilot, lambda: questions(host) == ["one.png", "two.png", "two.png"])
        await rank(host, pilot)
        await until(pilot, lambda: questions(host)[-1] == "three.png")


async def test_a_picture_that_stays_broken_is_told_while_watching_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(watching, "TRIES", 1)
    monkeypatch.chdir(tmp_path)  # a long path would leave no room for the rest of the line
    (tmp_path / "one.png").write_text("half")
    host = StudyHost(lambda host: PictureScreen(".", STAGES, host.mode))
    async with host.run_test(size=(120, 40)) as pilot:
        host.screen.action_watch()
        await pilot.press("enter")
        for count in (1, 2):
            await until(pilot, lambda count=count: len(questions(host)) == count)
            host.hear(ask.Answered(asked(host).number, ask.Refused("one.png is truncated")))
        await until(pilot, lambda: "its newest cannot be read: one.png is" in text(host))
        assert not host.screen.has_class("-refused")
        (tmp_path / "one.png").write_text("whole now")
        await until(pilot, lambda: len(questions(host)) == 3)


# -- leaving and other pictures ----------------------------------------------------------------------


@pytest.mark.parametrize("paste", ["'{}/cat.png'\n", "file://{}/cat.png"])
async def test_a_path_is_understood_as_terminals_paste_it(host, folder, paste):
    async with host.run_test(size=(80, 24)) as pilot:
        host.post_message(events.Paste(paste.format(folder)))
        await until(pilot, lambda: host.screen.query_one("#own-path").value == f"{folder}/cat.png")
        await pilot.press("enter")
        await until(pilot, lambda: questions(host) == ["cat.png"])
        await rank(host, pilot)
        host.post_message(events.Paste(paste.format(folder).replace("cat.png", "car.JPG")))  # over the list
        await until(pilot, lambda: questions(host) == ["cat.png", "car.JPG"])


async def test_more_is_asked_of_a_channel_on_the_same_picture(host, folder):
    async with host.run_test(size=(80, 24)) as pilot:
        await choose(host, pilot, folder)
        await rank(host, pilot)
        for key, screen, question in (
            ("o", OcclusionScreen, ask.Occlude),
            ("d", VariedScreen, ask.Vary),
            ("f", FeedsScreen, ask.FeedsFrom),
        ):
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
async def test_t_or_a_second_click_goes_to_the_channel_in_the_panes_and_backspace_comes_back(
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
            await pilot.press("down", "t")
        await until(pilot, lambda: app.stage_name == "conv1")
        assert app.channel == 9

        await pilot.press("backspace")
        assert (app.stage_name, app.channel) == ("conv2", 0)


async def test_after_escape_from_what_to_watch_a_pasted_path_is_looked_at(host, folder):
    async with host.run_test(size=(80, 24)) as pilot:
        await choose(host, pilot, folder)
        await rank(host, pilot)
        await pilot.press("v", "escape")
        await until(pilot, lambda: not host.screen.asking)
        host.post_message(events.Paste(f"{folder}/car.JPG"))
        await until(pilot, lambda: questions(host) == ["cat.png", "car.JPG"])


async def test_escape_from_another_path_goes_back_to_what_is_watched(tmp_path):
    (tmp_path / "one.png").write_text("whole")
    host = StudyHost(lambda host: PictureScreen(str(tmp_path), STAGES, host.mode))
    async with host.run_test(size=(120, 40)) as pilot:
        host.screen.action_watch()
        await pilot.press("enter")
        await until(pilot, lambda: questions(host) == ["one.png"])
        await rank(host, pilot)
        await pilot.press("i")
        await until(pilot, lambda: host.screen.asking)
        await pilot.press("escape")
        await until(pilot, lambda: "watching · one.png" in text(host))
        assert not host.screen.asking
        assert host.screen.watched is not None


async def test_pictures_that_come_into_sight_are_asked_for(host, folder):
    async with host.run_test(size=(50, 14)) as pilot:
        await choose(host, pilot, folder)
        await rank(host, pilot)
        await pilot.pause(0.1)
        await pilot.resize_terminal(120, 40)
        await until(pilot, lambda: isinstance(host.engine.requests[-1], ask.SeeUnit))
