from __future__ import annotations

import numpy as np
import pytest

from tests.support import noise_picture
from zfexplore.errors import ExploreError
from zfexplore.images.moved import move

PIXELS = np.asarray(noise_picture(12))


@pytest.mark.parametrize(("kind", "nothing"), [("translation", 0), ("scale", 1.0), ("rotation", 0.0)])
def test_a_move_by_nothing_gives_the_very_same_pixels(kind, nothing):
    moved = move(PIXELS, kind, nothing)
    np.testing.assert_array_equal(moved.pixels, PIXELS)
    assert moved.inside.all()


@pytest.mark.parametrize("down", [1, 5, 11, 12, 40])
def test_a_translation_shifts_rows_and_leaves_the_rest_empty(down):
    moved, back = move(PIXELS, "translation", down), move(PIXELS, "translation", -down)
    there = max(12 - down, 0)
    np.testing.assert_array_equal(moved.pixels[12 - there :], PIXELS[:there])
    np.testing.assert_array_equal(back.pixels[:there], PIXELS[12 - there :])
    for each, outside in ((moved, slice(0, 12 - there)), (back, slice(there, 12))):
        assert not each.pixels[outside].any()
        assert not each.inside[outside].any()
        assert each.inside.sum() == 12 * there


def test_quarter_turns_are_exact_and_counter_clockwise():
    for quarters in (1, 2, 3):
        moved = move(PIXELS, "rotation", 90.0 * quarters)
        np.testing.assert_array_equal(moved.pixels, np.rot90(PIXELS, quarters))
        assert moved.inside.all()


def test_a_turn_between_leaves_the_corners_empty_and_keeps_the_centre():
    plain = np.full((40, 40, 3), 90, np.uint8)
    moved = move(plain, "rotation", 45.0)
    assert not moved.inside[[0, 0, -1, -1], [0, -1, 0, -1]].any()
    assert (moved.pixels[moved.inside] == 90).all()
    assert not moved.pixels[~moved.inside].any()
    # The square, turned by half a quarter, loses its corners outside an octagon of this area.
    assert moved.inside.mean() == pytest.approx(2 * (np.sqrt(2) - 1), abs=0.03)


def test_a_picture_is_scaled_about_its_centre():
    ramp = np.repeat(np.arange(0, 240, 6, dtype=np.uint8)[:, None, None], 40, 1).repeat(3, 2)
    larger = move(ramp, "scale", 2.0)
    assert larger.inside.all()
    # Row r of the enlarged picture shows row 10 + r / 2: in between, halfway.
    np.testing.assert_allclose(
        larger.pixels[2:-2, 5, 0], 6 * (10 + (np.arange(2, 38) + 0.5) / 2 - 0.5), atol=1
    )
    smaller = move(ramp, "scale", 0.5)
    assert smaller.inside.sum() == 20 * 20
    assert smaller.inside[10:30, 10:30].all()
    np.testing.assert_allclose(smaller.pixels[12:28, 20, 0], 6 * (2 * np.arange(2, 18) + 0.5), atol=1)


@pytest.mark.parametrize(
    ("kind", "amount", "message"),
    [
        ("shear", 1, "a move is translation, scale, rotation, not 'shear'"),
        ("translation", 1.5, "a translation in pixels must be a whole number, not 1.5"),
        ("scale", 0.0, "a scale of 0 leaves nothing to see: give 0.05 to 20"),
        ("scale", "1", "a scale must be a number, not '1'"),
        ("rotation", float("nan"), "a rotation must be a number, not nan"),
        ("rotation", True, "a rotation must be a number, not True"),
    ],
)
def test_what_is_no_move_is_refused(kind, amount, message):
    with pytest.raises(ExploreError, match=message) as caught:
        move(PIXELS, kind, amount)
    assert caught.value.exit_code == 2
