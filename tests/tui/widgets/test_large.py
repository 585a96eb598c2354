from __future__ import annotations

import numpy as np
import pytest
from textual.app import App

from tests.support import until
from zfexplore.tui.drawing.bitmap import Bitmap
from zfexplore.tui.widgets.large import LargePicture

GREEN = (0, 165, 57)  # as 0, 165, 57 is one of the 32 levels a colour has


class OnePicture(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.clicks: list[tuple[float, float]] = []

    def compose(self):
        yield LargePicture()

    def on_large_picture_clicked(self, event: LargePicture.Clicked) -> None:
        self.clicks.append((event.y, event.x))


@pytest.mark.parametrize(
    ("size", "cells"),
    [
        ((30, 10), (5, 0, 20, 10)),  # twice as many columns as rows, in the middle
        ((20, 16), (0, 3, 20, 10)),
        ((21, 10), (0, 0, 20, 10)),
    ],
)
async def test_a_picture_is_square_and_in_the_middle(size, cells):
    app = OnePicture()
    async with app.run_test(size=size) as pilot:
        picture = app.query_one(LargePicture)
        picture.bitmap = Bitmap(np.full((4, 4, 3), GREEN, np.uint8))
        await pilot.pause()
        left, top, columns, rows = cells
        for y in range(size[1]):
            colours = [style.bgcolor.triplet for text, style, _ in picture.render_line(y) for _ in text]
            inside = range(left, left + columns) if top <= y < top + rows else ()
            assert [x for x, colour in enumerate(colours) if colour == GREEN] == list(inside)


async def test_a_click_is_told_as_shares_of_the_picture_and_only_on_it():
    app = OnePicture()
    async with app.run_test(size=(30, 10)) as pilot:
        for offset in [(4, 0), (5, 0), (24, 9), (25, 9)]:  # the picture's cells are 5 to 24
            await pilot.click(LargePicture, offset=offset)
        await until(pilot, lambda: len(app.clicks) == 2)

        assert app.clicks == [(0.05, 0.025), (0.95, 0.975)]
