"""Wide views: hours of the day, water that mirrors, waves that fade at the horizon."""

from __future__ import annotations

import numpy as np
import pytest

from zfexplore.images.specimens import canvas, scenes

NOON, NIGHT = 0, 3  # rows of HOURS


def generator() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.mark.parametrize("draw", [scenes.clouds, scenes.waves])
def test_night_is_darker_than_noon(draw):
    noon, night = draw(generator(), NOON), draw(generator(), NIGHT)
    assert noon.mean() > night.mean() + 0.05


def test_neighbours_stay_in_the_picture():
    column, row = scenes._shifted(40.0, -40.0)
    assert 0 <= column.min() < column.max() < canvas.SIDE - 1
    assert 0 <= row.min() < row.max() < canvas.SIDE - 1
    column, row = scenes._shifted(0.0, 0.0)
    np.testing.assert_allclose(column[0, :-1], np.arange(canvas.SIDE - 1), atol=0.01)


def test_water_mirrors_what_is_above_it_and_leaves_that_alone():
    above = np.zeros((3, 256, 256), np.float32)
    above[:, 64:128] = 1.0  # a bright band just above the shore at y = 0
    picture = scenes._mirrored(above.copy(), generator(), 0.0, np.zeros((3, 1, 1), np.float32))
    assert np.array_equal(picture[:, :127], above[:, :127])
    assert picture[:, 132:150].mean() > 0.6  # the band again, below the shore
    assert picture[:, 235:].mean() < 0.3


def test_waves_fade_out_towards_the_horizon():
    x, y = canvas.plane()
    distance = np.clip(y + 0.3, 0.012, None)
    along_x, along_y, crest = scenes._swell(generator(), x / distance, 1 / distance, distance)
    for field in (along_x, along_y, crest):
        assert np.isfinite(field).all()
        far, close = field[92:96], field[200:]
        assert np.abs(far).mean() < 0.25 * np.abs(close).mean()


def test_windows_are_lit_at_night():
    drawn = {number: scenes.skylines(generator(), number) for number in (1, 2)}  # night, noon
    warm = {number: ((picture[0] > 0.85) & (picture[2] < 0.8)).mean() for number, picture in drawn.items()}
    assert warm[1] > 0.01
    assert drawn[1].mean() < drawn[2].mean()


def test_a_range_covers_the_ground_below_its_ridge():
    picture = np.full((3, 256, 256), 2.0, np.float32)
    dark, light = np.zeros((3, 1, 1), np.float32), canvas.WHITE
    scenes._range(picture, generator(), 0.3, 0.4, dark, light, 0.0, 0.0, 2.0)
    assert (picture[:, :40] == 2.0).all()
    assert (picture[:, -40:] == 0.0).all()


def test_mountains_differ_by_number():
    assert np.abs(scenes.mountains(generator(), 0) - scenes.mountains(generator(), 1)).mean() > 0.05
