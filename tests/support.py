"""What many tests need."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from textual.screen import Screen

from zfexplore.tui import keys
from zfexplore.tui.study_screens import StudyApp

# -- the explorer in the terminal ----------------------------------------------------------------------

SECONDS = 30  # how long anything is waited for


def text(app) -> str:
    """What the screen shows."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips(app.size))


async def until(pilot, holds: Callable[[], object]) -> None:
    """Wait for a condition."""
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end, f"never held; the screen:\n{text(pilot.app)}"
        await pilot.pause()


class Recorder:
    """An engine that only keeps what it is asked."""

    def __init__(self) -> None:
        self.requests: list[object] = []

    def ask(self, request: object) -> None:
        self.requests.append(request)


class StudyHost(StudyApp):
    """The screen of a study alone, without the panes; keeps what it is left with."""

    CSS_PATH = Path(keys.__file__).with_name("theme.tcss")

    def __init__(self, open_screen: Callable[[StudyApp], Screen], engine: Recorder | None = None) -> None:
        super().__init__()
        self.open_screen = open_screen
        self.engine, self.mode = engine or Recorder(), "quadrant"
        self.left_for: list[object] = []

    def on_mount(self) -> None:
        self.open()

    def open(self) -> None:
        self.push_screen(self.open_screen(self), self.left_for.append)
