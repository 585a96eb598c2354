from __future__ import annotations

import pytest
from textual.app import App

from tests.support import text, until
from zfexplore.tui.screens.dialogs import ConfirmScreen, ErrorScreen


class Dialog(App[None]):
    def __init__(self, dialog) -> None:
        super().__init__()
        self.dialog = dialog
        self.answers: list[object] = []

    def on_mount(self) -> None:
        self.push_screen(self.dialog, self.answers.append)


@pytest.mark.parametrize(("key", "answer"), [("y", True), ("n", False), ("q", False), ("escape", False)])
async def test_only_y_is_yes(key, answer):
    app = Dialog(ConfirmScreen("Replace [this]?"))
    async with app.run_test(size=(60, 12)) as pilot:
        await until(pilot, lambda: "Replace [this]?" in text(app))  # no markup
        await pilot.press("enter", key)
        await until(pilot, lambda: app.answers == [answer])


@pytest.mark.parametrize(("word", "answer"), [("y yes", True), ("n no", False)])
async def test_its_keys_can_be_clicked(word, answer):
    app = Dialog(ConfirmScreen("Replace?"))
    async with app.run_test(size=(60, 12)) as pilot:
        await until(pilot, lambda: word in text(app))
        await pilot.click(offset=place_of(app, word))
        await until(pilot, lambda: app.answers == [answer])


def place_of(app: App[None], word: str) -> tuple[int, int]:
    lines = text(app).splitlines()
    y = next(y for y, line in enumerate(lines) if word in line)
    return lines[y].index(word), y


@pytest.mark.parametrize("key", ["q", "enter"])
async def test_after_an_error_the_program_fails(key):
    app = Dialog(ErrorScreen("no such folder: [nope]"))
    async with app.run_test(size=(60, 12)) as pilot:
        await until(pilot, lambda: "no such folder: [nope]" in text(app))
        await pilot.press(key)

    assert app.return_code == 1


async def test_escape_stays_with_the_empty_panes():
    app = Dialog(ErrorScreen("no such folder"))
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.press("escape")
        await until(pilot, lambda: app.answers == [None])

    assert not app.return_code
