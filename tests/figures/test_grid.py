from __future__ import annotations

import numpy as np
import pytest

from zfexplore.errors import ExploreError
from zfexplore.figures.blocks import block_from, patch_tile, projection_tile
from zfexplore.figures.grid import BETWEEN_HALVES, FRAME, GAP, Page, step_of
from zfexplore.figures.text import EMPTY, MARGIN, PAPER, width
from zfexplore.progress import Finished, Progress, finish

TILE = 48


@pytest.fixture
def block(nine, field):
    return block_from("conv2:7", nine, field)


def tile_at(page, half, rank, tile=TILE):
    """The pixels of the rank-th tile in the left (0) or right (1) half of a page's only block."""
    half_width = 3 * step_of(tile) - GAP
    row, column = divmod(rank, 3)
    x = MARGIN + half * (half_width + BETWEEN_HALVES)
    left = x + FRAME + column * step_of(tile)
    top = page.height - MARGIN - half_width + FRAME + row * step_of(tile)
    return np.asarray(page.crop((left, top, left + tile, top + tile)))


@pytest.mark.parametrize("rank", range(9))
def test_every_projection_stands_beside_its_own_patch(block, rank, grid_figure):
    page = grid_figure([block], tile=TILE)
    unit = block.units[rank]
    assert (tile_at(page, 0, rank) == np.asarray(projection_tile(unit, block.side, TILE))).all()
    assert (tile_at(page, 1, rank) == np.asarray(patch_tile(unit, block.side, TILE))).all()


def test_a_channel_that_stands_for_a_class_bears_its_name(nine, field, grid_figure):
    plain, named, long = (
        np.asarray(grid_figure([block_from("fc8:7", nine, field, class_name=name)], tile=TILE))
        for name in (None, "anchor", "a class of a name that no block is wide enough for")
    )
    rows, columns = np.nonzero((plain != named).any(2))
    assert rows.max() < len(plain) - MARGIN - 3 * step_of(TILE)  # in the caption, and nowhere else
    assert columns.min() > MARGIN + width("fc8:7", 11)
    rows, columns = np.nonzero((plain != long).any(2))
    assert rows.max() < len(plain) - MARGIN - 3 * step_of(TILE)
    maximum = "max " + f"{max(exemplar.activation for exemplar in nine):.4g}"
    assert columns.max() < plain.shape[1] - MARGIN - width(maximum, 11)  # it leaves the maximum alone


def test_places_without_a_unit_stay_empty(nine, field, grid_figure):
    page = grid_figure([block_from("conv2:7", nine[:4], field)], tile=TILE)
    for half in (0, 1):
        assert (tile_at(page, half, 4) == EMPTY).all()
        assert not (tile_at(page, half, 3) == EMPTY).all()


def test_a_page_is_filled_block_by_block_and_reports(block, grid_figure):
    page = Page(3, tile=16, columns=2)
    events = list(page.fill([block, block, block], "drawing conv2"))
    assert isinstance(events[-1], Finished)
    last = [event for event in events if isinstance(event, Progress)][-1]
    assert (last.task, last.done, last.total, last.unit) == ("drawing conv2", 3, 3, "channels")
    assert events[-1].result.size == grid_figure([block] * 3, tile=16, columns=2).size


def test_the_progress_of_the_blocks_is_handed_on_and_counts_as_no_block(block):
    told = Progress("projecting", 1, 2, 1.0, 1.0, "projections")
    page = Page(1, tile=16)
    assert told in list(page.fill(iter([told, block])))
    assert page.drawn == 1


def test_a_page_left_halfway_keeps_whole_rows_so_far(block, grid_figure):
    page = Page(40, tile=16, columns=2)
    for _ in range(3):
        page.add(block)
    assert page.drawn == 3
    assert page.image.size == grid_figure([block] * 3, tile=16, columns=2).size
    assert (np.asarray(page.image)[:2] == PAPER).all()


def test_a_full_page_is_not_copied(block):
    page = Page(1, tile=16)
    assert page.image is not page.image
    page.add(block)
    assert page.image is page.image
    assert page.image.size == page.size


def test_the_whole_page_equals_blocks_drawn_at_once(block, grid_figure):
    drawn = finish(Page(2, tile=16).fill(iter([block, block])))
    assert drawn.tobytes() == grid_figure([block, block], tile=16).tobytes()


@pytest.mark.parametrize("count", [1, 4, 9, 16, 96, 256])
def test_pages_come_out_near_three_to_two(count):
    page = Page(count, tile=16)
    assert 0.8 < page.image.width / Page(count, tile=16)._size(count)[1] < 2.6


def test_a_dead_channel_is_drawn_and_named(field, grid_figure):
    page = grid_figure([block_from("conv2:7", [], field)], tile=TILE)
    assert (tile_at(page, 0, 0) == EMPTY).all()


def test_no_channels_make_an_empty_page(grid_figure):
    assert grid_figure([]).size > (0, 0)


def test_title_and_subtitle_make_room(block, grid_figure):
    plain, titled = (
        grid_figure([block], tile=16),
        grid_figure([block], tile=16, title="conv2", subtitle="x" * 999),
    )
    assert titled.height > plain.height
    assert titled.width == plain.width


@pytest.mark.parametrize("tile", [0, 15, 513])
def test_an_absurd_tile_is_refused(tile):
    with pytest.raises(ExploreError, match=f"a tile of {tile} pixels"):
        Page(9, tile=tile)


def test_a_page_too_large_to_open_is_refused_before_any_work():
    with pytest.raises(ExploreError, match="choose fewer channels") as caught:
        Page(4096, tile=112)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tile": "a"}, "a tile must be a whole number, not 'a'"),
        ({"tile": 20.5}, "a tile must be a whole number, not 20.5"),
        ({"columns": "a"}, "the columns must be a whole number, not 'a'"),
        ({"columns": 0}, "the columns must be at least 1, not 0"),
    ],
)
def test_what_is_no_number_is_refused(options, message):
    with pytest.raises(ExploreError, match=message):
        Page(4, **options)
