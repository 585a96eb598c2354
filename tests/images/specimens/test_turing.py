"""Coats grown by reaction and diffusion: stripes, spots, and edges that fit together."""

from __future__ import annotations

import numpy as np
import pytest

from zfexplore.images.specimens import turing


@pytest.mark.parametrize("grow", [turing.stripes, turing.spots])
def test_a_field_is_a_square_between_minus_one_and_one(grow):
    field = grow()
    assert field.shape == (turing.FIELD_SIDE, turing.FIELD_SIDE)
    assert field.dtype == np.float32
    assert np.abs(field).max() == 1


@pytest.mark.parametrize("grow", [turing.stripes, turing.spots])
def test_opposite_borders_fit_together(grow):
    field = grow()
    for axis in (0, 1):
        inside = np.abs(np.diff(field, axis=axis)).max()
        across_the_border = np.abs(np.take(field, 0, axis=axis) - np.take(field, -1, axis=axis)).max()
        assert across_the_border <= inside


def test_stripes_take_half_and_run_along_y():
    field = turing.stripes()
    assert (field > 0).mean() == pytest.approx(0.5, abs=0.05)
    along, across = np.abs(np.diff(field, axis=0)), np.abs(np.diff(field, axis=1))
    assert across.mean() > 1.5 * along.mean()


def test_spots_are_islands():
    assert 0.2 < (turing.spots() > 0).mean() < 0.4
