"""Things: text in the middle, polygons of the right area, stars and solids that differ by number."""

from __future__ import annotations

import numpy as np
import pytest

from zfexplore.images.specimens import canvas, objects


def generator() -> np.random.Generator:
    return np.random.default_rng(1)


def test_a_letter_stands_in_the_middle_and_turns_about_it():
    upright, turned = objects._text("H", 300, 0), objects._text("H", 300, 180)
    assert upright.max() == 1
    assert np.abs(upright - turned[::-1, ::-1]).mean() < 0.01
    rows, columns = np.nonzero(upright > 0.5)
    assert columns.mean() == pytest.approx(127.5, abs=3)
    assert rows.mean() == pytest.approx(127.5, abs=20)  # capitals have no descender


def test_more_lines_of_text_are_more_ink_rows():
    one, three = (objects._text(text, 100, 0).max(axis=1) > 0.5 for text in ("and", "and\nand\nand"))
    assert three.sum() > 2 * one.sum()


def test_a_polygon_covers_its_area():
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5]])
    assert objects._polygon(corners).sum() * canvas.PIXEL**2 == pytest.approx(0.5, rel=0.02)


def test_letters_are_dark_on_light_two_times_in_three():
    light_on_dark, dark_on_light = (objects.letters(generator(), number) for number in (3, 1))
    assert light_on_dark.mean() < dark_on_light.mean()


def test_a_ball_is_brighter_towards_the_lamp():
    for lamp, sign in ((0.0, 1), (np.pi, -1)):
        picture = np.full((3, 256, 256), 0.5, np.float32)
        objects._sphere(picture, generator(), 0.0, 0.8, 0.8, 200.0, lamp)
        left, right = picture[:, 64:192, 40:120].mean(), picture[:, 64:192, 136:216].mean()
        assert sign * (right - left) > 0.05


def test_a_star_stays_within_its_size():
    picture = np.zeros((3, 256, 256), np.float32)
    objects._star(picture, generator(), 0.0, 0.0, 0.5, 30.0, 0.0)
    rows, columns = np.nonzero(picture.max(axis=0) > 0.01)
    reach = np.hypot(rows - 127.5, columns - 127.5).max() * canvas.PIXEL
    assert 0.45 < reach <= 0.52


def test_three_solids_are_another_picture_than_one():
    one, three = (objects.solids(generator(), number) for number in (0, 2))
    assert np.abs(one - three).mean() > 0.02
