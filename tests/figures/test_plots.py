from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zfexplore.figures.plots import BLUE, CHARTS, Chart, Curve, curves, line_chart, points, ticks

LOSS = Curve("training", "loss", BLUE)
RECORDS = [
    {
        "epoch": epoch,
        "loss": 5 / epoch,
        "held_out_loss": 6 / epoch,
        "top1": epoch / 10,
        "top5": 0.9,
        "lr": 10.0**-epoch,
    }
    for epoch in range(1, 6)
]


def test_points_take_what_is_there():
    records = [
        {"epoch": 1, "loss": 4.0},
        {"epoch": 2},
        {"epoch": 3, "loss": 2.0},
        {"epoch": 4, "loss": None},
        {"epoch": 5, "loss": math.nan},
        {"loss": 1.0},
        {"epoch": True, "loss": 1.0},
    ]
    assert points(records, LOSS) == [(1.0, 4.0), (3.0, 2.0)]
    assert points(records[:1], LOSS, 100.0) == [(1.0, 400.0)]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 6, [0, 1, 2, 3, 4, 5, 6]),
        (0, 100, [0, 20, 40, 60, 80, 100]),
        (1, 20, [5, 10, 15, 20]),
        (0, 0.9, [0, 0.2, 0.4, 0.6, 0.8]),
        (3, 3, [3]),
    ],
)
def test_ticks_are_round(low, high, expected):
    assert ticks(low, high) == expected


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_lie_inside_and_are_few(low, extent):
    found = ticks(low, low + extent)
    slack = 1e-6 * max(extent, 1)
    assert len(found) <= 8
    assert all(low - slack <= tick <= low + extent + slack for tick in found)


def test_curves_draw_every_line_in_its_colour():
    picture = curves(RECORDS, title="a run")
    colours = {colour for _, colour in picture.getcolors(maxcolors=1 << 20)}
    assert {line.colour for chart in CHARTS for line in chart.curves} <= colours


@pytest.mark.parametrize(
    "records",
    [
        [],
        [{}],
        [{"epoch": 1, "loss": 2.0}],
        [
            {"epoch": 1, "loss": 0.0, "top1": 0.0, "lr": 0.0},
            {"epoch": 2, "loss": 0.0, "top1": 0.0, "lr": 0.0},
        ],
        [
            {"epoch": 1, "loss": -1.0, "top1": 1.0, "lr": 0.01},
            {"epoch": 2, "loss": -3.0, "top1": 1.0, "lr": 0.01},
        ],
        [{"epoch": epoch, "loss": 1e-9 * epoch, "lr": 10.0 ** (-3 * epoch)} for epoch in range(1, 200)],
    ],
)
def test_odd_records_are_drawn_all_the_same(records):
    assert curves(records).size == curves(RECORDS).size


@pytest.mark.parametrize("key", ["loss", "top1", "lr", "epoch"])
@pytest.mark.parametrize("value", [1.79e308, -1.79e308, 1e300, 5e-324, -1.0, 0.0, 2**53])
def test_no_number_is_too_large_or_too_small_for_a_chart(monkeypatch, key, value):
    monkeypatch.setattr("zfexplore.figures.plots.FINE", 1)
    curves([{"epoch": 1, "loss": value, key: value}])
    curves([{"epoch": 1, "loss": 1.0}, {"epoch": 2, "loss": 2.0, key: value}])
    assert points([{"epoch": 1, "loss": value}], LOSS) == (
        [] if abs(value) > 1e15 else [(1.0, 0.0 if value == 5e-324 else value)]
    )


def test_a_chart_alone_names_all_its_curves_below_it():
    colours = [(200, 10 * number, 0) for number in range(9)]
    named = tuple(Curve(f"conv{number}", str(number), colour) for number, colour in enumerate(colours))
    records = [{"epoch": epoch} | {str(number): number / 9 for number in range(9)} for epoch in (1, 2)]
    image = line_chart(Chart("like the last", named), records)
    one = line_chart(Chart("like the last", named[:1]), records)
    assert image.width == one.width
    assert image.height > one.height  # a second line of names
    below = image.crop((0, one.height - 40, *image.size))
    assert set(colours) <= {colour for _, colour in below.getcolors(2**20)}
