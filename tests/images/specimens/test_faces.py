"""Eyes and faces: pixels that invert the frame, a white with a dark pupil, long hair that shows."""

from __future__ import annotations

import numpy as np
import pytest

from zfexplore.images.specimens import canvas, faces


def generator() -> np.random.Generator:
    return np.random.default_rng(6)


def test_pixels_undo_the_frame():
    u, v = canvas.turned(0.4, 1.3, 0.1, -0.2)
    rows, columns = np.array([10, 100, 250]), np.array([0, 128, 255])
    curve = np.stack([u[rows, columns], v[rows, columns]], axis=1)
    found = faces._pixels(curve, u, v)
    expected = (np.stack([columns, rows], axis=1) + 0.5) * canvas.OVERSAMPLING
    np.testing.assert_allclose(found, expected, atol=0.01)


def test_an_oval_is_negative_inside_and_zero_on_its_border():
    u, v = np.array([[0.0, 0.3, 0.1, 0.6]]), np.array([[0.0, 0.0, 0.2, 0.0]])
    distance = faces._oval(u, v, 0.1, 0.0, 0.2, 0.2)
    np.testing.assert_allclose(distance, [[-0.1, 0.0, 0.0, 0.3]], atol=1e-6)


def test_an_iris_has_a_dark_pupil_and_leaves_the_white_around_it():
    white = np.full((3, 256, 256), 0.95, np.float32)
    u, v = canvas.plane()
    faces._iris(white, generator(), (u, v, canvas.PIXEL), 0.5, 0)
    assert white[:, 128, 128].max() < 0.3
    assert white[:, :20].mean() > 0.9


def test_lashes_only_darken():
    picture = np.full((3, 256, 256), 0.9, np.float32)
    u, v = canvas.plane()
    after = faces._lashes(picture.copy(), generator(), 0.5, u, v)
    assert (after <= picture + 1e-6).all()
    changed = (after < 0.5).any(axis=0)
    assert changed[:128].mean() > 0.02
    assert not changed[192:].any()  # only the upper lid has them


@pytest.mark.parametrize("draw", [faces.eyes, faces.faces])
def test_skins_go_from_light_to_dark(draw):
    light, dark = draw(generator(), 0), draw(generator(), 5)
    skin = np.s_[:, 150:165, 100:156] if draw is faces.faces else np.s_[:, 236:, :]
    assert light[skin].mean() > dark[skin].mean() + 0.2


def test_long_hair_hangs_lower_than_short_hair():
    u, v = canvas.plane()
    hair = np.ones((3, 1, 1), np.float32)
    long, short = np.zeros((2, 3, 256, 256), np.float32)
    faces._back_hair(long, generator(), (u, v, canvas.PIXEL), hair, 0.45, 0.55, long=True)
    faces._back_hair(short, generator(), (u, v, canvas.PIXEL), hair, 0.45, 0.55, long=False)
    lowest = [np.nonzero(picture.any(axis=(0, 2)))[0].max() for picture in (long, short)]
    assert lowest[0] > lowest[1] + 10
