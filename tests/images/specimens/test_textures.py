"""Textures: rows of bricks, coats of two tones, rings of a log, hair without a tone of its own."""

from __future__ import annotations

import numpy as np
import pytest

from zfexplore.images.specimens import canvas, textures, turing


def generator() -> np.random.Generator:
    return np.random.default_rng(2)


def test_a_piece_of_a_coat_keeps_the_tones_of_the_field():
    field = turing.spots()
    coat = textures._coat(generator(), field, 100, sway=6)
    assert coat.shape == (canvas.SIDE, canvas.SIDE)
    assert field.min() <= coat.min() <= coat.max() <= field.max()
    assert (coat > 0).mean() == pytest.approx((field > 0).mean(), abs=0.1)


def test_a_zebra_is_half_dark_and_a_leopard_is_tawny():
    zebra, leopard = (draw(generator(), 0) for draw in (textures.zebra, textures.leopard))
    assert 0.3 < (zebra.mean(axis=0) < zebra.mean(axis=0).max() / 2).mean() < 0.7
    redness = [(picture[0] - picture[2]).mean() for picture in (zebra, leopard)]
    assert redness[1] > redness[0] + 0.1


def test_hair_has_no_tone_of_its_own_and_lies_one_way():
    hair = textures._hair(generator())
    assert abs(hair.mean()) < 0.05
    along, across = (np.abs(np.diff(hair, axis=axis)).mean() for axis in (0, 1))
    assert max(along, across) > 1.5 * min(along, across)


def test_rings_of_a_log_grow_from_its_heart():
    u, v = canvas.plane()
    rings = textures._log_end(generator(), u, v)
    heart = np.unravel_index(rings.argmin(), rings.shape)
    assert all(0 < place < canvas.SIDE - 1 for place in heart)
    border = np.concatenate([rings[0], rings[-1], rings[:, 0], rings[:, -1]])
    assert border.min() > rings.min() + 2


def test_planks_have_seams_and_one_board_has_none():
    u, v = canvas.plane()
    assert not textures._boards(generator(), u, v, planks=0)[1].any()
    assert 0 < textures._boards(generator(), u, v, planks=3)[1].mean() < 0.2


def test_a_wall_has_as_many_rows_as_its_number_says():
    few, many = (textures.bricks(generator(), number).mean(axis=0) for number in (0, 8))  # both upright
    assert np.abs(np.diff(many, axis=0)).mean() > np.abs(np.diff(few, axis=0)).mean()


def test_each_stone_has_its_own_colours():
    stones = [textures.marble(generator(), number).mean(axis=(1, 2)) for number in range(6)]
    assert np.ptp(np.stack(stones), axis=0).min() > 0.2
