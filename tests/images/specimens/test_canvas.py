"""The drawing tools, by numbers: edges a pixel wide, stripes that fade, colours that are what they say."""

from __future__ import annotations

import numpy as np
import pytest

from zfexplore.images.specimens import canvas
from zfexplore.images.specimens.canvas import PIXEL, SIDE


def test_a_mask_covers_the_area_of_its_shape():
    x, y = canvas.plane()
    disc = canvas.edge(np.hypot(x, y) - 0.5)
    assert disc.sum() * PIXEL**2 == pytest.approx(np.pi * 0.25, rel=1e-3)
    assert np.unique(disc).size > 20  # antialiased
    oval = canvas.edge(canvas.ellipse(0.1, -0.1, 0.6, 0.2, 0.5))
    assert oval.sum() * PIXEL**2 == pytest.approx(np.pi * 0.12, rel=5e-3)


def test_raster_agrees_with_the_distance():
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    mask = canvas.raster(lambda pen, side: pen.polygon(canvas.points(corners, side), fill=255))
    assert mask.sum() * PIXEL**2 == pytest.approx(1.0, rel=0.02)


def test_stripes_take_their_share_and_fade_where_finer_than_pixels():
    x, _ = canvas.plane()
    coarse = canvas.stripes(x * np.float32(5), duty=0.3)
    assert coarse.mean() == pytest.approx(0.3, abs=0.01)
    assert coarse.min() == 0
    assert coarse.max() == 1
    fine = canvas.stripes(x * np.float32(SIDE * 0.45), duty=0.3)
    assert np.allclose(fine[:, 2:-2], 0.3, atol=1e-3)


def test_oklch_gives_white_black_and_grey():
    assert np.allclose(canvas.oklch(1.0, 0.0, 0).ravel(), 1.0, atol=1e-3)
    assert np.allclose(canvas.oklch(0.0, 0.0, 0).ravel(), 0.0)
    assert np.allclose(canvas.oklch(0.6, 0.0, 0).ravel(), canvas.oklch(0.6, 0.0, 0).ravel()[0], atol=1e-3)
    red, green, blue = canvas.oklch(0.63, 0.26, 29.2).ravel()  # sRGB red, as Ottosson gives it
    assert (red, green, blue) == pytest.approx((1, 0, 0), abs=0.02)


def test_ramp_and_mix_go_from_end_to_end():
    black, white = canvas.rgb("000000"), canvas.rgb("ffffff")
    field = np.linspace(0, 1, SIDE * SIDE, dtype=np.float32).reshape(SIDE, SIDE)
    assert np.allclose(canvas.ramp(field, black, white)[1], field, atol=1 / 256)
    assert np.allclose(canvas.mix(black, white, field)[2], field)


def test_a_picture_survives_pillow():
    picture = np.random.default_rng(0).uniform(0, 1, (3, SIDE, SIDE)).astype(np.float32)
    assert np.abs(canvas.as_picture(canvas.as_image(picture)) - picture).max() <= 1 / 255


def test_noise_is_smooth_and_centred():
    field = canvas.noise(np.random.default_rng(0), 4, octaves=1)
    assert abs(field.mean()) < 0.3
    assert 0.2 < field.std() < 1.0
    assert np.abs(np.diff(field, axis=0)).max() < 0.1


def test_sample_reads_between_pixels_and_repeats():
    field = np.arange(16, dtype=np.float32).reshape(4, 4)
    at = np.array([[0.0, 0.5, 3.5, 4.0, -1.0]], np.float32)
    assert canvas.sample(field, at, np.zeros_like(at)).tolist() == [[0.0, 0.5, 1.5, 0.0, 3.0]]
    assert canvas.sample(field, np.zeros_like(at), at).tolist() == [[0.0, 2.0, 6.0, 0.0, 12.0]]


def test_relief_is_flat_where_the_surface_is_and_bright_towards_the_lamp():
    flat, gloss = canvas.relief(np.zeros((SIDE, SIDE), np.float32), 10.0, 0.0)
    assert np.allclose(flat, 1.0)
    assert not gloss.any()
    x, _ = canvas.plane()
    towards, _ = canvas.relief(-x, 50.0, 0.0)  # falls to the right, lit from the right
    away, _ = canvas.relief(-x, 50.0, np.pi)
    assert towards.mean() > 1.0 > away.mean()
