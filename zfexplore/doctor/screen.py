"""What the terminal can do: its size, colours and letters, and the pictures that it is known to draw."""

from __future__ import annotations

import os
import shutil
import sys
import time
from contextlib import suppress

from zfexplore.doctor.records import Screen
from zfexplore.tui.identity import ATTRIBUTES, QUESTION, Terminal, asked, asked_of_tmux, may_be_asked
from zfexplore.tui.terminal import speaks_utf8, suit_colours

SECONDS = 0.6  # a terminal far away answers within this
ERASED = "\r\x1b[K"  # what a terminal that does not understand the question has printed of it
COLOURS = {"truecolor": 2**24, "256": 256, "standard": 16, "windows": 16}


def look() -> Screen:
    """Look at the terminal and, where there is one, ask it who it is; it is left as it was."""
    there = sys.stdin.isatty() and sys.stdout.isatty()
    known = _ask() if there else Terminal()
    size = shutil.get_terminal_size() if there else (0, 0)
    return Screen(
        there=there,
        size=(size[0], size[1]),
        colours=_colours() if there else 0,
        utf8=speaks_utf8(),
        tmux=bool(os.environ.get("TMUX")),
        term=os.environ.get("TERM", ""),
        name=known.name,
        version=".".join(map(str, known.version)),
        glyphs=known.finest if speaks_utf8() else "ascii",
        graphics=known.graphics,
        pixels_in_panes=known.tiles,
    )


def _colours() -> int:
    from rich.console import Console

    if suit_colours() == "256":
        return 256
    return COLOURS.get(Console().color_system or "", 0)


def _ask() -> Terminal:
    """Ask the terminal, or tmux, who it is; an unknown one if nothing comes."""
    if os.environ.get("TMUX"):
        return asked_of_tmux()
    if not may_be_asked() or not speaks_utf8():
        return Terminal()
    with suppress(ImportError, OSError):  # no termios on Windows
        return asked(_answer())
    return Terminal()


def _answer() -> str:
    """Write the question to the terminal and read until its attributes, its last answer, or for a while."""
    import select
    import termios
    import tty

    terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    try:
        before = termios.tcgetattr(terminal)
        try:
            tty.setcbreak(terminal)
            os.write(terminal, QUESTION.encode())
            text, until = "", time.monotonic() + SECONDS
            while not ATTRIBUTES.search(text) and (left := until - time.monotonic()) > 0:
                if select.select([terminal], [], [], left)[0]:
                    text += os.read(terminal, 4096).decode("ascii", "replace")
            os.write(terminal, ERASED.encode())
        finally:
            termios.tcsetattr(terminal, termios.TCSAFLUSH, before)  # what comes late is nobody's input
    except termios.error as error:
        raise OSError(*error.args) from error
    finally:
        os.close(terminal)
    return text
