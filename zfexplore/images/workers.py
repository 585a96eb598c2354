"""Processes that decode: each has its share of the batches, and sends them through a pipe of its own.

Of ``n`` workers, number ``w`` decodes the batches ``w``, ``w + n``, ``w + 2n``, ... in this order. It knows
them from its start, so nothing is asked of it: it waits where nobody reads, one batch ahead. The squares
go through the pipe as plain bytes, and nothing needs ``/dev/shm``, which is 64 MB in a container.

Threads would need no pipe, but a third of the work on an image holds Python's lock: they are a tenth faster
on two cores, and could not be faster on sixteen than on three. If a worker dies or fails, in whatever way,
its pipe ends or its process does. The reader sees either when it asks for a batch, and raises
``WorkerFailed``: so a training ends between two of its steps, and an index goes on by threads.
"""

from __future__ import annotations

import atexit
import json
import multiprocessing
import os
import signal
import socket
import struct
import sys
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from typing import Any

import numpy as np

from zfexplore.errors import ExploreError
from zfexplore.images import tokens
from zfexplore.images.room import Rooms, rooms, use
from zfexplore.images.sources import Source

MANY = 1000  # images that take longer to decode by threads than processes take to start
FEW = 2  # threads that decode as fast as so many processes
MOST_WORKERS = 16
MOST_WAITING = 3  # batches of a worker that were read and not used yet
REMEDY = "give --workers 0, or fewer of them"
_LENGTH = struct.Struct("<q")
_STOPPING = (signal.SIGINT, signal.SIGTERM)

# What a worker does with the numbers of a batch: pixels uint8 [n, R, R, 3], and plain values beside them.
Decode = Callable[[Sequence[int]], tuple[np.ndarray, dict[str, Any]]]


class WorkerFailed(ExploreError):
    """A process that decodes could not be started, was killed, or failed; the work can go on without it."""

    @property
    def reason(self) -> str:
        """What happened, without the remedy."""
        return str(self).removesuffix(f": {REMEDY}")


def usual_workers(local_size: int = 1) -> int:
    """Give how many decode where nothing is said: one a core, of ``local_size`` ranks that share them."""
    return min(max((os.cpu_count() or 1) // local_size, 1), MOST_WORKERS)


def processes_pay(source: Source, count: int, *, workers: int, device: str) -> bool:
    """Whether so many processes, and not threads, should decode ``count`` images for a net on a ``device``.

    A net on a CPU is slower than threads are. Images that are no files, and few of them, are read before
    processes have begun.
    """
    bytes_of = getattr(source, "byte_count", None)
    files = count >= MANY and bytes_of is not None and bytes_of(0) is not None
    return device == "cuda" and workers > FEW and files and _startable()


def _startable() -> bool:
    """Whether a process can be started here, and would not run the caller's program a second time.

    One that is not forked imports the program anew, which not every program expects.
    """
    if multiprocessing.current_process().daemon:  # it may have none of its own
        return False
    if multiprocessing.get_start_method() == "fork":
        return True
    main = sys.modules["__main__"]
    file, module = getattr(main, "__file__", None), getattr(main, "__spec__", None)
    if file is None or os.path.splitext(os.path.basename(file))[0] == "zfexplore":
        return True  # nothing that could run again, or our own command
    return module is not None and module.name.startswith("zfexplore.")


def decoded_by(
    workers: int, decode: Decode, order: Sequence[Sequence[int]]
) -> Generator[tuple[Any, Any], None, None]:
    """Yield what ``decode`` gives for each batch of ``order``, in order, from ``workers`` processes.

    The pixels are new arrays. Raises WorkerFailed.
    """
    started: list[_Worker] = []

    def stop() -> None:
        for worker in started:
            worker.stop()

    atexit.register(stop)  # comes before multiprocessing's own, which would wait for them
    try:
        _start(started, min(workers, len(order)), decode, order)
        for number in range(len(order)):
            worker = started[number % len(started)]
            while not worker.waiting:
                if worker.ended:
                    raise _killed(worker)
                _read_some(started)
            yield worker.waiting.popleft()
    finally:
        stop()
        atexit.unregister(stop)


@dataclass(eq=False)
class _Worker:
    """A process, our end of its pipe, and the batches that were read from it and not used yet."""

    process: Any
    pipe: socket.socket
    waiting: deque[tuple[np.ndarray, dict[str, Any]]] = field(default_factory=deque)
    ended: bool = False

    def stop(self) -> None:
        """End the process: all that it does is to read."""
        self.pipe.close()
        self.process.kill()
        self.process.join()


def _start(started: list[_Worker], count: int, decode: Decode, order: Sequence[Sequence[int]]) -> None:
    """Start the workers. All of them together decode within the bound of one process (``room``)."""
    context = multiprocessing.get_context()
    forked = context.get_start_method() == "fork"
    try:
        # Windows has locks that need no file, and no pipes that are read a byte at a time.
        shared = rooms(context if os.name == "nt" else tokens)
        for number in range(count):
            ours, theirs = socket.socketpair()
            # A forked process has our ends too. While it did, no worker would see that we have ended.
            near = [*(worker.pipe for worker in started), ours] if forked else []
            share = [_plain(batch) for batch in order[number::count]]
            arguments = (theirs, near, shared, decode, share)
            process = context.Process(target=_work, args=arguments, daemon=True)
            with theirs, warnings.catch_warnings():
                # Forks beside torch's idle threads: our workers only decode.
                warnings.simplefilter("ignore", DeprecationWarning)
                try:
                    with _held_back():
                        process.start()
                except BaseException:
                    ours.close()
                    raise
            started.append(_Worker(process, ours))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        place = f"process {len(started) + 1} of {count}"
        raise WorkerFailed(f"{place} for decoding images cannot be started ({reason}): {REMEDY}") from error


def _plain(batch: Sequence[int]) -> Sequence[int]:
    """Give numbers that travel as they are; those in a row take no memory."""
    return batch if isinstance(batch, range) else [int(number) for number in batch]


@contextmanager
def _held_back() -> Iterator[None]:
    """Let signals wait, in a process that is forked meanwhile until it ignores them.

    Else a Ctrl-C right after the fork would let the new process run on as a second one of this.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows, which forks nothing
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _read_some(started: list[_Worker]) -> None:
    """Read a batch of each worker that has one, or wait for one; raise WorkerFailed where none will come."""
    by_pipe = {worker.pipe: worker for worker in started if len(worker.waiting) < MOST_WAITING}
    by_end = {worker.process.sentinel: worker for worker in started if not worker.ended}
    ready = wait([*(pipe for pipe, worker in by_pipe.items() if not worker.ended), *by_end])
    for pipe in ready:
        if pipe in by_pipe:
            _read(by_pipe[pipe])  # type: ignore[index]
    for end in ready:
        if end in by_end:
            worker = by_end[end]  # type: ignore[index]
            worker.process.join()
            if worker.process.exitcode:
                raise _killed(worker)
            # What it sent last may still be in its pipe.
            while _read(worker):
                pass
            worker.ended = True


def _read(worker: _Worker) -> bool:
    """Read a batch; give whether there was one. Raises WorkerFailed for a worker that has failed."""
    try:
        (length,) = _LENGTH.unpack(_receive(worker.pipe, bytearray(_LENGTH.size)))
        beside = json.loads(_receive(worker.pipe, bytearray(length)))
        if "failed" in beside:
            told = f"a process that decodes images failed ({beside['failed']}): {REMEDY}"
            raise WorkerFailed(told) from RuntimeError(beside["traceback"])
        pixels = np.empty(beside.pop("shape"), np.uint8)
        _receive(worker.pipe, pixels.reshape(-1))
    except (EOFError, ConnectionError) as error:
        worker.process.join()
        if worker.process.exitcode:
            raise _killed(worker) from error
        return False
    worker.waiting.append((pixels, beside))
    return True


def _receive(pipe: socket.socket, into: Any) -> Any:
    """Fill a buffer; raise EOFError where the pipe ends before."""
    view = memoryview(into)
    while view:
        if not (count := pipe.recv_into(view)):
            raise EOFError
        view = view[count:]
    return into


def _killed(worker: _Worker) -> WorkerFailed:
    code = worker.process.exitcode
    how = f"ended with code {code}"
    if code < 0:
        try:
            how = f"was ended by {signal.Signals(-code).name}"
        except ValueError:
            how = f"was ended by signal {-code}"
    if -code in _FOR_MEMORY:
        how += ", as systems do that run out of memory"
    return WorkerFailed(f"a process that decodes images {how}: {REMEDY}")


_FOR_MEMORY = [getattr(signal, name) for name in ("SIGKILL", "SIGBUS") if hasattr(signal, name)]


def _work(
    pipe: socket.socket,
    near: list[socket.socket],
    shared: Rooms,
    decode: Decode,
    share: list[Sequence[int]],
) -> None:
    """Decode this worker's share, a batch at a time, and send it; end when nobody reads any more."""
    import torch

    # Ctrl-C reaches all processes of a terminal, and SLURM sends SIGTERM to all of a job. But the parent
    # still needs batches to end its step.
    for stopping in _STOPPING:
        signal.signal(stopping, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
    for end in near:
        end.close()
    use(shared)
    torch.set_num_threads(1)  # the parent's threads for it are not here, and GNU's OpenMP waits for them
    try:
        for wanted in share:
            pixels, beside = decode(wanted)
            _send(pipe, beside | {"shape": pixels.shape})
            pipe.sendall(pixels.reshape(-1).data)
    except (ConnectionError, EOFError):  # whoever asked has stopped, or has ended
        return
    except BaseException as error:
        text = " ".join(str(error).split())
        reason = f"{type(error).__name__}: {text}" if text else type(error).__name__
        try:
            _send(pipe, {"failed": reason, "traceback": traceback.format_exc()})
        except OSError:
            return


def _send(pipe: socket.socket, values: dict[str, Any]) -> None:
    packed = json.dumps(values).encode()
    pipe.sendall(_LENGTH.pack(len(packed)) + packed)
