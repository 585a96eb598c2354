"""What the explorer needs of the terminal: nobody else may write on it while it draws.

Native code (a decoder's warning, an assertion of a maths library) writes to file descriptor 2, where
Textual draws. While the explorer runs, descriptor 2 is a log file, and Textual draws on a duplicate
of what it was.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zfexplore.files import cache_dir

LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"
LARGEST_LOG = 1_000_000  # bytes; a longer one is begun anew


def log_path() -> Path:
    """Give the explorer's log file, in the cache."""
    return cache_dir() / "explorer.log"


@contextmanager
def own_terminal() -> Iterator[None]:
    """Send what is written to descriptor 2 to the log; Textual gets the terminal. Undone on leaving."""
    log = _open_log()
    if log is None:
        yield
        return
    sys.stderr.flush()
    terminal = os.dup(2)
    before = sys.__stderr__
    try:
        os.dup2(log, 2)
        # Textual's driver draws on sys.__stderr__ and takes its descriptor from there.
        sys.__stderr__ = os.fdopen(terminal, "w", encoding="utf-8", errors="replace", closefd=False)  # type: ignore[misc]
        logging.basicConfig(filename=log_path(), level=logging.INFO, format=LOG_FORMAT, force=True)
        yield
    finally:
        logging.basicConfig(force=True)
        sys.__stderr__.close()  # type: ignore[union-attr]
        sys.__stderr__ = before  # type: ignore[misc]
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(log)


def _open_log() -> int | None:
    """Open the log for appending; None where nothing can be written."""
    path = log_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > LARGEST_LOG:
            path.unlink()
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError:
        return None
