"""Specimens of plants: flowers, and trees that branch."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import ImageDraw

from zfexplore.images.specimens.canvas import (
    OVERSAMPLING,
    PIXEL,
    SIDE,
    WHITE,
    Colour,
    Field,
    Frame,
    Picture,
    Polar,
    Random,
    as_bytes,
    as_image,
    as_picture,
    backdrop,
    between,
    blurred,
    edge,
    ellipse,
    mix,
    near,
    noise,
    oklch,
    over,
    plane,
    points,
    ramp,
    raster,
    sample,
    smoothstep,
    turned,
)

TAU = 2 * np.pi
GOLDEN_TURN = TAU * 0.381966  # between one seed of a flower's head and the next (Vogel 1979)
# Petal hue, lightness, chroma; heart hue.
BLOOMS = [
    (95, 0.97, 0.01, 85),
    (88, 0.85, 0.17, 50),
    (5, 0.68, 0.2, 80),
    (330, 0.72, 0.17, 95),
    (300, 0.6, 0.18, 90),
    (35, 0.7, 0.19, 40),
    (260, 0.65, 0.15, 95),
    (15, 0.85, 0.08, 100),
]


def flowers(rng: Random, number: int) -> Picture:
    """A blossom in soft green, five to twenty-one petals in one to three whorls; sometimes a second one."""
    picture = _meadow(rng)
    hue, lightness, chroma, heart = BLOOMS[number % len(BLOOMS)]
    petals, layers = [(21, 1), (16, 2), (13, 3), (5, 1), (8, 2)][number % 5]
    size, x0, y0 = between(rng, 0.62, 0.98), between(rng, -0.25, 0.25), between(rng, -0.25, 0.2)
    _stem(picture, rng, x0, y0)
    if number % 2:
        _blossom(
            picture,
            rng,
            -x0 * 2 - 0.55,
            y0 + 0.45,
            size * 0.42,
            petals,
            1,
            (hue, lightness * 0.85, chroma, heart),
        )
    _blossom(picture, rng, x0, y0, size, petals, layers, (hue, lightness, chroma, heart))
    return picture


def _meadow(rng: Random) -> Picture:
    """Paint leaves and light, far out of focus."""
    picture = backdrop(rng, between(rng, 105, 150), between(rng, 0.35, 0.65), 0.1)
    for _ in range(5):
        size = between(rng, 0.1, 0.3)
        mask = edge(ellipse(between(rng, -1, 1), between(rng, -1, 1), size, size), 0.06)
        over(
            picture, oklch(between(rng, 0.6, 0.9), 0.1, between(rng, 90, 150)), mask * between(rng, 0.1, 0.35)
        )
    return picture


def _stem(picture: Picture, rng: Random, x0: float, y0: float) -> None:
    x, y = plane()
    bend = x - x0 - between(rng, -0.25, 0.25) * (y - y0) ** 2
    light = 0.8 - 0.4 * np.clip(bend / 0.04, -1, 1)
    over(picture, oklch(0.55, 0.13, 130) * light, edge(np.maximum(np.abs(bend) - 0.035, y0 - y)))


def _blossom(
    picture: Picture,
    rng: Random,
    x0: float,
    y0: float,
    size: float,
    petals: int,
    layers: int,
    bloom: tuple[float, float, float, float],
) -> None:
    hue, lightness, chroma, heart_hue = bloom
    tilt = between(rng, 0.72, 1.0)
    part = near(x0, y0, size * 1.3)
    here = picture[:, part[0], part[1]]
    if min(here.shape) < 2:  # outside the picture
        return
    u, v = turned(between(rng, 0, TAU), 1 / size, x0, y0, part)
    v = v / tilt
    radius, around = np.sqrt(u * u + v * v) + np.float32(1e-4), np.arctan2(v, u)
    below = ellipse(x0 + 0.05, y0 + 0.09, size * 0.85, size * 0.85 * tilt, part=part)
    here *= 1 - 0.45 * edge(below, 0.3)
    tip, base = oklch(lightness, chroma, hue), oklch(lightness * 0.72, chroma * 1.1, hue - 22)
    flower = radius, around, PIXEL / size
    for layer in range(layers):
        reach, lean = 0.72**layer, 0.75 * layer
        _petals(here, flower, petals, lean + 0.5, reach * 0.96, tip * 0.87, base)  # the petals behind
        _petals(here, flower, petals, lean, reach, tip, base)
    heart_size = {5: 0.14, 8: 0.2}.get(petals, 0.34) * (0.8 if layers > 1 else 1.0)
    _heart(here, (u, v, PIXEL / size), heart_size, heart_hue)


def _petals(
    picture: Picture, flower: Polar, petals: int, lean: float, reach: float, tip: Colour, base: Colour
) -> None:
    """Lay one whorl: each petal an oval about its axis, veined, darker at its foot and sides."""
    radius, around, pixel = flower
    turn = around * (petals / TAU) + lean
    turn = turn - np.floor(turn) - 0.5  # 0 on a petal's axis, +-0.5 half-way to the next
    span = TAU / petals * (1.25 if petals > 5 else 1.02)  # neighbours overlap
    share = np.clip(radius / reach, 0, 1.2)
    width = span / 2 * np.sqrt(np.clip(share * 1.6, 0, 1)) * np.sqrt(np.clip(1.0 - share**5, 0, 1))
    aside = np.abs(turn) * (TAU / petals)
    distance = (aside - width) * radius
    along = np.clip(aside / np.maximum(width, 1e-3), 0, 1)
    veins = 0.06 * np.cos(along * 14) * share
    light = 0.72 + 0.34 * np.sqrt(np.clip(1 - along**2, 0, 1)) * (0.5 + 0.5 * share) + veins
    paint = mix(base, tip, smoothstep(0.15, 0.8, share)) * light
    over(picture, paint, edge(np.maximum(distance, radius - reach), pixel))


def _heart(picture: Picture, frame: Frame, size: float, hue: float) -> None:
    """Lay the domed heart with its seeds in spirals."""
    u, v, pixel = frame
    radius = np.sqrt(u * u + v * v)
    dome = np.sqrt(np.clip(1 - (radius / size) ** 2, 0, 1))
    light = 0.5 + 0.5 * dome - 0.25 * (u + v) / size
    column, row = (np.clip((axis / size + 1) * (SIDE / 2), 0, SIDE - 2) for axis in (u, v))
    seed = sample(_seeds(), column, row)
    dark, bright = oklch(0.35, 0.09, hue - 30), oklch(0.82, 0.16, hue)
    over(picture, oklch(0.2, 0.05, hue), 0.5 * edge(radius - size * 1.15, size * 0.4))
    over(picture, mix(dark, bright, seed) * light, edge(radius - size, pixel * 2))


@cache
def _seeds() -> Field:
    """Draw the seeds of a flower's head, each a golden turn on from the last, as bumps in [0, 1]."""
    index = np.arange(90)
    radius = 0.95 * np.sqrt((index + 0.5) / len(index))
    places = np.stack([radius * np.cos(index * GOLDEN_TURN), radius * np.sin(index * GOLDEN_TURN)], axis=1)

    def draw(pen: ImageDraw.ImageDraw, side: float) -> None:
        for x, y in points(places, side):
            pen.ellipse([x - side / 30, y - side / 30, x + side / 30, y + side / 30], fill=255)

    return blurred(raster(draw), 3)


def trees(rng: Random, number: int) -> Picture:
    """A branching tree against the sky: bare, green, autumnal, or in blossom."""
    x, y = plane()
    hue = [250, 235, 60, 20, 265][number % 5] + between(rng, -10, 10)
    horizon = between(rng, 0.6, 0.78)
    picture = ramp(
        (y + 1) / (1 + horizon),
        oklch(0.62, 0.11, hue),
        oklch(0.82, 0.07, hue + 10),
        oklch(0.95, 0.04, hue + 60),
    )
    mist = noise(rng, 2, 6, octaves=4)
    over(picture, WHITE, 0.5 * smoothstep(0.0, 1.2, mist))
    grass = oklch(between(rng, 0.4, 0.6), 0.11, [130, 125, 80, 110, 140][number % 5])
    grain = noise(rng, 60, 20, octaves=3)
    hill = horizon + 0.08 * np.sin(x * between(rng, 1, 3) + between(rng, 0, TAU)).astype(np.float32)
    over(picture, grass * (0.9 + 0.25 * grain - 0.4 * (y - horizon)), edge(hill - y, 0.02))
    x0 = between(rng, -0.25, 0.25)
    over(picture, grass * 0.35, 0.7 * edge(ellipse(x0 + 0.15, horizon + 0.12, 0.6, 0.07), 0.12))
    segments = _grow(rng, x0, horizon + 0.1, between(rng, 0.36, 0.46))
    return _painted_tree(picture, rng, segments, [None, 118, 45, 30, 350][number % 5])


def _grow(rng: Random, x0: float, y0: float, length: float) -> list[np.ndarray]:
    """Give the branches of each order, ``[n, 5]``: from x, y, to x, y, thickness.

    The trunk forks into three branches and every other branch into two, each turned and shortened at
    random.
    """
    bare = np.array([[x0, y0, -np.pi / 2 + between(rng, -0.1, 0.1), length, between(rng, 0.1, 0.14)]])
    shrink, fork = between(rng, 0.68, 0.78), between(rng, 0.35, 0.6)
    segments = []
    for order in range(8):
        x, y, angle, long, thick = bare.T
        ends = np.stack([x + long * np.cos(angle), y + long * np.sin(angle)], axis=1)
        segments.append(np.column_stack([x, y, ends, thick]))
        children = np.array([-1.0, 1.0]) if order else np.array([-1.1, 0.05, 1.1])
        turn = np.repeat(angle, len(children)) + np.tile(children, len(x)) * fork
        turn += rng.normal(0, 0.16, len(turn))
        long = np.repeat(long, len(children)) * shrink * rng.uniform(0.75, 1.15, len(turn))
        thick = np.repeat(thick, len(children)) * 0.66
        bare = np.column_stack([np.repeat(ends, len(children), axis=0), turn, long, thick])
    return segments


def _painted_tree(
    picture: Picture, rng: Random, segments: list[np.ndarray], foliage: float | None
) -> Picture:
    """Draw branches and leaves with Pillow at twice the size, on the finished sky."""
    side = SIDE * OVERSAMPLING
    sky = as_image(picture).resize((side, side))
    pen = ImageDraw.Draw(sky)
    bark = oklch(between(rng, 0.22, 0.4), 0.04, between(rng, 30, 80))
    leaves = segments[-1][:, 2:4]
    if foliage is not None:
        _leaves(pen, rng, leaves[rng.permutation(len(leaves))[: len(leaves) // 2]], foliage, 0.42, 0.06)
    for order, branches in enumerate(segments if foliage is None else segments[:-1]):
        tone = as_bytes(bark * (0.8 + 0.06 * order))
        for x, y, to_x, to_y, thick in branches:
            line = points(np.array([[x, y], [to_x, to_y]]), side)
            width = max(1, round(thick * side / 2))
            pen.line(line, fill=tone, width=width)
            if width > 3:
                pen.circle(line[1], width / 2 - 0.5, fill=tone)
    if foliage is not None:
        _leaves(pen, rng, leaves, foliage, 0.68, 0.04)
    return as_picture(sky.reduce(OVERSAMPLING))


def _leaves(
    pen: ImageDraw.ImageDraw, rng: Random, tips: np.ndarray, hue: float, lightness: float, size: float
) -> None:
    side = SIDE * OVERSAMPLING
    shades = [as_bytes(oklch(lightness + step * 0.05, 0.13, hue + step * 9)) for step in range(-2, 4)]
    halves = rng.uniform(0.4, 1.0, len(tips)) * size * side / 2
    places = points(tips + rng.normal(0, 0.02, tips.shape), side)
    picks = rng.integers(len(shades), size=len(tips))
    for (x, y), half, pick in zip(places, halves, picks, strict=True):
        pen.ellipse([x - half, y - half * 0.8, x + half, y + half * 0.8], fill=shades[pick])
