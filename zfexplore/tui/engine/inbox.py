"""The engine's inbox: of several requests to show a channel only the latest counts, once keys rest.

Of several wishes to explore another net, too, only the latest counts, and it ends what is being shown.
Other requests are served one after the other. A held arrow key asks for thirty channels a second. The inbox
waits for ``DEBOUNCE`` without a new one, so that the engine does not start what nobody will see.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Condition

from zfexplore.tui.messages import Explore, ShowChannel

DEBOUNCE = 0.04  # seconds


class Inbox:
    """Requests on their way from the thread that reads the pipe to the loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = Condition()
        self._show: ShowChannel | None = None
        self._show_due = 0.0
        self._generation = -1  # of the latest ShowChannel, served or not
        self._others: deque[object] = deque()
        self.closed = False

    def put(self, request: object) -> None:
        """Add a request; a ShowChannel or an Explore replaces one that waits."""
        with self._changed:
            if isinstance(request, ShowChannel):
                self._show, self._generation = request, request.generation
                self._show_due = self._clock() + DEBOUNCE
            else:
                if isinstance(request, Explore):
                    waiting = [other for other in self._others if not isinstance(other, Explore)]
                    self._others = deque(waiting)
                    self._show, self._generation = None, -1
                self._others.append(request)
            self._changed.notify()

    def cancel(self) -> None:
        """Forget the ShowChannel that waits or is being served."""
        with self._changed:
            self._show = None
            self._generation += 1
            self._changed.notify()

    def close(self) -> None:
        """End the engine once its present work is done."""
        with self._changed:
            self.closed = True
            self._changed.notify()

    def overtaken(self, request: ShowChannel) -> bool:
        """Tell whether ``request`` is no longer wanted."""
        return self.closed or self._generation != request.generation

    @property
    def busy(self) -> bool:
        """Whether something waits, so that background work should stop."""
        return self.closed or self._show is not None or bool(self._others)

    def left(self) -> list[object]:
        """Give the requests that were not served before the end, without any ShowChannel."""
        with self._changed:
            left = list(self._others)
            self._others.clear()
            return left

    def take(self, *, wait: bool) -> object | None:
        """Give the next request; None if there is none. With ``wait``, None comes only once closed."""
        with self._changed:
            while not self.closed:
                if self._others:
                    return self._others.popleft()
                pause = self._show_due - self._clock() if self._show is not None else None
                if pause is not None and pause <= 0:
                    show, self._show = self._show, None
                    return show
                if pause is None and not wait:
                    return None
                self._changed.wait(pause)
        return None
