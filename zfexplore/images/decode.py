"""Image files of every kind to upright 8-bit RGB: orientation, grey, CMYK, palette, alpha, 16 bits.

Decoding happens here and not at first use, so a truncated file fails where its name is known. Alpha is
composited over white, because most cut-out pictures were made for a white ground. An animation gives
its first frame. How much memory that takes is bounded (``bounds``, ``room``): whatever is more than the
picture itself is made a strip of it at a time. Nothing global in Pillow is changed, but that it learns HEIC
where the plugin is installed.
"""

from __future__ import annotations

import errno
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
from PIL.JpegImagePlugin import jpeg_factory

from zfexplore.images.bounds import HOLDING_OTHERS, MAX_FILE, READ_WHOLE, TooLarge, too_many, within_bounds
from zfexplore.images.depth import (
    BITS,
    DEEP_GREY,
    Declared,
    colour_from_deep,
    declared,
    grey_from_deep,
    is_deep_colour,
    mend_planes,
    mend_ppm,
    strips,
)
from zfexplore.images.formats import HEAD, kind_of, pillow_formats, reason_by_content
from zfexplore.images.room import decoding
from zfexplore.opening import open_plain

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
_NOT_ITS_FAULT = (errno.EMFILE, errno.ENFILE)  # too many open files: of this process, of the system
_ALPHA_MODES = ("RGBA", "RGBa", "LA", "La", "PA")

# Whether the thread that reads takes warnings of bombs for errors.
_this_thread = threading.local()


class UndecodableError(Exception):
    """The reason why a file gave no picture, in a few words; the source adds the name of the file."""


def read_rgb(file: str | os.PathLike[str] | IO[bytes], name: str | None = None) -> Image.Image:
    """Decode a whole file, given as a path or an open file, into an upright RGB image.

    ``name`` is that of an open file: the suffix tells formats that have no signature. A JPEG that is too
    large is decoded at a half, a quarter or an eighth of its size. Raises UndecodableError if the file is
    missing, no plain file, truncated, not an image of a kind that is read, or too large (``bounds``), and
    OSError if this process may open no more files: to leave images out for that would be wrong.
    """
    if not isinstance(file, str | os.PathLike):
        return _read(file, name or "", "")
    path = os.fspath(file)
    try:
        with open_plain(path) as opened:
            return _read(opened, path if name is None else name, path)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        if getattr(error, "errno", None) in _NOT_ITS_FAULT:
            raise
        raise UndecodableError(_reason(error)) from error


def _read(file: IO[bytes], name: str, path: str) -> Image.Image:
    try:
        _register_heif()
        _refuse_large_file(file)
        with _open(file, name) as image, decoding(within_bounds(image, upright=_is_upright(image))):
            deep_colour = is_deep_colour(image)
            says = declared(image) if deep_colour or image.mode in DEEP_GREY else Declared()
            _load(image)
            image.filename = path
            with _quietly():
                # Only after loading: Pillow turns TIFFs itself while it loads them, and a PNG has to be
                # loaded before it tells its orientation.
                orientation = _orientation(image)
            if deep_colour:
                rgb = to_rgb(colour_from_deep(image, says, lambda: _open(file, name)))
            else:
                rgb = to_rgb(image, says)
            return rgb.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else rgb
    except Image.UnidentifiedImageError as error:
        raise UndecodableError(reason_by_content(_head(file)) or _reason(error)) from error
    except Exception as error:  # on hostile files Pillow's readers raise nearly every type
        raise UndecodableError(_reason(error)) from error


def to_rgb(image: Image.Image, says: Declared | None = None) -> Image.Image:
    """Convert a loaded image of any Pillow mode to RGB; transparent parts become white.

    ``says`` is what its file says of values deeper than 8 bits.
    """
    if image.mode in DEEP_GREY:
        return grey_from_deep(image, says or Declared()).convert("RGB")
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        laid = Image.new("RGB", image.size)
        for box in strips(image):
            part = image.crop(box).convert("RGBA")
            white = Image.new("RGBA", part.size, "white")
            laid.paste(Image.alpha_composite(white, part).convert("RGB"), box)
        laid.info.update({BITS: image.info[BITS]} if BITS in image.info else {})
        return laid
    return image if image.mode == "RGB" else image.convert("RGB")


def _open(file: IO[bytes], name: str) -> ImageFile:
    file.seek(0)  # it may have been opened before
    with _quietly():
        try:
            image = Image.open(file, formats=pillow_formats(name))
        except Image.DecompressionBombError:
            if kind_of(_head(file)) != ".jpg":
                raise
            file.seek(0)
            image = jpeg_factory(file)  # which can be decoded smaller
    mend_planes(image)
    mend_ppm(image)
    return image


def _load(image: ImageFile) -> None:
    if image.format in HOLDING_OTHERS:  # Pillow warns of a bomb among them while it loads
        with _quietly(bombs=True):
            image.load()
    else:
        image.load()


def _refuse_large_file(file: IO[bytes]) -> None:
    """Refuse a large file of a format that Pillow reads whole before it looks at it."""
    kind, size = kind_of(_head(file)), file.seek(0, os.SEEK_END)
    if size > MAX_FILE and kind in READ_WHOLE:
        raise TooLarge(f"a {kind} file of {size // 2**20} MB exceeds the limit of {MAX_FILE // 2**20} MB")


@cache
def _register_heif() -> None:
    """Let Pillow read HEIC if the plugin is installed."""
    if find_spec("pillow_heif") is not None:
        import pillow_heif

        pillow_heif.register_heif_opener()


def _head(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read(HEAD)


class _Silence:
    """No warning is shown while any thread is in here; threads are in here side by side.

    ``warnings.catch_warnings`` swaps a list of the whole process: two threads in it at once could leave it
    swapped. Here the first to come swaps it and the last to leave puts it back. With a lock for each by
    itself, threads would read headers one after another: 1,000 photographs a second, however many cores.
    """

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._swapped: warnings.catch_warnings | None = None

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._swapped = warnings.catch_warnings()
                self._swapped.__enter__()
                warnings.simplefilter("ignore")
                warnings.simplefilter("always", Image.DecompressionBombWarning)
                warnings.showwarning = _raise_bombs
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._swapped is not None:
                self._swapped.__exit__(None, None, None)


_silence = _Silence()


def _raise_bombs(message: Warning | str, *_: object, **__: object) -> None:
    if getattr(_this_thread, "raises_bombs", False) and isinstance(message, Warning):
        raise message


@contextmanager
def _quietly(*, bombs: bool = False) -> Iterator[None]:
    """Silence Pillow's warnings about odd metadata; turn those about bombs into errors with ``bombs``."""
    before = getattr(_this_thread, "raises_bombs", False)
    with _silence:
        _this_thread.raises_bombs = bombs
        try:
            yield
        finally:
            _this_thread.raises_bombs = before


def _orientation(image: Image.Image) -> int:
    """Give the EXIF orientation; 1 (upright) if there is none or if the metadata is broken."""
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # broken metadata is no reason to lose a good picture
        return 1


def _is_upright(image: ImageFile) -> bool:
    """Tell whether an image that is not loaded yet is known to lie upright, as only a JPEG is."""
    with _quietly():
        return image.format in ("JPEG", "MPO") and _orientation(image) not in _UPRIGHT


def _reason(error: Exception) -> str:
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return too_many("the image")
    if isinstance(error, Image.UnidentifiedImageError):
        return "not an image that Pillow can read"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
