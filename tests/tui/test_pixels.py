"""Real pixels: never asked for without a terminal; in the large view, square and centred."""

from __future__ import annotations

import numpy as np
import pytest
from textual.app import App
from textual.widget import Widget

from zfexplore.tui.messages import Bitmap
from zfexplore.tui.pixels import PixelPicture, enlarged_square, find_pixels


class Canvas(Widget):
    """Takes a picture as the widgets of textual-image do."""

    image = None


class OnePicture(App[None]):
    def compose(self):
        yield PixelPicture(Canvas, (10, 20), id="picture")


def test_without_a_terminal_nothing_is_asked():
    assert find_pixels() is None


@pytest.mark.parametrize("variable", [("TERM", "screen-256color"), ("NO_COLOR", "1")])
def test_terminals_that_cannot_answer_are_not_asked(monkeypatch, variable):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr("zfexplore.tui.pixels.find_spec", lambda name: True)
    monkeypatch.setenv("TERM", "xterm-kitty")
    monkeypatch.setenv(*variable)
    monkeypatch.setitem(__import__("sys").modules, "textual_image.renderable", None)

    assert find_pixels() is None


async def test_a_picture_is_as_large_as_the_pane_square_and_changes():
    app = OnePicture()
    async with app.run_test(size=(80, 24)) as pilot:
        picture = app.query_one(PixelPicture)
        canvas = app.query_one(Canvas)
        picture.bitmap = Bitmap(np.full((20, 20, 3), (0, 160, 60), np.uint8))
        await pilot.pause()
        assert canvas.image.size == (480, 480)  # 24 rows of 20 pixels
        assert canvas.image.getpixel((240, 240)) == (0, 160, 60)
        assert canvas.region.size == (48, 24)
        assert canvas.region.x == 16

        await pilot.resize_terminal(30, 24)
        await pilot.pause()
        assert canvas.image.size == (300, 300)


def test_signed_values_are_shown_about_mid_grey():
    values = np.zeros((4, 4, 3), np.float32)
    values[0, 0], values[3, 3] = 2.0, -2.0

    picture = np.asarray(enlarged_square(Bitmap(values), 40))

    np.testing.assert_array_equal(picture[20, 20], (128, 128, 128))
    assert picture[2, 2].min() > 250
    assert picture[38, 38].max() < 5
