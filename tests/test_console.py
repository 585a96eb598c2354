"""Whatever is written through the console, only rich's own codes control the terminal."""

from __future__ import annotations

import io
import re

import pytest
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from zfexplore.console import PrintableConsole
from zfexplore.printable import UNSEEN

EVIL = "\x1b]0;owned\x07\x9b31m\u202e\u200b:bug:"
SHOWN = r"\x1b]0;owned\x07\x9b31m\u202e\u200b:bug:"


def written(*objects, **options) -> str:
    console = PrintableConsole(file=io.StringIO(), force_terminal=True, width=100)
    console.print(*objects, **options)
    return re.sub(r"\x1b\[[\d;]*m", "", console.file.getvalue())


def a_table() -> Table:
    table = Table(title=escape(EVIL))
    table.add_column(escape(EVIL))
    table.add_row(f"[bold]{escape(EVIL)}[/]\nbelow")
    return table


@pytest.mark.parametrize(
    "shown",
    [EVIL, a_table(), Text(f"{EVIL}\nbelow"), f"[red]{escape(EVIL)}[/]"],
    ids=["line", "table", "text", "markup"],
)
def test_no_text_of_another_controls_the_terminal(shown):
    text = written(shown, markup=shown is not EVIL)

    assert not UNSEEN.search(text.replace("\n", ""))
    assert "\\x9b31m\\u202e\\u200b:bug:" in text


def test_a_line_break_in_a_line_comes_from_a_name():
    assert written("wrote a\nerror: b", markup=False) == "wrote a\\nerror: b\n"


def test_cells_are_as_wide_as_what_they_show():
    lines = [line for line in written(a_table()).splitlines() if line.startswith(("┃", "│"))]

    assert len({len(line) for line in lines}) == 1
    assert SHOWN in lines[0]


def test_the_console_still_controls_the_terminal():
    console = PrintableConsole(file=io.StringIO(), force_terminal=True, legacy_windows=False)
    with console.status("waiting"):
        pass

    assert "\x1b[?25l" in console.file.getvalue()
