"""How large a picture may be, and what its decoding takes; too large a one is decoded smaller, or refused.

A net sees some hundred pixels of a side, and Pillow decodes a whole picture before any of it can be reduced.
What it takes is known before: from the size and the kind of pixels that a file's head claims, and from what
each format's decoder needs beside the picture. JPEG and JPEG 2000 can be decoded at a half, a quarter or an
eighth of their size; that is done where a picture would exceed a bound, and there alone. Some formats Pillow
decodes in Python, which takes seconds for a megapixel and which nothing ends: their bound is one of time.
"""

from __future__ import annotations

from typing import Any

from PIL import Image
from PIL.ImageFile import ImageFile

from zfexplore.images.depth import is_deep_colour
from zfexplore.images.room import ROOM

# Twice a 40-megapixel photograph. A picture that would be larger is refused before a pixel is decoded.
MAX_PIXELS = 80_000_000
MAX_REDUCED = 8 * MAX_PIXELS  # of a picture that can be decoded smaller: all of it has to be gone through
REDUCTIONS = (1, 2, 4, 8)
MAX_FILE = 2**29  # bytes of a file of a format that is read whole before its head is looked at:
READ_WHOLE = (".webp", ".avif", ".heic")

MAX_SECONDS = 16  # for decoding a picture in Python, which Ctrl-C waits for
_SLOWEST = 4.0  # seconds a megapixel that a decoder in Python takes, as measured, and a little more; but for:
_SECONDS = {"bmp_rle": 0.5, "SGI16": 0.0}

_STORED = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16L": 2, "I;16B": 2, "I;16N": 2}  # bytes a pixel; else 4
_RGB = 4  # bytes a pixel, as Pillow keeps it
# Bytes a pixel that a format's decoder takes beside the picture, as measured, and a little more.
_BESIDE = {"WEBP": 12, "AVIF": 12, "HEIF": 12, "JPEG2000": 16, "GIF": 4, "QOI": 8, "DDS": 8}
_COEFFICIENTS = 6  # bytes a pixel of a progressive JPEG, all of which is kept whatever the reduction
HOLDING_OTHERS = ("ICO", "ICNS")  # files of pictures whose own heads alone tell their sizes
_TILE_WIDTH, _TILE_HEIGHT, _STRIP_HEIGHT, _SAMPLES, _BITS = 322, 323, 278, 277, 258  # TIFF's tags
_MEGA = 2**20


class TooLarge(Exception):
    """Why a picture is too large, in a few words."""


def within_bounds(image: ImageFile, *, upright: bool = False) -> int:
    """Give the bytes that decoding takes of an image that is open, and not loaded yet.

    It will be decoded smaller where it has to be and can be. ``upright`` tells that it will not be turned.
    Raises TooLarge.
    """
    width, height = image.size
    _refuse_slow(image)
    if width * height > (MAX_REDUCED if _reducible(image) else MAX_PIXELS):
        raise TooLarge(too_many(f"{width} x {height} pixels"))
    size = 0
    for by in REDUCTIONS if _reducible(image) else (1,):
        size = _needed(image, by, upright)
        if size <= ROOM and width * height <= MAX_PIXELS * by * by:
            if by > 1:
                _reduce(image, by)
            return size
    raise TooLarge(
        f"{width} x {height} pixels would take {size // _MEGA} MB to decode, which exceeds the limit of "
        f"{ROOM // _MEGA} MB: make it smaller"
    )


def too_many(what: str) -> str:
    """Say that ``what`` exceeds the limit of pixels."""
    return f"{what} exceeds the limit of {MAX_PIXELS // 1_000_000} million pixels (a decompression bomb?)"


def _refuse_slow(image: ImageFile) -> None:
    codec = image.tile[0].codec_name if image.tile else ""
    each = _SECONDS.get(codec, _SLOWEST) if codec in Image.DECODERS else 0.0  # all of these are in Python
    megapixels = image.width * image.height / 1e6
    if megapixels * each > MAX_SECONDS:
        raise TooLarge(
            f"{image.width} x {image.height} pixels exceeds the limit of {MAX_SECONDS / each:.0f} million "
            f"pixels for this kind of {image.format}, which is decoded slowly: convert it to PNG"
        )


def _needed(image: ImageFile, by: int, upright: bool) -> int:
    if image.format in HOLDING_OTHERS:
        return ROOM
    pixels = image.width * image.height
    each = _STORED.get(image.mode, 4) + _BESIDE.get(image.format or "", 0)
    each += 0 if upright else _RGB  # turned upright
    each += _RGB if image.mode != "RGB" or is_deep_colour(image) else 0  # made RGB of 8 bits
    return pixels * each // (by * by) + _whole(image, pixels)


def _whole(image: ImageFile, pixels: int) -> int:
    """Give the bytes that a decoder takes for the whole of a picture or a part, however it is reduced."""
    if "progressive" in image.info or "progression" in image.info:
        return _COEFFICIENTS * pixels
    if not image.tile or image.tile[0].codec_name != "libtiff":
        return 0
    tags: Any = getattr(image, "tag_v2", {})
    samples, bits = _number(tags, _SAMPLES, 1), _number(tags, _BITS, 1)
    tile = _number(tags, _TILE_WIDTH, 0) * _number(tags, _TILE_HEIGHT, 0)
    strip = min(_number(tags, _STRIP_HEIGHT, image.height), image.height) * image.width
    part = tile or strip
    if part > MAX_PIXELS:
        raise TooLarge(too_many(f"a part of {part:,} pixels"))
    return part * samples * bits // 8


def _number(tags: Any, tag: int, usual: int) -> int:
    value = tags.get(tag, usual)
    if isinstance(value, tuple):
        value = max(value, default=usual)
    return value if isinstance(value, int) and value > 0 else usual


def _reducible(image: ImageFile) -> bool:
    return image.format in ("JPEG", "MPO", "JPEG2000")


def _reduce(image: Any, by: int) -> None:
    if image.format == "JPEG2000":
        image.reduce = by.bit_length() - 1
    else:
        image.draft(None, (image.width // by, image.height // by))
