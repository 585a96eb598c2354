"""The line to type in: keys that come in one burst are taken in their order."""

from __future__ import annotations

import pytest
from textual import events
from textual.app import App
from textual.containers import Vertical
from textual.widgets import Input

from zfexplore.tui.widgets.line import Line


class OneLine(App[None]):
    BINDINGS = [("down", "ring", "not the line's")]

    def __init__(self) -> None:
        super().__init__()
        self.submitted: list[str] = []
        self.rung = 0

    def compose(self):
        with Vertical():
            yield Line("before", select_on_focus=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.submitted.append(event.value)

    def action_ring(self) -> None:
        self.rung += 1


def burst(app: App[None], *keys: str) -> None:
    """Type without giving the app time between two keys, as a terminal does that reads them at once."""
    for key in keys:
        app.post_message(events.Key(key, key if len(key) == 1 else None))


@pytest.mark.parametrize(
    ("keys", "left"),
    [
        (("ctrl+u", "a", "b"), "ab"),
        (("backspace", "backspace", "x"), "befox"),
        (("home", "x", "end", "y"), "xbeforey"),
        (("left", "x"), "beforxe"),
    ],
)
async def test_keys_of_one_burst_are_taken_in_order(keys, left):
    app = OneLine()
    async with app.run_test() as pilot:
        burst(app, *keys)
        await pilot.pause()

        assert app.query_one(Line).value == left


async def test_enter_and_the_keys_of_others_still_do_their_work_once():
    app = OneLine()
    async with app.run_test() as pilot:
        await pilot.press("enter", "down")
        await pilot.pause()

        assert app.submitted == ["before"]
        assert app.rung == 1
