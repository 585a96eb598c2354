"""Patterns: bars at the angle asked for, phases with their true slopes, hexagons, tartans."""

from __future__ import annotations

import numpy as np
import pytest

from zfexplore.images.specimens import canvas, patterns


def generator() -> np.random.Generator:
    return np.random.default_rng(4)


@pytest.mark.parametrize("number", [0, 6, 12])  # sine gratings
def test_bars_turn_with_the_number(number):
    grey = patterns.gratings(generator(), number).mean(axis=0)
    window = np.hanning(canvas.SIDE)
    spectrum = np.abs(np.fft.fft2((grey - grey.mean()) * window * window[:, None]))
    down, across = np.unravel_index(spectrum[:, 1 : canvas.SIDE // 2].argmax(), (256, 127))
    angle = np.arctan2(np.fft.fftfreq(256, 1 / 256)[down], across + 1)
    off = (angle - number * np.pi / 20 + np.pi / 2) % np.pi - np.pi / 2
    assert abs(off) < 0.25  # half a step of the number, the bend of the bars, and one bin


@pytest.mark.parametrize("kind", range(4))
def test_a_polar_phase_changes_by_its_width(kind):
    u, v = canvas.turned(0.3)
    radius = np.sqrt(u * u + v * v) + np.float32(1e-4)
    phase, width = patterns._polar_phase(generator(), kind, u, v, radius)
    along_x, along_y = canvas.slope(phase)
    measured = np.hypot(along_x, along_y)
    smooth = (radius > 0.3) & (measured < 1)  # off the centre, and off the line where the angle jumps
    assert smooth.mean() > 0.8
    np.testing.assert_allclose(width[smooth], measured[smooth], rtol=0.05)


def test_every_point_is_in_the_hexagon_of_the_nearest_centre():
    u, v = canvas.turned(0.0, 3.0)
    across, down, wall, column, row = patterns._hexagons(u, v)
    assert wall.min() > -1e-6
    assert wall.max() <= 0.5
    np.testing.assert_allclose(column / 2 + across, u, atol=1e-5)
    np.testing.assert_allclose(row / 2 * 3**0.5 + down, v, atol=1e-5)


def test_a_tartan_reads_the_same_in_both_directions():
    sett = patterns._sett(generator())
    assert sett.shape == (3, 512)
    assert 0 <= sett.min() <= sett.max() <= 1
    assert (sett == sett[:, ::-1]).all(axis=0).mean() > 0.9  # but for the rounding at a band's end


def test_checks_alternate_between_light_and_dark():
    grey = patterns.checks(generator(), 0).mean(axis=0)
    dark, light = np.percentile(grey, [20, 80])
    assert light > 1.5 * dark


def test_dots_lie_on_a_quieter_ground():
    flat, rings = (patterns.dots(generator(), number) for number in (0, 2))
    assert flat.shape == rings.shape == (3, 256, 256)
    assert np.abs(flat - rings).max() > 0.1  # rings have holes
