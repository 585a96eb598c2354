"""A program in a pseudo-terminal: what it writes, and when."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from contextlib import suppress

SECONDS = 120.0  # the longest wait for anything
WHO_ARE_YOU, A_TERMINAL = b"\x1b[c", b"\x1b[?62;22c"  # every terminal answers this; here, one with colours


class Terminal:
    """Runs ``command`` on a terminal of ``size`` (columns, rows); a context manager that ends it."""

    def __init__(
        self, command: list[str], environment: dict[str, str], size: tuple[int, int] = (120, 40)
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        kept = {**os.environ, **environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=kept, start_new_session=True
        )
        os.close(slave)
        self.written = b""  # since the last key

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    @property
    def pid(self) -> int:
        """The number of the process, and of its session."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """The exit code of the program; None while it runs."""
        return self._process.poll()

    def send(self, keys: str) -> float:
        """Type ``keys``, and forget what was written before; give the time."""
        self._read(0.0)
        self.written = b""
        moment = time.perf_counter()
        os.write(self._master, keys.encode())
        return moment

    def until(self, *patterns: str, seconds: float = SECONDS) -> float:
        """Wait until all ``patterns`` were written since the last key; give the time.

        Raises TimeoutError, with the end of what was written, if one does not come.
        """
        wanted = [re.compile(pattern.encode()) for pattern in patterns]
        end = time.perf_counter() + seconds
        while not all(pattern.search(self.written) for pattern in wanted):
            left = end - time.perf_counter()
            if left <= 0 or not self._read(left):
                raise TimeoutError(f"{patterns} did not come: {self.written[-300:]!r}")
        return time.perf_counter()

    def until_silent(self, seconds: float, longest: float = SECONDS) -> bool:
        """Wait until nothing was written for ``seconds``; give whether that happened within ``longest``."""
        end = time.perf_counter() + longest
        while time.perf_counter() < end:
            if not self._read(seconds):
                return True
        return False

    def wait(self, seconds: float) -> None:
        """Wait, and read what is written, so that the program never waits for us."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self._read(left)

    def leave(self, keys: str) -> int | None:
        """Type ``keys``, and wait for the program's end; give its exit code, None if it does not end."""
        self.send(keys)
        with suppress(TimeoutError):
            self.until("never written", seconds=10.0)
        return self._process.poll()

    def _read(self, seconds: float) -> bool:
        """Read what is written within ``seconds``; give whether anything was."""
        if not select.select([self._master], [], [], max(seconds, 0.0))[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the program has ended
            return False
        if WHO_ARE_YOU in data:
            os.write(self._master, A_TERMINAL)
        self.written += data
        return bool(data)
