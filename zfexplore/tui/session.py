"""What the explorer remembers from one run to the next, and the keys a user has changed.

Both files are small JSON objects. What cannot be read is treated as missing: a broken file must never
keep the explorer from starting.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zfexplore.errors import ExploreError
from zfexplore.files import cache_dir, home_folder, write_text
from zfexplore.opening import read_text
from zfexplore.plain import is_whole, parse

MOST_CHANNELS = 2**24


@dataclass(frozen=True)
class Session:
    """Where the user was, and how pictures were drawn (``mode`` empty: as suits the terminal)."""

    stage: str = ""
    channel: int = 0
    mode: str = ""


def load_session(path: Path | None = None) -> Session:
    """Give the last run's session, or a new one."""
    values = _read_object(lambda: path or session_path())
    stage, channel, mode = values.get("stage"), values.get("channel"), values.get("mode")
    return Session(
        stage if isinstance(stage, str) else "",
        channel if is_whole(channel) and 0 <= channel <= MOST_CHANNELS else 0,
        mode if isinstance(mode, str) else "",
    )


def save_session(session: Session, path: Path | None = None) -> None:
    """Save the session; if that is impossible, it is lost."""
    with suppress(OSError, ExploreError):
        write_text(path or session_path(), json.dumps(asdict(session)) + "\n")


def session_path() -> Path:
    """Give the session's file. It is in the cache, because losing it does no harm."""
    return cache_dir() / "explorer.json"


def load_keymap(path: Path | None = None) -> dict[str, str]:
    """Give the keys the user has changed: ``{"save": "x"}``, by the ids of ``keys.py``."""
    return {id: keys for id, keys in _read_object(lambda: path or keymap_path()).items() if are_keys(keys)}


def keymap_path() -> Path:
    """Give the file of changed keys: ``keys.json`` in the user's configuration folder."""
    if sys.platform == "win32":
        home = Path(os.environ.get("APPDATA") or home_folder())
    else:
        home = Path(os.environ.get("XDG_CONFIG_HOME") or home_folder() / ".config")
    return home / "zfexplore" / "keys.json"


def are_keys(keys: object) -> bool:
    """Whether a value names keys, as in ``x`` or ``ctrl+s,f2``."""
    return isinstance(keys, str) and all(
        name.strip().isprintable() and name.strip() for name in keys.split(",")
    )


def _read_object(where: Callable[[], Path]) -> dict[str, Any]:
    try:
        values = parse(read_text(where()))
    except (OSError, ExploreError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}
