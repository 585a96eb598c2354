"""Which files count as pictures, by suffix or by first bytes, and as what Pillow may open them."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from zfexplore.images import formats
from zfexplore.images.formats import is_read, kind_of, pillow_formats, reason_by_content, verdict

RAW = "a camera's raw file is not read: develop it to JPEG or PNG"


def no_head() -> bytes:
    raise AssertionError("the suffix is enough")


@pytest.fixture
def with_plugins(monkeypatch):
    """Give a function that makes the plugins be installed, or not."""

    def here(*installed: str) -> None:
        monkeypatch.setattr(
            formats, "find_spec", lambda name: object() if name in ("PIL", *installed) else None
        )
        formats._is_here.cache_clear()
        formats._verdicts.cache_clear()

    yield here
    monkeypatch.undo()
    formats._is_here.cache_clear()
    formats._verdicts.cache_clear()


USUAL = "jpg JPEG jfif jpe mpo png apng webp bmp dib gif tif TIFF jp2 j2k ppm pgm pbm pnm tga ico"


@pytest.mark.parametrize("suffix", USUAL.split())
def test_pictures_are_read(suffix):
    assert verdict(f"a.{suffix}", no_head) == ""
    assert is_read(f"a.{suffix}")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("logo.svg", "a drawing in SVG is not read: export it as PNG"),
        ("a.CR2", RAW), ("a.nef", RAW), ("a.arw", RAW), ("a.dng", RAW),
        ("a.psd", "a paint program's file is not read: export it as PNG"),
        ("a.eps", "PostScript and PDF are not read: export the pages as PNG"),
        ("a.jxl", "JPEG XL and JPEG XR are not read: convert to PNG"),
    ],
)  # fmt: skip
def test_a_picture_that_is_not_read_has_a_reason_with_a_remedy(name, reason):
    assert verdict(name, no_head) == reason
    assert not is_read(name)


@pytest.mark.parametrize("name", ["notes.txt", "a.jpg.part", "film.mp4", "index.json", "a.py"])
def test_other_files_are_no_pictures(name):
    assert verdict(name, no_head) is None


def test_heic_is_read_only_with_its_plugin(with_plugins):
    with_plugins()
    assert verdict("a.HEIC", no_head) == "HEIC is read only with a plugin: pip install pillow-heif"
    assert "HEIF" not in pillow_formats("a.heic")
    with_plugins("pillow_heif")
    assert verdict("a.heic", no_head) == ""
    assert "HEIF" in pillow_formats("a.heic")


def test_avif_is_read_only_by_a_pillow_that_knows_it(with_plugins):
    with_plugins()
    assert verdict("a.avif", no_head) == "AVIF is read from Pillow 11.3 on: pip install --upgrade pillow"
    with_plugins("PIL._avif")
    assert verdict("a.avif", no_head) == ""


@pytest.mark.parametrize(
    "form", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "JPEG2000", "PPM", "QOI", "DDS"]
)
def test_a_picture_without_a_suffix_is_known_by_its_first_bytes(form):
    written = io.BytesIO()
    Image.new("RGB", (9, 7), "red").save(written, form)
    for name in ("IMG_0001", "archive.2021", "what. is this"):
        assert verdict(name, lambda: written.getvalue()[: formats.HEAD]) == ""


@pytest.mark.parametrize(
    ("head", "suffix"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", ".heic"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif", ".avif"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", ""),  # a film
        (b"%!PS-Adobe-3.0 EPSF", ".eps"),
        (b'<?xml version="1.0"?>\n<svg width="1">', ".svg"),
        (b"BM is a town", ""),
        (b"P5 is a processor", ""),
        (b"hello", ""),
        (b"", ""),
    ],
)
def test_first_bytes(head, suffix):
    assert kind_of(head) == suffix


def test_a_reason_can_be_told_from_the_content():
    assert reason_by_content(b"%!PS") == "PostScript and PDF are not read: export the pages as PNG"
    assert reason_by_content(b"\x89PNG\r\n\x1a\n") is None
    assert reason_by_content(b"hello") is None


def test_pillow_may_open_nothing_that_starts_a_program_or_has_no_signature():
    for name in ("a.jpg", "a.eps", "a"):
        assert not {"EPS", "PSD", "WMF", "TGA", "PCX"} & set(pillow_formats(name))
    assert "TGA" in pillow_formats("a.TGA")


def test_pillow_knows_every_format():
    Image.init()
    assert set(pillow_formats("a.tga")) - {"HEIF"} <= set(Image.OPEN)
