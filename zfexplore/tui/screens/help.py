"""The help: every key, drawn from the one table, those of the place where it was called for first."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from zfexplore.tui.keys import tables_from, written


class HelpScreen(ModalScreen[None]):
    """A dialog that any of its keys closes."""

    BINDINGS = [Binding("escape,q,question_mark,enter", "dismiss", "close")]

    def on_click(self, event: events.Click) -> None:
        """Close when clicked beside the dialog."""
        if event.widget is self:
            self.dismiss()

    def __init__(self, place: str, keymap: Mapping[str, str]) -> None:
        super().__init__()
        self.place = place  # a pane's id, or the title of a table of keys
        self.keymap = keymap  # the keys that the user has changed, by id

    def compose(self) -> ComposeResult:
        """One table, scrolled where it is higher than the screen."""
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = "keys"
            yield Static(key_table(self.place, self.keymap))


def key_table(place: str, keymap: Mapping[str, str]) -> Table:
    """Give the table of keys as ``keymap`` changes them, those of ``place`` first."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    for title, keys in tables_from(place).items():
        table.add_row("", Text(title, style="underline"))
        for key in keys:
            table.add_row(Text(written(keymap.get(key.id, key.keys)), style="bold"), key.help)
    return table
