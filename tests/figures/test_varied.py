from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.support import moved_picture
from zfexplore.figures.occlusion import OKABE_ITO
from zfexplore.figures.text import RULE
from zfexplore.figures.varied import (
    CHART_HEIGHT,
    CHART_WIDTH,
    MANY,
    Chart,
    colours_of,
    draw_chart,
    rows_of,
    varied_figure,
)


@pytest.fixture
def found():
    return moved_picture()


def test_there_is_a_row_a_move_and_a_chart_a_stage_with_one_scale_in_all_rows(found):
    rows = rows_of([found, replace(found)])
    assert [chart.title for chart in rows[0].charts] == [
        "conv1, distance", "fc7, distance", "probability of the class",
    ]  # fmt: skip
    for row in rows:
        assert [chart.highest for chart in row.charts] == [8.0, 2.0, 1.0]
        assert all(chart.lines.shape == (2, len(chart.across)) for chart in row.charts)
    assert rows[0].charts[1].lines[1].tolist() == [1, 0, 0.5]
    assert [told for _, told in rows[0].pictures] == ["-4", "0", "4"]
    np.testing.assert_array_equal(rows[0].pictures[1][0], found.image)
    assert (rows[0].pictures[2][0][:4] == 120).all()  # four rows of grey came in from above
    without = replace(found, courses=tuple(replace(one, probability=None) for one in found.courses))
    assert [len(row.charts) for row in rows_of([without])] == [2, 2]


def test_a_line_runs_through_its_values():
    canvas = Image.new("RGB", (440, 300), "white")
    lines = np.array([[8.0, 0.0, 4.0], [0.0, 8.0, 8.0]])
    draw_chart(canvas, Chart("distance", "pixels", (-4.0, 0.0, 4.0), lines, 8.0), OKABE_ITO[:2], 80, 40)
    bottom, middle, right = 40 + CHART_HEIGHT, 80 + CHART_WIDTH // 2, 80 + CHART_WIDTH
    # Near the ends, for the axis and the rules lie on them: a quarter of the way a line of 8 to 0 is at 4.
    for place, colour in (
        ((80 + CHART_WIDTH // 4, (40 + bottom) // 2 - 1), OKABE_ITO[1]),
        ((80 + CHART_WIDTH // 8, 40 + CHART_HEIGHT // 4), OKABE_ITO[0]),
        (((middle + right) // 2, 40), OKABE_ITO[1]),
        ((right - 1, (40 + bottom) // 2), OKABE_ITO[0]),
    ):
        assert np.abs(np.subtract(canvas.getpixel(place), colour)).sum() < 40, place


def test_many_pictures_are_pale_with_their_mean(found):
    assert colours_of(MANY) == list(OKABE_ITO)
    assert colours_of(MANY + 1) == [RULE] * (MANY + 1)
    few = varied_figure(rows_of([found] * MANY), ["one"] * MANY, title="t", subtitle="s")
    many = varied_figure(rows_of([found] * (MANY + 1)), ["one"] * (MANY + 1), title="t", subtitle="s")
    assert many.width == few.width
    assert many.height < few.height  # two lines of legend in place of seven
    colours = {colour for _, colour in many.getcolors(maxcolors=1 << 20)}
    assert OKABE_ITO[0] in colours
    assert OKABE_ITO[1] not in colours
