"""A file or a folder that is watched: which picture in it is the newest, and whether it has been shown.

A screenshot tool adds files to a folder, and a webcam program writes over one file. Both are found by
looking again and again at times and sizes, which works on every system and on network drives too. A file
may be half written when it is found, so one that cannot be read is offered again for a while.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass

TRIES = 10  # of a picture that cannot be read and does not change any more


@dataclass(frozen=True)
class Sight:
    """What was found: the ``path`` of a picture to be shown now, or "", and what is waited for, or ""."""

    path: str = ""
    waiting: str = ""


@dataclass(frozen=True, order=True)
class _Stamp:
    changed: int  # nanoseconds; when the content changed, or when the file came into its place
    path: str
    size: int


class Watched:
    """Looks at ``path``, a picture or a folder of pictures, which need not be there yet.

    A picture counts as new if its time or size has changed since it was offered last.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._offered: _Stamp | None = None
        self._tries_left = 0
        self._again = False

    def look(self) -> Sight:
        """Give the newest picture if it is to be shown, each state of it once; never raises."""
        try:
            folder = os.path.isdir(os.path.expanduser(self.path))
            newest = self._newest_inside() if folder else self._stamp_of_file()
        except (OSError, ValueError):
            folder, newest = False, None
        if newest is None:
            return Sight(waiting="no picture in it yet" if folder else "it is not there yet")
        if newest != self._offered:
            self._offered, self._tries_left, self._again = newest, TRIES, True
        if not self._again:
            return Sight()
        self._again = False
        return Sight(newest.path)

    def unreadable(self) -> bool:
        """Take note that the picture could not be read; tell whether it is offered again unchanged."""
        self._again = self._tries_left > 0
        self._tries_left -= 1
        return self._again

    def _stamp_of_file(self) -> _Stamp | None:
        return _stamp(self.path, os.stat(os.path.expanduser(self.path)))

    def _newest_inside(self) -> _Stamp | None:
        from zfexplore.images.formats import is_read

        found: list[_Stamp] = []
        with os.scandir(os.path.expanduser(self.path)) as entries:
            for entry in entries:
                if entry.name[0] == "." or not is_read(entry.name):
                    continue
                with suppress(OSError):  # it may have gone meanwhile
                    path = os.path.join(self.path, entry.name)
                    if entry.is_file() and (stamp := _stamp(path, entry.stat())):
                        found.append(stamp)
        return max(found, default=None)


def _stamp(path: str, status: os.stat_result) -> _Stamp | None:
    """Give the state of a file; None for an empty one, which is about to be written."""
    if status.st_size == 0:
        return None
    # A file that is moved or copied with its old time counts from when it came here.
    return _Stamp(max(status.st_mtime_ns, status.st_ctime_ns), path, status.st_size)
