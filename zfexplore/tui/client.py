"""The explorer's end of the engine: it starts the process, passes requests on, and takes messages.

The engine is a process of its own because Python runs one thread at a time: a thread that builds the
atlas makes every key wait. Two threads here wait for the pipe, one each way, so that the event loop
never does, not even for an engine that hangs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import IO, Any, Protocol

from zfexplore.tui import messages as say
from zfexplore.tui import pipe

SECONDS_TO_SAVE = 2.5  # for figures that are asked for, before the pipe is closed
SECONDS_TO_END = 2.5  # after the pipe is closed; by itself the engine takes two at most
HURRIED_TO_SAVE, HURRIED_TO_END = 1.0, 0.5  # the same where the terminal is gone
# The modules are those of this process, whatever lies in the present folder.
PROGRAM = "import sys; sys.path[:] = sys.argv[1:]; from zfexplore.tui.engine.main import main; main()"


class Worker(Protocol):
    """What the explorer asks of its engine; tests put an instant one in its place."""

    def start(self, post: Callable[[object], object]) -> None:
        """Begin loading; ``post`` takes messages from any thread. After its death it begins again."""

    def ask(self, request: object) -> None:
        """Take a request."""

    def cancel(self) -> None:
        """Give up what is being computed."""

    def stop(self) -> None:
        """End, saving what can be resumed."""

    def hurry(self) -> None:
        """End likewise, in less time."""

    def pause(self) -> None:
        """Compute nothing until told to go on."""

    def go_on(self) -> None:
        """Compute again."""


class EngineProcess:
    """Takes requests with ``ask`` and answers through ``post``; may be started again after its death."""

    def __init__(self, setup: say.Setup, program: str = PROGRAM) -> None:
        self.setup = setup
        self._program = program
        self._requests: SimpleQueue[object] = SimpleQueue()
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: Thread | None = None
        self._leaving = self._hurried = False
        self._unsaved: dict[say.Save, None] = {}  # requests of which nothing has been heard

    @property
    def unsaved(self) -> tuple[str, ...]:
        """The figures that were asked for and of which nothing has been heard, named for the user."""
        return tuple(dict.fromkeys(request.called(self.setup) for request in self._unsaved))

    @property
    def pid(self) -> int | None:
        """The number of the process."""
        return None if self._process is None else self._process.pid

    def start(self, post: Callable[[object], object]) -> None:
        """Start the process, which begins to load; ``post`` takes messages, in another thread."""
        if self._process is not None:
            self._requests = SimpleQueue()  # nobody reads the one of the process before
        try:
            process = self._process = start_process(self._program)
        except OSError as error:
            post(say.Failed(f"the engine's process cannot be started: {error}", fatal=True))
            return
        assert process.stdin is not None
        Thread(target=_write, args=(process.stdin, self.setup, self._requests), daemon=True).start()
        self._reader = Thread(target=self._read, args=(process, post), daemon=True)
        self._reader.start()

    def ask(self, request: object) -> None:
        """Take a request; never waits."""
        if isinstance(request, say.Save):
            self._unsaved[request] = None
        self._requests.put(request)

    def cancel(self) -> None:
        """Give up the channel being projected."""
        self._requests.put(say.Cancel())

    def stop(self) -> None:
        """End the process: it saves what was asked for, and its atlas, as far as the time goes."""
        self._leaving = True
        process = self._process
        if process is None:
            return
        self.go_on()
        if self._unsaved:
            self._requests.put(say.Stop())
            _wait(process, HURRIED_TO_SAVE if self._hurried else SECONDS_TO_SAVE)
        self._requests.put(None)
        if not _wait(process, HURRIED_TO_END if self._hurried else SECONDS_TO_END):
            process.kill()
            process.wait()
        if self._reader is not None:
            self._reader.join(SECONDS_TO_END)

    def hurry(self) -> None:
        """End the process in ``HURRIED_TO_SAVE`` and ``HURRIED_TO_END``: there is no terminal any more."""
        self._hurried = True
        self.stop()

    def pause(self) -> None:
        """Stop the process as ctrl+z stops this one: it takes no processor time until ``go_on``.

        If this process ends meanwhile, the system lets the other one go on, which then sees its pipe closed.
        """
        self._signal("SIGSTOP")

    def go_on(self) -> None:
        """Let the process go on after ``pause``; the shell's ``fg`` does so too."""
        self._signal("SIGCONT")

    def _signal(self, name: str) -> None:
        if self._process is not None and self._process.returncode is None and hasattr(signal, name):
            with suppress(OSError):
                os.kill(self._process.pid, getattr(signal, name))

    def _read(self, process: subprocess.Popen[bytes], post: Callable[[object], object]) -> None:
        """Pass messages on until the process ends; say so where it was not told to."""
        assert process.stdout is not None
        with suppress(EOFError, OSError), process.stdout:
            while True:
                message = pipe.receive(process.stdout)
                if isinstance(message, say.Settled):
                    self._unsaved.pop(message.request, None)
                else:
                    post(message)
        code = process.wait()
        if code and not self._leaving:
            post(say.EngineDied(reason_of(code)))


def start_process(program: str) -> subprocess.Popen[bytes]:
    """Start a Python process with pipes, which writes no byte to this terminal.

    It stays in this session and group: Linux shares the processor out among sessions first, and a low
    priority would count for nothing in another one. Raises OSError.
    """
    options: dict[str, Any] = {}
    if sys.platform == "win32":
        options["creationflags"] = subprocess.BELOW_NORMAL_PRIORITY_CLASS | subprocess.CREATE_NO_WINDOW
    command: Sequence[str] = [sys.executable, "-c", program, *sys.path]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options)


def reason_of(code: int) -> str:
    """Say what the exit code of a process tells of its death."""
    if code == -getattr(signal, "SIGKILL", 9):
        return "it was killed, as systems do when memory runs out"
    if code < 0:
        with suppress(ValueError):
            return f"it crashed ({signal.Signals(-code).name})"
    return f"it ended with code {code}"


def _write(stream: IO[bytes], setup: say.Setup, requests: SimpleQueue[object]) -> None:
    """Pass requests on until None, which closes the pipe; those for a dead process go nowhere."""
    with suppress(OSError), stream:
        pipe.send(stream, setup)
        while (request := requests.get()) is not None:
            pipe.send(stream, request)


def _wait(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for the end of a process; tell whether it came in time."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
        return True
    return False
