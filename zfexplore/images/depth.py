"""Pictures of more than 8 bits a value, brought to 8 by the range that their values really have.

A file of 16 bits often holds 10, 12 or 14: a camera's, a microscope's, a scanner's. Read as 16 bits they
are nearly black. The range is the one that the file declares (TIFF: bits and largest value of a sample;
PNG: significant bits), or else the bits of its own largest value, at least 8: values up to 4095 are 12 bits.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile

DEEP_GREY = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
BITS = "bits of a value"  # the key under which a picture's ``info`` tells them

# Colours of 16 bits: Pillow keeps the higher byte of each. Read in the other order of bytes, the lower one.
_OTHER_ORDER = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
_TIFF_BITS, _TIFF_PHOTOMETRIC, _TIFF_PLANES = 258, 262, 284
_TIFF_LEAST, _TIFF_LARGEST = (340, 280), (341, 281)
_FULL = 65535
_STRIP = 2**20  # pixels that are turned into 8 bits, or laid over white, at a time


@dataclass(frozen=True)
class Declared:
    """What a file says of its values: the least, the largest, their significant bits, or None."""

    least: float | None = None
    largest: float | None = None
    significant: int | None = None
    inverted: bool = False  # 0 is white


def declared(image: ImageFile) -> Declared:
    """Read what a file says of its values; the image must be open and not loaded yet."""
    if image.format == "PNG":
        return Declared(significant=_significant_bits(image))
    if image.format in ("PPM", "JPEG2000") and image.mode != "F":
        return Declared(largest=_FULL)  # Pillow has scaled the values to 16 bits
    if image.format != "TIFF":
        return Declared()
    tags: Any = _tags(image)
    bits = _first(tags, (_TIFF_BITS,))
    largest = _first(tags, _TIFF_LARGEST)
    if largest is None and bits is not None and 8 < bits < 16:
        largest = 2**bits - 1
    return Declared(_first(tags, _TIFF_LEAST), largest, inverted=tags.get(_TIFF_PHOTOMETRIC) == 0)


def mend_planes(image: ImageFile) -> None:
    """Let Pillow read an uncompressed TIFF whose colours of 16 bits lie one after the other, in planes.

    It takes them for 8 bits. The image must be open and not loaded yet.
    """
    tags = _tags(image)
    if image.mode not in ("RGB", "RGBA") or tags.get(_TIFF_PLANES) != 2 or _first(tags, (_TIFF_BITS,)) != 16:
        return
    if _raw_mode(image) in ("R", "G", "B", "A"):
        order = "L" if tags.prefix == b"II" else "B"
        _change_raw_modes(image, lambda raw_mode: f"{raw_mode};16{order}")


def mend_ppm(image: ImageFile) -> None:
    """Let Pillow read colours of 16 bits in a PPM as those of a TIFF; its own way is a loop in Python.

    The image must be open and not loaded yet.
    """
    if [(tile.codec_name, tile.args) for tile in image.tile] == [("ppm", ("RGB", _FULL))]:
        image.tile = [tile._replace(codec_name="raw", args=("RGB;16B", 0, 1)) for tile in image.tile]


def is_deep_colour(image: ImageFile) -> bool:
    """Tell whether an image that is open, and not loaded yet, has colours of 16 bits."""
    return image.mode in ("RGB", "RGBA") and ";16" in _raw_mode(image)


def strips(image: Image.Image) -> Iterator[tuple[int, int, int, int]]:
    """Cut an image into strips of whole rows, as Pillow's boxes: left, top, right, bottom."""
    rows = max(1, _STRIP // image.width)
    for top in range(0, image.height, rows):
        yield 0, top, image.width, min(top + rows, image.height)


def grey_from_deep(image: Image.Image, says: Declared) -> Image.Image:
    """Bring grey values of 16 or 32 bits to 8; Pillow itself would clip them all to white.

    Floats are expected to fill [0, 1] or [0, 255]; what exceeds that, and integers of more than 16 bits,
    are scaled by their own maximum.
    """

    def parts() -> Iterator[np.ndarray]:
        return (np.asarray(image.crop(box)) for box in strips(image))

    if image.mode == "F" or any(part.min(initial=0) < 0 or part.max(initial=0) > _FULL for part in parts()):
        return _joined(image, "L", _grey_by_peak(parts, image.mode == "F", says))
    least, largest = _range(lambda: (part.astype(np.uint16, copy=False) for part in parts()), says)
    table = _eight_bits(least, largest)
    if says.inverted:
        table = 255 - table
    return _told(_joined(image, "L", (table[part] for part in parts())), largest)


def colour_from_deep(image: Image.Image, says: Declared, again: Callable[[], ImageFile]) -> Image.Image:
    """Bring colours of 16 bits to 8. ``image`` is loaded; ``again`` opens it a second time."""

    def high(box: tuple[int, int, int, int]) -> np.ndarray:
        return np.asarray(image.crop(box))

    if (
        says.largest is None
        and says.significant is None
        and any(high(box)[..., :3].max(initial=0) > 127 for box in strips(image))
    ):
        return _told(image, _FULL)  # all 16 bits: the higher byte is the value
    low = _lower_bytes(again, image)

    def parts() -> Iterator[np.ndarray]:
        for box in strips(image):
            values = high(box).astype(np.uint16) << 8
            if low is not None:
                values |= np.asarray(low.crop(box))
            yield values

    least, largest = _range(lambda: (values[..., :3] for values in parts()), says)
    table = _eight_bits(least, largest)
    # Where alpha has more bits than the colours, its higher byte is taken.
    deep_alpha = image.mode == "RGBA" and any(v[..., 3].max(initial=0) > largest for v in parts())

    def eight() -> Iterator[np.ndarray]:
        for values in parts():
            part = table[values]
            if deep_alpha:
                part[..., 3] = values[..., 3] >> 8
            yield part

    return _told(_joined(image, image.mode, eight()), largest)


def _joined(image: Image.Image, mode: str, parts: Iterator[np.ndarray]) -> Image.Image:
    """Put the strips of a picture together that has the size of ``image``."""
    joined = Image.new(mode, image.size)
    for box, part in zip(strips(image), parts, strict=True):
        joined.paste(Image.fromarray(part), box)
    return joined


def _told(image: Image.Image, largest: float) -> Image.Image:
    image.info[BITS] = int(largest).bit_length()
    return image


def _range(parts: Callable[[], Iterator[np.ndarray]], says: Declared) -> tuple[float, float]:
    """Give the least and the largest value that are shown, of values uint16, a strip at a time."""
    bounds = [(int(part.min(initial=_FULL)), int(part.max(initial=0))) for part in parts()]
    lowest, peak = min(low for low, _ in bounds), max(high for _, high in bounds)
    own = 2 ** max(8, peak.bit_length()) - 1
    if says.significant is not None and 0 < says.significant <= 16:
        from_above = _fills_from_above(parts(), says.significant)
        return 0, _FULL if from_above else max(own, 2**says.significant - 1)
    if says.largest is None or peak > says.largest:
        return 0, own
    least = says.least if says.least is not None and says.least < says.largest else 0
    return (least if lowest >= least else 0), says.largest


def _fills_from_above(parts: Iterator[np.ndarray], bits: int) -> bool:
    """Tell whether values of ``bits`` bits were spread over 16, as PNG asks, or stored as they were."""
    spare = 16 - bits
    zeros = repeated = True
    for values in parts:
        low = values & ((1 << spare) - 1)
        zeros = zeros and bool((low == 0).all())
        repeated = repeated and bool((low == values >> max(bits - spare, 0) >> spare).all())
    return zeros or repeated


def _eight_bits(least: float, largest: float) -> np.ndarray:
    """Give the 8 bits of every value of 16, uint8 ``[65536]``."""
    steps = (np.arange(_FULL + 1) - least) * (255.0 / (largest - least))
    return np.clip(np.round(steps), 0, 255).astype(np.uint8)


def _grey_by_peak(
    parts: Callable[[], Iterator[np.ndarray]], floats: bool, says: Declared
) -> Iterator[np.ndarray]:
    def finite() -> Iterator[np.ndarray]:
        return (np.nan_to_num(part.astype(np.float64), posinf=0.0, neginf=0.0) for part in parts())

    bounds = [(float(part.min(initial=np.inf)), float(part.max(initial=0.0))) for part in finite()]
    lowest, peak = min(low for low, _ in bounds), max(high for _, high in bounds)
    usual = (1.0, 255.0) if floats else (float(_FULL),)
    full_scale = next((limit for limit in usual if peak <= limit), peak)
    least = 0.0
    if says.least is not None and says.largest is not None and says.least <= lowest < peak <= says.largest:
        least, full_scale = says.least, says.largest
    for grey in finite():
        eight = np.clip(np.round((grey - least) * (255.0 / (full_scale - least))), 0, 255).astype(np.uint8)
        yield 255 - eight if says.inverted else eight


def _lower_bytes(again: Callable[[], ImageFile], like: Image.Image) -> Image.Image | None:
    """Give the lower byte of each value as an image, None where Pillow cannot read them.

    Of a compressed TIFF in planes it gives the higher byte again: brightness is right, fine steps are lost.
    """
    with again() as image:
        try:
            _change_raw_modes(image, _swapped)
            image.load()
        except ValueError:  # an order of bytes that Pillow does not know for this kind
            return None
    return image if (image.mode, image.size) == (like.mode, like.size) else None


def _raw_mode(image: ImageFile) -> str:
    args: Any = image.tile[0][3] if image.tile else ""
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def _swapped(raw_mode: str) -> str:
    return raw_mode[:-1] + _OTHER_ORDER.get(raw_mode[-1], raw_mode[-1])


def _change_raw_modes(image: ImageFile, change: Callable[[str], str]) -> None:
    """Change how Pillow will read each part of an image that is not loaded yet."""

    def changed(args: Any) -> Any:
        return (change(args[0]), *args[1:]) if isinstance(args, tuple) else change(args)

    image.tile = [tile._replace(args=changed(tile.args)) for tile in image.tile]


def _tags(image: ImageFile) -> Any:
    return getattr(image, "tag_v2", {})


def _first(tags: Any, names: tuple[int, ...]) -> Any:
    for name in names:
        value = tags.get(name)
        if isinstance(value, tuple):
            value = max(value, default=None)
        if isinstance(value, int | float):
            return value
    return None


def _significant_bits(image: ImageFile) -> int | None:
    """Read PNG's sBIT, which Pillow passes over; the place in the file stays as it is."""
    file: Any = image.fp
    before = file.tell()
    try:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            if kind == b"sBIT" and 0 < length <= 4:
                return max(file.read(length))
            if kind in (b"IDAT", b"IEND"):
                return None
            file.seek(length + 4, 1)
        return None
    finally:
        file.seek(before)
