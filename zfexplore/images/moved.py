"""A picture that the network sees, moved: shifted down, enlarged, or turned (ZF section 4.1, figure 5).

What is moved is the square that the network sees, not the photograph, so all that a move changes is where
things are. Where nothing of the square arrives, pixels are zero and ``inside`` is False: the caller puts the
mean there. A move by nothing gives the very same pixels. So do whole numbers of pixels and quarter turns,
at their new places; between pixels, Pillow's bilinear filter decides, antialiased where a picture shrinks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from PIL import Image

from zfexplore.arguments import shown, whole
from zfexplore.choices import Move
from zfexplore.errors import ExploreError

BILINEAR, NEAREST = Image.Resampling.BILINEAR, Image.Resampling.NEAREST
SMALLEST, LARGEST = 0.05, 20.0  # scales: of a smaller picture nothing is left, of a larger one no shape


@dataclass(frozen=True, eq=False)
class Moved:
    """A moved square: ``pixels [size, size, 3]`` uint8, and ``inside [size, size]`` bool, where they are."""

    pixels: np.ndarray
    inside: np.ndarray


def move(pixels: np.ndarray, kind: Move, amount: float) -> Moved:
    """Move ``pixels [size, size, 3]`` uint8.

    ``amount`` is for a translation the pixels downwards (whole, negative is upwards), for a scale the factor
    about the centre, and for a rotation the degrees counter-clockwise about the centre. Raises ExploreError
    for another kind, and for an amount that is none.
    """
    amount = checked_amount(kind, amount)
    if kind == "translation":
        return _shifted(pixels, int(amount))
    return _scaled(pixels, amount) if kind == "scale" else _turned(pixels, amount)


def checked_amount(kind: Move, amount: Any) -> float:
    """Give an amount as ``move`` takes it; raises ExploreError for one that it does not take."""
    if kind not in get_args(Move):
        raise ExploreError(f"a move is {', '.join(get_args(Move))}, not {shown(kind)}", usage=True)
    if kind == "translation":
        return whole(amount, "a translation in pixels")
    if (
        isinstance(amount, bool)
        or not isinstance(amount, int | float | np.number)
        or not math.isfinite(amount)
    ):
        raise ExploreError(f"a {kind} must be a number, not {shown(amount)}", usage=True)
    if kind == "scale" and not SMALLEST <= amount <= LARGEST:
        raise ExploreError(
            f"a scale of {amount:g} leaves nothing to see: give {SMALLEST} to {LARGEST:g}", usage=True
        )
    return float(amount)


def _shifted(pixels: np.ndarray, down: int) -> Moved:
    size = len(pixels)
    moved, inside = np.zeros_like(pixels), np.zeros(pixels.shape[:2], bool)
    here, there = slice(max(down, 0), size + min(down, 0)), slice(max(-down, 0), size - max(down, 0))
    if abs(down) < size:
        moved[here], inside[here] = pixels[there], True
    return Moved(moved, inside)


def _scaled(pixels: np.ndarray, factor: float) -> Moved:
    size = len(pixels)
    image = Image.fromarray(pixels)
    if factor >= 1:
        margin = (size - size / factor) / 2
        box = (margin, margin, size - margin, size - margin)
        return Moved(np.array(image.resize((size, size), BILINEAR, box=box)), np.ones((size, size), bool))
    # As many pixels as the margins on both sides leave, so that the centre stays the centre.
    margin = round((size - size * factor) / 2)
    edge = max(size - 2 * margin, 1)
    moved, inside = np.zeros_like(pixels), np.zeros((size, size), bool)
    place = np.s_[margin : margin + edge, margin : margin + edge]
    moved[place], inside[place] = np.array(image.resize((edge, edge), BILINEAR)), True
    return Moved(moved, inside)


def _turned(pixels: np.ndarray, degrees: float) -> Moved:
    whole_square = Image.new("L", (len(pixels), len(pixels)), 255)
    inside = np.array(whole_square.rotate(degrees, NEAREST, fillcolor=0)) > 0
    turned = np.array(Image.fromarray(pixels).rotate(degrees, BILINEAR))
    turned[~inside] = 0
    return Moved(turned, inside)
