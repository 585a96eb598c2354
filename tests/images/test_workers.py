"""Processes that decode: what they send, and how every failure of one ends."""

from __future__ import annotations

import faulthandler
import importlib.machinery
import multiprocessing
import multiprocessing.synchronize
import os
import signal
import socket
import sys
import time
import types

import numpy as np
import pytest
import torch
from PIL import Image

from zfexplore.images import workers
from zfexplore.images.open import open_images
from zfexplore.images.photographs import Photographs
from zfexplore.images.workers import WorkerFailed, decoded_by, processes_pay


def numbered(wanted):
    """Give squares of the images' own numbers."""
    squares = [np.full((64, 64, 3), number, np.uint8) for number in wanted]
    return np.stack(squares) if squares else np.empty((0, 64, 64, 3), np.uint8), {"indices": list(wanted)}


def fails_at(number, how):
    """Give what decodes, and at an image of this number does something else first."""

    def decode(wanted):
        if number in wanted:
            how()
        return numbered(wanted)

    return decode


def ends_by(name):
    def end():
        faulthandler.disable()  # pytest's, which would write of it
        os.kill(os.getpid(), getattr(signal, name))

    return end


def no_memory():
    raise MemoryError("so many\nbytes")


def left():
    return [process for process in multiprocessing.active_children() if process.is_alive()]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_batches_come_in_order_whoever_decodes_them(count):
    order = [[7, 8, 9], [], [1], *([number] for number in range(20, 60))]
    found = list(decoded_by(count, numbered, order))
    assert [beside["indices"] for _, beside in found] == order
    for (pixels, _), wanted in zip(found, order, strict=True):
        assert np.array_equal(pixels, numbered(wanted)[0])
    assert left() == []


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (ends_by("SIGKILL"), r"was ended by SIGKILL, as systems do that run out of memory"),
        (ends_by("SIGBUS"), r"was ended by SIGBUS, as systems do that run out of memory"),
        (ends_by("SIGSEGV"), r"was ended by SIGSEGV"),
        (no_memory, r"failed \(MemoryError: so many bytes\)"),
        (lambda: os._exit(0), "ended with code 0"),
        (lambda: os._exit(3), "ended with code 3"),
    ],
    ids=["SIGKILL", "SIGBUS", "SIGSEGV", "MemoryError", "exit 0", "exit 3"],
)
def test_a_failure_of_a_worker_is_told_in_one_line_after_what_came_before(how, told, capfd):
    batches = decoded_by(2, fails_at(6, how), [[number] for number in range(20)])
    seen = []
    with pytest.raises(WorkerFailed, match=rf"^a process that decodes images {told}: give --workers 0, or "):
        seen.extend(number for _, beside in batches for number in beside["indices"])
    assert seen == list(range(len(seen)))
    assert len(seen) <= 6
    assert left() == []
    assert capfd.readouterr() == ("", "")


def test_a_failure_is_seen_though_another_worker_is_asked_and_never_answers():
    def decode(wanted):
        if wanted == [1]:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(600)

    with pytest.raises(WorkerFailed, match="SIGKILL"):
        next(decoded_by(2, decode, [[0], [1]]))
    assert left() == []


def test_workers_that_cannot_be_started_are_told_and_none_is_left(monkeypatch):
    pairs = iter([socket.socketpair()])

    def no_more():
        if pair := next(pairs, None):
            return pair
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(socket, "socketpair", no_more)
    with pytest.raises(
        WorkerFailed,
        match=r"process 2 of 2 for decoding images cannot be started \(too many open files\): give",
    ):
        next(decoded_by(2, numbered, [[0], [1]]))
    assert left() == []


def test_nothing_needs_shared_memory(monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(multiprocessing.synchronize.SemLock, "__init__", full)
    monkeypatch.setattr(torch.UntypedStorage, "_share_fd_cpu_", full)
    monkeypatch.setattr(torch.UntypedStorage, "_share_filename_cpu_", full)
    monkeypatch.setattr("multiprocessing.shared_memory.SharedMemory", full)
    with pytest.raises(OSError, match="No space"):
        multiprocessing.Lock()
    assert len(list(decoded_by(2, numbered, [[0], [1], [2]]))) == 3


def test_who_stops_early_leaves_no_worker_and_keyboards_do_not_reach_them():
    batches = decoded_by(2, numbered, [[number] for number in range(200)])
    next(batches)
    running = left()
    assert len(running) == 2
    for process in running:
        os.kill(process.pid, signal.SIGINT)
    assert sum(len(next(batches)[0]) for _ in range(50)) == 50
    batches.close()
    assert left() == []


def test_a_key_at_the_very_start_of_a_worker_does_not_reach_it_either(monkeypatch):
    bootstrap = multiprocessing.process.BaseProcess._bootstrap

    def struck(process, *given, **named):
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
        except KeyboardInterrupt:  # it would leave the new process running on here
            os._exit(3)
        return bootstrap(process, *given, **named)

    monkeypatch.setattr(multiprocessing.process.BaseProcess, "_bootstrap", struck)
    batches = decoded_by(2, numbered, [[number] for number in range(4)])
    assert sum(len(pixels) for pixels, _ in batches) == 4


def test_workers_end_by_themselves_when_their_parent_is_killed():
    ours, theirs = multiprocessing.Pipe(duplex=False)

    def parent():
        batches = decoded_by(2, numbered, [[number] * 20 for number in range(200)])
        next(batches)
        theirs.send([process.pid for process in multiprocessing.active_children()])
        time.sleep(600)

    process = multiprocessing.get_context("fork").Process(target=parent)
    process.start()
    pids = ours.recv()
    process.kill()
    process.join()
    until = time.monotonic() + 400
    while any(os.path.exists(f"/proc/{pid}") and _is_running(pid) for pid in pids):
        assert time.monotonic() < until
        time.sleep(0.02)
    assert len(pids) == 2


def _is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as lines:
            return lines.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_processes_pay_for_many_files_and_a_gpu(tmp_path, monkeypatch):
    Image.new("RGB", (8, 8)).save(tmp_path / "0.png")
    files, many = open_images(tmp_path), workers.MANY
    assert processes_pay(files, many, workers=3, device="cuda")
    assert not processes_pay(files, many, workers=3, device="cpu")
    assert not processes_pay(files, many, workers=2, device="cuda")
    assert not processes_pay(files, many - 1, workers=3, device="cuda")
    assert not processes_pay(Photographs(), many, workers=3, device="cuda")
    monkeypatch.setitem(multiprocessing.current_process()._config, "daemon", True)  # it may start none
    assert not processes_pay(files, many, workers=3, device="cuda")


def test_where_processes_are_not_forked_no_program_but_ours_runs_again(monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_start_method", lambda: "forkserver")
    main = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    assert workers._startable()  # a notebook
    for file, module, expected in (
        ("/home/ann/study.py", None, False),
        ("/usr/bin/zfexplore", None, True),
        ("/lib/zfexplore/__main__.py", "zfexplore.__main__", True),
        ("/lib/pytest/__main__.py", "pytest.__main__", False),
    ):
        main.__file__ = file
        main.__spec__ = None if module is None else importlib.machinery.ModuleSpec(module, None)
        assert workers._startable() is expected
