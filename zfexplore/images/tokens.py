"""Locks between processes that need no shared memory: a lock is a pipe with a byte for each who may pass.

``multiprocessing`` makes its locks in ``/dev/shm``, which containers keep small and which may be full or
missing. This module stands where ``threading`` or ``multiprocessing`` may: it has ``Lock`` and ``Semaphore``.
"""

from __future__ import annotations

import os
from multiprocessing import Pipe, parent_process
from multiprocessing.connection import wait


class Semaphore:
    """A lock that ``count`` may hold at a time, at most 4096: those that it was given to when started."""

    def __init__(self, count: int) -> None:
        # Connections, since they reach processes that are not forked; of them only the pipes are used.
        self._from, self._to = Pipe(duplex=False)
        # Two may see the same byte. The slower one must not sleep in its read, where it sees nothing else.
        os.set_blocking(self._from.fileno(), False)
        os.write(self._to.fileno(), bytes(count))

    def acquire(self, block: bool = True) -> bool:
        """Take a byte, or wait for one with ``block``; give whether there was one.

        Raises EOFError once the process that started this one has ended: who held a byte may be dead too.
        """
        parent = parent_process()
        while True:
            try:
                os.read(self._from.fileno(), 1)
                return True
            except BlockingIOError:
                if not block:
                    return False
            seen = wait([self._from] if parent is None else [self._from, parent.sentinel])
            if self._from not in seen:
                raise EOFError("the process that asked for the images has ended")

    def release(self) -> None:
        """Put a byte back."""
        os.write(self._to.fileno(), bytes(1))

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


def Lock() -> Semaphore:  # named as those of threading and multiprocessing
    """Give a lock that one may hold at a time."""
    return Semaphore(1)
