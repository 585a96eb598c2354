from __future__ import annotations

import pytest

from zfexplore.tui.garbage import Garbage

YOUNG, ALL = 1, 2


@pytest.fixture
def collected(monkeypatch) -> list[tuple[float, int]]:
    """When what was collected, by a clock that ``walk`` sets."""
    seen = []
    monkeypatch.setattr("zfexplore.tui.garbage.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("zfexplore.tui.garbage.gc.collect", lambda what=ALL: seen.append((clock[0], what)))
    clock[0] = 0.0
    return seen


clock = [0.0]


def look(garbage: Garbage, seconds: range, generation: int | None = None) -> None:
    for second in seconds:
        clock[0] = float(second)
        garbage.look(second if generation is None else generation)


def test_what_is_young_goes_now_and_then_while_keys_never_end(collected):
    look(Garbage(), range(1, 61))  # a step to another channel before each look

    assert collected == [(21.0, YOUNG), (42.0, YOUNG)]


def test_at_rest_what_is_young_goes_once_and_all_once_after_a_longer_rest(collected):
    garbage = Garbage()
    look(garbage, range(1, 11))
    look(garbage, range(11, 120), generation=10)

    assert collected == [(11.0, YOUNG), (20.0, ALL)]


def test_all_goes_at_a_short_rest_where_there_was_no_longer_one(collected):
    garbage = Garbage()
    look(garbage, range(1, 302))
    collected.clear()
    look(garbage, range(302, 305), generation=301)

    assert collected == [(302.0, ALL)]
