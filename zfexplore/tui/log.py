"""The explorer's log file, to which both of its processes write."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from zfexplore.files import cache_dir
from zfexplore.opening import strange

FORMAT = "%(asctime)s %(levelname)s %(message)s"
LARGEST = 1_000_000  # bytes; a longer one is begun anew


def log_path() -> Path:
    """Give the log file, in the cache."""
    return cache_dir() / "explorer.log"


def open_log() -> int | None:
    """Open the log for appending and give its descriptor; None where nothing can be written."""
    path = log_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if strange(path) is not None:  # a pipe would wait for a reader
            return None
        if path.exists() and path.stat().st_size > LARGEST:
            path.unlink()
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError:
        return None


def log_to_file() -> None:
    """Send what is logged to the log file."""
    logging.basicConfig(filename=log_path(), level=logging.INFO, format=FORMAT, force=True)
