"""The map of classes: its letters, its legend, and what a click means."""

from __future__ import annotations

import pytest
from textual.app import App

from tests.support import text
from zfexplore.studies.records import Response
from zfexplore.tui.drawing.bitmap import Bitmap
from zfexplore.tui.questions import Occlusion
from zfexplore.tui.widgets.classmap import ClassMap, legend, letters_of


def view(best: list[list[int]]) -> Occlusion:
    """An occlusion of which only the classes matter."""
    nothing = Bitmap(None)
    names = {4: "face", 2: "lamp"}
    return Occlusion("", nothing, None, [], [], best, names, Response(1.0, 1.0, None, None), [], None, None)


class Map(App[None]):
    def __init__(self, best: list[list[int]]) -> None:
        super().__init__()
        self.best = best
        self.clicked: list[tuple[int, int]] = []

    def compose(self):
        shown = ClassMap()
        shown.view, shown.place = view(self.best), (0, 1)
        yield shown

    def on_class_map_clicked(self, event: ClassMap.Clicked) -> None:
        self.clicked.append(event.place)


def test_classes_have_letters_from_the_commonest_down():
    found = view([[4, 2], [2, -1]])

    assert letters_of(found.best) == {2: "a", 4: "b"}
    assert legend(found, letters_of(found.best)) == [" a 67% lamp", " b 33% face"]


def test_equals_have_letters_by_number_and_the_27th_class_has_a_star():
    many = view([[*reversed(range(27))]])
    letters = letters_of(many.best)

    assert (letters[0], letters[25], len(letters)) == ("a", "z", 26)
    assert legend(many, letters)[-1] == " * 4% 26"  # a class without a name has its number


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (22, ["  b▸a  a 50% lamp", "  a b  b 50% face"]),
        (20, ["  b▸a", "  a b", "", " a 50% lamp", " b 50% face"]),  # 14 cells beside the map
    ],
)
async def test_the_legend_stands_beside_the_map_where_there_is_room_and_else_below(width, lines):
    app = Map([[4, 2], [2, 4]])
    async with app.run_test(size=(width, 6)):
        assert [line.rstrip() for line in text(app).splitlines()][: len(lines)] == lines


async def test_places_not_visited_are_dots_and_a_net_without_classes_says_so():
    app = Map([[4, 2], [2, -1]])
    async with app.run_test(size=(30, 6)) as pilot:
        assert "  a ·" in text(app)
        app.query_one(ClassMap).view = view([])
        await pilot.pause()
        assert text(app).splitlines()[0].rstrip() == " this net has no classes"


async def test_a_click_tells_the_place_two_cells_wide_and_nothing_beside_the_map():
    app = Map([[4, 2], [2, 4]])
    async with app.run_test(size=(22, 6)) as pilot:
        for offset in [(1, 0), (4, 1), (0, 0), (5, 0), (1, 2)]:
            await pilot.click(ClassMap, offset=offset)
        await pilot.pause()

        assert app.clicked == [(0, 0), (1, 1)]
