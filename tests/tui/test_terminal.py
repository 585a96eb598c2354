"""The terminal while the explorer draws on it, and the log that takes what others write."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len
from textual.scrollbar import ScrollBarRender

from benchmarks.response import home_of_its_own
from benchmarks.terminal import Terminal
from tests.faults.explorer import ends
from zfexplore.tui import client, terminal
from zfexplore.tui.log import log_path
from zfexplore.tui.terminal import own_terminal, speaks_utf8, suit_colours


@pytest.mark.parametrize(
    ("environment", "utf8"),
    [
        ({}, True),  # a container: no locale, but a terminal of today
        ({"LANG": "de_DE.UTF-8"}, True),
        ({"LANG": "C.utf8"}, True),
        ({"LANG": "en_US.ISO-8859-1"}, False),
        ({"LANG": "C"}, False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, False),  # as Python leaves LANG=C
        ({"LANG": "", "LC_CTYPE": "C.UTF-8"}, True),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "POSIX"}, False),
        ({"LANG": "C", "LC_ALL": "C.UTF-8"}, True),
    ],
)
def test_the_locale_says_whether_there_is_utf8(environment, utf8):
    assert speaks_utf8(environment) is utf8


@pytest.mark.parametrize(
    ("environment", "colours"),
    [
        ({"TERM": "screen"}, "256"),
        ({"TERM": "tmux"}, "256"),
        ({"TERM": "screen-256color"}, None),
        ({"TERM": "screen", "COLORTERM": "truecolor"}, None),
        ({"TERM": "screen", "NO_COLOR": "1"}, None),
        ({"TERM": "linux"}, None),
        ({}, None),
    ],
)
def test_a_terminal_that_does_not_say_its_colours_gets_256(environment, colours):
    assert suit_colours(environment) == colours


def test_without_utf8_every_cell_becomes_one_ascii_character():
    glyphs = "▸conv5:0 ▾ ┌─┐ ▀▘ ± é 花 e\u0301"

    with own_terminal(utf8=False):
        drawn = glyphs.encode(sys.__stderr__.encoding, sys.__stderr__.errors)

    assert drawn == b">conv5:0 v +-+ =' ~ ? ?? e"


def test_what_the_explorer_and_textual_draw_is_known_in_ascii():
    sources = "".join(path.read_text("utf-8") for path in Path(terminal.__file__).parent.rglob("*.py"))
    bars = "".join(ScrollBarRender.VERTICAL_BARS + ScrollBarRender.HORIZONTAL_BARS)
    glyphs = "".join(sorted({glyph for glyph in sources + bars if not glyph.isascii()}))

    drawn = glyphs.encode("ascii", "look-alike").decode()

    assert "?" not in drawn, glyphs[drawn.index("?")]
    assert len(drawn) == cell_len(glyphs)


def test_what_native_code_writes_goes_to_the_log_and_the_terminal_comes_back(capfd):
    with own_terminal():
        os.write(2, b"a decoder's warning\n")
        sys.__stderr__.write("drawn")
        sys.__stderr__.flush()
    os.write(2, b", back")

    assert "a decoder's warning" in log_path().read_text()
    assert capfd.readouterr().err == "drawn, back"


def test_without_a_place_for_a_log_it_draws_all_the_same(tmp_path, monkeypatch, capfd):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path / "file"))

    with own_terminal(utf8=False):
        sys.__stderr__.write("▸")
        sys.__stderr__.flush()

    assert capfd.readouterr().err == ">"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize(
    ("name", "said"),
    [("SIGTERM", {b"told"}), ("SIGHUP", {b"told", b"gone"}), ("", {b"told", b"gone"})],
    ids=["SIGTERM", "SIGHUP", "terminal of another program"],
)
def test_a_process_that_is_told_to_leave_and_cannot_is_ended(name, said):
    stuck = """
import asyncio, os, signal, time
from zfexplore.tui import terminal
terminal.SECONDS_TO_LEAVE = terminal.SECONDS_WITHOUT_TERMINAL = 1.0

async def main():
    terminal.leave_when_told(lambda: os.write(1, b"told\\n"), lambda: os.write(1, b"gone\\n"))
    terminal.tell_when_gone(0)
    os.write(1, b"up\\n")
    if "{name}":
        os.kill(os.getpid(), getattr(signal, "{name}"))
    await asyncio.sleep(0.3)
    while True:  # as Textual does where the terminal is gone
        time.sleep(0.01)

asyncio.run(main())
"""
    stuck = stuck.replace("{name}", name)
    ours, theirs = os.openpty()
    # Without a buffer, in which ``communicate`` does not see what came with the first line.
    command = [sys.executable, "-c", stuck]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdout.readline() == b"up\n"
        if not name:
            os.close(ours)  # it is not the process's own: the system tells it nothing
        heard = process.communicate(timeout=60)[0]
    for end in (theirs, *([ours] if name else [])):
        os.close(end)
    assert (process.returncode, set(heard.split())) == (1, said)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_kill_at_the_moment_at_which_the_screen_is_taken_gives_it_back(tmp_path, name):
    at_once = """
import os, signal, sys
from textual.drivers.linux_driver import LinuxDriver
take = LinuxDriver.start_application_mode

def killed(self):
    take(self)
    os.kill(os.getpid(), signal.{name})

LinuxDriver.start_application_mode = killed
sys.argv[1:] = ["tui"]
from zfexplore.__main__ import main
main()
"""
    with Terminal(
        [sys.executable, "-c", at_once.replace("{name}", name)], home_of_its_own(tmp_path)
    ) as shown:
        shown.until(r"\x1b\[\?1049h", r"\x1b\[\?1049l")
        ends(shown)
        assert shown.code == 0


def test_without_a_terminal_all_ends_within_two_seconds():
    engine = client.HURRIED_TO_SAVE + client.HURRIED_TO_END
    assert engine < terminal.SECONDS_WITHOUT_TERMINAL < 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_the_driver_resumes_only_what_it_suspended_and_the_engine_rests_meanwhile(monkeypatch):
    happened = []
    handlers = {}
    monkeypatch.setattr(
        signal, "getsignal", lambda number: lambda *_: happened.append(signal.Signals(number).name)
    )
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    back = terminal.share_suspension(lambda: happened.append("pause"), lambda: happened.append("go on"))

    handlers[signal.SIGCONT](signal.SIGCONT, None)  # after kill -STOP
    assert happened == ["go on"]
    happened.clear()
    handlers[signal.SIGTSTP](signal.SIGTSTP, None)
    handlers[signal.SIGTSTP](signal.SIGTSTP, None)
    handlers[signal.SIGCONT](signal.SIGCONT, None)  # bg: the driver goes to sleep again
    handlers[signal.SIGCONT](signal.SIGCONT, None)  # fg
    back()
    handlers[signal.SIGCONT](signal.SIGCONT, None)
    assert happened == ["pause", "SIGTSTP", "go on", "SIGCONT", "go on", "SIGCONT", "go on"]
