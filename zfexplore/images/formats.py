"""Which files are pictures, and which of them are read: by suffix or, without one, by the first bytes.

Pillow may open a file only as one of the formats listed here. Left to itself it would start Ghostscript
for an EPS file, whatever its name. What looks like a picture and is not read has a reason with a remedy.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec

HEAD = 64  # bytes of a file that tell its format

# Pillow's format: the suffixes of its files. The usual ones come first.
_READ = {
    "JPEG": ".jpg .jpeg .jpe .jfif .mpo",
    "PNG": ".png .apng",
    "WEBP": ".webp",
    "BMP": ".bmp",
    "GIF": ".gif",
    "TIFF": ".tif .tiff",
    "AVIF": ".avif .avifs",
    "HEIF": ".heic .heif .hif",
    "JPEG2000": ".jp2 .j2k .jpc .jpf .jpx .j2c",
    "PPM": ".ppm .pgm .pbm .pnm .pfm",
    "TGA": ".tga .icb .vda .vst",
    "DIB": ".dib",
    "ICO": ".ico",
    "ICNS": ".icns",
    "PCX": ".pcx",
    "QOI": ".qoi",
    "DDS": ".dds",
    "SGI": ".sgi",
    "SUN": ".ras",
    "XBM": ".xbm",
    "XPM": ".xpm",
}

# Formats without a signature: other files could be mistaken for them, so their suffix must say so.
_BY_SUFFIX_ONLY = {"TGA", "PCX"}

# Formats that need something else: the module whose presence tells, and the remedy.
_NEEDS = {
    "HEIF": ("pillow_heif", "HEIC is read only with a plugin: pip install pillow-heif"),
    "AVIF": ("PIL._avif", "AVIF is read from Pillow 11.3 on: pip install --upgrade pillow"),
}

_NOT_READ = {
    "a drawing in SVG is not read: export it as PNG": ".svg .svgz",
    "a camera's raw file is not read: develop it to JPEG or PNG": (
        ".cr2 .cr3 .crw .nef .nrw .arw .sr2 .srf .dng .orf .rw2 .raf .pef .srw .x3f .3fr .kdc .dcr .erf "
        ".mrw .mef .mos .iiq .rwl .raw"
    ),
    "a paint program's file is not read: export it as PNG": ".psd .psb .xcf .kra .ora .clip .afphoto",
    "PostScript and PDF are not read: export the pages as PNG": ".eps .ps .ai .pdf",
    "JPEG XL and JPEG XR are not read: convert to PNG": ".jxl .jxr .wdp .hdp",
    "high dynamic range is not read: convert to PNG or TIFF": ".exr .hdr",
    "a measurement file is not read: convert to PNG or TIFF": ".fits .fit .fts .dcm .dicom",
    "this kind of picture is not read: convert to PNG": ".wmf .emf .djvu .djv .bpg .flif .pct .pict .heics",
}

_SIGNATURES = {
    b"\xff\xd8\xff": ".jpg",
    b"\x89PNG\r\n\x1a\n": ".png",
    b"GIF87a": ".gif",
    b"GIF89a": ".gif",
    b"II*\0": ".tif",
    b"MM\0*": ".tif",
    b"\0\0\0\x0cjP  ": ".jp2",
    b"\xff\x4f\xff\x51": ".j2k",
    b"qoif": ".qoi",
    b"DDS ": ".dds",
    b"8BPS": ".psd",
    b"%!PS": ".eps",
    b"\xc5\xd0\xd3\xc6": ".eps",
    b"%PDF": ".pdf",
    b"\xff\x0a": ".jxl",
    b"\0\0\0\x0cJXL ": ".jxl",
    b"\x76\x2f\x31\x01": ".exr",
    b"<svg": ".svg",
}
_BRANDS = {b"avif": ".avif", b"avis": ".avif", b"crx ": ".cr3"} | dict.fromkeys(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"), ".heic"
)
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
_USUAL_SUFFIX = re.compile(r"\.(?=[a-z0-9]*[a-z])[a-z0-9]{1,9}")


def verdict(name: str, head: Callable[[], bytes]) -> str | None:
    """Judge a file: ``""`` if it is read, None if it is no picture, else the reason why it is not read.

    The suffix decides. Where there is none, ``head`` is called for the first ``HEAD`` bytes of the file.
    """
    suffix = suffix_of(name)
    return _verdicts().get(suffix or kind_of(head()))


def is_read(name: str) -> bool:
    """Tell whether a file's suffix is that of a picture that is read."""
    return _verdicts().get(suffix_of(name)) == ""


def reason_by_content(head: bytes) -> str | None:
    """Give the reason why a picture with these first bytes is not read, if it is known."""
    return _verdicts().get(kind_of(head)) or None


def suffix_of(name: str) -> str:
    """Give a file's suffix in lower case; ``""`` if there is none, or one of digits only, as in ``v1.2``."""
    suffix = os.path.splitext(name)[1].lower()
    return suffix if _USUAL_SUFFIX.fullmatch(suffix) else ""


def kind_of(head: bytes) -> str:
    """Give the suffix that belongs to a file with these first bytes; ``""`` for what is no picture."""
    for signature, suffix in _SIGNATURES.items():
        if head.startswith(signature):
            return suffix
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ".webp"
    if head[4:8] == b"ftyp":
        return ".avif" if b"avif" in head else _BRANDS.get(head[8:12], "")
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return ".bmp"
    if re.match(rb"P[1-6]\s+[#\d]", head):
        return ".pnm"
    return ".svg" if head.lstrip().startswith(b"<?xml") and b"<svg" in head else ""


def pillow_formats(name: str) -> list[str]:
    """Give the formats as which Pillow may open a file of this name, whatever its suffix says."""
    own = {form for form in _BY_SUFFIX_ONLY if suffix_of(name) in _READ[form].split()}
    return [form for form in _READ if _is_here(form) and (form not in _BY_SUFFIX_ONLY or form in own)]


@cache
def suffixes_read() -> tuple[str, ...]:
    """Give the suffixes of all files that are read, the usual ones first."""
    return tuple(suffix for suffix, reason in _verdicts().items() if not reason)


@cache
def _is_here(form: str) -> bool:
    module, _ = _NEEDS.get(form, ("PIL", ""))
    return find_spec(module) is not None


@cache
def _verdicts() -> dict[str, str]:
    """Give for every suffix of a picture the reason why it is not read, ``""`` if it is."""
    read = {
        suffix: "" if _is_here(form) else _NEEDS[form][1]
        for form, suffixes in _READ.items()
        for suffix in suffixes.split()
    }
    return read | {suffix: reason for reason, suffixes in _NOT_READ.items() for suffix in suffixes.split()}
