from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from zfexplore.figures.blocks import block_from, enlarged, kernel_tile, patch_tile, projection_tile
from zfexplore.figures.display import GREY, to_rgb
from zfexplore.units import Unit, Window


def test_a_block_keeps_the_order_and_cuts_out_the_windows(nine, field):
    block = block_from(Unit("conv2", 7), nine, field)
    assert block.name == "conv2:7"
    assert block.strongest == 10.0
    assert block.side == 6
    for unit, exemplar in zip(block.units, nine, strict=True):
        window = exemplar.window
        inside = exemplar.pixels[:, window.y0 : window.y1, window.x0 : window.x1]
        assert (unit.projection == inside).all()
        assert (unit.patch == exemplar.patch).all()
        assert unit.index == exemplar.place.image


def test_only_the_first_nine_are_computed(exemplar, field):
    asked = []

    def endless():
        while True:
            asked.append(len(asked))
            yield exemplar(asked[-1])

    assert len(block_from("conv2:7", endless(), field).units) == 9
    assert len(asked) == 9


def test_a_channel_that_never_fires_is_an_empty_block(field):
    block = block_from("conv2:7", [], field)
    assert block.strongest == 0.0
    assert block.rows() == []


@pytest.mark.parametrize(
    ("y", "x", "inset"),
    [(1, 1, (0, 0)), (0, 0, (1, 1)), (0, 3, (1, 0)), (3, 0, (0, 1)), (3, 3, (0, 0))],
)
def test_a_clipped_window_stands_where_its_field_would(exemplar, field, y, x, inset):
    (unit,) = block_from("conv2:7", [exemplar(y=y, x=x)], field).units
    assert (unit.top, unit.left) == inset


@pytest.mark.parametrize(("y", "x", "inset"), [(0, 0, (1, 1)), (3, 0, (0, 1)), (1, 1, (0, 0))])
def test_without_the_field_the_border_it_touches_decides(exemplar, y, x, inset):
    pair = [exemplar(0), exemplar(1, y=y, x=x)]  # the first is whole and gives the size
    assert (block_from("conv2:7", pair).units[1].top, block_from("conv2:7", pair).units[1].left) == inset


def test_a_field_larger_than_the_image_is_drawn_as_the_image(exemplar):
    wide = SimpleNamespace(size=(40, 40), jump=(16, 16), start=(-12, -12))
    block = block_from("conv5:0", [exemplar(y=0, x=0, field=wide)], wide)
    assert block.side == 16
    assert (block.units[0].top, block.units[0].left) == (0, 0)
    assert block.units[0].window == Window(0, 0, 16, 16)


def test_labels_become_class_names(exemplar, field):
    exemplars = [exemplar(rank, label=label) for rank, label in enumerate([1, None, -1, 5])]
    block = block_from("conv2:7", exemplars, field, classes=("cat", "dog"))
    assert [unit.label for unit in block.units] == ["dog", None, None, "5"]


def test_a_row_has_the_numbers_and_the_scale_of_the_display(exemplar, field):
    (row,) = block_from("conv2:7", [exemplar(y=0, x=2)], field).rows()
    inside = exemplar(y=0, x=2).pixels[:, 0:5, 7:13]
    assert row == {
        "rank": 1,
        "activation": 10.0,
        "image": 10,
        "name": "picture 0.jpg",
        "label": None,
        "y": 0,
        "x": 2,
        "y0": 0,
        "x0": 7,
        "y1": 5,
        "x1": 13,
        "scale": float(np.percentile(np.abs(inside.astype(np.float64)), 99.5)),
    }


def test_tiles_show_window_and_grey_at_the_same_places(exemplar, field):
    block = block_from("conv2:7", [exemplar(y=0, x=0)], field)
    (unit,) = block.units
    projection, patch = (
        np.asarray(draw(unit, block.side, 48)) for draw in (projection_tile, patch_tile)
    )  # 8 pixels a pixel: nearest, so values can be read back
    for picture in (projection, patch):
        assert (picture[:8] == GREY).all()
        assert (picture[:, :8] == GREY).all()
    assert (projection[12::8, 12::8] == to_rgb(unit.projection)[0]).all()
    assert (patch[12::8, 12::8] == unit.patch).all()


def test_a_tile_of_the_fields_own_size_is_exact(exemplar, field):
    block = block_from("conv2:7", [exemplar()], field)
    tile = np.asarray(projection_tile(block.units[0], block.side, 6))
    assert (tile == to_rgb(block.units[0].projection)[0]).all()


def test_an_empty_window_is_a_grey_tile(exemplar, field):
    empty = exemplar()
    empty.window, empty.crop, empty.patch = Window(0, 0, 0, 0), empty.crop[:, :0, :0], empty.image[:0, :0]
    block = block_from("conv2:7", [empty], field)
    assert (np.asarray(projection_tile(block.units[0], block.side, 20)) == GREY).all()
    assert block.units[0].scale == 0.0


def test_tiny_windows_keep_their_pixels_and_others_are_smoothed():
    checks = np.zeros((4, 4, 3), np.uint8)
    checks[::2, ::2] = 255
    assert set(np.unique(np.asarray(enlarged(checks, 32, 32)))) == {0, 255}
    assert len(np.unique(np.asarray(enlarged(checks, 20, 20)))) > 2


def test_a_kernel_is_drawn_as_it_lies_over_the_image():
    kernel = np.zeros((3, 7, 7), np.float32)
    kernel[0, 0, 6] = 1.0  # red, upper right
    picture = np.asarray(kernel_tile(kernel, 56))
    assert picture[3, 52].tolist() == [255, GREY, GREY]
    assert picture[52, 3].tolist() == [GREY, GREY, GREY]
