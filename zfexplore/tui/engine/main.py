"""The engine's process: the way in, its two ends of the pipe, and its end.

Requests come on descriptor 0 and messages go to descriptor 1. Both are moved away first, so that
nothing a library prints can reach the pipe, nor the explorer's terminal. When the pipe of requests
closes, the explorer has left or was killed, and the process ends within ``SECONDS_TO_END``.
"""

from __future__ import annotations

import faulthandler
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from threading import Lock, Thread
from typing import IO

from zfexplore.tui import messages as say
from zfexplore.tui import pipe
from zfexplore.tui.engine.inbox import Inbox
from zfexplore.tui.log import log_to_file, open_log

NICENESS = 10
SECONDS_TO_END = 2
FROM_THE_TERMINAL = ("SIGINT", "SIGQUIT", "SIGHUP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGBREAK")

Post = Callable[[object], object]
Run = Callable[[say.Setup, Inbox, Post], object]


def main(run: Run | None = None) -> None:
    """Serve the explorer at the other end of the pipe until it closes; does not return.

    The first record says what to explore. ``run`` is what the process does, in tests something else.
    """
    gc.disable()  # imports make many objects and hardly any garbage; it comes back once all is loaded
    for name in FROM_THE_TERMINAL:  # they are meant for the explorer, which tells when to end
        with suppress(AttributeError, ValueError):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    requests, messages = _take_the_pipe()
    code = 0
    try:
        setup, inbox = pipe.receive(requests), Inbox()
        Thread(target=read_requests, args=(requests, inbox), daemon=True).start()
        (run or explore)(setup, inbox, poster(messages))
    except EOFError:
        pass  # the explorer left before it said anything
    except BaseException:
        logging.getLogger("zfexplore.tui").exception("the engine failed")
        code = 1
    logging.shutdown()
    os._exit(code)  # not through the interpreter's end, where torch's threads may wait for each other


def explore(setup: say.Setup, inbox: Inbox, post: Post) -> None:
    """Load, and work until told to end."""
    from zfexplore.tui.engine.loop import Engine

    if setup.follow is not None:
        begun = first_of_run(setup, setup.follow, inbox, post)
        if begun is None:
            return
        setup = begun
    engine = Engine(setup, inbox, post)
    inbox.loading = True
    if engine.load():
        inbox.loading = False
        gc.enable()
        give_way()  # not before: on a busy machine loading would take for ever
        engine.work()


def first_of_run(setup: say.Setup, folder: str, inbox: Inbox, post: Post) -> say.Setup | None:
    """Follow the run in ``folder``, and begin with its newest weights once there are any; None at the end."""
    from zfexplore.tui.engine.watcher import Watcher

    watcher = Watcher(folder, post)
    watcher.start(lambda: inbox.closed)
    first = watcher.first(lambda: inbox.closed)
    return None if first is None else replace(setup, checkpoint=first.path)


def read_requests(requests: IO[bytes], inbox: Inbox) -> None:
    """Put each request into the inbox at once; when the pipe ends, end the process."""
    try:
        while True:
            request = pipe.receive(requests)
            if isinstance(request, say.Cancel):
                inbox.cancel()
            elif isinstance(request, say.Stop):
                inbox.close()
            else:
                inbox.put(request)
    except (EOFError, OSError):
        if inbox.loading:  # nothing was made that could be lost
            os._exit(0)
        # This watchdog needs no Python to run, so that it ends a process that is stuck in a library too.
        faulthandler.dump_traceback_later(SECONDS_TO_END, exit=True, file=2)
        inbox.close()


def poster(messages: IO[bytes]) -> Post:
    """Give what sends a message, from any thread; once the explorer is gone it does nothing."""
    one_at_a_time = Lock()

    def post(message: object) -> None:
        with suppress(OSError), one_at_a_time:
            pipe.send(messages, message)

    return post


def give_way() -> None:
    """Let the explorer go first when both want the processor.

    On Linux each thread has a priority of its own, and torch's have been started by now.
    Windows does it when it starts the process.
    """
    if not hasattr(os, "nice"):
        return
    if sys.platform != "linux":
        os.nice(NICENESS)
        return
    niceness = os.getpriority(os.PRIO_PROCESS, 0) + NICENESS
    for task in os.listdir("/proc/self/task"):
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, int(task), niceness)


def _take_the_pipe() -> tuple[IO[bytes], IO[bytes]]:
    """Move the pipe's ends away from descriptors 0 and 1, and put a file in their place."""
    requests, messages = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    log = open_log()
    for descriptor in (1, 2):
        os.dup2(nothing if log is None else log, descriptor)
    if log is not None:
        log_to_file()
    return requests, messages
