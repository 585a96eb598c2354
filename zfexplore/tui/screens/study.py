"""What the screens for questions about one picture share: they ask the engine, and take its answers."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from textual.message import Message
from textual.screen import ModalScreen

from zfexplore.tui.questions import Chosen, GiveUp, Question, Refused
from zfexplore.tui.screens.help import HelpScreen, idle_keys
from zfexplore.units import Unit

_numbers = count(1)


class StudyScreen(ModalScreen[Unit | None]):
    """Asks about ``chosen``; gives the channel to show in the panes, or None.

    Only answers to the question asked last are taken.
    """

    CSS_PATH = Path(__file__).with_name("screens.tcss")  # absolute: subclasses may live elsewhere
    HELP = ""  # the title of its keys in the help
    COLUMNS: tuple[tuple[str, str], ...] = ()  # of its table, each with what it says
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (70, "-narrow"), (100, "-normal")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-tall")]

    class Asked(Message):
        """There is a request for the engine."""

        def __init__(self, request: Question) -> None:
            super().__init__()
            self.request = request

    def __init__(self, chosen: Chosen | None, mode: str) -> None:
        super().__init__()
        self.chosen, self.mode = chosen, mode
        self.number = 0
        self.waiting = False

    def ask(self, make: Callable[[int], Question]) -> None:
        """Ask the question that ``make`` gives for a number."""
        self.number, self.waiting = next(_numbers), True
        self.post_message(self.Asked(make(self.number)))

    def take(self, answer: object) -> None:
        """Show an answer."""
        self.waiting = False
        if isinstance(answer, Refused):
            self.show_refusal(answer.text)
        else:
            self.show(answer)

    def show(self, answer: Any) -> None:
        """Show the answer; each screen in its way."""

    def show_refusal(self, text: str) -> None:
        """Show why there is no answer; each screen has its place for it."""

    def give_up(self) -> None:
        """Tell the engine that the answer is not wanted any more."""
        self.waiting = False
        self.post_message(self.Asked(GiveUp(self.number)))

    def action_help(self) -> None:
        """Open the help, the keys of this screen first."""
        keymap = getattr(self.app, "keymap", {})
        self.app.push_screen(HelpScreen(self.HELP, keymap, self.COLUMNS, idle_keys(self.HELP, self)))

    def action_close(self) -> None:
        """Leave, ending what is still worked on."""
        self.leave(None)

    def leave(self, unit: Unit | None) -> None:
        """Leave for the panes, at ``unit`` if there is one."""
        if self.waiting:
            self.give_up()
        self.dismiss(unit)
