from __future__ import annotations

import pytest
from textual.app import App

from zfexplore.tui.messages import PlaceRow
from zfexplore.tui.widgets.top import TopList, bare_name

NAME = "dalmatian/n02110341-0123456789abcdef41d8.webp"


class Table(App[None]):
    def compose(self):
        yield TopList()


@pytest.mark.parametrize(
    ("width", "label", "line"),
    [
        (60, "dalmatian", "1   21.4 3,12    dalmatian        …23456789abcdef41d8.webp"),
        (36, "dalmatian", "1   21.4 3,12    dalmatian"),
        (36, "", "1   21.4 3,12    …9abcdef41d8.webp"),
    ],
)
async def test_a_name_is_cut_at_its_front_and_the_class_stands_where_there_is_room_for_one(
    width, label, line
):
    app = Table()
    async with app.run_test(size=(width, 12)) as pilot:
        app.query_one(TopList).places = (PlaceRow(0, 21.43, NAME, label, 3, 12),)
        await pilot.pause()
        shown = app.screen._compositor.render_strips(app.size)[1].text

        assert line in shown


def test_a_name_without_its_class_is_left_as_it_is():
    assert bare_name("face/1.png", "face") == "1.png"
    assert bare_name("face/1.png", "") == "face/1.png"
    assert bare_name("1.png", "face") == "1.png"
