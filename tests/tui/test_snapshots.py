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
