"""Specimens of wide views: clouds, waves, skylines, mountains, at all hours."""

from __future__ import annotations

import numpy as np
from PIL import ImageDraw

from zfexplore.images.specimens.canvas import (
    OVERSAMPLING,
    PIXEL,
    SIDE,
    WHITE,
    Colour,
    Field,
    Picture,
    Random,
    as_bytes,
    as_image,
    as_picture,
    between,
    edge,
    mix,
    noise,
    oklch,
    over,
    plane,
    profile,
    ramp,
    relief,
    rgb,
    sample,
    slope,
    smoothstep,
)

TAU = 2 * np.pi
# Zenith, middle, horizon, sunlight, shade of clouds.
HOURS = [
    ("2a62b0", "6fa8dc", "cfe6f5", "fffaf0", "8fa3bb"),  # noon
    ("2b3a6b", "b5648a", "f7b267", "ffd9a0", "6b4a72"),  # sunset
    ("47688f", "9fb4c6", "e6dcc8", "fff3dd", "7f8b99"),  # morning
    ("0b1230", "1f2f63", "4b5a94", "c9d4ff", "161d3d"),  # night
    ("5a6672", "87929c", "b9c0c4", "e8ebec", "4d565e"),  # storm
    ("3f2a63", "d1557a", "ffd08a", "ffe6b8", "70406e"),  # dusk
]


def clouds(rng: Random, number: int) -> Picture:
    """Heaped clouds, lit from the sun's side and shaded below, or a thin veil."""
    zenith, middle, low, light, shade = (rgb(colour) for colour in HOURS[number % len(HOURS)])
    x, y = plane()
    picture = ramp((y + 1) / 2, zenith, middle, low)
    sun_x, sun_y = between(rng, -0.9, 0.9), between(rng, -0.9, 0.3)
    glow = np.exp(-np.sqrt((x - sun_x) ** 2 + (y - sun_y) ** 2) * 3)
    over(picture, light, 0.6 * glow)
    across = between(rng, 1.5, 4)
    for layer in range(2):  # the far layer first; it is flatter
        heap = noise(rng, across * (2 - layer), across * (3.2 - 1.8 * layer), octaves=6, gain=0.55)
        cover = between(rng, -0.25, 0.15) + 0.12 * layer
        body = heap - cover - 0.25 * y * (1 - layer)
        density = smoothstep(0.0, 0.55, body)
        toward = sample(body, *_shifted(np.clip((sun_x - x) * 24, -12, 12), -14.0))
        lit = np.clip(0.62 + 0.75 * (body - toward) - 0.25 * body, 0, 1)
        paint = mix(shade, light, lit)
        over(picture, mix(paint, low, 0.35 * (1 - layer)), density * (0.75 + 0.25 * layer))
    return picture


def _shifted(right: Field | float, down: Field | float) -> tuple[Field, Field]:
    """Give the columns and rows of each pixel's neighbour, kept inside the picture."""
    x, y = plane()
    column = np.clip((x + 1) / PIXEL - 0.5 + right, 0, SIDE - 1.01)
    row = np.clip((y + 1) / PIXEL - 0.5 + down, 0, SIDE - 1.01)
    return column.astype(np.float32), row.astype(np.float32)


def waves(rng: Random, number: int) -> Picture:
    """Open water to the horizon, mirroring the sky, with the sun's glitter; or a close swell from above."""
    zenith, middle, low, light, _ = (rgb(colour) for colour in HOURS[number % len(HOURS)])
    x, y = plane()
    horizon = between(rng, -0.45, -0.1) if number % 3 else -1.3
    picture = ramp((y + 1) / max(1 + horizon, 0.05), zenith, middle, low)
    sun_x = between(rng, -0.6, 0.6)
    sun = np.sqrt((x - sun_x) ** 2 + (y - horizon + 0.28) ** 2)
    over(picture, light, np.clip(np.exp(-sun * 3.5) * 0.7 + edge(sun - 0.09), 0, 1))
    haze = noise(rng, 2, 9, octaves=4)
    over(picture, light, 0.45 * smoothstep(0.1, 1.0, haze))
    depth = 1.0 / np.clip(y - horizon, 0.012, None)
    along_x, along_y, crest = _swell(rng, x * depth, depth, np.clip(y - horizon, 0.012, None))
    steep = 1.0 / np.sqrt(1 + along_x**2 + along_y**2)
    facing = np.clip(0.55 * along_y + 0.25 * along_x + 0.5, 0, 1)
    fresnel = 0.08 + 0.75 * np.clip(1 - (0.55 - 0.4 * along_y) * (y - horizon) * 1.3, 0, 1) ** 3
    hue = between(rng, 175, 255)
    water = ramp(facing, oklch(0.2, 0.06, hue), oklch(0.42, 0.09, hue - 12), oklch(0.62, 0.1, hue - 25))
    sea = mix(water, ramp(facing, zenith, middle, low), np.clip(fresnel, 0, 0.85))
    aim = ((x - sun_x) * 1.2 + 0.9 * along_x) ** 2 * 3 + (along_y + 0.1) ** 2 * 1.2
    sea = sea + light * (0.9 * np.exp(-aim * 3.0) * steep)
    over(sea, WHITE, 0.8 * smoothstep(0.8, 1.5, crest))
    over(picture, sea, edge(np.float32(horizon) - y, PIXEL * 2))
    return picture


def _swell(rng: Random, across: Field, away: Field, near: Field) -> tuple[Field, Field, Field]:
    """Add up waves of many lengths: give slopes along x and away, and the sharpness of the crests.

    Waves fade out where they are too far off to be resolved; otherwise the horizon would shimmer.
    """
    along_x, along_y, crest = np.zeros_like(across), np.zeros_like(across), np.zeros_like(across)
    wind = between(rng, -0.5, 0.5)
    length = between(rng, 0.5, 1.1)
    for _ in range(9):
        angle = wind + rng.normal(0, 0.45)
        frequency = TAU / length
        turn_x, turn_y = np.float32(np.sin(angle) * frequency), np.float32(np.cos(angle) * frequency)
        phase = across * turn_x + away * turn_y + np.float32(rng.uniform(0, TAU))
        seen = np.clip(near * near * np.float32(60 / frequency), 0, 1)  # a pixel far away spans 1 / near^2
        wave = np.sin(phase) * seen
        along_x += np.cos(phase) * seen * np.float32(0.3 * np.sin(angle))
        along_y += np.cos(phase) * seen * np.float32(0.3 * np.cos(angle))
        crest += wave * np.float32(0.28)
        length *= 0.72
    return along_x, along_y, crest


def skylines(rng: Random, number: int) -> Picture:
    """A city in two or three ranks against the sky, windows lit by the hour, sometimes mirrored in water."""
    hour = [1, 3, 0, 5, 2, 3, 4][number % 7]
    zenith, middle, low, light, _ = (rgb(colour) for colour in HOURS[hour])
    x, y = plane()
    shore = between(rng, 0.35, 0.6) if number % 2 else 1.1
    picture = ramp((y + 1) / (1 + min(shore, 0.75)), zenith, middle, low)
    disc = np.sqrt((x - between(rng, -0.7, 0.7)) ** 2 + (y - between(rng, -0.7, -0.1)) ** 2) - between(
        rng, 0.08, 0.16
    )
    over(picture, light, np.clip(edge(disc) + 0.5 * np.exp(-np.clip(disc, 0, None) * 6), 0, 1))
    over(picture, light, 0.3 * smoothstep(0.2, 1.1, noise(rng, 2, 7, octaves=4)))
    side = SIDE * OVERSAMPLING
    image = as_image(picture).resize((side, side))
    for rank in range(3):
        wall = mix(low * 0.75, zenith * 0.55, rank / 2) if hour != 3 else zenith * (1.3 - 0.4 * rank)
        _rank(ImageDraw.Draw(image), rng, rank, wall, hour, min(shore, 1.0) * side / 2 + side / 2)
    picture = as_picture(image.reduce(OVERSAMPLING))
    return _mirrored(picture, rng, shore, zenith) if shore < 1 else picture


def _rank(pen: ImageDraw.ImageDraw, rng: Random, rank: int, wall: Colour, hour: int, ground: float) -> None:
    """Draw one row of towers from left to right, each with its lit side, roof and windows."""
    left = -rng.uniform(0, 40)
    tallest = [300, 240, 170][rank] * rng.uniform(0.8, 1.15)
    lit_share = [0.15, 0.45, 0.2, 0.6, 0.25, 0.5][hour]
    while left < 512:
        width = float(rng.uniform(28, 72)) * (0.8 + 0.2 * rank)
        top = ground - tallest * float(rng.uniform(0.35, 1.0))
        shade = wall * float(rng.uniform(0.82, 1.15))
        pen.rectangle([left, top, left + width, 512], fill=as_bytes(shade))
        pen.rectangle([left + width * 0.78, top, left + width, 512], fill=as_bytes(shade * 0.78))
        _roof(pen, rng, left, top, width, as_bytes(shade))
        _windows(pen, rng, left, top, width, ground, shade, lit_share)
        left += width + float(rng.choice([0, 0, 3, 12, 25]))


def _roof(
    pen: ImageDraw.ImageDraw, rng: Random, left: float, top: float, width: float, fill: tuple[int, int, int]
) -> None:
    kind, middle = int(rng.integers(5)), left + width / 2
    if kind == 0:
        pen.polygon([(left, top), (middle, top - width * 0.7), (left + width, top)], fill=fill)
    elif kind == 1:
        pen.rectangle([middle - width * 0.25, top - 18, middle + width * 0.25, top], fill=fill)
        pen.line([(middle, top - 18), (middle, top - 55)], fill=fill, width=2)
    elif kind == 2:
        pen.pieslice([left, top - width / 2, left + width, top + width / 2], 180, 360, fill=fill)


def _windows(
    pen: ImageDraw.ImageDraw,
    rng: Random,
    left: float,
    top: float,
    width: float,
    ground: float,
    wall: Colour,
    lit_share: float,
) -> None:
    columns, rows = max(2, int(width / 11)), int((ground - top) / 15)
    step = width * 0.94 / columns
    warm = [as_bytes(rgb(colour)) for colour in ("ffe2a0", "ffd27a", "fff2cf", "bfe3ff")]
    dark = as_bytes(wall * 0.6)
    picks = rng.uniform(size=(max(rows, 0), columns))
    for row, chances in enumerate(picks):
        for column, chance in enumerate(chances):
            x, y = left + width * 0.03 + (column + 0.22) * step, top + 8 + row * 15
            fill = warm[int(chance / lit_share * 4)] if chance < lit_share else dark
            pen.rectangle([x, y, x + step * 0.55, y + 8], fill=fill)


def _mirrored(picture: Picture, rng: Random, shore: float, deep: Colour) -> Picture:
    """Lay water below ``shore``: it mirrors the picture above, broken by ripples."""
    x, y = plane()
    below = np.clip(y - shore, 0, None)
    ripple = np.sin((below + 0.05) ** -0.5 * 40 + 3 * noise(rng, 4, 30, octaves=2)) * (2 + 22 * below)
    row = (2 * shore - y + 1) / PIXEL
    columns = np.clip((x + 1) / PIXEL + ripple, 0, SIDE - 1).astype(np.int32)
    rows = np.clip(row + ripple * 0.6, 0, SIDE - 1).astype(np.int32)
    water = picture[:, rows, columns] * 0.72 + deep * 0.12
    over(picture, water, edge(np.float32(shore) - y))
    return picture


def mountains(rng: Random, number: int) -> Picture:
    """Ranges one behind the other, paler with distance, snow on the heights; sometimes a lake in front."""
    zenith, middle, low, light, _ = (rgb(colour) for colour in HOURS[[0, 1, 2, 5, 4, 3, 0][number % 7]])
    x, y = plane()
    picture = ramp((y + 1) / 1.5, zenith, middle, low)
    disc = np.sqrt((x - between(rng, -0.8, 0.8)) ** 2 + (y + between(rng, 0.3, 0.8)) ** 2) - 0.09
    over(picture, light, np.clip(edge(disc) + 0.5 * np.exp(-np.clip(disc, 0, None) * 5), 0, 1))
    over(picture, light, 0.5 * smoothstep(0.2, 1.1, noise(rng, 2, 6, octaves=4)))
    lamp = between(rng, 0.4, 2.7) - np.pi
    shore = between(rng, 0.5, 0.7) if number % 3 == 0 else 1.2
    hue, snow = between(rng, 60, 280), between(rng, 0.15, 0.6)
    ranks = int(rng.integers(3, 6))
    for rank in range(ranks):
        near = rank / (ranks - 1)
        foot = -0.05 + 0.7 * near * min(shore + 0.2, 1)
        rock = mix(low * 0.92, oklch(0.36, 0.06, hue), 0.25 + 0.75 * near)
        _range(
            picture, rng, foot, 0.75 * (1 - 0.55 * near), rock, light, lamp, snow * (1 - near), 2 + 2.5 * near
        )
        mist = np.exp(-np.clip(foot + 0.25 - y, 0, None) * 7) * (1 - near)
        over(picture, low, 0.35 * mist)
    return _mirrored(picture, rng, shore, zenith) if shore < 1 else picture


def _range(
    picture: Picture,
    rng: Random,
    foot: float,
    height: float,
    rock: Colour,
    light: Colour,
    lamp: float,
    snow: float,
    bumps: float,
) -> None:
    """Lay one range: a ridge line, faces folded by ridged noise and lit, snow on the heights."""
    _, y = plane()
    crest = foot - height * (0.4 + 0.36 * profile(rng, bumps))  # [256], one a column
    face = noise(rng, bumps * 2, bumps * 1.4, octaves=5, gain=0.45)
    folds = 1.0 - np.sqrt(face * face + 0.02)
    shade, _ = relief(folds + (y - crest) * 0.3, 22.0, lamp)
    below = y - crest
    cap = smoothstep(0.12, -0.1, below - height * snow * (0.7 + 0.5 * face)) if snow > 0.05 else None
    paint = rock * shade
    if cap is not None:
        paint = mix(paint, mix(light, WHITE, 0.5) * np.clip(0.25 + 0.75 * shade, 0, 1.05), cap)
    along_x, _ = slope(np.broadcast_to(crest, (SIDE, SIDE)))
    over(picture, paint, edge(-below, PIXEL * np.sqrt(1 + (along_x / PIXEL) ** 2)))
