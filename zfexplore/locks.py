"""Who works here now: a lock on a file or a folder, which ends with its process, however that ends.

The system takes such a lock back when a process is killed, so that no lock outlives its holder. A lock file
says which process holds it, and is removed with the lock. Where there are no such locks (some network file
systems, Windows) everybody gets one that is not ``sure``.

The standard library does it: packages for locks do not tell the holder, nor let go in a forked child.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]

# Whoever made the folder could have put a link or a pipe in the file's place.
_AS_IT_IS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_HOLDER = re.compile(rb"(\d{1,10}) ([\w.-]{0,255})\n")
# Who only looks whether a lock is free has it for a moment.
_LOOKS, _SECONDS_BETWEEN_LOOKS = 4, 0.005

_held: dict[tuple[int, int], Lock] = {}  # by device and number of the file


class Held(Exception):
    """Another process has the lock: ``holder`` names it. ``own`` if this very process has it already."""

    def __init__(self, holder: str, *, own: bool) -> None:
        super().__init__(holder)
        self.holder, self.own = holder, own


class Lock:
    """A lock that this process has, until ``release`` or its end. Not ``sure``: others may have it too."""

    def __init__(self, path: Path, descriptor: int, *, sure: bool, is_file: bool) -> None:
        self.path, self.sure = path, sure
        self._descriptor: int | None = descriptor
        self._is_file = is_file
        self._key = _identity(os.fstat(descriptor))
        _held[self._key] = self

    def release(self) -> None:
        """Give the lock up, and remove its file; the second time nothing happens."""
        if self._descriptor is None:
            return
        if self._is_file:
            with suppress(OSError):  # before another can have it, whose file it would then be
                self.path.unlink()
        self._let_go()

    def _let_go(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        _held.pop(self._key, None)
        if descriptor is not None:
            os.close(descriptor)

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def take(path: Path) -> Lock:
    """Take the lock on the file ``path``, which is made if need be.

    Raises ``Held`` if another has it, and OSError if the file cannot be made.
    """
    looks = 0
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _AS_IT_IS, 0o666)
        try:
            sure = _lock_file(descriptor, path)
            removed = sure and not _is_at(descriptor, path)  # by its holder, just now
        except BlockingIOError:
            own = _identity(os.fstat(descriptor)) in _held
            holder = "this process" if own else _holder(descriptor)
            os.close(descriptor)
            looks += 1
            if own or looks == _LOOKS:
                raise Held(holder, own=own) from None
            time.sleep(_SECONDS_BETWEEN_LOOKS)
            continue
        except OSError:
            os.close(descriptor)
            raise
        if removed:
            os.close(descriptor)
            continue
        with suppress(OSError):  # on a full disk it stays nameless
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()} {_machine()}\n".encode("ascii", "replace"))
        return Lock(path, descriptor, sure=sure, is_file=True)


def sweep(folder: Path, names: re.Pattern[str]) -> None:
    """Remove the lock files in ``folder`` that killed processes left: those of such names that nobody has."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if names.fullmatch(entry.name):
                with suppress(OSError):
                    remove_unheld(Path(entry.path))


def remove_unheld(path: Path) -> bool:
    """Remove a lock's file unless a living process has it, or nobody can tell; give whether it was removed.

    Raises OSError where it cannot be opened or removed.
    """
    descriptor = os.open(path, os.O_RDWR | _AS_IT_IS)
    try:
        if not (_lock_file(descriptor, path) and _is_at(descriptor, path)):
            return False
        path.unlink()
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)


def take_folder(path: Path) -> Lock | None:
    """Take the lock on a folder itself; None if another has it.

    Raises OSError where it cannot be opened, or was removed before it was locked.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        sure = _lock(descriptor)
        if sure and not _is_at(descriptor, path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(path))
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            return None
        raise
    return Lock(path, descriptor, sure=sure, is_file=False)


def _lock_file(descriptor: int, path: Path) -> bool:
    """Lock an open file as ``_lock`` does; raises OSError for what is no plain one."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise OSError(errno.EINVAL, "no plain file", os.fspath(path))
    return _lock(descriptor)


def _lock(descriptor: int) -> bool:
    """Lock an open file; False where there are no locks. Raises BlockingIOError if another has it."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # this file system has none
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return _identity(os.stat(path)) == _identity(os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _holder(descriptor: int) -> str:
    """Name the process that a lock's file tells of."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    told = _HOLDER.fullmatch(os.read(descriptor, 300))
    if told is None:
        return "another process"
    number, machine = told[1].decode(), told[2].decode()
    return f"process {number}" + (f" on {machine}" if machine != _machine() else "")


def _machine() -> str:
    return os.uname().nodename if hasattr(os, "uname") else ""


def _forget() -> None:
    """In a forked child: these locks are the parent's, and must not outlive it with the child."""
    for lock in list(_held.values()):
        lock._let_go()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
