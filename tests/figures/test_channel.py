from __future__ import annotations

import numpy as np
from PIL import Image

from zfexplore.figures.blocks import block_from
from zfexplore.figures.channel import BOX, boxed, channel_figure
from zfexplore.units import Window


def test_the_box_is_the_window(exemplar):
    grey = Image.new("RGB", (160, 160), (90, 90, 90))
    picture = np.asarray(boxed(grey, Window(2, 4, 9, 12), 10.0))
    changed = np.argwhere((picture != 90).any(axis=2))
    assert changed.min(axis=0).tolist() == [20, 40]
    assert changed.max(axis=0).tolist() == [89, 119]
    assert picture[21, 60].tolist() == list(BOX[1])
    assert (picture[30:80, 50:110] == 90).all()  # nothing is drawn on what the unit saw


def test_a_tiny_window_can_be_boxed():
    picture = boxed(Image.new("RGB", (20, 20)), Window(3, 3, 4, 4), 1.0)
    assert picture.size == (20, 20)


def test_the_figure_has_room_for_nine_whatever_there_is(nine, field):
    full = channel_figure(block_from("conv2:7", nine, field), tile=40, title="conv2:7")
    few = channel_figure(block_from("conv2:7", nine[:2], field), tile=40, title="conv2:7")
    none = channel_figure(block_from("conv2:7", [], field), tile=40, title="conv2:7")
    assert full.size == few.size == none.size
    assert full.tobytes() != few.tobytes() != none.tobytes()
