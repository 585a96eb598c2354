"""Real pixels: never asked for without a terminal; in the large view, square and centred."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest
from textual.app import App
from textual.widget import Widget

from zfexplore.figures.channel import BOX
from zfexplore.tui.drawing.bitmap import Bitmap
from zfexplore.tui.drawing.pixels import (
    PixelPicture,
    cell_size,
    colours_first,
    enlarged_square,
    pixel_widget,
)
from zfexplore.tui.identity import Terminal
from zfexplore.units import Window


class Canvas(Widget):
    """Takes a picture as the widgets of textual-image do."""

    image = None


class OnePicture(App[None]):
    cell = (10, 20)

    def compose(self):
        yield PixelPicture(Canvas, lambda: self.cell, id="picture")


def test_without_graphics_or_a_known_terminal_there_is_no_widget():
    assert pixel_widget(Terminal()) is None
    assert pixel_widget(Terminal("foot", (1, 20))) is None


def test_textual_image_is_imported_without_asking_and_learns_the_cell(monkeypatch):
    pytest.importorskip("textual_image")
    terminal, ours = os.openpty()
    with os.fdopen(os.dup(ours), "w") as stdout:
        monkeypatch.setattr(sys, "__stdout__", stdout)
        kind = pixel_widget(Terminal("xterm", (379,), "sixel", (8, 17)))
        cell = cell_size()
        monkeypatch.undo()
    os.write(ours, b"end")
    asked = os.read(terminal, 1000).decode()
    os.close(terminal)
    os.close(ours)

    assert kind is not None
    assert kind.__mro__[1].__module__ == "textual_image.widget.sixel"
    assert cell == (8, 17)
    assert asked == "end"
    assert pixel_widget(Terminal("kitty", (0, 41), "kitty")).__module__ == "textual_image.widget"


def test_colours_are_told_before_the_first_is_used():
    sixels = '\x1bP0;0;0q"1;1;4;12#0;2;10;20;30!4~$#1;2;0;0;0?@-#0!4~#1@-\x1b\\'

    assert colours_first(sixels) == ('\x1bP0;0;0q"1;1;4;12#0;2;10;20;30#1;2;0;0;0#0!4~$#1?@-#0!4~#1@-\x1b\\')


async def test_a_picture_is_as_large_as_the_pane_less_a_row_square_and_changes():
    app = OnePicture()
    async with app.run_test(size=(80, 24)) as pilot:
        picture = app.query_one(PixelPicture)
        canvas = app.query_one(Canvas)
        picture.bitmap = Bitmap(np.full((20, 20, 3), (0, 160, 60), np.uint8))
        await pilot.pause()
        assert canvas.image.size == (460, 460)  # 23 rows of 20 pixels
        assert canvas.image.getpixel((230, 230)) == (0, 160, 60)
        assert canvas.region.size == (46, 23)
        assert canvas.region.x == 17

        await pilot.resize_terminal(30, 24)
        await pilot.pause()
        assert canvas.image.size == (300, 300)


async def test_a_picture_stays_square_where_cells_do_not_divide_it_and_follows_the_font():
    app = OnePicture()
    app.cell = (7, 15)
    async with app.run_test(size=(80, 24)) as pilot:
        app.query_one(PixelPicture).bitmap = Bitmap(np.full((20, 20, 3), 255, np.uint8))
        await pilot.pause()
        canvas = app.query_one(Canvas)
        white = np.asarray(canvas.image)[..., 0] == 255
        assert canvas.image.size == (50 * 7, 23 * 15)
        assert white.any(axis=0).sum() == white.any(axis=1).sum() == 345  # 23 rows of 15 pixels

        app.cell = (14, 30)
        await pilot.resize_terminal(40, 12)
        await pilot.pause()
        assert canvas.image.size == (24 * 14, 11 * 30)


def test_a_box_is_drawn_on_the_picture_and_not_on_its_pixels():
    pixels = np.full((64, 64, 3), 90, np.uint8)
    picture = np.asarray(enlarged_square(Bitmap(pixels, box=Window(16, 16, 48, 48)), 64))

    assert tuple(picture[17, 32]) == BOX[1]
    assert tuple(picture[32, 32]) == (90, 90, 90)
    assert (pixels == 90).all()


def test_signed_values_are_shown_about_mid_grey():
    values = np.zeros((4, 4, 3), np.float32)
    values[0, 0], values[3, 3] = 2.0, -2.0

    picture = np.asarray(enlarged_square(Bitmap(values), 40))

    np.testing.assert_array_equal(picture[20, 20], (128, 128, 128))
    assert picture[2, 2].min() > 250
    assert picture[38, 38].max() < 5
