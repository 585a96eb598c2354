"""Writing files so that an interrupt at any moment leaves the old file or the new one.

A file is written under a temporary name in the same folder, flushed to the disk, and put in place
with ``os.replace``; the temporary file is removed on failure. Permissions are the ordinary ones of
the process, not the private ones that ``tempfile`` gives.
"""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_CONTROL = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], "\N{REPLACEMENT CHARACTER}")


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside ``path``; on leaving without an error it becomes ``path``.

    Missing parent folders are made. Raises OSError as writing does.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}{target.suffix}")
    try:
        temporary.touch()
        ordinary = temporary.stat().st_mode & 0o777
        yield temporary
        os.chmod(temporary, ordinary)  # some libraries write through a private file of their own
        _flush_to_disk(temporary)
        os.replace(temporary, target)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write ``data`` to ``path``, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write ``text`` to ``path`` in UTF-8, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def printable(text: str) -> str:
    """Give a name out of a file or folder as text that can be shown: control characters replaced.

    Written to a terminal they could move its cursor, change its colours or its title.
    """
    return text.translate(_CONTROL)


def cache_dir() -> Path:
    """Give the folder for what can be computed again: ``$ZFEXPLORE_CACHE``, or the user's cache folder."""
    if chosen := os.environ.get("ZFEXPLORE_CACHE"):
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "zfexplore"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "zfexplore" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zfexplore"


def _flush_to_disk(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
