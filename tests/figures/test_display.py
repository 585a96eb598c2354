from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from zfexplore.errors import ExploreError
from zfexplore.figures.display import GREY, scale_of, to_rgb

# Values a projection may have: any sign, no subnormals (their scaled copies lose digits).
values = st.floats(-1e6, 1e6, width=32, allow_subnormal=False).map(
    lambda value: 0.0 if abs(value) < 1e-6 else value
)
maps = hnp.arrays(np.float32, st.tuples(st.just(3), st.integers(1, 6), st.integers(1, 6)), elements=values)


@given(maps)
def test_negation_mirrors_about_grey(pixels):
    picture, scale = to_rgb(pixels)
    mirrored, same_scale = to_rgb(-pixels)
    assert scale == same_scale
    assert (picture.astype(int) - GREY == GREY - mirrored.astype(int)).all()


@given(maps)
def test_zero_is_grey_and_signs_fall_on_their_sides(pixels):
    picture = to_rgb(pixels)[0].transpose(2, 0, 1)
    assert (picture[pixels == 0] == GREY).all()
    assert (picture[pixels > 0] >= GREY).all()
    assert (picture[pixels < 0] <= GREY).all()


@given(maps)
def test_order_is_kept(pixels):
    order = np.argsort(pixels, axis=None, kind="stable")
    shown = to_rgb(pixels)[0].transpose(2, 0, 1).reshape(-1)[order].astype(int)
    assert (np.diff(shown) >= 0).all()


@given(maps, st.integers(-20, 20).map(lambda power: 2.0**power))
def test_scaling_the_input_scales_only_the_scale(pixels, factor):
    picture, scale = to_rgb(pixels)
    scaled, other_scale = to_rgb(pixels.astype(np.float64) * factor)
    assert (picture == scaled).all()
    assert other_scale == scale * factor


@given(maps)
def test_rows_first_or_channels_first_is_the_same_picture(pixels):
    if pixels.shape[1] != 3 or pixels.shape[2] != 3:  # [3, 3, 3] is read channels first
        by_rows = np.ascontiguousarray(pixels.transpose(1, 2, 0))
        if by_rows.shape[0] != 3:
            assert (to_rgb(pixels)[0] == to_rgb(by_rows)[0]).all()


def test_an_all_zero_map_is_plain_grey_of_scale_zero():
    picture, scale = to_rgb(np.zeros((3, 4, 5), np.float32))
    assert picture.shape == (4, 5, 3)
    assert picture.dtype == np.uint8
    assert (picture == GREY).all()
    assert scale == 0.0


def test_values_by_hand():
    pixels = np.array([1.0, 0.5, -1.0]).reshape(3, 1, 1)
    picture, scale = to_rgb(pixels, scale=1.0)
    assert picture.tolist() == [[[255, 192, 1]]]  # 128 + 127, 128 + rint(63.5), 128 - 127
    assert scale == 1.0


def test_the_scale_is_the_percentile_of_absolute_values():
    pixels = np.arange(-300, 300, dtype=np.float64).reshape(3, 10, 20)
    assert scale_of(pixels) == np.percentile(np.abs(pixels), 99.5)
    assert to_rgb(pixels)[1] == scale_of(pixels)
    assert to_rgb(pixels)[0].max() == 255  # what exceeds the scale is cut off there


def test_a_nearly_empty_map_is_shown_by_its_largest_value():
    pixels = np.zeros((3, 50, 50))
    pixels[0, 0, 0] = -4.0  # fewer than 0.5 % of the values: the percentile is zero
    picture, scale = to_rgb(pixels)
    assert scale == 4.0
    assert picture[0, 0].tolist() == [1, GREY, GREY]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("scale", [None, 1.0])
def test_values_that_are_not_finite_are_refused(bad, scale):
    pixels = np.zeros((3, 2, 2))
    pixels[1, 1, 1] = bad
    with pytest.raises(ExploreError, match="not finite"):
        to_rgb(pixels, scale=scale)


@pytest.mark.parametrize("shape", [(2, 4, 4), (3, 4), (1, 3, 4, 4), (4, 3, 4)])
def test_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match="projection is"):
        to_rgb(np.zeros(shape))
