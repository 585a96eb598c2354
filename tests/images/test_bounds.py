"""What decoding takes is known before, and bounded: smaller where the format can, else refused by name."""

from __future__ import annotations

import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from zfexplore.images import bounds
from zfexplore.images.bounds import TooLarge, within_bounds
from zfexplore.images.decode import UndecodableError, read_rgb

SMALLER = ("JPEG", "JPEG2000")


def opened(image: Image.Image, form: str, **how: object):
    file = io.BytesIO()
    image.save(file, form, **how)
    return Image.open(file, formats=[form])


def file_of(image: Image.Image, form: str, **how: object) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, form, **how)
    return file


@pytest.mark.parametrize(
    ("mode", "form", "how", "each"),
    [
        ("L", "PNG", {}, 1 + 4 + 4), ("RGB", "PNG", {}, 4 + 4), ("LA", "PNG", {}, 4 + 4 + 4),
        ("RGBA", "PNG", {}, 4 + 4 + 4), ("I;16", "PNG", {}, 2 + 4 + 4), ("RGB", "JPEG", {}, 4 + 4),
        ("RGB", "JPEG", {"progressive": True}, 4 + 4 + 6), ("RGB", "WEBP", {}, 4 + 4 + 12),
        ("RGB", "TIFF", {"compression": "tiff_lzw"}, 4 + 4 + 3), ("RGB", "TIFF", {}, 4 + 4),
    ],
)  # fmt: skip
def test_the_bytes_of_a_pixel(mode, form, how, each):
    picture = opened(Image.new(mode, (100, 80)), form, **how)
    assert within_bounds(picture) == each * 8000
    assert within_bounds(picture, upright=True) == (each - 4) * 8000


@pytest.mark.parametrize("form", SMALLER)
@pytest.mark.parametrize(("most", "by"), [(2400, 1), (2399, 2), (599, 4), (149, 8)])
def test_a_picture_of_too_many_pixels_is_decoded_smaller(monkeypatch, photograph, form, most, by):
    monkeypatch.setattr(bounds, "MAX_PIXELS", most)
    picture = read_rgb(file_of(photograph, form))
    assert picture.size == (-(-60 // by), -(-40 // by))
    expected = photograph.resize(picture.size, Image.Resampling.BOX)
    assert np.abs(np.asarray(picture).astype(int) - np.asarray(expected)).mean() < 9


@pytest.mark.parametrize("form", SMALLER)
def test_a_picture_that_takes_too_much_is_decoded_smaller(monkeypatch, photograph, form):
    monkeypatch.setattr(bounds, "ROOM", 2400 * 4 - 1)
    assert read_rgb(file_of(photograph, form)).width < 60


def test_a_picture_beyond_pillows_own_limit_is_decoded_smaller(monkeypatch, photograph):
    monkeypatch.setattr(bounds, "MAX_PIXELS", 700)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert read_rgb(file_of(photograph, "JPEG")).size == (30, 20)


@pytest.mark.parametrize("form", SMALLER)
def test_even_smaller_there_is_an_end(monkeypatch, photograph, form):
    monkeypatch.setattr(bounds, "MAX_REDUCED", 2399)
    with pytest.raises(UndecodableError, match="^60 x 40 pixels exceeds the limit of"):
        read_rgb(file_of(photograph, form))


def test_other_formats_are_refused_with_the_limit(monkeypatch, photograph):
    file = file_of(photograph, "PNG")
    monkeypatch.setattr(bounds, "ROOM", 2400 * 8 - 1)
    with pytest.raises(UndecodableError, match="60 x 40 pixels would take 0 MB to decode, which exceeds the"):
        read_rgb(file)
    monkeypatch.setattr(bounds, "MAX_PIXELS", 2399)
    with pytest.raises(UndecodableError, match="60 x 40 pixels exceeds the limit of 0 million pixels"):
        read_rgb(file)


def test_a_part_larger_than_the_picture_counts():
    tags = {322: 20_000, 323: 20_000, 277: (1,), 258: (8,)}
    picture = SimpleNamespace(
        format="TIFF", mode="L", width=1, height=1, size=(1, 1), info={}, tag_v2=tags,
        tile=[SimpleNamespace(codec_name="libtiff", args=("L",))],
    )  # fmt: skip
    with pytest.raises(TooLarge, match="a part of 400,000,000 pixels exceeds the limit of 80 million"):
        within_bounds(picture)
    tags[323] = 2_000
    assert within_bounds(picture) == 9 + 40_000_000


def test_a_file_of_pictures_takes_all_room_for_their_sizes_are_not_known(photograph):
    assert within_bounds(opened(photograph, "ICO")) == bounds.ROOM


def test_a_large_file_of_a_format_that_is_read_whole_is_refused(monkeypatch, photograph):
    file = file_of(photograph, "WEBP")
    monkeypatch.setattr("zfexplore.images.decode.MAX_FILE", 50)
    with pytest.raises(UndecodableError, match=r"a \.webp file of 0 MB exceeds the limit of 512 MB|limit of"):
        read_rgb(file)
    assert read_rgb(file_of(photograph, "PNG")).size == (60, 40)


@pytest.mark.parametrize(("form", "mode"), [("QOI", "RGB"), ("DDS", "RGB"), ("PPM", "RGB"), ("BMP", "P")])
def test_what_pillow_decodes_in_python_has_a_bound_of_time(monkeypatch, form, mode):
    file = file_of(Image.new(mode, (40, 30)), form)
    if form == "PPM":  # none of 0 to 254 is decoded in C
        file = io.BytesIO(b"P6 40 30 254\n" + bytes(3600))
    if form == "BMP":  # 1 is the compression by runs: thirty of 40 zeros, each with the end of a row
        data = bytearray(file.getvalue()[: 54 + 1024] + b"\x28\0\0\0" * 30 + b"\0\1")
        data[30] = 1
        file = io.BytesIO(data)
    each = 0.5 if form == "BMP" else 4
    monkeypatch.setattr(bounds, "MAX_SECONDS", 0.0012 * each)
    assert read_rgb(file).size == (40, 30)
    monkeypatch.setattr(bounds, "MAX_SECONDS", 0.0011 * each)
    with pytest.raises(UndecodableError, match=f"^40 x 30 pixels exceeds .* for this kind of {form}"):
        read_rgb(file)


def test_what_is_decoded_in_c_has_none(monkeypatch, photograph):
    monkeypatch.setattr(bounds, "MAX_SECONDS", 0)
    wide = io.BytesIO(b"P6 3 2 65535\n" + bytes(36))  # Pillow itself would decode it in Python
    assert read_rgb(wide).size == (3, 2)
    assert read_rgb(file_of(photograph, "PNG")).size == (60, 40)
