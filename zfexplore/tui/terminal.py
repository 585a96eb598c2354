"""What the explorer needs from the terminal: nobody else may write to it while the explorer draws.

Native code (a decoder's warning, a maths library's assertion) writes to file descriptor 2, where Textual
draws. While the explorer runs, descriptor 2 is therefore a log file, and Textual draws on a duplicate of
the old one. If the terminal's locale has no UTF-8, everything is drawn with ASCII look-alikes.
"""

from __future__ import annotations

import asyncio
import codecs
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Thread
from types import FrameType
from typing import TextIO

from rich.cells import cell_len

from zfexplore.tui.log import log_to_file, open_log

SECONDS_TO_LEAVE = 8.0  # the engine may take five of them to save
SECONDS_WITHOUT_TERMINAL = 1.8  # likewise, 1.5 of them

# What replaces the glyphs of the explorer and of Textual where there is only ASCII, cell for cell.
LOOK_ALIKES = {
    glyph: ascii
    for glyphs, ascii in (
        ("─═▔", "-"), ("━▀", "="), ("│┃║▌▐▉▊▋▍▎▏▕", "|"), ("┌┐└┘╭╮╰╯┏┓┗┛├┤┬┴┼", "+"), ("▁▂▃▄␣", "_"),
        ("█▅▆▇▛▜▙▟▞▚", "#"), ("▸→›", ">"), ("◂←⏎⌫", "<"), ("▾↓▼", "v"), ("▴↑▲", "^"), ("…·•╌▖▗", "."),
        ("▘▝’‘", "'"), ("“”", '"'), ("×✗", "x"), ("◆", "*"), ("●", "o"), ("±", "~"), ("🔎", "> "),
    )
    for glyph in glyphs
}  # fmt: skip
C_LOCALES = ("C", "POSIX")
COERCED = ("C.UTF-8", "C.utf8", "UTF-8")  # what Python itself puts into LC_CTYPE in a C locale


def speaks_utf8(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether the locale of the terminal has UTF-8, from LC_ALL, LC_CTYPE and LANG.

    If none is set, as in most containers, the answer is yes. With LANG=C, Python itself sets LC_CTYPE to
    UTF-8 at its start; that LC_CTYPE is ignored.
    """
    if sys.platform == "win32":
        return True
    everything, kind, language = (environment.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    coerced = kind in COERCED and language in C_LOCALES
    locale = everything or (language if coerced else kind or language)
    return not locale or "utf8" in locale.lower().replace("-", "")


def suit_colours(environment: Mapping[str, str] = os.environ) -> str | None:
    """Give the number of colours to tell Textual: ``256`` if TERM names a terminal but not its colours.

    screen and tmux have had 256 for many years, but by their name alone they would get 16, too few to read
    a picture. None if the environment or the user says enough already.
    """
    told = any(environment.get(name) for name in ("TEXTUAL_COLOR_SYSTEM", "COLORTERM", "NO_COLOR"))
    bare = environment.get("TERM", "") in ("screen", "tmux", "xterm", "rxvt")
    return "256" if bare and not told else None


def to_ascii(error: UnicodeError) -> tuple[str, int]:
    """Replace what cannot be encoded, for ``codecs``: one character a cell, so that columns stay aligned."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_look_alike, error.object[error.start : error.end])), error.end


def _look_alike(character: str) -> str:
    return LOOK_ALIKES.get(character) or "?" * cell_len(character)


codecs.register_error("look-alike", to_ascii)


def leave_when_told(leave: Callable[[], object], hang_up: Callable[[], object]) -> None:
    """Call ``leave`` when ``kill`` or a closed terminal would end the process and leave the screen as it is.

    The running event loop does so. If the process has not ended ``SECONDS_TO_LEAVE`` later, it is ended.
    Where the terminal is gone there are only ``SECONDS_WITHOUT_TERMINAL``, and a thread calls ``hang_up``:
    Textual waits for ever for a terminal that vanishes, and then the event loop does nothing more.
    On systems without these signals nothing happens.
    """
    loop = asyncio.get_running_loop()

    def told(number: int, frame: object) -> None:
        gone = number == getattr(signal, "SIGHUP", None)
        seconds = SECONDS_WITHOUT_TERMINAL if gone else SECONDS_TO_LEAVE
        Thread(target=_end, args=(seconds,), daemon=True).start()
        if gone:
            Thread(target=hang_up, daemon=True).start()
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(leave)

    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        with suppress(AttributeError, ValueError):
            signal.signal(getattr(signal, name), told)


def tell_when_gone(terminal: int) -> None:
    """Send the signal that the system sends when a process's own terminal goes, for any other one.

    Of a terminal that is not its own (``setsid``, a program that drives it) a process is told nothing: a
    thread waits for the end of the descriptor ``terminal``.
    """
    Thread(target=_tell_when_gone, args=(terminal,), daemon=True).start()


def _tell_when_gone(terminal: int) -> None:
    with suppress(AttributeError, OSError):  # Windows has no poll
        gone = select.poll()
        gone.register(terminal, 0)  # that it is gone is told without being asked for
        gone.poll()
        os.kill(os.getpid(), signal.SIGHUP)


def share_suspension(pause: Callable[[], object], go_on: Callable[[], object]) -> Callable[[], None]:
    """Call ``pause`` before Textual's driver suspends the process (ctrl+z, SIGTSTP), and ``go_on`` after it.

    Gives what is to be called once the screen is back: until then, a process that was stopped by other means
    is not taken for one that the driver suspended, which would read the keyboard twice. Where there is no
    such driver nothing happens.
    """
    suspended = False

    def back() -> None:
        nonlocal suspended
        suspended = False

    if not hasattr(signal, "SIGTSTP"):
        return back
    stop, continued = signal.getsignal(signal.SIGTSTP), signal.getsignal(signal.SIGCONT)
    if not (callable(stop) and callable(continued)):
        return back

    def on_stop(number: int, frame: FrameType | None) -> None:
        nonlocal suspended
        if not suspended:
            suspended = True
            pause()
            stop(number, frame)

    def on_continue(number: int, frame: FrameType | None) -> None:
        go_on()
        if suspended:
            continued(number, frame)

    signal.signal(signal.SIGTSTP, on_stop)
    signal.signal(signal.SIGCONT, on_continue)
    return back


def _end(seconds: float) -> None:
    time.sleep(seconds)
    os._exit(1)


@contextmanager
def own_terminal(*, utf8: bool = True) -> Iterator[None]:
    """Send what is written to descriptor 2 to the log, and give Textual the terminal; undo it at the end.

    Without ``utf8``, what Textual draws becomes ASCII on its way. If no log can be written, descriptor 2
    stays the terminal.
    """
    log = open_log()
    sys.stderr.flush()
    terminal = os.dup(2)
    before = sys.__stderr__
    try:
        if log is not None:
            os.dup2(log, 2)
            log_to_file()
        # Textual's driver draws on sys.__stderr__ and takes its descriptor from there.
        sys.__stderr__ = _writer(terminal, utf8)  # type: ignore[misc, assignment]
        yield
    finally:
        logging.basicConfig(force=True)
        sys.__stderr__.close()  # type: ignore[union-attr]
        sys.__stderr__ = before  # type: ignore[misc]
        os.dup2(terminal, 2)
        os.close(terminal)
        if log is not None:
            os.close(log)


def _writer(terminal: int, utf8: bool) -> TextIO:
    encoding, errors = ("utf-8", "replace") if utf8 else ("ascii", "look-alike")
    return os.fdopen(terminal, "w", encoding=encoding, errors=errors, closefd=False)
