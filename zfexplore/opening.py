"""What is opened for reading: plain files, whatever their names and links say.

A pipe makes who opens it wait for a writer, a device may give bytes without end, or do something when it is
opened. So every file that comes from outside is opened here: without waiting, and judged once it is open, for
a name may mean something else by then. Of what is neither file nor folder the error says what it is.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import IO, Any

_AT_ONCE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_STRANGE = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_TO_ITSELF = "a link that leads to itself"

AnyPath = str | os.PathLike[str]


class NotPlain(OSError):
    """Something is neither a file nor a folder; ``strerror`` says what it is, and may end a sentence."""

    def __init__(self, what: str, path: AnyPath) -> None:
        number = errno.ELOOP if what == _TO_ITSELF else errno.EINVAL
        super().__init__(number, f"it is {what} and no plain file", os.fspath(path))


def open_plain(path: AnyPath, mode: str = "rb", **how: Any) -> IO[Any]:
    """Open a plain file, or a link to one, to read it; ``mode`` and ``how`` as ``open`` takes them.

    Never waits. Raises OSError: its subclass NotPlain for a pipe, a socket, a device and a link that leads to
    itself, IsADirectoryError for a folder, and what ``open`` raises.
    """
    return open(path, mode, opener=_plainly, **how)


def check_plain(path: AnyPath) -> None:
    """Raise what ``open_plain`` raises: for libraries that open a file by its name only."""
    open_plain(path, buffering=0).close()


def read_text(path: AnyPath, encoding: str = "utf-8", errors: str = "strict") -> str:
    """Give the text of a plain file; raises what ``open_plain`` raises, and UnicodeDecodeError."""
    with open_plain(path, "r", encoding=encoding, errors=errors) as file:
        text: str = file.read()
    return text


def strange(path: AnyPath) -> str | None:
    """Say what something is that is neither file nor folder, as in "a pipe"; else, or without it, None."""
    try:
        return _STRANGE.get(stat.S_IFMT(os.stat(path).st_mode))
    except OSError as error:
        return _TO_ITSELF if error.errno == errno.ELOOP else None
    except ValueError:  # a name that holds a null character names nothing
        return None


def _plainly(path: str, flags: int) -> int:
    if (what := strange(path)) is not None:  # unopened: opening alone wakes a writer, or rewinds a tape
        raise NotPlain(what, path)
    descriptor = os.open(path, flags | _AT_ONCE)
    try:
        kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
        if kind == stat.S_IFDIR:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        if kind != stat.S_IFREG:
            raise NotPlain(_STRANGE.get(kind, "something"), path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
