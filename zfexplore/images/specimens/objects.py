"""Specimens of simple things: letters and words, shaded spheres and cubes, stars."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from zfexplore.images.specimens.canvas import (
    OVERSAMPLING,
    PIXEL,
    SIDE,
    Field,
    Picture,
    Random,
    backdrop,
    between,
    blurred,
    edge,
    ellipse,
    mix,
    moved,
    near,
    noise,
    oklch,
    over,
    plane,
    points,
    ramp,
    raster,
    related_hues,
    relief,
    smoothstep,
    spread,
    stripes,
    turned,
)

TAU = 2 * np.pi
LETTERS = "ABEGKMQRSWXaefgkty2358&?"
WORDS = [
    "light",
    "form",
    "edge",
    "seen",
    "depth",
    "Layer",
    "mind",
    "eye",
    "colour",
    "field",
    "look",
    "NIGHT",
    "Paris",
    "tree",
    "river",
    "of the",
    "and",
    "1962",
    "cat",
    "corner",
    "shape",
    "maps",
    "open",
    "CAFE",
]


def letters(rng: Random, number: int) -> Picture:
    """One large letter raised from its ground, or lines of words, in any direction."""
    base, partner, accent = related_hues(rng)
    dark_on_light = number % 3 != 0
    ground = backdrop(rng, base, 0.85 if dark_on_light else 0.35, 0.05)
    ink = oklch(0.3, 0.1, partner) if dark_on_light else oklch(0.9, 0.1, partner)
    angle = between(rng, -20, 20) if number % 4 else between(rng, 0, 360)
    if number % 2 == 0:
        glyph = LETTERS[(number // 2 * 5 + int(rng.integers(3))) % len(LETTERS)]
        mask = _text(glyph, round(between(rng, 380, 620)), angle)
        depth = round(between(rng, 5, 12))
        side = np.max([moved(mask, step) for step in range(1, depth)], axis=0)
        over(ground, oklch(0.15, 0.03, base), 0.5 * blurred(moved(side, depth), 6))
        over(ground, mix(ink, oklch(0.2, 0.05, accent), 0.65), side)
        light, gloss = relief(blurred(mask, 3), 7.0, between(rng, 0, TAU), 0.4)
        face = mix(ink, oklch(0.65, 0.18, accent), np.clip(plane()[1] * 0.5 + 0.5, 0, 1))
        over(ground, face * light + gloss, mask)
        return ground
    lines = int(rng.integers(2, 8))
    per_line = max(1, lines // 2)
    text = "\n".join(" ".join(rng.choice(WORDS, per_line)) for _ in range(lines))
    mask = _text(text, round(between(rng, 0.8, 1.0) * 460 / lines), angle)
    over(ground, ink, mask * 0.95)
    return ground * (0.97 + 0.05 * noise(rng, 20, octaves=3))


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Give Pillow's own typeface, so no font has to be installed."""
    return ImageFont.load_default(size)


def _text(text: str, size: int, angle: float) -> Field:
    side = SIDE * OVERSAMPLING
    image = Image.new("L", (side, side))
    pen = ImageDraw.Draw(image)
    middle, font = (side / 2, side / 2), _font(size)
    pen.text(middle, text, fill=255, font=font, anchor="mm", align="center", spacing=size // 6)
    image = image.rotate(angle, Image.Resampling.BILINEAR)
    return np.asarray(image.reduce(OVERSAMPLING), np.float32) / np.float32(255)


def solids(rng: Random, number: int) -> Picture:
    """Shaded spheres and cubes on a floor, one to three of them, the nearest last."""
    base, partner, accent = related_hues(rng)
    picture = backdrop(rng, base, between(rng, 0.6, 0.85))
    _, y = plane()
    horizon = between(rng, -0.2, 0.2)
    floor = ramp(
        np.clip((y - horizon) / (1 - horizon), 0, 1), oklch(0.72, 0.04, base), oklch(0.5, 0.06, base)
    )
    over(picture, floor, smoothstep(horizon - 0.03, horizon + 0.03, y))
    lamp = between(rng, -2.6, -0.5)
    hues = [partner, accent, partner + 90]
    count = 1 + number % 3
    for which in range(count):
        size = between(rng, 0.55, 0.75) / (1 + 0.4 * (count - 1)) * (0.75 + 0.25 * which)
        x0 = between(rng, -0.25, 0.25) if count == 1 else (which - (count - 1) / 2) * between(rng, 0.65, 0.8)
        foot = 0.35 + 0.22 * which + between(rng, -0.05, 0.1) if count > 1 else between(rng, 0.55, 0.8)
        shadow_x, shadow_y = x0 - 0.5 * size * np.cos(lamp), foot - 0.06 * size
        picture *= 1 - 0.6 * edge(ellipse(shadow_x, shadow_y, size * 1.25, size * 0.3), size * 0.5)
        draw = _sphere if (number // 3 + which) % 2 else _cube
        draw(picture, rng, x0, foot, size, hues[which], lamp)
    return picture


def _sphere(
    picture: Picture, rng: Random, x0: float, foot: float, size: float, hue: float, lamp: float
) -> None:
    """A ball, plain or banded, with a highlight and with light reflected from the floor."""
    u, v = turned(0.0, 1 / size, x0, foot - size)
    inside = u * u + v * v
    depth = np.sqrt(np.clip(1 - inside, 0, 1))
    toward = 0.62 * (u * np.float32(np.cos(lamp)) + v * np.float32(np.sin(lamp))) + 0.78 * depth
    light = 0.22 + 0.85 * np.clip(toward, 0, 1) + 0.16 * np.clip(v - 0.2, 0, 1)
    gloss = 0.85 * np.clip((toward - 0.86) / 0.14, 0, 1) ** 3
    paint: np.ndarray = oklch(0.66, 0.19, hue)
    if rng.uniform() < 0.5:
        lean = between(rng, 0, np.pi)
        across = u * np.float32(np.cos(lean)) + v * np.float32(np.sin(lean))
        along = np.arcsin(np.clip(across, -1, 1)) * np.float32(between(rng, 1.0, 2.6))
        paint = mix(paint, oklch(0.93, 0.03, hue), stripes(along, 0.5))
    over(picture, paint * light + gloss, edge(np.sqrt(inside) - 1, PIXEL / size))


def _cube(
    picture: Picture, rng: Random, x0: float, foot: float, size: float, hue: float, lamp: float
) -> None:
    """A cube seen from above one of its edges: three faces, each evenly lit with a gradient."""
    turn, rise = between(rng, 0.25, np.pi / 2 - 0.25), between(rng, 0.3, 0.5)
    half = size * 0.85
    corners = np.array([[np.cos(turn + k * np.pi / 2), np.sin(turn + k * np.pi / 2)] for k in range(4)])
    low = corners * [half, half * rise] + [x0, foot - half * (0.1 + rise)]
    high = low - [0.0, 2 * half * 0.8]
    front = int(np.argmax(corners[:, 1]))
    faces = [(_polygon(high), 1.08)]
    for step in (1, -1):
        other = (front + step) % 4
        normal = (corners[front] + corners[other]) / 2
        quad = np.array([low[front], low[other], high[other], high[front]])
        light = 0.5 + 0.35 * float(normal @ [np.cos(lamp), 0.5])
        faces.append((_polygon(quad), light))
    _, y = plane()
    fade = 1.0 - 0.22 * np.clip((y - foot + 2 * half) / (2 * half), 0, 1)
    for mask, light in faces:
        over(picture, oklch(0.7, 0.17, hue) * (light * fade), mask)


def _polygon(corners: np.ndarray) -> Field:
    return raster(lambda pen, side: pen.polygon(points(corners, side), fill=255))


def stars(rng: Random, number: int) -> Picture:
    """Stars of four to nine points, folded so that each ray has a light and a dark side; few or many."""
    base, partner, accent = related_hues(rng)
    picture = backdrop(rng, base, between(rng, 0.25, 0.8), 0.1)
    count = [1, 1, 3, 5, 8][number % 5]
    lamp = between(rng, 0, TAU)
    for which in range(count):
        size = spread(number, 0.55, 0.85) if count == 1 else between(rng, 0.2, 0.5) * (3 / count) ** 0.35
        room = 0.2 if count == 1 else 0.85
        hue = partner if which % 2 == 0 else accent
        _star(picture, rng, between(rng, -room, room), between(rng, -room, room), size, hue, lamp)
    return picture


def _star(picture: Picture, rng: Random, x0: float, y0: float, size: float, hue: float, lamp: float) -> None:
    rays, lean, waist = int(rng.integers(4, 10)), between(rng, 0, TAU), between(rng, 0.38, 0.55)
    part = near(x0, y0, size * 1.3)
    here = picture[:, part[0], part[1]]
    u, v = turned(lean, 1 / size, x0, y0, part)
    sector = TAU / rays
    around, radius = np.arctan2(v, u), np.sqrt(u * u + v * v)
    ray = np.round(around / sector) * sector
    turn = around - ray
    along, aside = radius * np.cos(turn), radius * np.abs(np.sin(turn))
    fall = np.array([1.0 - waist * np.cos(sector / 2), waist * np.sin(sector / 2)])  # from tip to notch
    fall_x, fall_y = (fall / np.hypot(*fall)).astype(np.float32)
    distance = (along - 1.0) * fall_y + aside * fall_x
    pixel = PIXEL / size
    light = _facets(ray + lean, turn, radius, sector, lamp, pixel)
    below = ellipse(x0 + 0.04 * size, y0 + 0.07 * size, size * 0.62, size * 0.62, part=part)
    here *= 1 - 0.35 * edge(below, size * 0.5)
    paint = mix(oklch(0.84, 0.16, hue), oklch(0.66, 0.19, hue - 25), np.clip(radius, 0, 1))
    over(here, paint * light, edge(distance, pixel))


def _facets(ray: Field, turn: Field, radius: Field, sector: float, lamp: float, pixel: float) -> Field:
    """Light the two sides of each ray; ridges and valleys are blended over one pixel, not jagged."""
    side = np.where(turn < 0, np.float32(-1), np.float32(1))
    facing = ray + side * np.float32(np.pi / 2) - np.float32(lamp)
    lit, opposite = np.cos(facing), -np.cos(facing)
    neighbour = -np.cos(facing + side * np.float32(sector))
    at_ridge = np.clip(0.5 + radius * np.abs(np.sin(turn)) / pixel, 0, 1)
    at_valley = np.clip(0.5 + radius * np.sin(np.float32(sector / 2) - np.abs(turn)) / pixel, 0, 1)
    own = opposite + (lit - opposite) * at_ridge
    return 0.74 + 0.34 * (neighbour + (own - neighbour) * at_valley)
