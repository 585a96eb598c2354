"""Safe writing, by everything that writes: afterwards there is either the old file or the whole new one.

A file is written in a temporary folder beside its place, flushed to the disk, and put in place with
``os.replace``. The temporary folder is removed on failure, and locked meanwhile: one that a killed process
left is removed by the next that writes there. What stands in the way is told in one line.

A new file gets the ordinary permissions of the process, and one that is replaced keeps its own. A link stays
a link: the file that it leads to is replaced.
"""

from __future__ import annotations

import atexit
import errno
import os
import re
import shutil
import stat
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from zfexplore import locks
from zfexplore.errors import ExploreError

_TEMPORARY = re.compile(r"\.zfexplore-[0-9a-f]{8}")
OLD = 3600.0  # seconds after which a temporary folder that nobody holds was left by a killed process
OLD_WITHOUT_LOCKS = 24 * 3600.0  # the same, where nobody can tell whether it is held
_REMEDIES = {
    errno.ENOSPC: "make room there, or choose another place",
    errno.EDQUOT: "make room within your quota, or choose another place",
    errno.EFBIG: "the limit on the size of a file is too low (`ulimit -f` shows it)",
    errno.ENAMETOOLONG: "choose a shorter name",
}
_IN_RUST = re.compile(r"\(os error (\d+)\)")  # how safetensors passes on what the system says

_swept: set[str] = set()  # the folders that this process has looked through


class NotWritten(ExploreError):
    """The error of all that writes: a file, what stands in its way, and the remedy."""


@contextmanager
def atomic_path(path: str | os.PathLike[str], *, lasting: bool = True) -> Iterator[Path]:
    """Give a temporary path; its file becomes ``path`` if the block ends without an error.

    Missing parent folders are made. ``lasting`` waits until the disk has it. Raises NotWritten, which names
    ``path`` and the remedy, if the file cannot be written.
    """
    temporary: Path | None = None
    try:
        target = _place_of(Path(path))
        make_folder(target.parent)
        if (folder := os.path.abspath(target.parent)) not in _swept:
            _swept.add(folder)
            sweep(target.parent)
        with _temporary_folder(target.parent) as place:
            temporary = place / target.name
            temporary.touch()
            ordinary = temporary.stat()
            yield temporary
            _give_permissions(temporary, target, ordinary)
            if lasting:
                _flush_to_disk(temporary)
            os.replace(temporary, target)
    except ExploreError:
        raise
    except OSError as error:
        if temporary is not None and not _concerns(error, temporary):
            raise
        raise cannot_write(path, error) from error
    except Exception as error:
        if (said := _IN_RUST.search(str(error))) is None:
            raise
        raise cannot_write(path, OSError(int(said[1]), os.strerror(int(said[1])))) from error


@contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a new folder, which becomes ``path`` if the block ends without an error.

    A folder that was there goes then. It comes back if the new one cannot take its place. Raises NotWritten.
    """
    target = Path(os.path.realpath(path))  # a link stays a link
    given = False  # what the block raises is its own matter
    try:
        make_folder(target.parent)
        sweep(target.parent)
        with _temporary_folder(target.parent) as place:
            new, old = place / "new" / target.name, place / "old"
            make_folder(new)
            given = True
            yield new
            given = False
            there = target.exists()
            if there:
                os.rename(target, old)
            try:
                os.rename(new, target)
            except OSError:
                if there:
                    os.rename(old, target)
                raise
    except OSError as error:
        if given:
            raise
        raise cannot_write(path, error) from error


def cannot_write(path: str | os.PathLike[str], error: OSError) -> NotWritten:
    """Give the line for a file or a folder that cannot be written, and what to do."""
    why = error.strerror or str(error) or type(error).__name__
    if error.errno is not None and why == os.strerror(error.errno):
        why = why[:1].lower() + why[1:]
    remedy = _REMEDIES.get(error.errno or 0, "choose another place")
    return NotWritten(f"{os.fspath(path)} cannot be written: {why}; {remedy}")


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it; raises OSError, which tells of a file in the place of one."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise NotADirectoryError(errno.ENOTDIR, _no_folder(_nearest(folder))) from error


def sweep(folder: Path, *, older: float = OLD) -> None:
    """Remove the temporary folders in ``folder`` that killed processes left, if nobody has written for long.

    With ``older`` 0 all that are not locked go: for a folder where nobody else may write now.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        left = [
            Path(entry.path)
            for entry in entries
            if _TEMPORARY.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
        ]
        for place in left:
            with suppress(OSError):
                _remove_if_left(place, older)


def scratch_folder() -> Path:
    """Make a private folder that lasts as long as this process, where the system keeps such things.

    Raises NotWritten.
    """
    until_the_end = ExitStack()
    try:
        parent = _systems_temporary()
        sweep(parent)
        place = until_the_end.enter_context(_temporary_folder(parent, private=True))
    except OSError as error:
        raise cannot_write("a temporary folder", error) from error
    atexit.register(until_the_end.close)
    return place


def write_bytes(path: str | os.PathLike[str], data: bytes, *, lasting: bool = True) -> None:
    """Write all of ``data`` to ``path``, or nothing; as ``atomic_path``."""
    with atomic_path(path, lasting=lasting) as temporary:
        temporary.write_bytes(data)


def write_text(path: str | os.PathLike[str], text: str, *, lasting: bool = True) -> None:
    """Write all of ``text`` to ``path`` in UTF-8, or nothing; as ``atomic_path``."""
    # Bytes of a path that are no letters are written as escapes, which JSON reads back.
    write_bytes(path, text.encode("utf-8", "backslashreplace"), lasting=lasting)


@contextmanager
def in_letters(path: str | os.PathLike[str]) -> Iterator[str]:
    """Give a path for libraries that take no bytes which are no letters: itself, or else a link to it.

    Raises OSError where no link can be made.
    """
    text = os.fspath(path)
    try:
        text.encode()
    except UnicodeEncodeError:
        with _temporary_folder(_systems_temporary(), private=True) as folder:
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
    if _is(Path.exists, target) and not os.access(target, os.W_OK):
        raise ExploreError(f"{target} is protected from writing: give another --out", usage=True)
    try:
        place = _place_of(target)
    except OSError as error:
        raise ExploreError(f"{target} cannot be written: {error.strerror}", usage=True) from error
    _check_room(target, place.parent)
    return target


def check_folder(path: str | os.PathLike[str]) -> Path:
    """Give ``path`` if files can be written into such a folder, there or not; else raise ExploreError."""
    folder = Path(path)
    _check_room(folder, folder)
    return folder


def _check_room(target: Path, folder: Path) -> None:
    """Make a file in the nearest folder that is there, and remove it."""
    folder = _nearest(folder)
    if not _is(Path.is_dir, folder):
        raise ExploreError(f"{target} cannot be written: {_no_folder(folder)}", usage=True)
    try:
        with _temporary_folder(folder) as place:
            (place / (target.name or "zfexplore")).touch()
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise ExploreError(
            f"{target} cannot be written: no file can be made in {folder} ({why})", usage=True
        ) from error


def _nearest(folder: Path) -> Path:
    """Give a folder, or the nearest above it of which there is anything: a folder, a file, a link."""
    while not _is(os.path.lexists, folder) and folder != folder.parent:
        folder = folder.parent
    return folder


def _no_folder(path: Path) -> str:
    if _is(Path.is_symlink, path) and not _is(Path.exists, path):
        return f"{path} is a link that leads to nothing"
    return f"{path} is a file, not a folder"


def _is(what: Callable[[Path], bool], path: Path) -> bool:
    """Ask a path; one that cannot be looked at, or whose name is too long, is nothing."""
    try:
        return what(path)
    except OSError:
        return False


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


def _place_of(path: Path) -> Path:
    """Follow links to the place to write to; raises OSError where there is something else than a file."""
    place = Path(os.path.realpath(path)) if _is(Path.is_symlink, path) else path
    if _is(Path.is_symlink, place):
        raise OSError(errno.ELOOP, "it is a link that leads back to itself")
    if _is(Path.is_dir, place):
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    if _is(Path.exists, place) and not _is(Path.is_file, place):
        raise OSError(errno.EINVAL, "it is no plain file")
    return place


@contextmanager
def _temporary_folder(parent: Path, *, private: bool = False) -> Iterator[Path]:
    """Make a hidden folder in ``parent`` and hold its lock; what a library leaves beside a file goes too."""
    place, lock = _new_folder(parent, private)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        if lock is not None:
            lock.release()


def _new_folder(parent: Path, private: bool) -> tuple[Path, locks.Lock | None]:
    """Make a hidden folder and lock it; another one, where a sweep took it for a leftover before."""
    while True:
        place = parent / f".zfexplore-{uuid.uuid4().hex[:8]}"
        place.mkdir(0o700 if private else 0o777)
        try:
            if (lock := locks.take_folder(place)) is not None:
                return place, lock
        except FileNotFoundError:
            continue
        except OSError:  # folders cannot be opened here
            return place, None


def _systems_temporary() -> Path:
    """Give the folder for temporary files; raises OSError where there is none."""
    import tempfile  # seldom needed, and slow to import

    return Path(tempfile.gettempdir())


def _remove_if_left(place: Path, older: float) -> None:
    lock = locks.take_folder(place)
    if lock is None:
        return
    with lock:
        newest = max(path.lstat().st_mtime for path in (place, *place.iterdir()))
        if time.time() - newest >= (older if lock.sure else OLD_WITHOUT_LOCKS):
            shutil.rmtree(place, ignore_errors=True)


def _give_permissions(temporary: Path, target: Path, ordinary: os.stat_result) -> None:
    """Give a file those of the one that it replaces, or ordinary ones: some libraries write private files."""
    try:
        wanted = target.stat()
    except FileNotFoundError:
        wanted = ordinary
    if hasattr(os, "chown"):
        with suppress(OSError):  # as far as this user may
            os.chown(temporary, wanted.st_uid, wanted.st_gid)
    os.chmod(temporary, stat.S_IMODE(wanted.st_mode) & 0o777)


def _concerns(error: OSError, temporary: Path) -> bool:
    """Whether an error in the middle of writing is about the file: not one that names another, or none."""
    if error.errno is None:
        return False
    named = error.filename
    return not isinstance(named, str | os.PathLike) or Path(named).parent == temporary.parent


def _flush_to_disk(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
