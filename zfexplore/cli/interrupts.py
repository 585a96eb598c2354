"""Ctrl-C where it does no harm.

Python's own locks for threads are written in Python in part. A KeyboardInterrupt between two of their lines
leaves a lock taken for ever, and the program hangs where it should end: threads wait for the lock, and the
end waits for the threads. So an interrupt that comes while the main thread is inside that code comes again
a moment later, until it meets other code, or a place where the main thread waits.
"""

from __future__ import annotations

import signal
from types import FrameType

_LOCKING = {"threading", "queue", "concurrent", "multiprocessing", "importlib", "weakref"}
_MOMENT = 0.002  # seconds
_MOST = 250  # moments: what is that long inside such code is interrupted there after all


class _Interrupt:
    def __init__(self) -> None:
        self._where: tuple[FrameType, int] | None = None
        self._moments = 0

    def __call__(self, _number: int, frame: FrameType | None) -> None:
        if frame is not None and self._put_off(frame):
            signal.setitimer(signal.ITIMER_REAL, _MOMENT)
            return
        self._where, self._moments = None, 0
        raise KeyboardInterrupt

    def _put_off(self, frame: FrameType) -> bool:
        """Tell whether the interrupt must come again, for the main thread is on its way through locks."""
        if str(frame.f_globals.get("__name__")).partition(".")[0] not in _LOCKING or self._moments == _MOST:
            return False
        # The frame itself is kept: another one at its address would look the same.
        before, self._where = self._where, (frame, frame.f_lasti)
        self._moments += 1
        waits = before is not None and before[0] is frame and before[1] == frame.f_lasti
        return not waits


def interrupt_safely() -> None:
    """Let Ctrl-C raise KeyboardInterrupt in the main thread, but never between two lines of a lock.

    Where Ctrl-C is ignored, or the system has no timer (Windows), nothing changes.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler or not hasattr(signal, "setitimer"):
        return
    interrupt = _Interrupt()
    signal.signal(signal.SIGALRM, interrupt)
    signal.signal(signal.SIGINT, interrupt)
