"""The help: what the columns of a list say, and the keys that act where it was called for, from one table."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.dom import DOMNode
from textual.screen import ModalScreen
from textual.widgets import Static

from zfexplore.tui.keys import PANES, TABLES, bindings, tables_from, written
from zfexplore.tui.widgets.keybar import KeyBar


class HelpScreen(ModalScreen[None]):
    """A dialog that any of its keys closes."""

    CSS_PATH = "screens.tcss"
    BINDINGS = [
        Binding("escape,q,question_mark,enter", "dismiss", "close", key_display="esc"),
        *bindings(PANES),
    ]

    def on_click(self, event: events.Click) -> None:
        """Close when clicked beside the dialog."""
        if event.widget is self:
            self.dismiss()

    def __init__(
        self,
        place: str,
        keymap: Mapping[str, str],
        columns: Sequence[tuple[str, str]] = (),
        idle: Collection[str] = (),
    ) -> None:
        super().__init__()
        self.columns = columns  # of the list that has the focus, each with what it says
        self.idle = idle  # the keys, by id, that do nothing now
        self.place = place  # a pane's id, or the title of a table of keys
        self.keymap = keymap  # the keys that the user has changed, by id

    def compose(self) -> ComposeResult:
        """One table, scrolled where it is higher than the screen."""
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title, dialog.border_subtitle = "keys", "esc closes"
            accent = self.app.current_theme.accent or ""
            yield Static(key_tables(self.place, self.keymap, accent, self.columns, self.idle))
        yield KeyBar()  # over that of the screen below, whose keys rest

    def action_step(self, down: int, across: int) -> None:
        """Scroll a line."""
        self.query_one(VerticalScroll).scroll_relative(y=down, animate=False)

    def action_page(self, direction: int) -> None:
        """Scroll half a page."""
        dialog = self.query_one(VerticalScroll)
        dialog.scroll_relative(y=direction * max(1, dialog.size.height // 2), animate=False)

    def action_edge(self, direction: int) -> None:
        """Scroll to the beginning or the end."""
        dialog = self.query_one(VerticalScroll)
        dialog.scroll_to(y=0 if direction < 0 else dialog.max_scroll_y, animate=False)


def idle_keys(place: str, screen: DOMNode) -> list[str]:
    """Give the keys of a screen's table that do nothing on it now, by id."""
    idle = []
    for key in TABLES.get(place, ()):
        name = key.action.partition("(")[0]
        owner = screen.app if name.startswith("app.") else screen
        if owner.check_action(name.removeprefix("app."), ()) is False:
            idle.append(key.id)
    return idle


def key_tables(
    place: str,
    keymap: Mapping[str, str],
    accent: str,
    columns: Sequence[tuple[str, str]] = (),
    idle: Collection[str] = (),
) -> Group:
    """Give the tables of keys as ``keymap`` changes them, without the ``idle`` ones; titles in ``accent``.

    First comes what the ``columns`` of the list at ``place`` say.
    """
    tables = {"columns": list(columns)} if columns else {}
    for title, keys in tables_from(place).items():
        rows = [(written(keymap.get(key.id, key.keys)), key.help) for key in keys if key.id not in idle]
        if rows:
            tables[title] = rows
    widest = max(len(names) for rows in tables.values() for names, _ in rows)
    parts: list[RenderableType] = []
    for title, rows in tables.items():
        table = Table.grid(padding=(0, 2))
        table.add_column(width=widest)
        table.add_column()
        for names, help in rows:
            table.add_row(Text(names, style="bold"), help)
        parts += [*([""] if parts else []), Text(title, style=f"bold {accent}".strip()), table]
    return Group(*parts)
