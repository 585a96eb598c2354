"""Machine parts: as many spokes as asked for, rings of the right width, gears within the picture."""

from __future__ import annotations

import numpy as np
import pytest

from zfexplore.images.specimens import canvas, machines


def generator() -> np.random.Generator:
    return np.random.default_rng(3)


def polar() -> tuple[np.ndarray, np.ndarray]:
    x, y = canvas.plane()
    return np.hypot(x, y), np.arctan2(y, x)


@pytest.mark.parametrize("count", [5, 8])
def test_a_circle_crosses_every_spoke_once(count):
    turns = np.linspace(-np.pi, np.pi, 4000, endpoint=False)[None].astype(np.float32)
    mask = machines._spokes(np.full_like(turns, 0.6), turns, count, 0.02, canvas.PIXEL)[0] > 0.5
    assert np.count_nonzero(mask & ~np.roll(mask, 1)) == count


def test_a_spoke_is_as_wide_at_the_hub_as_at_the_rim():
    turns = np.linspace(-np.pi, np.pi, 40000, endpoint=False)[None].astype(np.float32)
    width = [
        machines._spokes(np.full_like(turns, radius), turns, 6, 0.02, canvas.PIXEL).mean() * radius
        for radius in (0.3, 0.9)
    ]
    assert width[0] == pytest.approx(width[1], rel=0.01)


def test_a_ring_covers_its_area():
    radius, _ = polar()
    area = machines._ring(radius, 0.4, 0.6, canvas.PIXEL).sum() * canvas.PIXEL**2
    assert area == pytest.approx(np.pi * (0.6**2 - 0.4**2), rel=0.01)


def test_a_tube_is_lit_from_above():
    radius, around = polar()
    light = machines._tube(radius, 0.7, 0.9, around)
    outer = (radius > 0.82) & (radius < 0.88)
    y = canvas.plane()[1]
    assert light[outer & (y < -0.5)].mean() > light[outer & (y > 0.5)].mean()


def test_the_three_kinds_of_wheel_differ():
    wheels = [machines.wheels(generator(), number) for number in range(3)]
    for first, second in ((0, 1), (1, 2), (0, 2)):
        assert np.abs(wheels[first] - wheels[second]).mean() > 0.02


def test_a_gear_outside_the_picture_draws_nothing():
    picture = np.full((3, 256, 256), 0.5, np.float32)
    machines._gear(picture, generator(), 5.0, 5.0, 0.5, 12, machines.METALS[0], 0.0)
    assert (picture == 0.5).all()
    machines._gear(picture, generator(), 0.0, 0.0, 0.5, 12, machines.METALS[0], 0.0)
    assert (picture != 0.5).any(axis=0).mean() > 0.15
