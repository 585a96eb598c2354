"""Safe writing: after an interrupt at any moment either the old file is there or the new one.

A file is written under a temporary name in the same folder, flushed to the disk, and put in place
with ``os.replace``. The temporary file is removed on failure. The file gets the ordinary permissions
of the process, not the private ones that ``tempfile`` gives.
"""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from zfexplore.errors import ExploreError

_CONTROL = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], "\N{REPLACEMENT CHARACTER}")


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside ``path``; it becomes ``path`` if the block ends without an error.

    Missing parent folders are made. Raises OSError if writing fails.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(target)
    try:
        temporary.touch()
        ordinary = temporary.stat().st_mode & 0o777
        yield temporary
        os.chmod(temporary, ordinary)  # some libraries write through their own private file
        _flush_to_disk(temporary)
        os.replace(temporary, target)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write all of ``data`` to ``path``, or nothing."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write all of ``text`` to ``path`` in UTF-8, or nothing."""
    # Bytes of a path that are no letters are written as escapes, which JSON reads back.
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


@contextmanager
def in_letters(path: str | os.PathLike[str]) -> Iterator[str]:
    """Give a path for libraries that take no bytes which are no letters: itself, or else a link to it.

    Raises OSError where no link can be made.
    """
    text = os.fspath(path)
    try:
        text.encode()
    except UnicodeEncodeError:
        import tempfile  # seldom needed, and slow to import

        with tempfile.TemporaryDirectory(prefix="zfexplore-") as folder:
            link = os.path.join(folder, "file")
            os.symlink(os.path.abspath(text), link)
            yield link
    else:
        yield text


def check_file(path: str | os.PathLike[str], *, example: str = "") -> Path:
    """Give ``path`` if a file can be written there; else raise ExploreError, before the work and in one line.

    The line ends in ``example``, a file's name, where ``path`` is a folder. Nothing that was made to find out
    stays.
    """
    target = Path(path)
    if _is(Path.is_dir, target):
        remedy = f", as in --out {target / example}" if example else ""
        raise ExploreError(f"{target} is a folder: give a file{remedy}", usage=True)
    if _is(Path.exists, target) and not _is(Path.is_file, target):
        raise ExploreError(f"{target} is no plain file: give another --out", usage=True)
    _check_room(target, target.parent)
    return target


def check_folder(path: str | os.PathLike[str]) -> Path:
    """Give ``path`` if files can be written into such a folder, there or not; else raise ExploreError."""
    folder = Path(path)
    _check_room(folder, folder)
    return folder


def _check_room(target: Path, folder: Path) -> None:
    """Make a file in the nearest folder that is there, and remove it."""
    while not _is(Path.exists, folder) and folder != folder.parent:
        folder = folder.parent
    if not _is(Path.is_dir, folder):
        raise ExploreError(f"{target} cannot be written: {folder} is a file, not a folder", usage=True)
    probe = _beside(folder / (target.name or "zfexplore"))
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise ExploreError(
            f"{target} cannot be written: no file can be made in {folder} ({why})", usage=True
        ) from error


def _is(what: Callable[[Path], bool], path: Path) -> bool:
    """Ask a path; one that cannot be looked at, or whose name is too long, is nothing."""
    try:
        return what(path)
    except OSError:
        return False


def _beside(target: Path) -> Path:
    """Give a new name in the same folder, hidden, with the same ending."""
    return target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}{target.suffix}")


def printable(text: str) -> str:
    """Replace the control characters in a name that comes from a file or a folder, to show it safely.

    In a terminal they could move the cursor, or change the colours or the title.
    """
    return text.translate(_CONTROL)


def cache_dir() -> Path:
    """Give the folder for data that can be rebuilt: ``$ZFEXPLORE_CACHE``, or the user's cache folder."""
    if chosen := os.environ.get("ZFEXPLORE_CACHE"):
        return Path(chosen)
    if sys.platform == "darwin":
        return home_folder() / "Library" / "Caches" / "zfexplore"
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA") or home_folder() / "AppData" / "Local"
        return Path(local) / "zfexplore" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or home_folder() / ".cache") / "zfexplore"


def home_folder() -> Path:
    """Give the user's home; raises ExploreError where the system knows of none."""
    try:
        return Path.home()
    except RuntimeError:
        raise ExploreError(
            "there is no home folder to keep indexes in: set HOME, or ZFEXPLORE_CACHE to a folder"
        ) from None


def expanded(path: str | os.PathLike[str]) -> Path:
    """Give a path with ``~`` replaced by the home; ``~name`` of a user that is not there stays as it is."""
    return Path(os.path.expanduser(path))


def _flush_to_disk(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
