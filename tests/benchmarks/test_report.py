"""What a row says: ratio, goals, and the numbers as text."""

from __future__ import annotations

import json

import pytest

from benchmarks.__main__ import FOLDER, titles
from benchmarks.measure import Timing
from benchmarks.report import Remark, Row, amount, cells, markdown, seconds, table, times

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


def test_a_kept_row_is_read_back():
    row = Row("conv5", OURS, "dense", THEIRS, count=9, unit="images", goal=4.0, floor=0.05, note="here")

    assert Row.from_json(json.loads(json.dumps(row.to_json()))) == row


def test_the_table_for_the_docs_has_the_machine_and_the_rows_with_a_goal():
    machine = {"processor": "A", "system": "Linux", "cores": 2, "threads": 2, "python": "3", "torch": "2"}
    rates = {"device": "the CPU", "matmul": 2e11, "matmul_bfloat16": 4e11, "copy": 2e10}
    rows = [
        Row("conv5", OURS, "dense", THEIRS, goal=4.0, floor=0.05),
        Row("not judged", OURS),
        Remark("by the way"),
    ]
    kept = {"machine": {**machine, **rates}, "sections": {"deconv": [row.to_json() for row in rows]}}

    written = markdown(json.loads(json.dumps(kept)), {"deconv": "Nine projections"})

    assert written.splitlines()[0] == "A, 2 cores, Linux, Python 3"
    assert written.splitlines()[-2:] == [
        "| **Nine projections** | | | | | |",
        "| conv5 | 200 ms ±50 % | 2 s ±0 %, dense | 10x | 4x, reached | 50 ms |",
    ]


def test_the_page_of_speed_shows_the_kept_result():
    """If not, put into it what ``python -m benchmarks --show benchmarks/results.json`` writes."""
    kept = FOLDER / "results.json"
    if not kept.exists():
        pytest.skip("no result is kept")
    page = (FOLDER.parent / "docs" / "speed.md").read_text(encoding="utf-8")

    assert markdown(json.loads(kept.read_text()), titles()) in page


def test_remarks_stand_below_the_table():
    drawn = table("Deconvnet", [Row("conv5", OURS), Remark("no GPU here")])

    assert drawn.row_count == 1
    assert drawn.caption == "no GPU here"
