"""Pictures of more than 8 bits: shown by the range that they have, in grey and in colour, and told."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from zfexplore.images import depth
from zfexplore.images.decode import read_rgb
from zfexplore.images.depth import BITS
from zfexplore.images.folder import open_folder
from zfexplore.images.remarks import depth_remark


def png(values: np.ndarray, significant: int | None = None) -> io.BytesIO:
    """A PNG of 16 bits, as Pillow writes none: grey ``[h, w]``, RGB ``[h, w, 3]`` or RGBA ``[h, w, 4]``."""
    channels = 1 if values.ndim == 2 else values.shape[2]

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    kind = {1: 0, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, kind, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    said = b"" if significant is None else chunk(b"sBIT", bytes([significant] * channels))
    parts = (chunk(b"IHDR", header), said, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


def tiff(values: np.ndarray, **tags: int) -> io.BytesIO:
    written = io.BytesIO()
    info = TiffImagePlugin.ImageFileDirectory_v2()
    for name, value in tags.items():
        info[{"least": 280, "largest": 281, "photometric": 262}[name]] = value
    Image.fromarray(values).save(written, "TIFF", tiffinfo=info)
    written.seek(0)
    return written


def deep_tiff(values: np.ndarray, order: str = "<", planes: bool = False) -> io.BytesIO:
    """An uncompressed TIFF of colours of 16 bits ``[h, w, 3]``."""
    height, width, _ = values.shape
    laid = np.moveaxis(values, -1, 0) if planes else values
    data = laid.astype(f"{order}u2").tobytes()
    count, size = (3, height * width * 2) if planes else (1, len(data))
    strips = [(8 + number * size) for number in range(count)]
    entries = {
        256: ("H", [width]), 257: ("H", [height]), 258: ("H", [16] * 3), 259: ("H", [1]), 262: ("H", [2]),
        273: ("I", strips), 277: ("H", [3]), 278: ("H", [height]), 279: ("I", [size] * count),
        284: ("H", [2 if planes else 1]),
    }  # fmt: skip
    start = 8 + len(data)
    beyond = start + 2 + 12 * len(entries) + 4
    directory, extra = struct.pack(f"{order}H", len(entries)), b""
    for tag, (kind, numbers) in entries.items():
        packed = struct.pack(f"{order}{len(numbers)}{kind}", *numbers)
        place = packed.ljust(4, b"\0")
        if len(packed) > 4:
            place, extra = struct.pack(f"{order}I", beyond + len(extra)), extra + packed
        directory += struct.pack(f"{order}HHI", tag, {"H": 3, "I": 4}[kind], len(numbers)) + place
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", start)
    return io.BytesIO(head + data + directory + bytes(4) + extra)


def grey(file, place=0) -> list[int]:
    image = read_rgb(file)
    pixels = np.asarray(image)
    assert (pixels == pixels[..., :1]).all()
    return pixels[0, :, 0].tolist()


TWELVE = np.array([[0, 2048, 4095]], np.uint16)


@pytest.mark.parametrize(
    ("largest", "bits"), [(4095, 12), (2049, 12), (1023, 10), (16383, 14), (65535, 16), (200, 8)]
)
def test_grey_is_shown_by_the_bits_of_its_largest_value(largest, bits):
    values = np.array([[0, largest // 2, largest]], np.uint16)
    expected = np.round(values[0] * (255 / (2**bits - 1))).astype(int).tolist()
    for file in (png(values), tiff(values)):
        assert grey(file) == expected
        file.seek(0)
        assert read_rgb(file).info[BITS] == bits


def test_a_dark_picture_is_shown_by_the_range_that_its_tiff_declares():
    dark = np.array([[0, 256, 1024]], np.uint16)
    assert grey(tiff(dark)) == [0, 32, 128]  # 11 bits
    assert grey(tiff(dark, largest=4095)) == [0, 16, 64]
    assert grey(tiff(dark, largest=65535)) == [0, 1, 4]
    assert grey(tiff(dark, largest=1000)) == [0, 32, 128]  # cannot be true
    assert grey(tiff(np.array([[1000, 1500, 2000]], np.uint16), least=1000, largest=2000)) == [0, 128, 255]


def test_a_dark_picture_is_shown_by_the_bits_that_its_png_declares():
    dark = np.array([[0, 255, 1025]], np.uint16)
    assert grey(png(dark, significant=12)) == [0, 16, 64]
    spread = np.array([[0, 16 * 255, 16 * 1024]], np.uint16)  # as PNG asks: 12 bits spread over 16
    assert grey(png(spread, significant=12)) == [0, 16, 64]


def test_a_tiff_in_which_white_is_zero_is_not_shown_as_a_negative():
    assert grey(tiff(TWELVE, photometric=0)) == [255, 127, 0]


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize(
    "write", [png, deep_tiff, lambda v: deep_tiff(v, ">"), lambda v: deep_tiff(v, planes=True),
              lambda v: deep_tiff(v, ">", planes=True)],
    ids=["png", "tiff", "tiff-big-endian", "tiff-planes", "tiff-planes-big-endian"],
)  # fmt: skip
def test_colours_are_shown_by_their_own_range(write, bits):
    values = np.random.default_rng(0).integers(0, 2**bits, (6, 5, 3), dtype=np.uint16)
    values[0, 0] = 2**bits - 1
    image = read_rgb(write(values))
    expected = np.round(values * (255 / (2**bits - 1))) if bits == 12 else values >> 8
    assert np.array_equal(np.asarray(image), expected)
    assert image.info[BITS] == bits


def test_transparent_parts_of_deep_colours_are_white():
    values = np.zeros((1, 2, 4), np.uint16)
    values[0, 0], values[0, 1] = (4095, 0, 0, 65535), (4095, 0, 0, 0)
    assert np.asarray(read_rgb(png(values)))[0].tolist() == [[255, 0, 0], [255, 255, 255]]


def test_a_deep_picture_is_read_from_a_path_too(tmp_path):
    (tmp_path / "a.png").write_bytes(png(np.stack([TWELVE] * 3, axis=-1)).getvalue())
    assert np.asarray(read_rgb(tmp_path / "a.png"))[0, :, 0].tolist() == [0, 128, 255]


def test_a_pgm_says_itself_what_its_largest_value_is():
    data = b"P5 3 1 4095\n" + np.array([0, 256, 1024], ">u2").tobytes()
    assert grey(io.BytesIO(data)) == [0, 16, 64]


def test_by_which_range_they_are_shown_is_told_of_those_that_were_read(folder):
    root = folder("plain.png")
    for name, largest in (("a.png", 4095), ("b.png", 4000), ("c.png", 65535)):
        (root / name).write_bytes(png(np.array([[0, largest]], np.uint16)).getvalue())
    source = open_folder(root)
    assert depth_remark(source) is None
    list(source)
    told = "images of more than 8 bits are shown by their own range: "
    assert depth_remark(source) == told + "2 (a.png, b.png) by 12 bits; 1 (c.png) by 16 bits"


def saved(image: Image.Image, form: str, **how: object) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, form, **how)
    return file


def test_strip_by_strip_it_is_the_same_picture(monkeypatch):
    random = np.random.default_rng(0)
    deep = random.integers(0, 4096, (9, 7, 4)).astype(np.uint16)
    noise = Image.fromarray(random.integers(0, 256, (9, 7, 4), dtype=np.uint8))
    files = [
        png(deep[..., 0]), png(deep[..., :3]), png(deep), png(deep[..., :3], significant=10),
        png(deep[..., 0] << 4, significant=12), tiff(deep[..., 0], least=100, largest=4095),
        tiff(deep[..., 0].astype(np.int32) * 99), tiff(deep[..., 0].astype(np.float32) / 4096, photometric=0),
        deep_tiff(deep[..., :3]), saved(noise, "PNG"), saved(noise.convert("LA"), "PNG"),
        saved(noise.convert("P"), "PNG", transparency=3),
        saved(noise.convert("RGB"), "PNG", transparency=(1, 2, 3)),
    ]  # fmt: skip
    whole = [np.asarray(read_rgb(file)) for file in files]
    monkeypatch.setattr(depth, "_STRIP", 15)  # pixels: two rows
    for file, expected in zip(files, whole, strict=True):
        assert np.array_equal(np.asarray(read_rgb(file)), expected)


def test_a_ppm_of_16_bits_is_read_as_pillow_reads_it():
    values = np.random.default_rng(0).integers(0, 2**16, (30, 40, 3))
    data = b"P6 40 30 65535\n" + values.astype(">u2").tobytes()
    with Image.open(io.BytesIO(data)) as expected:
        assert np.array_equal(np.asarray(read_rgb(io.BytesIO(data))), np.asarray(expected))
