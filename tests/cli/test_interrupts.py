"""Ctrl-C does not strike between two lines of a lock, and is not lost either."""

from __future__ import annotations

import functools
import signal
import subprocess
import sys
import threading
import time

import pytest

from zfexplore.cli.interrupts import interrupt_safely

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no timer")
INT = signal.SIGINT


@pytest.fixture
def handled():
    before = {number: signal.getsignal(number) for number in (INT, signal.SIGALRM)}
    signal.signal(INT, signal.default_int_handler)
    interrupt_safely()
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        signal.signal(number, handler)


def struck_inside(module):
    """Strike in a function of ``module``, and give the lines that were reached before the interrupt."""
    scope = {"__name__": module, "reached": [], "strike": functools.partial(signal.raise_signal, INT)}
    exec("def lines():\n    reached.append(1)\n    strike()\n    reached.append(2)\n", scope)

    def run():
        scope["lines"]()
        scope["reached"].append("left")
        time.sleep(30)

    with pytest.raises(KeyboardInterrupt):
        run()
    return scope["reached"]


@pytest.mark.parametrize("module", ["threading", "concurrent.futures.thread", "multiprocessing.queues"])
def test_a_strike_among_the_lines_of_a_lock_comes_after_them(handled, module):
    began = time.monotonic()
    assert struck_inside(module) == [1, 2, "left"]
    assert time.monotonic() - began < 10  # and not at the end of the sleep


@pytest.mark.parametrize("module", ["zfexplore.atlas.reading", "threadings"])
def test_elsewhere_it_strikes_at_once(handled, module):
    assert struck_inside(module) == [1]


def test_it_strikes_where_the_main_thread_waits_for_a_lock(handled):
    never = threading.Event()
    threading.Timer(0.2, signal.pthread_kill, [threading.main_thread().ident, INT]).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        never.wait(30)
    assert time.monotonic() - began < 10
    with never._cond:  # the lock was given back
        pass


def test_it_strikes_in_the_end_where_such_code_goes_on_and_on(handled):
    scope = {"__name__": "queue", "strike": functools.partial(signal.raise_signal, INT)}
    exec("def lines():\n    strike()\n    while True:\n        sum(range(50))\n", scope)
    with pytest.raises(KeyboardInterrupt):
        scope["lines"]()


def test_who_ignores_ctrl_c_goes_on_ignoring_it():
    before = signal.signal(INT, signal.SIG_IGN)
    try:
        interrupt_safely()
        assert signal.getsignal(INT) is signal.SIG_IGN
    finally:
        signal.signal(INT, before)


STRUCK = """
import random, signal
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from zfexplore.cli.interrupts import interrupt_safely

def work():
    pool, waiting = ThreadPoolExecutor(4), deque()
    try:
        while True:
            waiting.append(pool.submit(abs, 1))
            if len(waiting) > 6:
                waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)

interrupt_safely()
chance = random.Random(17)
for _ in range(60):
    signal.setitimer(signal.ITIMER_REAL, 0.0005 + chance.random() / 500)
    try:
        work()
    except KeyboardInterrupt:
        pass
print("every strike ended the work")
"""


def test_sixty_strikes_at_threads_at_work_end_them_each_time():
    done = subprocess.run([sys.executable, "-c", STRUCK], capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr) == ("every strike ended the work\n", "")
