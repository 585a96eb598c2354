"""Image files of every kind to upright 8-bit RGB: orientation, grey, CMYK, palette, alpha, 16 bits.

Decoding happens here and not at first use, so a truncated file fails where its name is known. Alpha is
composited over white, because most cut-out pictures were made for a white ground. An animation gives
its first frame. Nothing global in Pillow is changed, but that it learns HEIC where the plugin is
installed.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from typing import IO

from PIL import Image
from PIL.ImageFile import ImageFile

from zfexplore.images.depth import (
    BITS,
    DEEP_GREY,
    Declared,
    colour_from_deep,
    declared,
    grey_from_deep,
    is_deep_colour,
    mend_planes,
)
from zfexplore.images.formats import HEAD, pillow_formats, reason_by_content

# Twice a 40-megapixel photograph. A file that claims more is refused before a pixel is decoded.
MAX_PIXELS = 80_000_000

_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ALPHA_MODES = ("RGBA", "RGBa", "LA", "La", "PA")

# warnings.catch_warnings swaps a global list. Two threads in it at once could leave it swapped.
_warnings_lock = threading.Lock()


class UndecodableError(Exception):
    """The reason why a file gave no picture, in a few words; the source adds the name of the file."""


def read_rgb(file: str | os.PathLike[str] | IO[bytes], name: str | None = None) -> Image.Image:
    """Decode a whole file, given as a path or an open file, into an upright RGB image.

    ``name`` is that of an open file: the suffix tells formats that have no signature. Raises
    UndecodableError if the file is missing, truncated, not an image of a kind that is read, or larger than
    MAX_PIXELS.
    """
    if name is None:
        name = os.fspath(file) if isinstance(file, str | os.PathLike) else ""
    try:
        _register_heif()
        with _open(file, name) as image:
            _refuse_bombs(image)
            deep_colour = is_deep_colour(image)
            says = declared(image) if deep_colour or image.mode in DEEP_GREY else Declared()
            image.load()
            with _quietly():
                # Only after loading: Pillow turns TIFFs itself while it loads them, and a PNG has to be
                # loaded before it tells its orientation.
                orientation = _orientation(image)
            if deep_colour:
                rgb = to_rgb(colour_from_deep(image, says, lambda: _open(file, name)))
            else:
                rgb = to_rgb(image, says)
    except UndecodableError:
        raise
    except Image.UnidentifiedImageError as error:
        raise UndecodableError(reason_by_content(_head(file)) or _reason(error)) from error
    except Exception as error:  # on hostile files Pillow's readers raise nearly every type
        raise UndecodableError(_reason(error)) from error
    return rgb.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else rgb


def to_rgb(image: Image.Image, says: Declared | None = None) -> Image.Image:
    """Convert a loaded image of any Pillow mode to RGB; transparent parts become white.

    ``says`` is what its file says of values deeper than 8 bits.
    """
    if image.mode in DEEP_GREY:
        return grey_from_deep(image, says or Declared()).convert("RGB")
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        with_alpha = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        laid = Image.alpha_composite(white, with_alpha).convert("RGB")
        laid.info.update({BITS: image.info[BITS]} if BITS in image.info else {})
        return laid
    return image if image.mode == "RGB" else image.convert("RGB")


def _open(file: str | os.PathLike[str] | IO[bytes], name: str) -> ImageFile:
    if not isinstance(file, str | os.PathLike):
        file.seek(0)  # it may have been opened before
    with _quietly():
        image = Image.open(file, formats=pillow_formats(name))
    mend_planes(image)
    return image


@cache
def _register_heif() -> None:
    """Let Pillow read HEIC if the plugin is installed."""
    if find_spec("pillow_heif") is not None:
        import pillow_heif

        pillow_heif.register_heif_opener()


def _head(file: str | os.PathLike[str] | IO[bytes]) -> bytes:
    if isinstance(file, str | os.PathLike):
        with open(file, "rb") as opened:
            return opened.read(HEAD)
    file.seek(0)
    return file.read(HEAD)


@contextmanager
def _quietly() -> Iterator[None]:
    """Turn Pillow's bomb warning into an error, and silence its warnings about odd metadata."""
    with _warnings_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _refuse_bombs(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise UndecodableError(_too_large(f"{width} x {height} pixels"))


def _orientation(image: Image.Image) -> int:
    """Give the EXIF orientation; 1 (upright) if there is none or if the metadata is broken."""
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # broken metadata is no reason to lose a good picture
        return 1


def _reason(error: Exception) -> str:
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return _too_large("the image")
    if isinstance(error, Image.UnidentifiedImageError):
        return "not an image that Pillow can read"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _too_large(what: str) -> str:
    return f"{what} exceeds the limit of {MAX_PIXELS // 1_000_000} million pixels (a decompression bomb?)"
