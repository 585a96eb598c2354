"""Locks made of pipes: so many may pass, in this process and in others."""

from __future__ import annotations

import multiprocessing
import os
import signal

import pytest

from zfexplore.images import tokens


def test_so_many_may_hold_it_at_a_time():
    semaphore = tokens.Semaphore(2)
    assert [semaphore.acquire(False) for _ in range(3)] == [True, True, False]
    semaphore.release()
    assert semaphore.acquire()
    assert not semaphore.acquire(False)


def test_another_process_waits_for_it_and_none_waits_for_the_dead():
    lock, got = tokens.Lock(), multiprocessing.Pipe(duplex=False)
    fork = multiprocessing.get_context("fork")

    def wait_for_it():
        lock.acquire()
        got[1].send("got it")
        with pytest.raises(EOFError, match="the process that asked for the images has ended"):
            lock.acquire()

    def middle():
        child = fork.Process(target=wait_for_it)
        child.start()
        got[1].send(child.pid)
        child.join()

    with lock:
        process = fork.Process(target=middle)
        process.start()
        assert got[0].recv() > 0
        assert not got[0].poll(0.1)
    assert got[0].recv() == "got it"  # and waits for a second one, which never comes
    got[1].close()
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with pytest.raises(EOFError):  # all that held the other end have ended
        got[0].recv()
