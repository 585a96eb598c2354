"""Commands of zfexplore in children that have torch already, struck at the moments at which they write.

``python -m tests.faults.launcher`` reads a request a line and answers with a line, both JSON. For a command
it forks a child, which runs it as ``zfexplore`` does, and gives its number; for a number it says how that
child ended. To import torch for every kill would take most of the time. ``trial.py`` has the other end.

A moment of writing is one at which the command is about to open a file for writing, to rename, remove or make
one, to lock one, or to flush one to the disk. Python itself tells all but the last (``sys.addaudithook``), so
that no line of the package needs to know of this.
"""

from __future__ import annotations

import atexit
import faulthandler
import json
import os
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any, NoReturn

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
ON_PATHS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate")
ON_LOCKS = ("fcntl.flock", "fcntl.lockf")
SECONDS_BETWEEN_LOOKS = 0.002
IMPORTED = (
    "zfexplore.__main__",
    "zfexplore.cli.main",
    "rich.progress",
    "rich.table",
    "zfexplore.figures.plots",
    "zfexplore.explorer",
    "zfexplore.training.loop",
    "zfexplore.cli.train",
    "zfexplore.cli.index",
    "tests.training.conftest",
)


class Moments:
    """Counts the moments of writing below ``folder``, and ends the process at one of them.

    ``strike`` has the moment's ``number`` (from 1) and the ``signal``. With ``delay`` seconds, the process
    dies that long after the moment, whatever it does then: by SIGALRM, which nothing here handles, and which
    the system sends on time even while Python waits for a library.
    """

    def __init__(self, folder: str, strike: dict[str, Any] | None) -> None:
        self.folder, self.strike = os.path.realpath(folder), strike
        self.count = 0
        self._flush = os.fsync

    def watch(self) -> None:
        """Begin to count."""
        sys.addaudithook(self._heard)
        os.fsync = self._flushed

    def _flushed(self, descriptor: Any) -> None:
        self._passed()
        self._flush(descriptor)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            if isinstance(arguments[2], int) and arguments[2] & WRITES and self._is_below(arguments[0]):
                self._passed()
        elif event in ON_LOCKS or (event in ON_PATHS and self._is_below(arguments[0])):
            self._passed()

    def _is_below(self, path: Any) -> bool:
        return isinstance(path, (str, os.PathLike)) and os.path.abspath(path).startswith(self.folder)

    def _passed(self) -> None:
        self.count += 1
        if self.strike is None or self.count != self.strike["number"]:
            return
        if self.strike["delay"]:
            signal.setitimer(signal.ITIMER_REAL, self.strike["delay"])
        else:
            os.kill(os.getpid(), self.strike["signal"])


def main() -> None:
    """Serve requests until there are no more; a child becomes a command, and ends with it."""
    _leave_compiler_out()
    for name in IMPORTED:
        import_module(name)
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    for line in iter(requests.readline, b""):
        request = json.loads(line)
        if not request:
            answer = None  # all is imported
        elif "words" not in request:
            answer = _wait(request["pid"], request["seconds"])
        elif (answer := os.fork()) == 0:
            requests.close()
            answers.close()
            _run(request)
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()
    _leave(0)


def _leave_compiler_out() -> None:
    """Do without torch's compiler, which its optimisers import only to keep it away from themselves.

    That takes longer than all the trials of the suite.
    """
    import torch

    compiler: Any = ModuleType("torch._dynamo")
    compiler.disable = lambda function, *_, **__: function
    compiler.graph_break = lambda: None
    # What DistributedDataParallel asks of it.
    compiler.utils = SimpleNamespace(get_optimize_ddp_mode=lambda: "ddp_optimizer")
    inlined = SimpleNamespace(cache_clear=lambda: None)
    compiler.trace_rules = SimpleNamespace(
        LEGACY_MOD_INLINELIST=set(), get_legacy_mod_inlinelist=inlined, clear_lru_cache=lambda: None
    )
    torch._dynamo = sys.modules["torch._dynamo"] = compiler


def _wait(pid: int, seconds: float) -> int | None:
    """Give the exit code of a child, or its signal as a number below 0; None if it has not ended in time."""
    end = time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            return None
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _run(request: dict[str, Any]) -> NoReturn:
    """Be the command: a session, a folder, an environment and outputs of its own; does not return."""
    os.setsid()
    os.chdir(request["folder"])
    os.environ.update(request["environment"])
    for number, path in enumerate((os.devnull, request["said"] + ".out", request["said"] + ".err")):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644), number)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    faulthandler.register(signal.SIGUSR1, file=2)  # where it stands, should it never end
    for name, value in request["settings"].items():
        module, _, constant = name.rpartition(".")
        if isinstance(value, str):  # the name of what is to be in its place
            there, _, attribute = value.rpartition(".")
            value = getattr(import_module(there), attribute)
        setattr(import_module(module), constant, value)
    if request["largest"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["largest"], request["largest"]))
    moments = Moments(request["folder"], request["strike"])
    if request["strike"] is None and request["largest"] is None:
        atexit.register(_write_count, request["said"] + ".moments", moments)
    moments.watch()
    sys.argv = ["zfexplore", *request["words"]]
    command = import_module("zfexplore.__main__").main
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _leave(_code_of(command))


def _code_of(command: Callable[[], object]) -> int:
    """Run a command; give the code that Python would end with."""
    try:
        command()
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:  # which no command lets out: it is told, and that is the fault
        traceback.print_exc()
        return 1
    return 0


def _leave(code: int) -> NoReturn:
    """End as Python does, but for taking apart what was imported: three quarters of a command's time."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _write_count(path: str, moments: Moments) -> None:
    count = moments.count
    with open(path, "w", encoding="utf-8") as file:
        file.write(str(count))


if __name__ == "__main__":
    main()
