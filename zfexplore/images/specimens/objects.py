"""Specimens of made things: letters and words, wheels, gears, shaded spheres and cubes, stars."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from zfexplore.images.specimens.canvas import (
    OVERSAMPLING,
    PIXEL,
    SIDE,
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
    moved,
    noise,
    oklch,
    over,
    plane,
    points,
    ramp,
    raster,
    related_hues,
    relief,
    rgb,
    smoothstep,
    spread,
    stripes,
    turned,
)

TAU = 2 * np.pi
LETTERS = "ABEGKMQRSWXaefgkty2358&?"
WORDS = ["light", "form", "edge", "seen", "depth", "Layer", "mind", "eye", "colour", "field", "look", "NIGHT",
         "Paris", "tree", "river", "of the", "and", "1962", "cat", "corner", "shape", "maps", "open", "CAFE"]  # fmt: skip
METALS = [("f2dca0", "b98a3a", "4a2f10"), ("eef1f4", "9aa4ad", "30373d"), ("f3c3a0", "b86a3c", "4a2110"),
          ("d7dde0", "6d7c86", "1e262b")]  # fmt: skip


def letters(rng: Random, number: int) -> Picture:
    """One large letter standing off its ground, or lines of words, in any direction."""
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
    """Give Pillow's own typeface, so that no font need be installed."""
    return ImageFont.load_default(size)


def _text(text: str, size: int, angle: float) -> Field:
    side = SIDE * OVERSAMPLING
    image = Image.new("L", (side, side))
    pen = ImageDraw.Draw(image)
    pen.text((side / 2, side / 2), text, fill=255, font=_font(size), anchor="mm", align="center", spacing=size // 6)
    image = image.rotate(angle, Image.Resampling.BICUBIC)
    return np.asarray(image.reduce(OVERSAMPLING), np.float32) / np.float32(255)


def wheels(rng: Random, number: int) -> Picture:
    """A wheel before a wall, seen straight or aslant: bicycle, car, or cart."""
    base, partner, accent = related_hues(rng)
    picture = backdrop(rng, base, between(rng, 0.6, 0.9))
    size, x0, y0 = between(rng, 0.55, 0.92), between(rng, -0.25, 0.25), between(rng, -0.15, 0.1)
    tilt = between(rng, 0.72, 1.0)
    _ground(picture, rng, y0 + size * 0.98, x0, size)
    u, v = (plane()[0] - x0) / (tilt * size), (plane()[1] - y0) / size
    radius, around = np.sqrt(u * u + v * v), np.arctan2(v, u) + between(rng, 0, TAU)
    pixel = PIXEL / size / tilt
    kind = number % 3
    if kind == 0:
        _bicycle_wheel(picture, rng, radius, around, pixel, oklch(0.6, 0.18, accent))
    elif kind == 1:
        _car_wheel(picture, rng, radius, around, pixel)
    else:
        _cart_wheel(picture, rng, radius, around, pixel, oklch(0.5, 0.11, partner if number % 2 else 50))
    return picture


def _ground(picture: Picture, rng: Random, level: float, x0: float, size: float) -> None:
    """Lay a floor from ``level`` down, with the soft shadow of what stands at ``x0``."""
    _, y = plane()
    floor = oklch(between(rng, 0.3, 0.55), 0.03, between(rng, 30, 110))
    lit = floor * (1 + 0.35 * noise(rng, 4, 24, octaves=3))
    over(picture, lit, edge(np.float32(level - 0.12) - y, 0.03))
    shadow = np.exp(-np.clip(ellipse(x0 + 0.1, level, size * 0.9, 0.07), 0, None) * 18)
    picture *= (1 - 0.6 * shadow)


def _ring(radius: Field, inner: float, outer: float, pixel: float) -> Field:
    return edge(np.abs(radius - (inner + outer) / 2) - (outer - inner) / 2, pixel)


def _tube(radius: Field, inner: float, outer: float, around: Field) -> Field:
    """Light a ring as a round tube, from above left."""
    across = np.clip((radius - (inner + outer) / 2) / ((outer - inner) / 2), -1, 1)
    return 0.55 + 0.45 * np.sqrt(1 - across**2) - 0.3 * across * np.sin(around)


def _spokes(radius: Field, around: Field, count: int, width: float, pixel: float) -> Field:
    """Give straight spokes of a width that does not change with the radius."""
    turn = (around * (count / TAU) % 1.0 - 0.5) * (TAU / count)
    return edge(np.abs(np.sin(turn)) * radius - width, pixel)


def _bicycle_wheel(picture: Picture, rng: Random, radius: Field, around: Field, pixel: float, paint: Colour) -> None:
    count = int(rng.choice([16, 20, 24, 28]))
    inside = edge(radius - 0.9, pixel)
    for lean in (-0.35, 0.35):  # spokes leave the hub at a slant, half each way
        mask = _spokes(radius, around + lean * (1 - radius), count // 2, 0.006, pixel)
        over(picture, rgb("c9d0d6"), mask * inside)
    over(picture, paint * _tube(radius, 0.84, 0.9, around), _ring(radius, 0.84, 0.9, pixel))
    tread = 0.85 + 0.15 * np.sign(np.sin(around * 90))
    tyre = rgb("26262a") * (_tube(radius, 0.9, 1.0, around) * tread * 1.4)
    over(picture, tyre, _ring(radius, 0.9, 1.0, pixel))
    over(picture, rgb("8d979f") * _tube(radius, -0.08, 0.08, around) * 1.3, edge(radius - 0.08, pixel))
    over(picture, rgb("2e3236"), edge(radius - 0.03, pixel))


def _car_wheel(picture: Picture, rng: Random, radius: Field, around: Field, pixel: float) -> None:
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


def _cart_wheel(picture: Picture, rng: Random, radius: Field, around: Field, pixel: float, paint: Colour) -> None:
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
    x0, y0 = ((-0.55 * np.cos(direction), -0.55 * np.sin(direction)) if count > 1 else (0.0, 0.0))
    lamp = between(rng, 0, TAU)
    for which in range(count):
        teeth = int(rng.integers(9, 22))
        _gear(picture, rng, x0, y0, size, teeth, METALS[(number + which) % len(METALS)], lamp)
        following = size * between(rng, 0.7, 1.0)
        bend = direction + between(rng, -0.6, 0.6) * which
        x0, y0 = x0 + (size + following) * 0.93 * np.cos(bend), y0 + (size + following) * 0.93 * np.sin(bend)
        size = following
    return picture


def _gear(picture: Picture, rng: Random, x0: float, y0: float, size: float, teeth: int,
          metal: tuple[str, str, str], lamp: float) -> None:  # fmt: skip
    u, v = turned(between(rng, 0, TAU), 1 / size, x0, y0)
    radius, around = np.sqrt(u * u + v * v), np.arctan2(v, u)
    pixel = PIXEL / size
    wave = np.clip(np.cos(around * teeth) * 2.2, -1, 1)
    body = radius - (0.89 + np.float32(min(1.1 / teeth, 0.09)) * wave)
    holes = int(rng.integers(3, 8))
    turn = (around * (holes / TAU) % 1.0 - 0.5) * (TAU / holes)
    hole_size = min(0.9 / holes, 0.17)
    hole = np.hypot(radius * np.cos(turn) - 0.52, radius * np.sin(turn)) - hole_size
    solid = np.maximum(np.maximum(body, -hole), 0.13 - radius)
    over(picture, rgb("08090b"), 0.55 * edge(ellipse(x0 + 0.05, y0 + 0.06, size, size), 0.16))
    height = np.clip(-solid / 0.05, 0, 1) + 0.5 * edge(np.abs(radius - 0.76) - 0.02, 0.03) + 0.6 * edge(radius - 0.26, 0.03)
    light, gloss = relief(height, 5.0, lamp, 0.35)
    bright, middle, dark = (rgb(colour) for colour in metal)
    sheen = 0.5 + 0.3 * np.cos(2 * around + lamp) + 0.2 * np.sin(radius * 60)  # turned on a lathe
    over(picture, ramp(sheen, dark, middle, bright) * light + gloss, edge(solid, pixel))


def solids(rng: Random, number: int) -> Picture:
    """Shaded spheres and cubes on a floor, one to three of them, the nearest last."""
    base, partner, accent = related_hues(rng)
    picture = backdrop(rng, base, between(rng, 0.6, 0.85))
    _, y = plane()
    horizon = between(rng, -0.2, 0.2)
    floor = ramp(np.clip((y - horizon) / (1 - horizon), 0, 1), oklch(0.72, 0.04, base), oklch(0.5, 0.06, base))
    over(picture, floor, smoothstep(horizon - 0.03, horizon + 0.03, y))
    lamp = between(rng, -2.6, -0.5)
    hues = [partner, accent, partner + 90]
    count = 1 + number % 3
    for which in range(count):
        size = between(rng, 0.55, 0.75) / (1 + 0.4 * (count - 1)) * (0.75 + 0.25 * which)
        x0 = between(rng, -0.25, 0.25) if count == 1 else (which - (count - 1) / 2) * between(rng, 0.65, 0.8)
        foot = 0.35 + 0.22 * which + between(rng, -0.05, 0.1) if count > 1 else between(rng, 0.55, 0.8)
        shadow_x, shadow_y = x0 - 0.5 * size * np.cos(lamp), foot - 0.06 * size
        picture *= (1 - 0.6 * edge(ellipse(shadow_x, shadow_y, size * 1.25, size * 0.3), size * 0.5))
        draw = _sphere if (number // 3 + which) % 2 else _cube
        draw(picture, rng, x0, foot, size, hues[which], lamp)
    return picture


def _sphere(picture: Picture, rng: Random, x0: float, foot: float, size: float, hue: float, lamp: float) -> None:
    """A ball, plain or banded, with a highlight and light thrown back from the floor."""
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


def _cube(picture: Picture, rng: Random, x0: float, foot: float, size: float, hue: float, lamp: float) -> None:
    """A cube seen from above one of its edges: three faces, each evenly lit with a gradient."""
    turn, rise = between(rng, 0.25, np.pi / 2 - 0.25), between(rng, 0.3, 0.5)
    half = size * 0.85
    corners = np.array([[np.cos(turn + k * np.pi / 2), np.sin(turn + k * np.pi / 2)] for k in range(4)])
    low = np.stack([x0 + corners[:, 0] * half, foot - 0.1 * half + corners[:, 1] * half * rise - half * rise], axis=1)
    high = low - [0.0, 2 * half * 0.8]
    front = int(np.argmax(corners[:, 1]))
    pattern = raster(lambda pen, side: pen.polygon(points(high, side), fill=255))
    faces = [(pattern, 1.08)]
    for step in (1, -1):
        other = (front + step) % 4
        normal = (corners[front] + corners[other]) / 2
        quad = np.array([low[front], low[other], high[other], high[front]])
        light = 0.5 + 0.35 * float(normal @ [np.cos(lamp), 0.5])
        faces.append((raster(lambda pen, side, quad=quad: pen.polygon(points(quad, side), fill=255)), light))
    _, y = plane()
    fade = 1.0 - 0.22 * np.clip((y - foot + 2 * half) / (2 * half), 0, 1)
    for mask, light in faces:
        over(picture, oklch(0.7, 0.17, hue) * (light * fade), mask)


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
    rays, lean = int(rng.integers(4, 10)), between(rng, 0, TAU)
    u, v = turned(lean, 1 / size, x0, y0)
    sector = TAU / rays
    around, radius = np.arctan2(v, u), np.sqrt(u * u + v * v)
    ray = np.round(around / sector) * sector
    turn = around - ray
    along, aside = radius * np.cos(turn), radius * np.abs(np.sin(turn))
    waist = between(rng, 0.38, 0.55)
    fall_x, fall_y = 1.0 - waist * np.cos(sector / 2), waist * np.sin(sector / 2)  # from tip to notch
    distance = ((along - 1.0) * fall_y + aside * fall_x) / float(np.hypot(fall_x, fall_y))
    pixel = PIXEL / size
    light = _facets(ray + lean, turn, radius, sector, lamp, pixel)
    shadow = edge(ellipse(x0 + 0.04 * size, y0 + 0.07 * size, size * 0.62, size * 0.62), size * 0.5)
    picture *= (1 - 0.35 * shadow)
    paint = mix(oklch(0.84, 0.16, hue), oklch(0.66, 0.19, hue - 25), np.clip(radius, 0, 1))
    over(picture, paint * light, edge(distance, pixel))


def _facets(ray: Field, turn: Field, radius: Field, sector: float, lamp: float, pixel: float) -> Field:
    """Light the two sides of each ray; ridges and valleys are blended over one pixel, not jagged."""
    side = np.where(turn < 0, np.float32(-1), np.float32(1))
    facing = ray + side * np.float32(np.pi / 2) - np.float32(lamp)
    lit, opposite = np.cos(facing), -np.cos(facing)
    neighbour = -np.cos(facing + side * np.float32(sector))
    at_ridge = np.clip(0.5 + radius * np.abs(np.sin(turn)) / pixel, 0, 1)
    at_valley = np.clip(0.5 + radius * np.sin(sector / 2 - np.abs(turn)) / pixel, 0, 1)
    own = opposite + (lit - opposite) * at_ridge
    return 0.74 + 0.34 * (neighbour + (own - neighbour) * at_valley)
