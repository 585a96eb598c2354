"""Specimens that look back: close eyes and cartoon faces."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from zfexplore.images.specimens.canvas import (
    OVERSAMPLING,
    PIXEL,
    SIDE,
    WHITE,
    Colour,
    Field,
    Frame,
    Picture,
    Random,
    backdrop,
    between,
    edge,
    mix,
    noise,
    oklch,
    over,
    plane,
    ramp,
    related_hues,
    rgb,
    smoothstep,
    turned,
)

TAU = 2 * np.pi
SKINS = ["f6d7c3", "eac0a0", "d9a47c", "b97a50", "8d5a3a", "63402b"]
# Hue, lightness, chroma.
IRISES = [(240, 0.65, 0.1), (60, 0.45, 0.08), (140, 0.6, 0.09), (75, 0.58, 0.11), (215, 0.72, 0.06)]
HAIRS = ["2a1a12", "5a3620", "a8692f", "e0b65a", "1b1b20", "9a9aa2", "b5402a"]


def eyes(rng: Random, number: int) -> Picture:
    """A close eye: iris with its fibres, pupil, lids and lashes, light from a window."""
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
    picture *= 1 - 0.5 * np.exp(-np.clip(gap, 0, None) * 5)  # the socket
    crease = np.abs(v - (upper * 1.28 - 0.1)) + 0.4 * np.clip(np.abs(u) - 0.8, 0, None)
    picture *= 1 - 0.35 * np.exp(-crease * 28)
    white = rgb("f3efec") * (1.02 - 0.35 * u * u - 0.25 * np.exp((upper - v) * 7))
    look = between(rng, -0.22, 0.22), between(rng, -0.06, 0.04)
    gaze = u - look[0], v - look[1], PIXEL / size
    _iris(white, rng, gaze, between(rng, 0.44, 0.52), number)
    over(picture, white, edge(gap, PIXEL / size * 1.5))
    rim = np.exp(-np.abs(gap) * 40) * (v < 0.02)
    over(picture, rgb("1d120e"), np.clip(rim * 1.2, 0, 0.95))
    return _lashes(picture, rng, opening, u, v)


def _iris(white: Picture, rng: Random, frame: Frame, size: float, number: int) -> None:
    """Lay iris, pupil and the light of a window into the white of an eye."""
    u, v, pixel = frame
    hue, lightness, chroma = IRISES[number % len(IRISES)]
    radius, around = np.sqrt(u * u + v * v) / np.float32(size), np.arctan2(v, u)
    count = between(rng, 30, 60)
    wobble = noise(rng, 6, octaves=3)
    coarse = np.sin(around * round(count) + 3 * wobble)
    fine = np.sin(around * round(count * 1.7) + 9 * radius)
    fibres = 0.5 + 0.22 * coarse + 0.18 * fine + 0.25 * wobble
    dark, bright = oklch(lightness * 0.55, chroma, hue), oklch(min(lightness * 1.35, 0.95), chroma, hue + 10)
    paint = ramp(fibres, dark, oklch(lightness, chroma * 1.3, hue), bright)
    paint = mix(paint, paint * oklch(0.85, 0.1, 65) * 1.25, np.clip(1.6 - 2.4 * radius, 0, 0.7))
    paint = paint * (1 - 0.75 * smoothstep(0.8, 1.0, radius))
    over(white, rgb("8b6f66"), 0.35 * edge((radius - 1.02) * size, 0.12))
    over(white, paint, edge((radius - 1) * size, pixel * 3))
    over(white, rgb("08070a"), edge((radius - between(rng, 0.3, 0.5)) * size, pixel * 2))
    window = np.maximum(np.abs(u + size * 0.38) / 0.16, np.abs(v + size * 0.4) / 0.2) * 0.16 - size * 0.32
    over(white, WHITE, 0.9 * edge(window, pixel * 4))
    glow = ((u - size * 0.4) / size) ** 2 * 6 + ((v - size * 0.45) / size) ** 2 * 12
    white += 0.22 * np.exp(-glow)


def _lashes(picture: Picture, rng: Random, opening: float, u: Field, v: Field) -> Picture:
    """Draw lashes outward from the upper lid, each a tapering curve."""
    side = SIDE * OVERSAMPLING
    image = Image.new("L", (side, side))
    pen = ImageDraw.Draw(image)
    t = np.linspace(0, 1, 6)
    for place in np.linspace(-0.93, 0.93, 44) + rng.normal(0, 0.01, 44):
        lid = -opening * (1 - place * place) ** 0.8
        long = between(rng, 0.14, 0.24) * (1 - 0.3 * abs(place))
        curve = np.stack([place + long * 1.1 * place * t, lid - long * (t - 0.25 * t * t)], axis=1)
        stops = [(float(x), float(y)) for x, y in _pixels(curve, u, v)]
        for step in range(5):
            pen.line([stops[step], stops[step + 1]], fill=255, width=max(1, 4 - step))
    soft = image.filter(ImageFilter.GaussianBlur(0.7)).reduce(OVERSAMPLING)
    over(picture, rgb("150d0b"), np.asarray(soft, np.float32) / np.float32(255))
    return picture


def _pixels(curve: np.ndarray, u: Field, v: Field) -> np.ndarray:
    """Turn (u, v) into Pillow's pixels: the inverse of the affine map that the two fields hold."""
    corner = np.array([u[0, 0], v[0, 0]])
    steps = np.array([[u[0, 1] - u[0, 0], u[1, 0] - u[0, 0]], [v[0, 1] - v[0, 0], v[1, 0] - v[0, 0]]])
    return (np.linalg.solve(steps.astype(np.float64), (curve - corner).T).T + 0.5) * OVERSAMPLING


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
    frame = u, v, pixel
    _shoulders(picture, rng, frame, skin)
    _back_hair(picture, rng, frame, hair, wide, tall, long=number % 2 == 0)
    for side in (-1, 1):
        over(picture, _lit(skin * 0.92, u, v), edge(_oval(u, v, side * wide, 0.03, 0.08, 0.12), pixel))
    jaw = np.sqrt((u / (wide * (1 - 0.16 * np.clip(v, 0, 1)))) ** 2 + (v / tall) ** 2) - 1
    head = jaw * min(wide, tall)
    depth = np.sqrt(np.clip(1.1 - (u / wide) ** 2 * 0.8 - (v / tall) ** 2 * 0.6, 0.02, None))
    over(picture, skin * (0.45 + 0.6 * depth - 0.12 * u), edge(head, pixel))
    blush = np.exp(-((np.abs(u) - wide * 0.62) ** 2 * 90 + (v - 0.16) ** 2 * 120))
    over(picture, rgb("e2605a"), 0.22 * blush * edge(head, pixel))
    _features(picture, rng, frame, skin, hair)
    _fringe(picture, rng, frame, hair, wide, tall)
    return picture


def _oval(u: Field, v: Field, x: float, y: float, wide: float, tall: float) -> Field:
    return (np.sqrt(((u - x) / wide) ** 2 + ((v - y) / tall) ** 2) - 1) * min(wide, tall)


def _lit(colour: Colour, u: Field, v: Field) -> Picture:
    return colour * (0.92 - 0.18 * u - 0.1 * v)


def _shoulders(picture: Picture, rng: Random, frame: Frame, skin: Colour) -> None:
    u, v, pixel = frame
    shirt = oklch(between(rng, 0.35, 0.8), 0.14, between(rng, 0, 360))
    body = _oval(u, v, 0, 1.15, 0.75, 0.5)
    bands = 1.0 + 0.18 * np.sign(np.sin(v * 40)) * (rng.uniform() < 0.4)
    over(picture, _lit(shirt, u, v) * bands, edge(body, pixel))
    neck = np.maximum(np.abs(u) - 0.17, np.abs(v - 0.58) - 0.22)
    over(picture, _lit(skin * 0.78, u, v), edge(neck, pixel * 2))


def _back_hair(
    picture: Picture, rng: Random, frame: Frame, hair: Colour, wide: float, tall: float, *, long: bool
) -> None:
    u, v, pixel = frame
    strands = 0.85 + 0.14 * np.sin(u * between(rng, 80, 120) + 4 * v * np.sign(u))
    mass = _oval(u, v, 0, -0.08, wide * 1.22, tall * 1.12)
    if long:
        mass = np.minimum(mass, np.maximum(np.abs(u) - wide * 1.16, np.abs(v - 0.25) - 0.5))
    over(picture, hair * strands * 0.8, edge(mass, pixel * 2))


def _fringe(picture: Picture, rng: Random, frame: Frame, hair: Colour, wide: float, tall: float) -> None:
    """Lay hair over the forehead, parted somewhere, with a gleam across."""
    u, v, pixel = frame
    part, drop = between(rng, -0.25, 0.25), between(rng, 0.0, 0.45)
    cap = _oval(u, v, 0, -0.06, wide * 1.13, tall * 1.08)
    line = v + tall * between(rng, 0.52, 0.66) - np.abs(u - part) * drop
    line = line + 0.025 * np.sin((u - part) * between(rng, 20, 50))
    gleam = 0.35 * np.exp(-((v + tall * 0.78 + 0.3 * u * u) ** 2) * 120)
    strands = 0.85 + 0.12 * np.sin((u - part) * between(rng, 80, 120) - 9 * v) + gleam
    over(picture, hair * strands + (0.15 * gleam), edge(np.maximum(cap, line), pixel * 1.5))


def _features(picture: Picture, rng: Random, frame: Frame, skin: Colour, hair: Colour) -> None:
    u, v, pixel = frame
    apart, level, size = between(rng, 0.17, 0.22), between(rng, -0.1, 0.0), between(rng, 0.075, 0.11)
    open_, look = between(rng, 0.75, 1.1), between(rng, -0.3, 0.3) * size
    iris, mood = oklch(between(rng, 0.45, 0.65), 0.1, between(rng, 40, 260)), between(rng, -0.5, 2.0)
    for side in (-1, 1):
        x = side * apart
        over(picture, skin * 0.6, edge(_oval(u, v, x, level, size * 1.18, size * open_ * 1.15), pixel * 2))
        ball = _oval(u, v, x, level, size, size * open_)
        over(picture, rgb("fbfaf7"), edge(ball, pixel))
        inside, gaze = edge(ball, pixel), x + look
        over(picture, iris, inside * edge(_oval(u, v, gaze, level + 0.01, size * 0.58, size * 0.6), pixel))
        pupil = _oval(u, v, gaze, level + 0.01, size * 0.3, size * 0.32)
        over(picture, rgb("121014"), inside * edge(pupil, pixel))
        over(picture, WHITE, edge(_oval(u, v, gaze - 0.02, level - 0.02, size * 0.16, size * 0.16), pixel))
        arch = v - level + size * 1.75 + (u - x) ** 2 * 3 + side * (u - x) * (0.35 - 0.5 * mood)
        brow = np.maximum(np.abs(arch) - 0.022, np.abs(u - x) - size * 1.2)
        over(picture, hair * 0.8, edge(brow, pixel * 1.5))
    tip = _oval(u, v, 0.0, 0.14, 0.065, 0.06)
    over(picture, skin * 0.62, 0.6 * edge(_oval(u, v, 0.02, 0.165, 0.075, 0.05), 0.04))
    over(picture, skin * 1.08, 0.9 * edge(tip, 0.05))
    _mouth(picture, rng, frame, mood)


def _mouth(picture: Picture, rng: Random, frame: Frame, mood: float) -> None:
    u, v, pixel = frame
    wide, level = between(rng, 0.14, 0.22), 0.31
    curve = v - level + mood * 1.4 * (u * u - wide * wide * 0.5)
    open_ = between(rng, 0.0, 0.09) if mood > 0.2 else 0.0
    span = np.sqrt(np.clip(1 - (u / wide) ** 2, 0, 1))
    drop = open_ * 0.5 * span  # half the distance between the lips
    lips = np.maximum(np.abs(curve - drop) - drop - 0.02 * span - 0.004, np.abs(u) - wide)
    over(picture, rgb("a83a3c"), edge(lips, pixel * 1.5))
    if open_ > 0.03:
        inner = np.maximum(np.abs(curve - drop) - drop + 0.006, np.abs(u) - wide * 0.92)
        over(picture, rgb("4a1218"), edge(inner, pixel))
        over(picture, rgb("fdfbf6"), edge(np.maximum(inner, curve - 0.84 * drop), pixel))
