from __future__ import annotations

from dataclasses import replace

import numpy as np
from textual.app import App

from tests.support import moved_picture, text
from zfexplore.tui.widgets.moves import MoveCharts, across, charts_of


class Charts(App[None]):
    def __init__(self, **told: object) -> None:
        super().__init__()
        self.told = told
        self.picked: list[int] = []

    def compose(self):
        charts = MoveCharts()
        for name, value in self.told.items():
            setattr(charts, name, value)
        yield charts

    def on_move_charts_picked(self, event: MoveCharts.Picked) -> None:
        self.picked.append(event.place)


async def lines_of(width: int, rows: int, **told: object) -> list[str]:
    app = Charts(**told)
    async with app.run_test(size=(width, rows)):
        return [line.rstrip() for line in text(app).splitlines()]


def test_a_chart_a_stage_and_the_probability_on_one_scale_for_all_moves():
    first, second, likely = charts_of(moved_picture(), 1)
    assert (first.values, first.highest, first.length) == ([0.0, 4.0], 8.0, 16.0)
    assert (second.values, second.highest) == ([0.0, 2.0], 2.0)
    assert (likely.name, likely.values, likely.highest) == ("face", [0.9, 0.2], 1.0)
    assert first.told(1) == "conv1: distance 4.00, 25% of its length"
    assert likely.told(1) == "face: 20.0%"


def test_nothing_that_moves_and_a_vector_of_no_length_are_no_division_by_zero():
    found = moved_picture()
    course = replace(found.courses[0], distance=np.zeros((3, 2)), probability=None)
    first, _ = charts_of(replace(found, courses=(course,), norm=np.zeros(2)), 0)
    assert (first.highest, first.told(0)) == (1.0, "conv1: distance 0.00")
    assert [across((-4, 0, 4), amount) for amount in (-4, 0, 4)] == [0, 0.5, 1]
    assert across((2.0,), 2.0) == 0


async def test_lines_stand_above_each_other_on_one_axis_with_the_cursor_through_all():
    lines = await lines_of(40, 16, view=moved_picture(), kind=0, place=1)
    assert lines[0] == "conv1: distance 0.00, 0% of its length"
    assert lines[5] == "fc7: distance 0.00, 0% of its length"
    assert lines[10] == "face: 90.0%"
    assert lines[1].lstrip().startswith("8.00")
    assert lines[15] == "        -4        pixels down         4"
    column = lines[2].index("│")
    assert column == 8 + 31 // 2
    assert [line[column : column + 1] for line in lines].count("│") > 4  # but where the lines are


async def test_plain_ascii_where_there_is_no_braille():
    lines = await lines_of(40, 16, view=moved_picture(), kind=0, place=1, braille=False)
    assert all(letter.isascii() for line in lines for letter in line)
    assert any("|" in line for line in lines)


async def test_a_click_goes_to_the_nearest_amount():
    app = Charts(view=moved_picture(), kind=0, place=1)
    async with app.run_test(size=(40, 16)) as pilot:
        await pilot.click(MoveCharts, offset=(8, 3))
        await pilot.click(MoveCharts, offset=(37, 3))
        await pilot.click(MoveCharts, offset=(2, 3))  # on the scale
        await pilot.pause()
        assert app.picked == [0, 2]
