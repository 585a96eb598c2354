from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from zfexplore.errors import ExploreError
from zfexplore.figures.blocks import block_from, kernel_tile
from zfexplore.figures.grid import FRAME, GAP, Page, step_of
from zfexplore.figures.sheet import NUMBER_ROOM, check_sheet, kernel_sheet, sheet
from zfexplore.figures.text import FAINT, MARGIN, PAPER, write


def test_figures_stand_row_by_row():
    colours = [(10 * index, 0, 0) for index in range(1, 6)]
    figures = [Image.new("RGB", (30, 20), colour) for colour in colours]
    whole = sheet(figures, columns=2)
    assert whole.size == (60, 60)
    assert whole.getpixel((5, 5)) == colours[0]
    assert whole.getpixel((35, 5)) == colours[1]
    assert whole.getpixel((5, 45)) == colours[4]
    assert whole.getpixel((35, 45)) == (255, 255, 255)


def test_a_single_figure_needs_no_second_column():
    assert sheet([Image.new("RGB", (30, 20))], title="one").width == 30


def test_pages_too_large_together_are_refused(monkeypatch):
    pages = [Page(2, tile=16), Page(1, tile=16)]
    together = sum(page.size[0] * page.size[1] for page in pages)
    monkeypatch.setattr("zfexplore.figures.sheet.MOST_PIXELS", together)
    check_sheet(pages)
    monkeypatch.setattr("zfexplore.figures.sheet.MOST_PIXELS", together - 1)
    with pytest.raises(ExploreError, match="^3 channels and more .* choose fewer channels") as refused:
        check_sheet(pages)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("count", [1, 16, 96])
def test_kernels_come_in_the_order_of_their_channels(count):
    kernels = np.random.default_rng(0).normal(size=(count, 3, 7, 7)).astype(np.float32)
    columns = min(16, count)
    tile = 42  # 6 x 7, so that every pixel of a kernel is a square of six
    picture = kernel_sheet(kernels, 2 * MARGIN + columns * step_of(tile) - GAP)
    row, column = divmod(count - 1, columns)
    left, top = MARGIN + column * step_of(tile) + FRAME, row * (step_of(tile) + NUMBER_ROOM) + FRAME
    last = picture.crop((left, top, left + tile, top + tile))
    assert last.tobytes() == kernel_tile(kernels[-1], tile).tobytes()


def test_below_each_kernel_stands_its_number():
    kernels = np.zeros((2, 3, 7, 7), np.float32)
    tile = 42
    picture = kernel_sheet(kernels, 2 * MARGIN + 2 * step_of(tile) - GAP)
    number = Image.new("RGB", (tile, NUMBER_ROOM), PAPER)
    write(
        ImageDraw.Draw(number),
        (step_of(tile) // 2 - FRAME, NUMBER_ROOM - 3),
        "1",
        11,
        colour=FAINT,
        anchor="ms",
    )
    left, top = MARGIN + step_of(tile) + FRAME, step_of(tile) - GAP
    below = picture.crop((left, top, left + tile, top + NUMBER_ROOM))
    assert below.tobytes() == number.tobytes()


def test_a_block_with_a_kernel_shows_it_in_place_of_projections(nine, field, grid_figure):
    kernel = np.ones((3, 7, 7), np.float32)
    with_kernel = grid_figure([block_from("conv1:7", nine, field, kernel=kernel)], tile=48)
    without = grid_figure([block_from("conv1:7", nine, field)], tile=48)
    middle = with_kernel.width // 2
    assert with_kernel.getpixel((middle - 40, 150)) == (255, 255, 255)
    right = (middle + 10, 0, with_kernel.width, with_kernel.height)
    assert with_kernel.crop(right).tobytes() == without.crop(right).tobytes()
