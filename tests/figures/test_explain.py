from __future__ import annotations

import numpy as np
import pytest

from zfexplore.errors import ExploreError
from zfexplore.figures.blocks import ChannelBlock, block_from
from zfexplore.figures.explain import BAR, PICTURE, ExcitedChannel, explain_figure, in_per_cent
from zfexplore.figures.grid import FRAME
from zfexplore.figures.text import INK, MARGIN, PAPER

IMAGE = np.full((20, 40, 3), (0, 0, 200), np.uint8)  # twice as wide as high


@pytest.fixture
def channel(exemplar, field):
    def make(rank=0, *, strongest=True, **options):
        own = block_from("conv2:7", [exemplar(rank)], field)
        other = block_from("conv2:7", [exemplar(rank + 1)], field) if strongest else ChannelBlock("x", 6, ())
        return ExcitedChannel(own, other, "above 99.1% of images", **options)

    return make


def frames(pixels: np.ndarray, tile: int) -> int:
    """Count the tiles of this size: columns of ink just as long as a frame's side, two a tile."""
    found = 0
    for column in (pixels == INK).all(2).T:
        edges = np.flatnonzero(np.diff(np.r_[0, column.astype(int), 0]))
        found += int((edges[1::2] - edges[::2] == tile + 2 * FRAME).sum())
    return found // 2


def test_the_picture_stands_at_the_left_whole_and_each_channel_has_four_tiles(channel):
    figure = np.asarray(explain_figure(IMAGE, [], [channel(0), channel(2), channel(4)], tile=41))
    assert frames(figure, 41) == 12
    blue = np.argwhere((figure == (0, 0, 200)).all(2))
    assert (blue.max(0) - blue.min(0) + 1).tolist() == [PICTURE // 2, PICTURE]


def test_a_classs_bar_is_as_long_as_it_is_probable():
    figure = np.asarray(explain_figure(IMAGE, [("cat", 0.75), ("dog", 0.25), ("emu", 0.0)], []))
    rows = (figure == BAR).all(2)
    lengths = [int(row.sum()) for row in rows if row.any()]
    assert sorted(set(lengths)) == [PICTURE // 4 + 1, 3 * PICTURE // 4 + 1]
    assert [in_per_cent(value) for value in (0.7512, 0.0005, 0.0)] == ["75.1%", "0.1%", "<0.1%"]


@pytest.mark.parametrize("count", [0, 1, 20])
def test_nothing_reaches_into_the_margins(channel, count):
    channels = [channel(rank, class_name="a class with quite a long name " * 4) for rank in range(count)]
    figure = np.asarray(
        explain_figure(
            IMAGE,
            [("a class of a very long name " * 5, 0.5)],
            channels,
            tile=30,
            title="x" * 300,
            seen="8 x 4",
        )
    )
    written = np.argwhere((figure != PAPER).any(2))
    spare = MARGIN - 2  # a letter may lean out of its place by a pixel
    assert (written.min(0) >= spare).all()
    assert (np.array(figure.shape[:2]) - written.max(0) > spare).all()


def test_a_channel_that_is_dead_on_the_images_has_empty_places(channel):
    both, one = (
        np.asarray(explain_figure(IMAGE, [], [channel(0, strongest=there)], tile=40))
        for there in (True, False)
    )
    assert both.shape == one.shape
    assert frames(one, 40) == 4
    assert (both != one).any()


def test_absurd_sizes_are_refused(channel):
    with pytest.raises(ExploreError, match="a tile of 4 pixels"):
        explain_figure(IMAGE, [], [channel(0)], tile=4)
    with pytest.raises(ExploreError, match="choose fewer with --count"):
        explain_figure(IMAGE, [], [channel(0)] * 400, tile=512)
