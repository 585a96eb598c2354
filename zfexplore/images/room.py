"""How much memory decoding takes at a time: one bound for all threads and worker processes together.

Before a picture is decoded, room is taken for what that needs (``bounds.py`` tells), and given back when it
is done: small photographs are decoded side by side, the largest pictures one after the other. In a pool,
which keeps each picture until it is reduced to what the net sees, the room is kept until then
(``until_used``).
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any, NamedTuple

ROOM = 2**30  # bytes that pictures may take while they are decoded, all together, and so each of them
_UNIT = 2**23  # bytes; room is taken in so many at a time
_LARGE = 2**27  # bytes from which memory is worth giving back to the system


class Room:
    """Room of ``size`` bytes. ``context`` makes its locks: ``threading``, or one of ``multiprocessing``.

    The latter is shared by the processes that it is given to when they are started.
    """

    def __init__(self, size: int = ROOM, context: Any = threading) -> None:
        self._units = max(1, size // _UNIT)
        # One at a time collects its units. Two that had half of theirs would wait for each other.
        self._turn, self._free = context.Lock(), context.Semaphore(self._units)

    @contextmanager
    def taken(self, size: int) -> Iterator[None]:
        """Wait for room for ``size`` bytes, all of it if that is more, and hold it for the block."""
        wanted, got = min(-(-size // _UNIT), self._units), 0
        try:
            with self._turn:
                while got < wanted:
                    self._free.acquire()
                    got += 1
            yield
        finally:
            if size >= _LARGE:
                _give_back()
            for _ in range(got):
                self._free.release()


def _give_back() -> None:
    """Let the system have what has been freed: glibc keeps it, for each thread apart."""
    if (trim := _trim()) is not None:
        trim(0)


@cache
def _trim() -> Any:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library
        return None


class Rooms(NamedTuple):
    """Room for decoding, and apart from it for unpacking files from archives: who decodes may hold both."""

    decoded: Room
    unpacked: Room


def rooms(context: Any = threading) -> Rooms:
    """Give free rooms; see ``Room``."""
    return Rooms(Room(context=context), Room(context=context))


def use(shared: Rooms) -> None:
    """Let this process share rooms with others."""
    global _rooms
    _rooms = shared


_rooms = rooms()
_this_thread = threading.local()


@contextmanager
def until_used() -> Iterator[None]:
    """Keep the room of the picture that is decoded in the block until the block's end.

    For pools, which use each picture at once: a second one in the same block lets go of the first.
    """
    with ExitStack() as held:
        _this_thread.held = held
        try:
            yield
        finally:
            _this_thread.held = None


@contextmanager
def decoding(size: int) -> Iterator[None]:
    """Hold room for a picture whose decoding takes ``size`` bytes; waits for it."""
    held: ExitStack | None = getattr(_this_thread, "held", None)
    if held is None:
        with _rooms.decoded.taken(size):
            yield
        return
    held.close()
    held.enter_context(_rooms.decoded.taken(size))
    yield


@contextmanager
def unpacking(size: int) -> Iterator[None]:
    """Hold room for ``size`` bytes of a packed file's content, apart from what decoding them takes."""
    with _rooms.unpacked.taken(size):
        yield


def _anew() -> None:
    """Begin with all room free: who held it before a fork is not in the new process."""
    use(rooms())
    _this_thread.held = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_anew)
