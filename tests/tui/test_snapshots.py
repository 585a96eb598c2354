"""How the screen looks, kept as SVG; pictures are flat colours, which keeps the files small.

One of each layout: wide in colour, narrow without, tiny; and the two dialogs that draw most. After an
intended change: ``pytest tests/tui/test_snapshots.py --snapshot-update``, and look at them.
"""

from __future__ import annotations

import pytest

from tests.support import until

SIZES = {"120x40": (120, 40), "50x14": (50, 14)}


def pressing(*keys: str):
    """Press ``keys`` once the first channel is whole, and wait for the one that they lead to."""

    async def press(pilot) -> None:
        app = pilot.app
        await _settled(pilot, app)
        await pilot.press(*keys)
        await _settled(pilot, app)

    return press


async def _settled(pilot, app) -> None:
    await until(pilot, lambda: app.settled == app.generation > 0)
    await pilot.pause()


@pytest.mark.parametrize("size", SIZES)
def test_panes(app, snap_compare, size):
    assert snap_compare(app, terminal_size=SIZES[size], run_before=pressing("down", "down"))


def test_no_colour(engine, snap_compare, monkeypatch):
    from zfexplore.tui.app import ExplorerApp
    from zfexplore.tui.messages import Setup

    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(ExplorerApp(Setup(), engine), terminal_size=(80, 24), run_before=pressing())


def test_large(app, snap_compare):
    assert snap_compare(app, terminal_size=(120, 40), run_before=pressing("z"))


def test_help(app, snap_compare):
    assert snap_compare(app, terminal_size=(80, 24), run_before=pressing("question_mark"))


@pytest.mark.parametrize("size", SIZES)
def test_following(engine, snap_compare, size):
    from zfexplore.tui.app import ExplorerApp
    from zfexplore.tui.following import Course, Kept, RunRead
    from zfexplore.tui.messages import Setup

    epochs = range(1, 6)
    course = Course(
        "birds", "training", 8, 5.4,
        losses=(*((epoch, 3 / epoch) for epoch in epochs), (5.4, 0.55)),
        accuracies=tuple((epoch, 0.6 - 0.5 / epoch) for epoch in epochs),
        weights=tuple(Kept(f"epoch-{epoch:03}.safetensors", epoch) for epoch in epochs),
    )  # fmt: skip

    async def press(pilot) -> None:
        await _settled(pilot, pilot.app)
        pilot.app.present = pilot.app.shown = course.weights[-1]
        pilot.app.hear(RunRead(course))
        await until(pilot, lambda: pilot.app.course is not None)
        await _settled(pilot, pilot.app)

    app = ExplorerApp(Setup(follow="birds"), engine)
    assert snap_compare(app, terminal_size=SIZES[size], run_before=press)


@pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=["120x40", "80x24"])
def test_both_nets(two_nets, snap_compare, size):
    keys = ("down", "W") if size[0] > 100 else ("down", "W", "p")
    assert snap_compare(two_nets, terminal_size=size, run_before=pressing(*keys))


@pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=["120x40", "80x24"])
def test_ideal(snap_compare, size):
    from tests.tui.screens.test_ideal import ideal_host, whole

    assert snap_compare(ideal_host(), terminal_size=size, run_before=whole)


@pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=["120x40", "80x24"])
def test_moved_picture(snap_compare, size):
    from tests.tui.screens.test_varied import varied_host, whole

    assert snap_compare(varied_host(), terminal_size=size, run_before=whole)


OWN = {"120x40": (120, 40), "80x24": (80, 24), "50x14": (50, 14)}


@pytest.mark.parametrize("size", OWN)
def test_own_picture(snap_compare, size):
    assert snap_compare(own_picture(), terminal_size=OWN[size], run_before=_bring_back)


def own_picture():
    """The screen of a picture of one's own, with a fully connected layer's names in it."""
    from tests.support import StudyHost
    from zfexplore.tui.screens.picture import PictureScreen

    return StudyHost(lambda host: PictureScreen("photos/cat.png", ("conv2", "fc8"), host.mode, at_once=True))


async def _bring_back(pilot) -> None:
    """Rank the picture, and bring its second unit back."""
    import numpy as np

    from zfexplore.studies.records import ClassProbability, RankedChannel
    from zfexplore.tui import messages as say
    from zfexplore.tui import questions as ask
    from zfexplore.units import Unit, Window

    def flat(*colour: int):
        return say.Bitmap(np.full((32, 32, 3), colour, np.uint8))

    def shown(value: float, name: str, label: str, *bitmaps):
        whole = bitmaps[2].boxed(window)
        return say.ShownUnit(0, value, name, label, 3, 4, window, 1.0, *bitmaps[:2], whole)

    app, window = pilot.app, Window(4, 8, 20, 24)
    await until(pilot, lambda: app.engine.requests)
    rows = (
        RankedChannel(Unit("conv2", 7, 3, 4), 31.0, 100.0, 100.0, 100.0, 1.1, 1, window),
        RankedChannel(Unit("conv2", 130, 10, 11), 12.0, 98.4, 97.5, 99.0, 0.9, None, window),
        RankedChannel(Unit("fc8", 2), 2.0, 61.25, 60.0, 62.5, 0.5, None, None, "tabby cat"),
        RankedChannel(Unit("fc8", 0), 0.0, 0.0, 0.0, 0.0, 0.0, None, None, "hat"),
    )
    classes = (ClassProbability(2, "tabby cat", 0.75), ClassProbability(0, "hat", 0.125))
    number = app.engine.requests[-1].number
    app.hear(ask.Answered(number, ask.Ranking(flat(90, 90, 90), rows, 567, True, classes)))
    await until(pilot, lambda: app.screen.ranking is not None)
    await pilot.press("down")
    here = shown(12.0, "cat.png", "", flat(40, 60, 128), flat(90, 160, 60), flat(90, 90, 90))
    best = shown(21.0, "hats/7.png", "hats", flat(128, 60, 40), flat(160, 90, 60), flat(60, 60, 90))
    app.hear(ask.Answered(number, ask.UnitSeen(rows[1].unit, here, best)))
    await until(pilot, lambda: rows[1].unit in app.screen.seen)
    await pilot.pause()
