"""Small dialogs: a question answered by yes or no, and an error after which nothing can be shown."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from zfexplore.tui.widgets.told import Told


class ConfirmScreen(ModalScreen[bool]):
    """Asks ``question``; gives True for y, False for n or escape."""

    CSS_PATH = "screens.tcss"
    BINDINGS = [Binding("y", "answer(True)", "yes"), Binding("n,escape,q", "answer(False)", "no")]

    def __init__(self, question: str) -> None:
        super().__init__()
        self.question = question

    def compose(self) -> ComposeResult:
        """The question and its keys."""
        with Vertical(classes="dialog"):
            yield Told([*self.question.split("\n"), ""])
            yield Static("[@click=screen.answer(True)]y yes[/]   [@click=screen.answer(False)]n no[/]")

    def action_answer(self, yes: bool) -> None:
        """Close with the answer."""
        self.dismiss(yes)


class ErrorScreen(ModalScreen[None]):
    """Says what failed; q leaves the program, escape stays with the empty panes."""

    CSS_PATH = "screens.tcss"
    BINDINGS = [Binding("q,enter", "leave", "leave"), Binding("escape", "dismiss", "stay")]

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def compose(self) -> ComposeResult:
        """The error in full."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "this cannot be explored"
            yield Told([*self.text.split("\n"), ""])
            yield Static("[@click=screen.leave]q leave[/]   [@click=screen.dismiss]esc stay[/]")

    def action_leave(self) -> None:
        """Leave the program, telling the shell that it failed."""
        self.app.exit(return_code=1)
