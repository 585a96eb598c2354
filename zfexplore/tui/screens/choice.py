"""A small dialog to choose one of some names."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen

from zfexplore.tui.widgets.keybar import KeyBar
from zfexplore.tui.widgets.rows import Column, Rows


class Names(Rows):
    """The names, a row each."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = names

    def columns(self) -> tuple[Column, ...]:
        """The name."""
        return (Column("", 0, right=False, rest=True, front=True),)

    def count(self) -> int:
        """Number of names."""
        return len(self.names)

    def texts(self, index: int) -> tuple[str, ...]:
        """One name."""
        return (self.names[index],)


class ChoiceScreen(ModalScreen[str | None]):
    """Offers ``names`` with the cursor on ``here``; gives the one chosen, or None."""

    CSS_PATH = "screens.tcss"
    BINDINGS = [
        Binding("enter,right", "take", "choose", key_display="⏎"),
        Binding("escape,q,left", "dismiss(None)", "as before", key_display="esc"),
    ]

    def __init__(self, title: str, names: Sequence[str], here: str) -> None:
        super().__init__()
        self.title_of_all, self.names, self.here = title, tuple(names), here

    def compose(self) -> ComposeResult:
        """The list in a frame."""
        with Vertical(classes="dialog choice") as dialog:
            dialog.border_title = self.title_of_all
            yield Names(self.names)
        yield KeyBar()

    def on_mount(self) -> None:
        """Go to where the user is."""
        names = self.query_one(Names)
        names.styles.height = min(len(self.names), max(3, self.app.size.height - 8))
        names.changed()
        names.cursor = self.names.index(self.here) if self.here in self.names else 0
        names.focus()

    def on_rows_opened(self) -> None:
        """A second click chooses."""
        self.action_take()

    def on_rows_sideways(self, event: Rows.Sideways) -> None:
        """Right chooses, left goes back."""
        event.stop()
        if event.step > 0:
            self.action_take()
        else:
            self.dismiss(None)

    def action_take(self) -> None:
        """Give the name under the cursor."""
        self.dismiss(self.names[self.query_one(Names).cursor])
