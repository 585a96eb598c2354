"""Specimens of machine parts: wheels and gears."""

from __future__ import annotations

import numpy as np

from zfexplore.images.specimens.canvas import (
    PIXEL,
    Colour,
    Field,
    Picture,
    Polar,
    Random,
    backdrop,
    between,
    edge,
    ellipse,
    near,
    noise,
    oklch,
    over,
    plane,
    ramp,
    related_hues,
    relief,
    rgb,
    turned,
)

TAU = 2 * np.pi
METALS = [
    ("f2dca0", "b98a3a", "4a2f10"),
    ("eef1f4", "9aa4ad", "30373d"),
    ("f3c3a0", "b86a3c", "4a2110"),
    ("d7dde0", "6d7c86", "1e262b"),
]


def wheels(rng: Random, number: int) -> Picture:
    """A wheel before a wall, seen straight or aslant: bicycle, car, or cart."""
    base, partner, accent = related_hues(rng)
    picture = backdrop(rng, base, between(rng, 0.6, 0.9))
    size, x0, y0 = between(rng, 0.55, 0.92), between(rng, -0.25, 0.25), between(rng, -0.15, 0.1)
    tilt = between(rng, 0.72, 1.0)
    _ground(picture, rng, y0 + size * 0.98, x0, size)
    u, v = (plane()[0] - x0) / (tilt * size), (plane()[1] - y0) / size
    wheel = np.sqrt(u * u + v * v), np.arctan2(v, u) + between(rng, 0, TAU), PIXEL / size / tilt
    kind = number % 3
    if kind == 0:
        _bicycle_wheel(picture, rng, wheel, oklch(0.6, 0.18, accent))
    elif kind == 1:
        _car_wheel(picture, rng, wheel)
    else:
        _cart_wheel(picture, rng, wheel, oklch(0.5, 0.11, partner if number % 2 else 50))
    return picture


def _ground(picture: Picture, rng: Random, level: float, x0: float, size: float) -> None:
    """Lay a floor from ``level`` down, with a soft shadow at ``x0``."""
    _, y = plane()
    floor = oklch(between(rng, 0.3, 0.55), 0.03, between(rng, 30, 110))
    lit = floor * (1 + 0.35 * noise(rng, 4, 24, octaves=3))
    over(picture, lit, edge(np.float32(level - 0.12) - y, 0.03))
    shadow = np.exp(-np.clip(ellipse(x0 + 0.1, level, size * 0.9, 0.07), 0, None) * 18)
    picture *= 1 - 0.6 * shadow


def _ring(radius: Field, inner: float, outer: float, pixel: float) -> Field:
    return edge(np.abs(radius - (inner + outer) / 2) - (outer - inner) / 2, pixel)


def _tube(radius: Field, inner: float, outer: float, around: Field) -> Field:
    """Light a ring as a round tube, from above left."""
    across = np.clip((radius - (inner + outer) / 2) / ((outer - inner) / 2), -1, 1)
    return 0.55 + 0.45 * np.sqrt(1 - across**2) - 0.3 * across * np.sin(around)


def _spokes(radius: Field, around: Field, count: int, width: float, pixel: float) -> Field:
    """Give straight spokes, as wide at the hub as at the rim."""
    turn = (around * (count / TAU) % 1.0 - 0.5) * (TAU / count)
    return edge(np.abs(np.sin(turn)) * radius - width, pixel)


def _bicycle_wheel(picture: Picture, rng: Random, wheel: Polar, paint: Colour) -> None:
    radius, around, pixel = wheel
    count = int(rng.choice([16, 20, 24, 28]))
    inside = edge(radius - 0.9, pixel)
    for lean in (-0.35, 0.35):  # half of the spokes slant one way, half the other
        mask = _spokes(radius, around + lean * (1 - radius), count // 2, 0.006, pixel)
        over(picture, rgb("c9d0d6"), mask * inside)
    over(picture, paint * _tube(radius, 0.84, 0.9, around), _ring(radius, 0.84, 0.9, pixel))
    tread = 0.85 + 0.15 * np.sign(np.sin(around * 90))
    tyre = rgb("26262a") * (_tube(radius, 0.9, 1.0, around) * tread * 1.4)
    over(picture, tyre, _ring(radius, 0.9, 1.0, pixel))
    over(picture, rgb("8d979f") * _tube(radius, -0.08, 0.08, around) * 1.3, edge(radius - 0.08, pixel))
    over(picture, rgb("2e3236"), edge(radius - 0.03, pixel))


def _car_wheel(picture: Picture, rng: Random, wheel: Polar) -> None:
    radius, around, pixel = wheel
    count = int(rng.choice([5, 6, 7, 8, 10]))
    width = between(rng, 0.05, 0.09) * 6 / count
    over(picture, rgb("1c1c20") * (_tube(radius, 0.68, 1.0, around) * 1.5), edge(radius - 1.0, pixel))
    over(picture, rgb("3a3a40"), _ring(radius, 0.78, 0.79, pixel) + _ring(radius, 0.93, 0.94, pixel))
    over(picture, rgb("18191c"), edge(radius - 0.68, pixel))
    disc = 0.45 + 0.25 * np.cos(around * 2 + 1)
    over(picture, rgb("9aa2a8") * disc, _ring(radius, 0.2, 0.46, pixel))
    flare = width * (0.75 + 0.9 * radius)
    turn = (around * (count / TAU) % 1.0 - 0.5) * (TAU / count)
    arms = np.abs(np.sin(turn)) * radius - flare
    metal = np.minimum(arms, np.abs(radius - 0.65) - 0.05)
    metal = np.minimum(metal, radius - 0.17)
    mask = edge(metal, pixel) * edge(radius - 0.7, pixel)
    light, gloss = relief(np.clip(-metal / 0.05, 0, 1), 6.0, -2.2, 0.7)
    over(picture, rgb(str(rng.choice(["d5dade", "c7b48a", "8c949b"]))) * light + gloss, mask)
    bolts = np.hypot(radius * np.cos(turn) - 0.11, radius * np.sin(turn)) - 0.018
    over(picture, rgb("2a2d31"), edge(bolts, pixel))


def _cart_wheel(picture: Picture, rng: Random, wheel: Polar, paint: Colour) -> None:
    radius, around, pixel = wheel
    count = int(rng.choice([8, 10, 12, 14]))
    grain = 1 + 0.25 * noise(rng, 30, 6, octaves=2)
    wood = paint * grain
    spokes = _spokes(radius, around, count, 0.035, pixel) * edge(radius - 0.85, pixel)
    turn = (around * (count / TAU) % 1.0 - 0.5) * (TAU / count)
    rounded = 0.6 + 0.5 * np.sqrt(np.clip(1 - (np.sin(turn) * radius / 0.036) ** 2, 0, 1))
    over(picture, wood * rounded, spokes)
    over(picture, wood * (_tube(radius, 0.8, 0.96, around) * 1.15), _ring(radius, 0.8, 0.96, pixel))
    over(picture, rgb("4a4d52") * _tube(radius, 0.94, 1.0, around), _ring(radius, 0.95, 1.0, pixel))
    over(picture, wood * (_tube(radius, -0.2, 0.2, around) * 1.2), edge(radius - 0.2, pixel))
    over(picture, rgb("3a3c40"), _ring(radius, 0.16, 0.19, pixel) + edge(radius - 0.07, pixel))


def gears(rng: Random, number: int) -> Picture:
    """One gearwheel or a meshing train, cut from bright metal, over a dark plate."""
    base, _, _ = related_hues(rng)
    picture = backdrop(rng, base, between(rng, 0.25, 0.75), 0.04)
    count = 1 + number % 3
    size = [between(rng, 0.7, 0.85), between(rng, 0.48, 0.6), between(rng, 0.4, 0.46)][count - 1]
    direction = between(rng, 0, TAU)
    x0, y0 = (-0.55 * np.cos(direction), -0.55 * np.sin(direction)) if count > 1 else (0.0, 0.0)
    lamp = between(rng, 0, TAU)
    for which in range(count):
        teeth = int(rng.integers(9, 22))
        _gear(picture, rng, x0, y0, size, teeth, METALS[(number + which) % len(METALS)], lamp)
        following = size * between(rng, 0.7, 1.0)
        bend = direction + between(rng, -0.6, 0.6) * which
        x0, y0 = x0 + (size + following) * 0.93 * np.cos(bend), y0 + (size + following) * 0.93 * np.sin(bend)
        size = following
    return picture


def _gear(
    picture: Picture,
    rng: Random,
    x0: float,
    y0: float,
    size: float,
    teeth: int,
    metal: tuple[str, str, str],
    lamp: float,
) -> None:
    part = near(x0, y0, size * 1.3)
    here = picture[:, part[0], part[1]]
    if min(here.shape) < 2:  # outside the picture
        return
    u, v = turned(between(rng, 0, TAU), 1 / size, x0, y0, part)
    radius, around = np.sqrt(u * u + v * v), np.arctan2(v, u)
    pixel = PIXEL / size
    wave = np.clip(np.cos(around * teeth) * 2.2, -1, 1)
    body = radius - (0.89 + np.float32(min(1.1 / teeth, 0.09)) * wave)
    holes = int(rng.integers(3, 8))
    turn = (around * (holes / TAU) % 1.0 - 0.5) * (TAU / holes)
    hole_size = min(0.9 / holes, 0.17)
    hole = np.hypot(radius * np.cos(turn) - 0.52, radius * np.sin(turn)) - hole_size
    solid = np.maximum(np.maximum(body, -hole), 0.13 - radius)
    over(here, rgb("08090b"), 0.55 * edge(ellipse(x0 + 0.05, y0 + 0.06, size, size, part=part), 0.16))
    groove, hub = edge(np.abs(radius - 0.76) - 0.02, 0.03), edge(radius - 0.26, 0.03)
    height = np.clip(-solid / 0.05, 0, 1) + 0.5 * groove + 0.6 * hub
    light, gloss = relief(height, 5.0, lamp, 0.35)
    bright, middle, dark = (rgb(colour) for colour in metal)
    sheen = 0.5 + 0.3 * np.cos(2 * around + lamp) + 0.2 * np.sin(radius * 60)  # turned on a lathe
    over(here, ramp(sheen, dark, middle, bright) * light + gloss, edge(solid, pixel))
