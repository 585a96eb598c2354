"""What a row says: ratio, goals, and the numbers as text."""

from __future__ import annotations

import json

import pytest

from benchmarks.measure import Timing
from benchmarks.report import Remark, Row, amount, cells, seconds, table, times

OURS, THEIRS = Timing((0.2, 0.1, 0.3)), Timing((2.0, 2.0, 2.0))


def test_the_ratio_is_how_many_times_faster_ours_is():
    assert Row("conv5", OURS, "dense", THEIRS).ratio == pytest.approx(10.0)
    assert Row("conv5", OURS).ratio is None


@pytest.mark.parametrize(
    ("goal", "limit", "reached"),
    [(None, None, None), (10.0, None, True), (11.0, None, False), (None, 0.2, True), (10.0, 0.1, False)],
)
def test_goal_and_limit_must_both_be_met(goal, limit, reached):
    assert Row("conv5", OURS, "dense", THEIRS, goal=goal, limit=limit).reached is reached


def test_a_row_that_counts_is_written_as_a_rate():
    row = Row("training", OURS, count=64, unit="images")

    assert amount(row, row.ours) == "320 images/s ±50 %"


def test_a_row_reads_from_left_to_right():
    row = Row("conv5", OURS, "dense", THEIRS, goal=4.0, floor=0.05, note="9 images")

    assert cells(row) == (
        "conv5",
        "200 ms ±50 %",
        "2 s ±0 %\ndense",
        "10x",
        "4x\nreached",
        "50 ms",
        "9 images",
    )


def test_json_holds_every_run():
    values = json.loads(json.dumps(Row("conv5", OURS, "dense", THEIRS).to_json()))

    assert values["ours_seconds"] == [0.2, 0.1, 0.3]
    assert values["ratio"] == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("value", "text"), [(8.5e-4, "850 µs"), (0.0123, "12.3 ms"), (4.561, "4.56 s"), (185.0, "3:05")]
)
def test_times_are_written_with_three_figures(value, text):
    assert seconds(value) == text


@pytest.mark.parametrize(("ratio", "text"), [(0.966, "0.97x"), (6.12, "6.12x"), (182.4, "182x")])
def test_ratios_are_written_with_three_figures(ratio, text):
    assert times(ratio) == text


def test_remarks_stand_below_the_table():
    drawn = table("Deconvnet", [Row("conv5", OURS), Remark("no GPU here")])

    assert drawn.row_count == 1
    assert drawn.caption == "no GPU here"
