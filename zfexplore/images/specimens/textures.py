"""Specimens of texture: bricks, zebra, leopard, marble, wood."""

from __future__ import annotations

import numpy as np

from zfexplore.images.specimens import turing
from zfexplore.images.specimens.canvas import (
    PIXEL,
    SIDE,
    Field,
    Picture,
    Random,
    between,
    cell_random,
    edge,
    mix,
    noise,
    oklch,
    over,
    plane,
    ramp,
    relief,
    rgb,
    sample,
    smoothstep,
    spread,
    turned,
)

TAU = 2 * np.pi
# Fired clay, sandstone, whitewash, slate, terracotta: lightness, chroma, hue.
CLAYS = [(0.5, 0.11, 35), (0.72, 0.07, 75), (0.88, 0.015, 90), (0.42, 0.03, 250), (0.6, 0.13, 45)]
COATS = [("f4efe4", "17130f"), ("efe2c8", "241812"), ("fbf7f0", "2b1d18"), ("e6dccb", "101418")]
HIDES = [
    ("d9a45a", "8a5524", "1d120a"),
    ("e8c48a", "b07a3a", "2a1a0e"),
    ("cfae84", "7c5a38", "15100c"),
    ("e9e2d2", "b5a68c", "26221e"),
]
STONES = [
    ("f3f1ee", "8f949b", "5a5f66"),
    ("20352e", "4f7a66", "d9e6dc"),
    ("191a1d", "5b5a58", "d8b56a"),
    ("e9cdbf", "b9806b", "7c4a3c"),
    ("d8dfe6", "5f7fa3", "27425f"),
    ("e5d6b8", "a88350", "6a4a24"),
]
TIMBERS = [
    ("d9a86c", "9a6434"),
    ("c98a4b", "6e3b1a"),
    ("8a5a3a", "3d2415"),
    ("e6c79a", "b98d55"),
    ("a8482a", "571d10"),
]


def bricks(rng: Random, number: int) -> Picture:
    """A wall in running bond, weathered, lit from the side; straight, leaning or receding."""
    rows = np.float32(2.2 * 3 ** spread(number, 0, 1))
    angle = [0.0, 0.0, between(rng, -0.5, 0.5), np.pi / 4][number % 4] + between(rng, -0.04, 0.04)
    u, v = turned(angle, 1.0, between(rng, -1, 1), between(rng, -1, 1))
    depth = 1.0 + np.float32(between(rng, -0.45, 0.45)) * plane()[0]
    u, v = u / depth * rows / 2.2, v / depth * rows
    row = np.floor(v)
    u = u + 0.5 * (row % 2)
    column = np.floor(u)
    across = 1.1 - 2.2 * np.abs(u - column - 0.5)  # in rows: distance to the brick's ends
    down = 0.5 - np.abs(v - row - 0.5)
    joint = between(rng, 0.045, 0.085)
    grit = noise(rng, 20, octaves=4, gain=0.7)
    inside = np.minimum(across, down) - joint + 0.02 * grit
    brick = edge(-inside, float(PIXEL * rows) * 1.3)
    lightness, chroma, hue = CLAYS[number % len(CLAYS)]
    shade = cell_random(column, row, number)
    picture = ramp(
        np.clip(shade + 0.18 * grit, 0, 1),
        oklch(lightness * 0.72, chroma, hue - 12),
        oklch(lightness, chroma, hue),
        oklch(min(lightness * 1.2, 0.95), chroma * 0.8, hue + 18),
    )
    mortar = oklch(between(rng, 0.55, 0.85), 0.02, 80) * (1 + 0.12 * grit)
    picture = mix(mortar, picture, brick)
    height = np.clip(inside / 0.12, 0, 1) + 0.16 * grit
    light, _ = relief(height, 5.0, between(rng, 0, TAU))
    stains = 1 + 0.12 * noise(rng, 3, octaves=3)
    return picture * (light * stains)


def zebra(rng: Random, number: int) -> Picture:
    """A zebra's flank: stripes grown by reaction and diffusion, on a rounded body."""
    coat = _coat(rng, turing.stripes(), between(rng, 60, 130), sway=10)
    light, dark = (rgb(colour) for colour in COATS[number % len(COATS)])
    hair = _hair(rng)
    pale = mix(light, oklch(0.7, 0.07, between(rng, 50, 90)), np.clip(noise(rng, 2, octaves=2), 0, 0.6))
    picture = mix(
        pale * (1 + 0.1 * hair), dark * (1 + 0.5 * hair), smoothstep(-0.14, 0.14, coat + 0.12 * hair)
    )
    return _rounded(rng, picture)


def leopard(rng: Random, number: int) -> Picture:
    """A leopard's hide: rosettes (dark broken rings about a tawny middle), from a field of spots."""
    coat = _coat(rng, turing.spots(), between(rng, 70, 140), sway=6)
    ground, middle, dark = (rgb(colour) for colour in HIDES[number % len(HIDES)])
    hair = _hair(rng)
    value = coat + 0.16 * hair
    gaps = noise(rng, 9, octaves=2)
    ring = smoothstep(-0.5, -0.3, value) * (1 - smoothstep(0.45, 0.65, value))
    ring = ring * smoothstep(-0.75, -0.45, gaps) if number % 5 else smoothstep(-0.3, -0.1, value)
    pale = mix(ground, rgb("f5ead6"), np.clip(plane()[1] * 0.4 + 0.3 * noise(rng, 2, octaves=1), 0, 0.7))
    picture = mix(pale * (1 + 0.14 * hair), middle, 0.75 * smoothstep(-0.1, 0.4, value))
    over(picture, dark * (1 + 0.5 * hair), ring)
    return _rounded(rng, picture)


def _coat(rng: Random, field: np.ndarray, span: float, sway: float) -> Field:
    """Take a piece of a repeating field, ``span`` of its pixels wide, turned and slightly wavy."""
    u, v = turned(between(rng, 0, TAU), span / 2)
    along, across = noise(rng, 2, octaves=1), noise(rng, 2, octaves=1)
    reach = np.float32(sway * span / 100)
    return sample(field, u + along * reach + between(rng, 0, 256), v + across * reach + between(rng, 0, 256))


def _hair(rng: Random) -> Field:
    """Give short strokes that mostly lie one way, values about 0."""
    strokes = noise(rng, 100, 26, octaves=2, gain=0.8)
    return strokes if rng.uniform() < 0.5 else np.ascontiguousarray(strokes.T)


def _rounded(rng: Random, picture: Picture) -> Picture:
    """Shade a hide as if it lay on a rounded body with folds."""
    u, _ = turned(between(rng, 0, TAU), 1.0, between(rng, -0.3, 0.3), between(rng, -0.3, 0.3))
    body = np.sqrt(3.2 - np.clip(u * u, 0, 3)) + 0.12 * noise(rng, 2, octaves=2)
    light, gloss = relief(body, 80.0, between(rng, 0, TAU), 0.06)
    return picture * np.clip(light, 0.25, 1.1) + gloss


def marble(rng: Random, number: int) -> Picture:
    """Polished stone: veins where folded noise crosses zero, broad ones and fine ones."""
    ground, cloud, vein = (rgb(colour) for colour in STONES[number % len(STONES)])
    u, v = turned(between(rng, 0, TAU))
    fold = noise(rng, 2.5, octaves=5, gain=0.55)
    broad = np.abs(np.sin(np.float32(between(rng, 1.5, 4)) * u + 2.2 * fold))
    fine = np.abs(noise(rng, 4, octaves=4, gain=0.6) + 0.5 * fold + 0.25 * v)
    picture = mix(ground, cloud, np.clip(0.35 + 0.5 * fold, 0, 1))
    over(picture, vein, 0.85 * np.exp(-broad * np.float32(between(rng, 6, 11))))
    over(picture, mix(vein, ground, 0.3), 0.65 * np.exp(-fine * 22))
    gleam = np.exp(-(((u - between(rng, -0.5, 0.5)) ** 2) * 9 + (v * 0.6) ** 2)) * 0.12
    return picture + gleam


def wood(rng: Random, number: int) -> Picture:
    """Sawn timber: year rings cut lengthwise with knots, or the end of a log; sometimes in planks."""
    light, dark = (rgb(colour) for colour in TIMBERS[number % len(TIMBERS)])
    angle = [0.0, np.pi / 2, between(rng, 0, np.pi)][number % 3]
    u, v = turned(angle)
    if number % 4 == 3:
        rings, seams = _log_end(rng, u, v), np.zeros((SIDE, SIDE), np.float32)
    else:
        rings, seams = _boards(rng, u, v, planks=number % 2 * int(rng.integers(2, 5)))
    year = rings - np.floor(rings)
    late = smoothstep(0.15, 0.9, year) * (1 - smoothstep(0.93, 1.0, year))  # slow summer, sudden winter
    fibre = noise(rng, 6, 120, octaves=2, gain=0.8) * (0.25 if number % 4 == 3 else 1.0)
    fibre = sample(fibre, (u + 1) * 128, (v + 1) * 128)
    picture = ramp(np.clip(0.75 * late + 0.16 * fibre + 0.12, 0, 1), light, mix(light, dark, 0.45), dark)
    picture = picture * (1 + 0.1 * noise(rng, 2, octaves=2))
    gloss = 0.1 * np.exp(-((u * 0.7 + v - between(rng, -0.6, 0.6)) ** 2) * 4)
    return picture * (1 - 0.75 * seams) + gloss


def _boards(rng: Random, u: Field, v: Field, planks: int) -> tuple[Field, Field]:
    """Give the year rings of lengthwise cuts, and the seams between planks."""
    seams = np.zeros((SIDE, SIDE), np.float32)
    shift = seams
    if planks:
        plank = np.floor((v + 2) * planks / 2)
        inside = 0.5 - np.abs((v + 2) * planks / 2 - plank - 0.5)
        seams = edge(inside - 0.02, float(PIXEL * planks / 2) * 1.5)
        shift = cell_random(plank, plank * 0, int(rng.integers(1 << 16)))
    bend = noise(rng, 2, octaves=3)
    length = u * 0.45 + shift * 5 + bend * 0.07
    height = v * np.float32(between(rng, 2, 3.5)) + shift * 9 + bend * 0.22
    knot_u, knot_v = u - between(rng, -0.7, 0.7), v - between(rng, -0.6, 0.6)
    knot = np.exp(-(knot_u**2 * 18 + knot_v**2 * 50))
    return np.sqrt(height**2 + length**2 + 0.3) * np.float32(between(rng, 3, 5)) + knot * np.float32(4), seams


def _log_end(rng: Random, u: Field, v: Field) -> Field:
    """Give the year rings of a log cut across, its heart off the middle."""
    u, v = u - between(rng, -0.4, 0.4), v - between(rng, -0.4, 0.4)
    radius = np.sqrt(u * u + v * v * np.float32(between(rng, 0.7, 1.2)))
    return (radius * (1 + 0.1 * noise(rng, 2, octaves=2)) + 0.012 * noise(rng, 6, octaves=2)) * np.float32(
        between(rng, 9, 17)
    )
