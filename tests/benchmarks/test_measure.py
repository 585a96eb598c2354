"""How works are timed: in turns, after one run each, long ones once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.measure import LONG, Timing, alternate

ROOT = Path(__file__).resolve().parents[2]


def counting(calls, name, seconds):
    """A work that says how long it took, so that no test depends on a clock."""

    def work():
        calls.append(name)
        return seconds

    return work


def test_works_take_turns_after_one_run_each():
    calls = []

    ours, theirs = alternate(counting(calls, "a", 1.0), counting(calls, "b", 2.0), runs=3)

    assert calls == ["a", "b"] * 4
    assert ours == Timing((1.0, 1.0, 1.0))
    assert theirs == Timing((2.0, 2.0, 2.0))


def test_a_long_work_is_run_once():
    calls = []

    short, long = alternate(counting(calls, "short", 1.0), counting(calls, "long", LONG), runs=2)

    assert calls == ["short", "long", "short", "short"]
    assert long == Timing((LONG,))
    assert len(short.seconds) == 2


def test_a_short_work_is_repeated_within_a_run():
    calls = []

    alternate(counting(calls, "a", 0.01), runs=2)

    assert len(calls) == 1 + 2 * 5


def test_the_device_is_waited_for_before_and_after_each_run():
    order = []

    alternate(counting(order, "work", 1.0), runs=1, wait=lambda: order.append("wait"))

    assert order == ["wait", "work", "wait"] * 2


def test_the_median_stands_for_the_runs_and_the_spread_is_relative():
    timing = Timing((4.0, 1.0, 2.0))

    assert timing.median == 2.0
    assert timing.spread == pytest.approx(1.5)
    assert Timing((3.0,)).spread is None


def test_the_peak_of_memory_outlives_what_was_held():
    """In a process of its own: one that has held more before, and kept it, grows by nothing."""
    code = (
        "from benchmarks.measure import begin_peak, peak_memory\n"
        "before = begin_peak()\n"
        "size = len(b'x' * int('33554432'))\n"
        "print(peak_memory() - before, size)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    grown, size = map(int, done.stdout.split())
    assert grown >= size // 2
