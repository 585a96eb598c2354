"""Specimens of living things: flowers, branching trees, eyes, cartoon faces."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from zfexplore.images.specimens.canvas import (
    OVERSAMPLING,
    PIXEL,
    SIDE,
    WHITE,
    Colour,
    Field,
    Picture,
    Random,
    backdrop,
    between,
    blurred,
    edge,
    ellipse,
    mix,
    noise,
    oklch,
    over,
    plane,
    points,
    ramp,
    raster,
    related_hues,
    rgb,
    sample,
    smoothstep,
    turned,
)

TAU = 2 * np.pi
GOLDEN_TURN = TAU * 0.381966  # between one seed of a flower's head and the next (Vogel 1979)
# Petal hue, lightness, chroma; heart hue.
BLOOMS = [(95, 0.97, 0.01, 85), (88, 0.85, 0.17, 50), (5, 0.68, 0.2, 80), (330, 0.72, 0.17, 95), (300, 0.6, 0.18, 90),
          (35, 0.7, 0.19, 40), (260, 0.65, 0.15, 95), (15, 0.85, 0.08, 100)]  # fmt: skip
SKINS = ["f6d7c3", "eac0a0", "d9a47c", "b97a50", "8d5a3a", "63402b"]
HAIRS = ["2a1a12", "5a3620", "a8692f", "e0b65a", "1b1b20", "9a9aa2", "b5402a"]


def flowers(rng: Random, number: int) -> Picture:
    """A blossom in soft green: daisy, sunflower, many-petalled, five-petalled; sometimes with others behind."""
    picture = _meadow(rng)
    hue, lightness, chroma, heart = BLOOMS[number % len(BLOOMS)]
    petals, layers = [(21, 1), (16, 2), (13, 3), (5, 1), (8, 2)][number % 5]
    size, x0, y0 = between(rng, 0.62, 0.98), between(rng, -0.25, 0.25), between(rng, -0.25, 0.2)
    _stem(picture, rng, x0, y0)
    if number % 2:
        _blossom(picture, rng, -x0 * 2 - 0.55, y0 + 0.45, size * 0.42, petals, 1, (hue, lightness * 0.85, chroma, heart))
    _blossom(picture, rng, x0, y0, size, petals, layers, (hue, lightness, chroma, heart))
    return picture


def _meadow(rng: Random) -> Picture:
    """Paint leaves and light far out of focus."""
    picture = backdrop(rng, between(rng, 105, 150), between(rng, 0.35, 0.65), 0.1)
    for _ in range(5):
        size = between(rng, 0.1, 0.3)
        mask = edge(ellipse(between(rng, -1, 1), between(rng, -1, 1), size, size), 0.06)
        over(picture, oklch(between(rng, 0.6, 0.9), 0.1, between(rng, 90, 150)), mask * between(rng, 0.1, 0.35))
    return picture


def _stem(picture: Picture, rng: Random, x0: float, y0: float) -> None:
    x, y = plane()
    bend = x - x0 - between(rng, -0.25, 0.25) * (y - y0) ** 2
    light = 0.8 - 0.4 * np.clip(bend / 0.04, -1, 1)
    over(picture, oklch(0.55, 0.13, 130) * light, edge(np.maximum(np.abs(bend) - 0.035, y0 - y)))


def _blossom(picture: Picture, rng: Random, x0: float, y0: float, size: float, petals: int, layers: int,
             bloom: tuple[float, float, float, float]) -> None:  # fmt: skip
    hue, lightness, chroma, heart_hue = bloom
    tilt = between(rng, 0.72, 1.0)
    u, v = turned(between(rng, 0, TAU), 1 / size, x0, y0)
    v = v / tilt
    radius, around = np.sqrt(u * u + v * v) + np.float32(1e-4), np.arctan2(v, u)
    shadow = edge(ellipse(x0 + 0.05, y0 + 0.09, size * 0.85, size * 0.85 * tilt), 0.3)
    picture *= (1 - 0.45 * shadow)
    reach = 1.0
    for layer in range(layers):
        for shift in (0.5, 0.0):  # the petals behind, then those before them
            turn = around / TAU * petals + layer * 0.5 + shift * 1.0 + 0.25 * layer
            _petals(picture, turn - np.floor(turn) - 0.5, radius, reach * (1 - 0.04 * (shift == 0.5)), petals,
                    oklch(lightness * (1 - 0.1 * (shift == 0.5)), chroma, hue), oklch(lightness * 0.72, chroma * 1.1, hue - 22), PIXEL / size)  # fmt: skip
        reach *= 0.72
    heart_size = {5: 0.14, 8: 0.2}.get(petals, 0.34) * (0.8 if layers > 1 else 1.0)
    _heart(picture, rng, u, v, radius, heart_size, heart_hue, PIXEL / size)


def _petals(picture: Picture, turn: Field, radius: Field, reach: float, petals: int, tip: Colour, base: Colour,
            pixel: float) -> None:  # fmt: skip
    """Lay one whorl: each petal an oval about its axis (turn = 0), veined, darker at its foot and sides."""
    span = TAU / petals * (1.25 if petals > 5 else 1.02)  # neighbours overlap
    share = np.clip(radius / reach, 0, 1.2)
    width = span / 2 * np.sqrt(np.clip(share * 1.6, 0, 1)) * np.sqrt(np.clip(1.0 - share**5, 0, 1))
    aside = np.abs(turn) * (TAU / petals)
    distance = (aside - width) * radius
    along = np.clip(aside / np.maximum(width, 1e-3), 0, 1)
    veins = 0.06 * np.cos(along * 14) * share
    light = 0.72 + 0.34 * np.sqrt(np.clip(1 - along**2, 0, 1)) * (0.5 + 0.5 * share) + veins
    over(picture, mix(base, tip, smoothstep(0.15, 0.8, share)) * light, edge(np.maximum(distance, radius - reach), pixel))


def _heart(picture: Picture, rng: Random, u: Field, v: Field, radius: Field, size: float, hue: float, pixel: float) -> None:
    """Lay the domed heart with its seeds in spirals."""
    dome = np.sqrt(np.clip(1 - (radius / size) ** 2, 0, 1))
    light = 0.5 + 0.5 * dome - 0.35 * (u + v) / size * 0.7
    scale = SIDE / 2 / size
    seed = sample(_seeds(), np.clip(u * scale + SIDE / 2, 0, SIDE - 2), np.clip(v * scale + SIDE / 2, 0, SIDE - 2))
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
    """A tree branching again and again before the sky: bare, green, autumnal, in blossom."""
    x, y = plane()
    hue = [250, 235, 60, 20, 265][number % 5] + between(rng, -10, 10)
    horizon = between(rng, 0.6, 0.78)
    picture = ramp((y + 1) / (1 + horizon), oklch(0.62, 0.11, hue), oklch(0.82, 0.07, hue + 10), oklch(0.95, 0.04, hue + 60))
    mist = noise(rng, 2, 6, octaves=4)
    over(picture, WHITE, 0.5 * smoothstep(0.0, 1.2, mist))
    grass = oklch(between(rng, 0.4, 0.6), 0.11, [130, 125, 80, 110, 140][number % 5])
    grain = noise(rng, 60, 20, octaves=3)
    hill = horizon + 0.08 * np.sin(x * between(rng, 1, 3) + between(rng, 0, TAU)).astype(np.float32)
    over(picture, grass * (0.9 + 0.25 * grain - 0.4 * (y - horizon)), edge(hill - y, 0.02))
    x0 = between(rng, -0.25, 0.25)
    over(picture, grass * 0.35, 0.7 * edge(ellipse(x0 + 0.15, horizon + 0.12, 0.6, 0.07), 0.12))
    segments = _grow(rng, x0, horizon + 0.1, between(rng, 0.36, 0.46))
    return _painted_tree(picture, rng, segments, [None, 135, 45, 30, 350][number % 5])


def _grow(rng: Random, x0: float, y0: float, length: float) -> list[np.ndarray]:
    """Give the branches of each order, ``[n, 5]``: from x, y, to x, y, thickness; each has two or three after it."""
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


def _painted_tree(picture: Picture, rng: Random, segments: list[np.ndarray], foliage: float | None) -> Picture:
    """Draw branches and leaves with Pillow at twice the size, on the finished sky."""
    side = SIDE * OVERSAMPLING
    ground = (np.clip(picture, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
    sky = Image.fromarray(np.ascontiguousarray(ground)).resize((side, side))
    pen = ImageDraw.Draw(sky)
    bark = oklch(between(rng, 0.22, 0.4), 0.04, between(rng, 30, 80))
    leaves = segments[-1][:, 2:4]
    if foliage is not None:
        _leaves(pen, rng, leaves[rng.permutation(len(leaves))[: len(leaves) // 2]], foliage, 0.42, 0.06)
    for order, branches in enumerate(segments if foliage is None else segments[:-1]):
        tone = _byte(bark * (0.8 + 0.06 * order))
        for x, y, to_x, to_y, thick in branches:
            line = points(np.array([[x, y], [to_x, to_y]]), side)
            width = max(1, round(thick * side / 2))
            pen.line(line, fill=tone, width=width)
            if width > 3:
                half = width / 2 - 0.5
                pen.ellipse([line[1][0] - half, line[1][1] - half, line[1][0] + half, line[1][1] + half], fill=tone)
    if foliage is not None:
        _leaves(pen, rng, leaves, foliage, 0.68, 0.04)
    painted = np.asarray(sky.reduce(OVERSAMPLING), np.float32) / np.float32(255)
    return np.ascontiguousarray(painted.transpose(2, 0, 1))


def _leaves(pen: ImageDraw.ImageDraw, rng: Random, tips: np.ndarray, hue: float, lightness: float, size: float) -> None:
    side = SIDE * OVERSAMPLING
    shades = [_byte(oklch(lightness + step * 0.05, 0.13, hue + step * 9)) for step in range(-2, 4)]
    sizes = rng.uniform(0.4, 1.0, len(tips)) * size * side / 2
    for (x, y), half, shade in zip(points(tips + rng.normal(0, 0.02, tips.shape), side), sizes, rng.integers(len(shades), size=len(tips)), strict=True):
        pen.ellipse([x - half, y - half * 0.8, x + half, y + half * 0.8], fill=shades[shade])


def _byte(colour: Colour) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in np.clip(colour.ravel() * 255, 0, 255))
    return red, green, blue


def eyes(rng: Random, number: int) -> Picture:
    """An eye from close by: iris with its fibres, pupil, lids and lashes, light from a window."""
    skin = rgb(SKINS[number % len(SKINS)])
    x, y = plane()
    pores = noise(rng, 30, octaves=3)
    picture = skin * (0.93 + 0.03 * pores + 0.07 * noise(rng, 2, octaves=1))
    size = between(rng, 0.72, 0.95)
    u, v = turned(between(rng, -0.2, 0.2), 1 / size, between(rng, -0.1, 0.1), between(rng, -0.05, 0.15))
    opening = between(rng, 0.42, 0.58)
    span = np.clip(1 - u * u, 0, None)
    upper, lower = -opening * span**0.8, opening * 0.72 * span
    gap = np.maximum(np.maximum(upper - v, v - lower), np.abs(u) - 1)
    picture *= (1 - 0.5 * np.exp(-np.clip(gap, 0, None) * 5))  # the socket
    crease = np.abs(v - (upper * 1.28 - 0.1)) + 0.4 * np.clip(np.abs(u) - 0.8, 0, None)
    picture *= (1 - 0.35 * np.exp(-crease * 28))
    white = rgb("f3efec") * (1.02 - 0.35 * u * u - 0.25 * np.exp((upper - v) * 7))
    look = between(rng, -0.22, 0.22), between(rng, -0.06, 0.04)
    _iris(white, rng, u - look[0], v - look[1], between(rng, 0.44, 0.52), PIXEL / size, number)
    over(picture, white, edge(gap, PIXEL / size * 1.5))
    rim = np.exp(-np.abs(gap) * 40) * (v < 0.02)
    over(picture, rgb("1d120e"), np.clip(rim * 1.2, 0, 0.95))
    return _lashes(picture, rng, opening, size, u, v)


def _iris(white: Picture, rng: Random, u: Field, v: Field, size: float, pixel: float, number: int) -> None:
    hue, lightness, chroma = [(240, 0.65, 0.1), (60, 0.45, 0.08), (140, 0.6, 0.09), (75, 0.58, 0.11), (215, 0.72, 0.06)][number % 5]
    radius, around = np.sqrt(u * u + v * v) / np.float32(size), np.arctan2(v, u)
    count = between(rng, 30, 60)
    wobble = noise(rng, 6, octaves=3)
    fibres = 0.5 + 0.28 * np.sin(around * np.round(count) + 3 * wobble) + 0.22 * np.sin(around * np.round(count * 1.7) + 9 * radius)
    paint = ramp(np.clip(fibres * 0.8 + 0.25 * wobble + 0.1, 0, 1), oklch(lightness * 0.55, chroma, hue), oklch(lightness, chroma * 1.3, hue), oklch(min(lightness * 1.35, 0.95), chroma, hue + 10))
    paint = mix(paint, paint * oklch(0.85, 0.1, 65) * 1.25, np.clip(1.6 - 2.4 * radius, 0, 0.7))
    paint = paint * (1 - 0.75 * smoothstep(0.8, 1.0, radius))
    over(white, rgb("8b6f66"), 0.35 * edge((radius - 1.02) * size, 0.12))
    over(white, paint, edge((radius - 1) * size, pixel * 3))
    over(white, rgb("08070a"), edge((radius - between(rng, 0.3, 0.5)) * size, pixel * 2))
    window = np.maximum(np.abs(u + size * 0.38) / 0.16, np.abs(v + size * 0.4) / 0.2) * 0.16 - size * 0.32
    over(white, WHITE, 0.9 * edge(window, pixel * 4))
    glow = ((u - size * 0.4) / size) ** 2 * 6 + ((v - size * 0.45) / size) ** 2 * 12
    white += (0.22 * np.exp(-glow))


def _lashes(picture: Picture, rng: Random, opening: float, size: float, u: Field, v: Field) -> Picture:
    """Draw lashes outward from the upper lid, each a tapering curve."""
    side = SIDE * OVERSAMPLING
    image = Image.new("L", (side, side))
    pen = ImageDraw.Draw(image)
    # The lid's frame in picture coordinates, read off the two fields: they are affine in x and y.
    step_u, step_v = u[0, 1] - u[0, 0], v[0, 1] - v[0, 0]
    for place in np.linspace(-0.93, 0.93, 44) + rng.normal(0, 0.01, 44):
        root = np.array([place, -opening * (1 - place * place) ** 0.8])
        long = between(rng, 0.14, 0.24) * (1 - 0.3 * abs(place))
        t = np.linspace(0, 1, 6)
        curve = np.stack([root[0] + long * 1.1 * place * t + 0.0 * t, root[1] - long * (t - 0.25 * t * t)], axis=1)
        local = _to_picture(curve, u, v, float(step_u), float(step_v))
        for index in range(5):
            pen.line([tuple(local[index]), tuple(local[index + 1])], fill=255, width=max(1, 4 - index))
    mask = np.asarray(image.filter(ImageFilter.GaussianBlur(0.7)).reduce(OVERSAMPLING), np.float32) / np.float32(255)
    over(picture, rgb("150d0b"), mask)
    return picture


def _to_picture(curve: np.ndarray, u: Field, v: Field, step_u: float, step_v: float) -> np.ndarray:
    """Turn (u, v) into Pillow's pixels: undo the affine map of ``turned``."""
    matrix = np.array([[step_u, u[1, 0] - u[0, 0]], [step_v, v[1, 0] - v[0, 0]]], dtype=np.float64)
    pixels = np.linalg.solve(matrix, (curve - [u[0, 0], v[0, 0]]).T).T
    return (pixels + 0.5) * OVERSAMPLING


def faces(rng: Random, number: int) -> Picture:
    """A cartoon face, round or long, of any age and mood, with hair, lit from one side."""
    base, _, _ = related_hues(rng)
    picture = backdrop(rng, base, chroma=0.09)
    skin, hair = rgb(SKINS[number % len(SKINS)]), rgb(HAIRS[(number * 3) % len(HAIRS)])
    lean, size = between(rng, -0.22, 0.22), between(rng, 0.95, 1.2)
    x0, y0 = between(rng, -0.12, 0.12), between(rng, -0.08, 0.05)
    u, v = turned(lean, 1 / size, x0, y0)
    wide, tall = between(rng, 0.42, 0.52), between(rng, 0.52, 0.62)
    pixel = PIXEL / size
    _shoulders(picture, rng, u, v, skin, pixel)
    _back_hair(picture, rng, u, v, hair, wide, tall, pixel, long=number % 2 == 0)
    for side in (-1, 1):
        over(picture, _lit(skin * 0.92, u, v), edge(_oval(u, v, side * wide, 0.03, 0.08, 0.12), pixel))
    jaw = np.sqrt((u / (wide * (1 - 0.16 * np.clip(v, 0, 1)))) ** 2 + (v / tall) ** 2) - 1
    head = jaw * min(wide, tall)
    depth = np.sqrt(np.clip(1.1 - (u / wide) ** 2 * 0.8 - (v / tall) ** 2 * 0.6, 0.02, None))
    over(picture, skin * (0.45 + 0.6 * depth - 0.12 * u), edge(head, pixel))
    blush = np.exp(-((np.abs(u) - wide * 0.62) ** 2 * 90 + (v - 0.16) ** 2 * 120))
    over(picture, rgb("e2605a"), 0.22 * blush * edge(head, pixel))
    _features(picture, rng, u, v, skin, hair, pixel)
    _fringe(picture, rng, u, v, hair, wide, tall, pixel)
    return picture


def _oval(u: Field, v: Field, x: float, y: float, wide: float, tall: float) -> Field:
    return (np.sqrt(((u - x) / wide) ** 2 + ((v - y) / tall) ** 2) - 1) * min(wide, tall)


def _lit(colour: Colour, u: Field, v: Field) -> Picture:
    return colour * (0.92 - 0.18 * u - 0.1 * v)


def _shoulders(picture: Picture, rng: Random, u: Field, v: Field, skin: Colour, pixel: float) -> None:
    shirt = oklch(between(rng, 0.35, 0.8), 0.14, between(rng, 0, 360))
    body = _oval(u, v, 0, 1.15, 0.75, 0.5)
    bands = 1.0 + 0.18 * np.sign(np.sin(v * 40)) * (rng.uniform() < 0.4)
    over(picture, _lit(shirt, u, v) * bands, edge(body, pixel))
    neck = np.maximum(np.abs(u) - 0.17, np.abs(v - 0.58) - 0.22)
    over(picture, _lit(skin * 0.78, u, v), edge(neck, pixel * 2))


def _back_hair(picture: Picture, rng: Random, u: Field, v: Field, hair: Colour, wide: float, tall: float,
               pixel: float, *, long: bool) -> None:  # fmt: skip
    strands = 0.85 + 0.25 * np.sin(u * between(rng, 50, 80) + 4 * v * np.sign(u))
    mass = _oval(u, v, 0, -0.08, wide * 1.22, tall * 1.12)
    if long:
        mass = np.minimum(mass, np.maximum(np.abs(u) - wide * 1.16, np.abs(v - 0.25) - 0.5))
    over(picture, hair * strands * 0.8, edge(mass, pixel * 2))


def _fringe(picture: Picture, rng: Random, u: Field, v: Field, hair: Colour, wide: float, tall: float, pixel: float) -> None:
    """Lay hair over the forehead, parted somewhere, with a gleam across."""
    part, drop = between(rng, -0.25, 0.25), between(rng, 0.0, 0.45)
    cap = _oval(u, v, 0, -0.06, wide * 1.13, tall * 1.08)
    line = v + tall * between(rng, 0.52, 0.66) - np.abs(u - part) * drop
    line = line + 0.025 * np.sin((u - part) * between(rng, 20, 50))
    gleam = 0.35 * np.exp(-((v + tall * 0.78 + 0.3 * u * u) ** 2) * 120)
    strands = 0.85 + 0.2 * np.sin((u - part) * between(rng, 60, 90) - 9 * v) + gleam
    over(picture, hair * strands + (0.15 * gleam), edge(np.maximum(cap, line), pixel * 1.5))


def _features(picture: Picture, rng: Random, u: Field, v: Field, skin: Colour, hair: Colour, pixel: float) -> None:
    apart, level, size = between(rng, 0.17, 0.22), between(rng, -0.1, 0.0), between(rng, 0.075, 0.11)
    open_, look = between(rng, 0.75, 1.1), between(rng, -0.3, 0.3) * size
    iris, mood = oklch(between(rng, 0.45, 0.65), 0.1, between(rng, 40, 260)), between(rng, -0.5, 2.0)
    for side in (-1, 1):
        x = side * apart
        over(picture, skin * 0.6, edge(_oval(u, v, x, level, size * 1.18, size * open_ * 1.15), pixel * 2))
        ball = _oval(u, v, x, level, size, size * open_)
        over(picture, rgb("fbfaf7"), edge(ball, pixel))
        inside = edge(ball, pixel)
        over(picture, iris, inside * edge(_oval(u, v, x + look, level + 0.01, size * 0.58, size * 0.6), pixel))
        over(picture, rgb("121014"), inside * edge(_oval(u, v, x + look, level + 0.01, size * 0.3, size * 0.32), pixel))
        over(picture, WHITE, edge(_oval(u, v, x + look - 0.02, level - 0.02, size * 0.16, size * 0.16), pixel))
        arch = v - level + size * 1.75 + (u - x) ** 2 * 3 + side * (u - x) * (0.35 - 0.5 * mood)
        over(picture, hair * 0.8, edge(np.maximum(np.abs(arch) - 0.022, np.abs(u - x) - size * 1.2), pixel * 1.5))
    tip = _oval(u, v, 0.0, 0.14, 0.065, 0.06)
    over(picture, skin * 0.62, 0.6 * edge(_oval(u, v, 0.02, 0.165, 0.075, 0.05), 0.04))
    over(picture, skin * 1.08, 0.9 * edge(tip, 0.05))
    _mouth(picture, rng, u, v, mood, pixel)


def _mouth(picture: Picture, rng: Random, u: Field, v: Field, mood: float, pixel: float) -> None:
    wide, level = between(rng, 0.14, 0.22), 0.31
    curve = v - level + mood * 1.4 * (u * u - wide * wide * 0.5)
    open_ = between(rng, 0.0, 0.09) if mood > 0.2 else 0.0
    span = np.sqrt(np.clip(1 - (u / wide) ** 2, 0, 1))
    lips = np.maximum(np.abs(curve - open_ * 0.5 * span) - (0.02 + open_ * 0.5) * span - 0.004, np.abs(u) - wide)
    over(picture, rgb("a83a3c"), edge(lips, pixel * 1.5))
    if open_ > 0.03:
        inner = np.maximum(np.abs(curve - open_ * 0.5 * span) - open_ * 0.5 * span + 0.006, np.abs(u) - wide * 0.92)
        over(picture, rgb("4a1218"), edge(inner, pixel))
        over(picture, rgb("fdfbf6"), edge(np.maximum(inner, curve - open_ * 0.42 * span), pixel))
