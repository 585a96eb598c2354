from __future__ import annotations

from zfexplore import progress
from zfexplore.progress import Finished, Meter, Note, finish


class Clock:
    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(progress.time, "monotonic", lambda: self.now)


def test_a_meter_speaks_at_most_ten_times_a_second(monkeypatch):
    clock = Clock(monkeypatch)
    meter = Meter("index", 1000)
    spoken = 0
    for _ in range(200):
        clock.now += 0.01
        spoken += meter.tick() is not None
    assert 19 <= spoken <= 21


def test_rate_and_time_left_count_only_what_was_done_since_the_start(monkeypatch):
    clock = Clock(monkeypatch)
    meter = Meter("index", 300, done=100)
    clock.now += 10
    event = meter.tick(50, "reading")
    assert event is not None
    assert (event.done, event.rate, event.seconds_left, event.note) == (150, 5.0, 30.0, "reading")


def test_the_last_tick_always_speaks(monkeypatch):
    Clock(monkeypatch)
    meter = Meter("index", 2)
    assert meter.tick() is not None
    last = meter.tick()
    assert last is not None
    assert last.done == last.total == 2


def test_without_a_total_no_time_is_promised(monkeypatch):
    clock = Clock(monkeypatch)
    meter = Meter("read")
    clock.now += 1
    event = meter.tick(3)
    assert event is not None
    assert event.seconds_left is None


def test_finish_gives_the_result_of_long_work():
    assert finish(iter([Note("a"), Finished(7)])) == 7
