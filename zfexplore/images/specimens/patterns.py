"""Specimens of pure pattern: gratings, polar and hyperbolic gratings, checks, dots, honeycomb, plaid."""

from __future__ import annotations

import numpy as np

from zfexplore.images.specimens.canvas import (
    PIXEL,
    Field,
    Picture,
    Random,
    backdrop,
    between,
    cell_random,
    edge,
    mix,
    noise,
    oklch,
    over,
    plane,
    ramp,
    related_hues,
    relief,
    spread,
    stripes,
    turned,
)

TAU = 2 * np.pi
TWILL_LINES = 40.0  # across half a picture: three pixels each, still visible


def gratings(rng: Random, number: int) -> Picture:
    """Parallel bars over all orientations and frequencies: sine, sharp, or folded like a curtain."""
    angle = (number + between(rng, -0.4, 0.4)) * np.pi / 20
    cycles = 1.3 * 11 ** spread(number, 0.0, 1.0)
    u, v = turned(angle)
    bend = noise(rng, 2, octaves=1) * np.float32(between(rng, 0.0, 0.12))
    phase = (u + bend) * np.float32(cycles) + np.float32(rng.uniform())
    base, partner, _ = related_hues(rng)
    dark, light = oklch(between(rng, 0.15, 0.4), 0.1, base), oklch(between(rng, 0.8, 0.95), 0.09, partner)
    tint = oklch(0.65, 0.14, partner)
    kind = number % 3
    if kind == 0:
        wave = 0.5 + 0.5 * np.sin(np.float32(TAU) * phase)
        return ramp(wave, dark, tint, light)
    if kind == 1:
        ground = mix(dark, oklch(0.3, 0.1, base + 40), np.clip(v * 0.5 + 0.5, 0, 1))
        return mix(
            ground, mix(light, tint, np.clip(0.5 - v * 0.5, 0, 1)), stripes(phase, between(rng, 0.3, 0.6))
        )
    shade, gloss = relief(np.sin(np.float32(TAU) * phase), 18 / cycles, angle, 0.5)
    return tint * shade * 0.9 + gloss


def polar(rng: Random, number: int) -> Picture:
    """Rings, rays, spirals, or the hyperbolas of two crossed lines, about a point off the centre."""
    u, v = turned(between(rng, 0, TAU), 1.0, between(rng, -0.45, 0.45), between(rng, -0.45, 0.45))
    radius = np.sqrt(u * u + v * v) + np.float32(1e-4)
    phase, width = _polar_phase(rng, number % 4, u, v, radius)
    base, partner, accent = related_hues(rng)
    dark, light = oklch(between(rng, 0.2, 0.45), 0.12, base), oklch(between(rng, 0.82, 0.95), 0.08, partner)
    if number % 8 < 4:
        picture = mix(dark, light, stripes(phase, between(rng, 0.35, 0.6), width))
        return mix(picture, picture * oklch(0.8, 0.12, accent) * 1.2, np.clip(1.2 - radius, 0, 1))
    wave = 0.5 + 0.5 * np.sin(np.float32(TAU) * phase) * np.clip(1.5 - 3 * width, 0, 1)
    return ramp(wave, dark, oklch(0.6, 0.17, accent), light)


def _polar_phase(rng: Random, kind: int, u: Field, v: Field, radius: Field) -> tuple[Field, Field]:
    """Give the phase of rings, rays, spirals or hyperbolas, and its change per pixel.

    The change is in closed form, because the angle jumps by a whole turn along one line.
    """
    if kind == 3:
        density = np.float32(between(rng, 5, 20))
        return u * v * density, radius * density * np.float32(PIXEL)
    rings, arms, wind = [
        (between(rng, 3, 13), 0, 0.0),
        (0.0, int(rng.integers(5, 22)), 0.0),
        (0.0, int(rng.integers(2, 11)), between(rng, 1.0, 4.0)),
    ][kind]
    around = np.arctan2(v, u) / np.float32(TAU)
    phase = radius * np.float32(rings) + around * np.float32(arms) + np.log(radius) * np.float32(wind)
    change = np.sqrt((rings + wind / radius) ** 2 + (arms / TAU / radius) ** 2)
    return phase, (change * PIXEL).astype(np.float32)


def checks(rng: Random, number: int) -> Picture:
    """Chequered ground, flat or receding, each tile a little different."""
    angle = number * np.pi / 40 + between(rng, 0, 0.1)
    u, v = turned(angle)
    x, y = plane()
    lean = between(rng, 0.35, 0.85) if number % 2 else between(rng, 0.0, 0.25)
    direction = between(rng, 0, TAU)
    depth = (
        1.0
        + np.float32(lean) * (x * np.float32(np.cos(direction)) + y * np.float32(np.sin(direction))) / 1.42
    )
    tiles = np.float32(1.2 * 5 ** spread(number, 0, 1))
    across, down = (
        u / depth * tiles + np.float32(rng.uniform()),
        v / depth * tiles + np.float32(rng.uniform()),
    )
    first, second = stripes(across), stripes(down)
    checked = first * second + (1 - first) * (1 - second)
    base, partner, _ = related_hues(rng)
    light, dark = oklch(0.9, 0.05, partner), oklch(between(rng, 0.2, 0.5), 0.13, base)
    tile = cell_random(np.floor(across * 2 + 0.5), np.floor(down * 2 + 0.5), number)
    veins = np.abs(noise(rng, 5, octaves=4))
    picture = mix(dark, light, checked)
    gleam = 0.25 * np.exp(-((x - between(rng, -0.6, 0.6)) ** 2 + (y + 0.4) ** 2) * 2.5)
    return picture * (0.86 + 0.16 * tile + 0.12 * veins) / depth**0.3 + gleam


def dots(rng: Random, number: int) -> Picture:
    """Dots on a lattice: flat, as buttons, as rings; growing across the picture or by patches."""
    count = 1.4 * 5 ** spread(number, 0.0, 1.0, step=9)
    u, v = turned(between(rng, 0, np.pi), count, between(rng, -1, 1), between(rng, -1, 1))
    if number % 2:  # shift every other row by half a step
        row = np.floor(v)
        u = u + 0.5 * (row % 2)
    column, row = np.floor(u), np.floor(v)
    distance = np.sqrt((u - column - 0.5) ** 2 + (v - row - 0.5) ** 2)
    swell = noise(rng, 2, octaves=1) if number % 3 else plane()[0]
    size = np.clip(between(rng, 0.28, 0.36) * (1 + 0.35 * swell), 0.1, 0.47)
    pixel = PIXEL * count
    mask = edge(distance - size, pixel)
    base, partner, accent = related_hues(rng)
    picture = backdrop(rng, base, chroma=0.1)
    hue_pick = cell_random(column, row, number)
    paint = mix(oklch(0.75, 0.17, partner), oklch(0.6, 0.19, accent), (hue_pick > 0.6).astype(np.float32))
    kind = number % 4
    if kind == 1:
        dome = np.sqrt(np.clip(1 - (distance / size) ** 2, 0, 1))
        shade, gloss = relief(dome, 40 / count, between(rng, 0, TAU), 0.8)
        over(picture, picture * 0.45, edge(np.hypot(u - column - 0.58, v - row - 0.6) - size, 0.12))
        paint = paint * np.clip(shade, 0, 1.3) + gloss
    if kind == 2:
        mask = mask * edge(size * 0.5 - distance, pixel)
    over(picture, paint, mask)
    return picture


def honeycomb(rng: Random, number: int) -> Picture:
    """Six-sided cells with waxen walls, some of them full and gleaming."""
    count = np.float32(1.7 * 3.2 ** spread(number, 0.0, 1.0))
    u, v = turned(between(rng, 0, np.pi / 3), 1.0, between(rng, -0.5, 0.5), between(rng, -0.5, 0.5))
    bulge = 1.0 + between(rng, -0.2, 0.2) * (u * u + v * v)
    across, down, wall, column, row = _hexagons(u * count / bulge, v * count / bulge)
    hue = [75, 80, 65, 95, 55, 200, 150, 330][number % 8] + between(rng, -6, 6)
    full = (cell_random(column, row, number) > between(rng, 0.3, 0.7)).astype(np.float32)
    depth = np.clip(wall / 0.5, 0, 1)
    empty = ramp(depth, oklch(0.55, 0.12, hue), oklch(0.33, 0.09, hue - 20), oklch(0.2, 0.05, hue - 30))
    honey = ramp(depth, oklch(0.6, 0.15, hue - 15), oklch(0.75, 0.16, hue), oklch(0.86, 0.14, hue + 12))
    shine = np.exp(-((across + 0.16) ** 2 + (down + 0.18) ** 2) * 90) + 0.4 * np.exp(
        -((down - 0.2) ** 2) * 30 - across**2 * 8
    )
    picture = mix(empty, honey + 0.6 * shine, full)
    thickness = between(rng, 0.05, 0.1)
    rim = edge(wall - thickness, float(PIXEL * count) * 1.2)
    shade, gloss = relief(np.clip(wall / 0.14, 0, 1), -20 / float(count), between(rng, 0, TAU), 0.35)
    over(picture, oklch(0.84, 0.1, hue + 8) * shade + gloss, rim)
    return picture * (0.94 + 0.12 * noise(rng, 3, octaves=2))


def _hexagons(u: Field, v: Field) -> tuple[Field, Field, Field, Field, Field]:
    """Give each point's place in its hexagon, its distance to the wall, and the hexagon's two numbers."""
    tall = np.float32(3**0.5)
    first_column, first_row = np.round(u), np.round(v / tall)
    second_column, second_row = np.round(u - 0.5), np.round(v / tall - 0.5)
    first = u - first_column, v - first_row * tall
    second = u - second_column - 0.5, v - (second_row + 0.5) * tall
    nearer = first[0] ** 2 + first[1] ** 2 <= second[0] ** 2 + second[1] ** 2
    across, down = np.where(nearer, first[0], second[0]), np.where(nearer, first[1], second[1])
    reach = np.maximum(np.abs(across), np.abs(across) * 0.5 + np.abs(down) * np.float32(tall / 2))
    column = np.where(nearer, first_column * 2, second_column * 2 + 1)
    row = np.where(nearer, first_row * 2, second_row * 2 + 1)
    return across, down, np.float32(0.5) - reach, column, row


def plaid(rng: Random, number: int) -> Picture:
    """Woven tartan: one run of coloured bands for warp and weft, crossing in a twill."""
    angle = [0.0, np.pi / 4, between(rng, 0, np.pi)][number % 3]
    fold = noise(rng, 2, octaves=2)
    u, v = turned(angle)
    sag = fold * np.float32(between(rng, 0.01, 0.05))
    table = _sett(rng)
    length = table.shape[1]
    repeats = np.float32(length * between(rng, 0.55, 1.6))
    warp = np.take(table, ((u + sag) * repeats).astype(np.int32) % length, axis=1)
    weft = np.take(table, ((v + sag) * repeats).astype(np.int32) % length, axis=1)
    threads = np.float32(TWILL_LINES * between(rng, 0.6, 1.0))
    twill = stripes((u + v) * threads)
    ribs = 0.92 + 0.16 * np.sin(np.float32(TAU) * (u - v) * threads * 0.5)
    shade, _ = relief(fold, 26.0, between(rng, 0, TAU))
    return mix(warp, weft, twill) * (ribs * (0.35 + 0.65 * shade))


def _sett(rng: Random) -> np.ndarray:
    """Draw the bands of a tartan: a broad ground, crossing bars, thin bright lines; ``[3, 512]``."""
    base, partner, accent = related_hues(rng)
    colours = [
        oklch(between(rng, 0.3, 0.5), 0.14, base),
        oklch(between(rng, 0.2, 0.35), 0.09, partner),
        oklch(0.93, 0.03, accent),
        oklch(0.75, 0.17, accent),
        oklch(0.15, 0.02, base),
    ]
    bands = [(0, 60), (1, 36), (4, 10), (2, 6), (1, 20), (3, 5), (0, 24), (4, 30), (2, 4), (1, 12)]
    order = [bands[i] for i in rng.permutation(len(bands))]
    half = np.concatenate(
        [np.repeat(colours[which].reshape(3, 1), width, axis=1) for which, width in order], axis=1
    )
    whole = np.concatenate([half, half[:, ::-1]], axis=1)
    return whole[:, np.linspace(0, whole.shape[1] - 1, 512).astype(np.int32)].astype(np.float32)
