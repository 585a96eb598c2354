"""The drawing tools of all specimens: coordinates, noise, colour, masks, light.

Pictures are float32 ``[3, 256, 256]`` in about [0, 1], colours ``[3, 1, 1]``, fields ``[256, 256]``:
they combine by plain arithmetic. Coordinates run from -1 to 1, x to the right and y down. A shape is
a signed distance in those units, negative inside. ``edge`` turns it into a mask whose border is one
pixel wide. Only what Pillow draws (``raster``) has to be drawn larger and reduced.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIDE = 256
PIXEL = 2.0 / SIDE
OVERSAMPLING = 2  # for what Pillow draws, which is not antialiased

Colour = np.ndarray  # float32 [3, 1, 1] in [0, 1]
Field = np.ndarray  # float32 [256, 256]
Frame = tuple[Field, Field, float]  # a shape's own coordinates u, v and the size of a pixel in them
Polar = tuple[Field, Field, float]  # radius and angle about a shape's middle, and the size of a pixel
Picture = np.ndarray  # float32 [3, 256, 256]
Random = np.random.Generator
Part = tuple[slice, slice]  # rows and columns of the picture

WHITE: Colour = np.ones((3, 1, 1), np.float32)
EVERYWHERE: Part = (slice(None), slice(None))


@cache
def plane() -> tuple[Field, Field]:
    """Give x and y of every pixel's centre."""
    axis = ((np.arange(SIDE, dtype=np.float32) + 0.5) * PIXEL - 1.0).astype(np.float32)
    x, y = np.meshgrid(axis, axis)
    x.setflags(write=False)
    y.setflags(write=False)
    return x, y


def near(x0: float, y0: float, reach: float) -> Part:
    """Give the part of the picture within ``reach`` of a point: drawing only there is cheap."""
    columns, rows = (
        slice(*(int(np.clip((place + side * reach + 1.0) / PIXEL, 0, SIDE)) for side in (-1, 1)))
        for place in (x0, y0)
    )
    return rows, columns


def turned(
    angle: float, scale: float = 1.0, x0: float = 0.0, y0: float = 0.0, part: Part = EVERYWHERE
) -> tuple[Field, Field]:
    """Give coordinates about ``(x0, y0)``, turned by ``angle`` (radians) and multiplied by ``scale``."""
    x, y = (axis[part] for axis in plane())
    cosine, sine = np.float32(np.cos(angle) * scale), np.float32(np.sin(angle) * scale)
    x, y = x - np.float32(x0), y - np.float32(y0)
    return x * cosine + y * sine, y * cosine - x * sine


def between(rng: Random, low: float, high: float) -> float:
    """Draw a number evenly from [low, high)."""
    return float(rng.uniform(low, high))


def spread(number: int, low: float, high: float, step: int = 7) -> float:
    """Give the ``number``-th of 20 evenly spaced values from low to high, in scattered order, none twice."""
    return low + (high - low) * ((number * step) % 20) / 19.0


# Colour


def oklch(lightness: float, chroma: float, hue: float) -> Colour:
    """Give sRGB for a lightness in [0, 1], a chroma in about [0, 0.3] and a hue in degrees.

    Oklab (Ottosson 2020): equal steps look equal, so drawn palettes are balanced; clipped to sRGB.
    """
    angle = np.deg2rad(hue)
    a, b = chroma * np.cos(angle), chroma * np.sin(angle)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = np.array(
        [
            4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
        ]
    )
    linear = np.clip(linear, 0.0, 1.0)
    bright = 1.055 * linear ** (1 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, 12.92 * linear, bright).astype(np.float32).reshape(3, 1, 1)


def rgb(hexadecimal: str) -> Colour:
    """Give the colour written as six hexadecimal digits."""
    values = [int(hexadecimal[place : place + 2], 16) for place in (0, 2, 4)]
    return np.array(values, np.float32).reshape(3, 1, 1) / np.float32(255.0)


def related_hues(rng: Random) -> tuple[float, float, float]:
    """Draw three hues that go together: a base, a partner (near, far or opposite), an accent."""
    base = between(rng, 0, 360)
    partner = base + float(rng.choice([25, 40, 150, 180, 210, -30]))
    return base, partner, base + float(rng.choice([120, 180, 200, 90]))


def mix(first: np.ndarray, second: np.ndarray, amount: Field | float) -> np.ndarray:
    """Blend ``first`` into ``second`` (colours or pictures) by ``amount`` in [0, 1]."""
    return first + (second - first) * np.asarray(amount, np.float32)


def ramp(amount: Field, *colours: Colour) -> Picture:
    """Colour a field in [0, 1] with a scale of evenly spaced colours."""
    steps, stops = np.linspace(0, len(colours) - 1, 512), np.arange(len(colours))
    channels = np.stack([colour.ravel() for colour in colours], axis=1)  # [3, colours]
    table = np.stack([np.interp(steps, stops, channel) for channel in channels]).astype(np.float32)
    return np.take(table, (np.clip(amount, 0, 1) * 511.0).astype(np.int32), axis=1)


def as_bytes(colour: Colour) -> tuple[int, int, int]:
    """Turn a colour into Pillow's red, green and blue in 0-255."""
    red, green, blue = (int(value) for value in np.clip(colour.ravel() * 255, 0, 255))
    return red, green, blue


def as_image(picture: Picture) -> Image.Image:
    """Turn a picture into a Pillow image, rounded down to 8 bits."""
    values = (np.clip(picture, 0, 1) * np.float32(255)).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(values.transpose(1, 2, 0)))


def as_picture(image: Image.Image) -> Picture:
    """Turn a Pillow image into a picture."""
    return np.ascontiguousarray((np.asarray(image, np.float32) / np.float32(255)).transpose(2, 0, 1))


def over(picture: Picture, paint: np.ndarray, mask: Field) -> None:
    """Lay ``paint`` (a colour or a picture) over ``picture`` in place where ``mask`` is not zero."""
    picture += (paint - picture) * mask


# Shapes and waves


def edge(distance: Field, softness: Field | float = PIXEL) -> Field:
    """Turn a signed distance into a mask: 1 inside, 0 outside, a border ``softness`` wide."""
    return np.clip(0.5 - distance / np.asarray(softness, np.float32), 0.0, 1.0)


def smoothstep(low: float, high: float, value: Field) -> Field:
    """Rise smoothly from 0 at ``low`` to 1 at ``high``; ``high`` may be the smaller of the two."""
    t = np.clip((value - np.float32(low)) / np.float32(high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def slope(field: Field) -> tuple[Field, Field]:
    """Give the change of a field per pixel, along x and along y."""
    along_x = np.empty_like(field)
    along_y = np.empty_like(field)
    along_x[:, 1:-1] = (field[:, 2:] - field[:, :-2]) * 0.5
    along_x[:, 0], along_x[:, -1] = field[:, 1] - field[:, 0], field[:, -1] - field[:, -2]
    along_y[1:-1] = (field[2:] - field[:-2]) * 0.5
    along_y[0], along_y[-1] = field[1] - field[0], field[-1] - field[-2]
    return along_x, along_y


def stripes(phase: Field, duty: float = 0.5, width: Field | None = None) -> Field:
    """Give stripes, 1 for the share ``duty`` of each whole step of ``phase``, antialiased.

    ``width`` is the change of the phase per pixel; it is measured if it is not given. Stripes finer
    than pixels fade to their mean, as in a photograph.
    """
    if width is None:
        along_x, along_y = slope(phase)
        width = np.sqrt(along_x * along_x + along_y * along_y) + np.float32(1e-6)
    inside = duty / 2 - np.abs(phase - np.floor(phase) - np.float32(0.5))
    sharp = np.clip(inside / width + 0.5, 0.0, 1.0)
    fade = np.clip(width * 2.0 - 0.6, 0.0, 1.0)
    return sharp + (np.float32(duty) - sharp) * fade


def ellipse(
    x0: float, y0: float, width: float, height: float, angle: float = 0.0, part: Part = EVERYWHERE
) -> Field:
    """Give the signed distance (to first order) to an ellipse of half axes ``width`` and ``height``."""
    u, v = turned(angle, 1.0, x0, y0, part)
    reach = np.sqrt((u / width) ** 2 + (v / height) ** 2)
    lean = np.sqrt((u / width**2) ** 2 + (v / height**2) ** 2) + np.float32(1e-6)
    return (reach - 1.0) * reach / lean


def cell_random(column: np.ndarray, row: np.ndarray, salt: int) -> np.ndarray:
    """Give each cell of a lattice its own number in [0, 1): an integer hash."""
    bits = column.astype(np.uint32) * np.uint32(0x9E3779B1) ^ row.astype(np.uint32) * np.uint32(0x85EBCA77)
    bits = (bits + np.uint32(salt & 0xFFFF)) * np.uint32(0xC2B2AE3D)
    bits = (bits ^ (bits >> np.uint32(15))) * np.uint32(0x27D4EB2F)
    return ((bits ^ (bits >> np.uint32(13))) & np.uint32(0xFFFF)).astype(np.float32) / np.float32(65536.0)


def raster(draw: Callable[[ImageDraw.ImageDraw, float], None]) -> Field:
    """Draw a mask with Pillow: ``draw(pen, side)`` in white on black, on a square of ``side`` pixels."""
    side = SIDE * OVERSAMPLING
    image = Image.new("L", (side, side))
    draw(ImageDraw.Draw(image), side)
    return np.asarray(image.reduce(OVERSAMPLING), np.float32) / np.float32(255.0)


def points(xy: np.ndarray, side: float) -> list[tuple[float, float]]:
    """Turn coordinates ``[n, 2]`` in [-1, 1] into Pillow's pixels on a square of ``side``."""
    return [(float(x), float(y)) for x, y in (np.asarray(xy) + 1.0) * (side / 2)]


# Noise


def noise(
    rng: Random, across: float, down: float | None = None, octaves: int = 4, gain: float = 0.5
) -> Field:
    """Give smooth noise of about unit range around 0: ``across`` by ``down`` bumps, then ever finer ones."""
    total = np.zeros((SIDE, SIDE), np.float32)
    columns, rows = across, across if down is None else down
    weight, norm = 1.0, 0.0
    for _ in range(octaves):
        total += np.float32(weight) * _bumps(rng, columns, rows)
        norm += weight**2
        columns, rows, weight = min(columns * 2, SIDE), min(rows * 2, SIDE), weight * gain
    return total * np.float32(1.4 / norm**0.5)


def profile(rng: Random, bumps: float, octaves: int = 6) -> np.ndarray:
    """Give noise along one line, ``[256]``, such as a mountain ridge: ``bumps`` and ever finer ones."""
    total, weight = np.zeros(SIDE, np.float32), 1.0
    for octave in range(octaves):
        count = int(bumps * 2**octave) + 3
        knots = Image.fromarray(rng.uniform(-1, 1, (1, count)).astype(np.float32))
        box = (1.0, 0.0, 1.0 + bumps * 2**octave, 1.0)
        total += (
            np.float32(weight) * np.asarray(knots.resize((SIDE, 1), Image.Resampling.BICUBIC, box=box))[0]
        )
        weight *= 0.5
    return total * np.float32(1.2)


def _bumps(rng: Random, columns: float, rows: float) -> Field:
    grid = rng.uniform(-1, 1, (int(rows) + 3, int(columns) + 3)).astype(np.float32)
    box = (1.0, 1.0, 1.0 + columns, 1.0 + rows)
    enlarged = Image.fromarray(grid).resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box)
    return np.asarray(enlarged)


def sample(field: np.ndarray, u: Field, v: Field) -> Field:
    """Read a repeating field at ``u`` and ``v``, in its own pixels, by bilinear interpolation."""
    rows, columns = field.shape
    column, row = np.floor(u), np.floor(v)
    right, low = u - column, v - row
    left_index, top_index = column.astype(np.int32) % columns, row.astype(np.int32) % rows
    right_index, low_index = (left_index + 1) % columns, (top_index + 1) % rows
    flat = field.ravel()
    top_row, low_row = top_index * columns, low_index * columns
    upper = flat[top_row + left_index] * (1 - right) + flat[top_row + right_index] * right
    lower = flat[low_row + left_index] * (1 - right) + flat[low_row + right_index] * right
    return upper * (1 - low) + lower * low


def blurred(field: Field, pixels: float) -> Field:
    """Blur a field in [0, 1] by a Gaussian of ``pixels``."""
    image = Image.fromarray((np.clip(field, 0, 1) * 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(pixels)), np.float32) / np.float32(255.0)


def moved(field: Field, pixels: int) -> Field:
    """Move a mask right and down by ``pixels``; the border that comes in is empty."""
    if pixels == 0:
        return field
    result = np.zeros_like(field)
    result[pixels:, pixels:] = field[:-pixels, :-pixels]
    return result


# Light


def relief(height: Field, depth: float, angle: float, gloss: float = 0.0) -> tuple[Field, Field]:
    """Light a surface of ``height`` (times ``depth`` pixels) from ``angle``: brightness (about 1) and gloss.

    Lambert's law with the lamp 45 degrees up, and the mirror highlight of Blinn with exponent 24.
    """
    along_x, along_y = slope(height)
    along_x, along_y = along_x * np.float32(depth), along_y * np.float32(depth)
    length = np.sqrt(along_x * along_x + along_y * along_y + 1.0)
    toward = -(along_x * np.float32(np.cos(angle)) + along_y * np.float32(np.sin(angle)))
    diffuse = np.clip((toward + 1.0) / length, 0.0, 2.0)
    if gloss == 0.0:
        return 0.35 + 0.65 * diffuse, np.zeros_like(height)
    half = (toward * np.float32(0.3827) + np.float32(0.9239)) / length
    return 0.35 + 0.65 * diffuse, np.float32(gloss) * np.clip(half, 0.0, 1.0) ** 24


def backdrop(rng: Random, hue: float, lightness: float | None = None, chroma: float = 0.06) -> Picture:
    """Paint an out-of-focus ground: a lit gradient with large soft patches."""
    level = between(rng, 0.35, 0.85) if lightness is None else lightness
    u, _ = turned(between(rng, 0, 2 * np.pi))
    light = u * np.float32(0.35) + noise(rng, 2, octaves=2) * np.float32(0.25) + 0.5
    bright = oklch(min(level * 1.25, 0.97), chroma * 0.8, hue - 15)
    return ramp(light, oklch(level * 0.6, chroma, hue + 20), oklch(level, chroma, hue), bright)


def finish(rng: Random, picture: Picture) -> np.ndarray:
    """Light the whole picture from one side, darken its corners a little, and give uint8 RGB."""
    x, y = plane()
    angle, strength = between(rng, 0, 2 * np.pi), between(rng, 0.0, 0.16)
    light = 1.0 + strength * (x * np.cos(angle) + y * np.sin(angle)) - 0.1 * (x * x + y * y) ** 2 / 2
    lit = np.clip(picture * light.astype(np.float32), 0.0, 1.0) * np.float32(255.0) + np.float32(0.5)
    return np.ascontiguousarray(lit.astype(np.uint8).transpose(1, 2, 0))
