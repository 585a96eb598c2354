"""The start that puts the choice between the two methods right most often."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from benchmarks.choice import Case, best_start


def case(rows: int, windowed: float, dense: float) -> Case:
    request: Any = SimpleNamespace(rows=rows)
    return Case(request, windowed, dense)


def windowed_from(case: Case, start: float) -> str:
    """As a choice does it: the more starts cost, the more rows it takes before the windows are worth them."""
    request: Any = case.request
    return "windowed" if request.rows > start else "dense"


def test_the_start_is_the_middle_of_those_that_are_right_most_often() -> None:
    cases = [case(1, 2.0, 1.0), case(9, 2.0, 1.0), case(64, 1.0, 2.0), case(512, 1.0, 5.0)]
    assert best_start(cases, windowed_from, range(1, 101)) == (9 + 55 // 2, 4)


def test_of_equals_the_one_that_loses_least_time_counts() -> None:
    # Whatever the start, one of the two is wrong: 9 rows lose nine seconds, 64 rows one.
    cases = [case(9, 1.0, 10.0), case(64, 3.0, 2.0)]
    assert best_start(cases, windowed_from, [0, 20, 100]) == (0, 1)
