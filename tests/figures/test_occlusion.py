from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zfexplore.figures.occlusion import (
    OKABE_ITO,
    VIRIDIS,
    heat,
    nearest_known,
    occlusion_figure,
    overlay,
)
from zfexplore.studies.occlusion import Grid, OcclusionResult
from zfexplore.studies.records import Response
from zfexplore.units import Unit

NAN = np.nan


def lightness(colours):
    """Relative luminance as the eye has it, of sRGB colours ``[..., 3]``."""
    linear = (np.asarray(colours) / 255) ** 2.2
    return linear @ np.array([0.2126, 0.7152, 0.0722])


@pytest.fixture
def found():
    """A finished occlusion of a 40-pixel picture: 5 x 5 places, two classes."""
    random = np.random.default_rng(0)
    grid = Grid(40, 16, 8)
    best = np.zeros((5, 5), np.int64)
    best[2, 1:4] = 1
    return OcclusionResult(
        unit=Unit("conv5", 130),
        grid=grid,
        image=random.integers(0, 256, (40, 40, 3), dtype=np.uint8),
        grey=np.full((40, 40, 3), 120, np.uint8),
        intact=Response(50.0, 9.0, 0.8, 0),
        label=0,
        classes=("a sunflower", "a ferry"),
        total=random.uniform(10, 60, (5, 5)).astype(np.float32),
        peak=random.uniform(1, 9, (5, 5)).astype(np.float32),
        probability=random.uniform(0.1, 0.9, (5, 5)).astype(np.float32),
        best_class=best,
    )


def only(found, visited):
    """The same occlusion when just the places ``visited`` were done."""
    return replace(
        found,
        total=np.where(visited, found.total, NAN),
        peak=np.where(visited, found.peak, NAN),
        probability=np.where(visited, found.probability, NAN),
        best_class=np.where(visited, found.best_class, -1),
    )


def test_the_scale_runs_from_end_to_end_and_grows_lighter():
    colours = heat(np.linspace(3.0, 5.0, 50))
    assert tuple(colours[0]) == VIRIDIS[0]
    assert tuple(colours[-1]) == VIRIDIS[-1]
    assert (np.diff(lightness(colours)) > 0).all()


def test_given_ends_hold_and_what_lies_beyond_is_clipped():
    colours = heat(np.array([-1.0, 0.0, 10.0, 11.0]), low=0.0, high=10.0)
    assert [tuple(colour) for colour in colours] == [VIRIDIS[0], VIRIDIS[0], VIRIDIS[-1], VIRIDIS[-1]]


@pytest.mark.parametrize("values", [np.full((2, 3), 7.0), np.full((2, 3), NAN), np.array([[1.0, NAN]])])
def test_equal_and_unknown_values_have_colours_too(values):
    colours = heat(values)
    assert colours.shape == (*values.shape, 3)
    assert colours.dtype == np.uint8


def test_unknown_places_take_the_nearest_value():
    values = np.array([[1.0, NAN, NAN, NAN, 2.0], [NAN] * 5, [3.0, NAN, NAN, NAN, NAN]])
    filled = nearest_known(values)
    assert filled[0].tolist()[:2] == [1, 1]
    assert filled[0].tolist()[3:] == [2, 2]
    assert filled[2].tolist()[:3] == [3, 3, 3]
    assert np.isnan(values[1]).all()  # the map itself stays as it was


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.sampled_from([NAN, 1.0, 2.0]), min_size=12, max_size=12).map(
        lambda flat: np.array(flat).reshape(3, 4)
    )
)
def test_filling_keeps_what_is_known_and_leaves_nothing_unknown(values):
    filled = nearest_known(values)
    known = np.isfinite(values)
    np.testing.assert_array_equal(filled[known], values[known])
    assert np.isfinite(filled).all() == known.any()


def test_a_map_covers_the_picture_cell_by_cell():
    """With a stride of 4 the 10 pixels have cells of 4, 4 and 2."""
    black = np.zeros((10, 10, 3), np.uint8)
    values = np.arange(9.0).reshape(3, 3)
    covered = overlay(black, values, 4)
    assert covered.shape == (10, 10, 3)
    expected = np.rint(0.7 * heat(values)).astype(np.uint8)
    for row, column, y, x in [
        (0, 0, 0, 0),
        (0, 0, 3, 3),
        (1, 0, 4, 3),
        (1, 1, 7, 7),
        (2, 2, 8, 8),
        (2, 0, 9, 0),
    ]:
        np.testing.assert_array_equal(covered[y, x], expected[row, column])


def test_the_picture_shows_through():
    image = np.zeros((8, 8, 3), np.uint8)
    image[:, 4:] = 255
    covered = overlay(image, np.ones((2, 2)), 4).astype(int)
    np.testing.assert_allclose(covered[0, 7] - covered[0, 0], 0.3 * 255, atol=1)


def test_nothing_known_leaves_the_picture_alone():
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    np.testing.assert_array_equal(overlay(image, np.full((2, 2), NAN), 4), image)


def test_an_overlay_may_be_larger_than_the_picture():
    values = np.array([[0.0, 1.0], [1.0, 0.0]])
    covered = overlay(np.zeros((8, 8, 3), np.uint8), values, 4, edge=64)
    assert covered.shape == (64, 64, 3)
    assert (covered[:32, :32] == covered[0, 0]).all()
    assert (covered[:32, 32:] == covered[0, 63]).all()


def test_the_figure_shows_maps_and_classes(found):
    picture = occlusion_figure(found, tile=200, title="conv5:130", subtitle="on one picture")
    without = occlusion_figure(replace(found, probability=None, best_class=None, label=None), tile=200)
    assert picture.width > without.width
    colours = {colour for _, colour in picture.getcolors(maxcolors=1 << 20)}
    assert set(OKABE_ITO[:2]) <= colours  # the legend's squares
    assert OKABE_ITO[2] not in colours


def test_the_square_is_shown_where_the_channel_is_weakest(found):
    found.total[3, 2] = 1.0
    picture = np.asarray(occlusion_figure(found, tile=40))
    window = found.grid.window(3, 2)
    # A tile as large as the picture: its grey square is found at the window's place.
    grey = np.argwhere((picture[:, :100] == 120).all(2))
    top, left = grey.min(0)
    assert len(grey) >= (window.height - 8) * (window.width - 8)
    assert (picture[top : top + window.height - 8, left : left + window.width - 8] == 120).all()


def test_a_figure_of_the_places_so_far(found):
    visited = np.zeros((5, 5), bool)
    whole = occlusion_figure(found).size
    assert occlusion_figure(only(found, visited)).width == whole[0]
    visited[0, 0] = True
    assert occlusion_figure(only(found, visited)).width == whole[0]


def test_more_classes_than_colours_are_the_others(found):
    best = np.arange(25).reshape(5, 5)
    many = replace(found, best_class=best, classes=tuple(f"class number {label}" for label in range(25)))
    picture = occlusion_figure(many)
    colours = {colour for _, colour in picture.getcolors(maxcolors=1 << 20)}
    assert set(OKABE_ITO) <= colours


def test_a_map_of_one_value_is_drawn(found):
    flat = replace(found, total=np.full((5, 5), 50.0, np.float32))
    assert occlusion_figure(flat).size == occlusion_figure(found).size
