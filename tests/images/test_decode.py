"""Every kind of file that Pillow opens comes out upright, in RGB, right; the bad ones say why."""

from __future__ import annotations

import errno
import struct
import subprocess
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from zfexplore.images import decode
from zfexplore.images.decode import UndecodableError, read_rgb


def pixels(path) -> np.ndarray:
    image = read_rgb(path)
    assert image.mode == "RGB"
    return np.asarray(image).astype(int)


@pytest.mark.parametrize("extension", ["png", "bmp", "tiff", "webp", "gif", "jpg"])
def test_each_format_gives_its_picture(tmp_path, photograph, extension):
    path = tmp_path / f"a.{extension}"
    photograph.save(path, **({"lossless": True} if extension == "webp" else {}))
    difference = np.abs(pixels(path) - np.asarray(photograph))
    # gif has 256 colours, jpeg loses a little
    assert difference.max() <= {"jpg": 40, "gif": 40}.get(extension, 0)
    assert difference.mean() < 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, photograph, orientation):
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = photograph if undo is None else photograph.transpose(undo)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.png", exif=exif)
    stored.save(tmp_path / "a.jpg", exif=exif, quality=95)
    stored.save(tmp_path / "a.tiff", exif=exif)
    stored.save(tmp_path / "a.webp", exif=exif, lossless=True)
    for lossless in ("a.tiff", "a.webp"):
        assert np.array_equal(pixels(tmp_path / lossless), np.asarray(photograph))
    assert np.array_equal(pixels(tmp_path / "a.png"), np.asarray(photograph))
    assert np.abs(pixels(tmp_path / "a.jpg") - np.asarray(photograph)).mean() < 4


def test_broken_exif_does_not_cost_the_picture(tmp_path, photograph):
    photograph.save(tmp_path / "a.jpg", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff rubbish")
    assert pixels(tmp_path / "a.jpg").shape == (40, 60, 3)


def test_greyscale_and_bilevel_become_equal_channels(tmp_path):
    Image.fromarray(np.array([[0, 100, 255]], np.uint8)).save(tmp_path / "grey.png")
    assert pixels(tmp_path / "grey.png").tolist() == [[[0] * 3, [100] * 3, [255] * 3]]
    Image.fromarray(np.array([[False, True]])).save(tmp_path / "bits.png")
    assert pixels(tmp_path / "bits.png").tolist() == [[[0] * 3, [255] * 3]]


def test_cmyk_jpeg_keeps_its_colours(tmp_path):
    red = Image.new("RGB", (16, 16), (220, 30, 20))
    red.convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    assert np.abs(pixels(tmp_path / "a.jpg") - [220, 30, 20]).max() <= 4


def test_transparent_parts_become_white(tmp_path):
    Image.new("RGBA", (2, 2), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert pixels(tmp_path / "clear.png").min() == 255
    Image.new("RGBA", (2, 2), (255, 0, 0, 128)).save(tmp_path / "half.png")
    assert np.abs(pixels(tmp_path / "half.png")[0, 0] - [255, 127, 127]).max() <= 1
    Image.new("LA", (2, 2), (0, 0)).save(tmp_path / "grey.png")
    assert pixels(tmp_path / "grey.png").min() == 255


def test_a_palette_with_a_transparent_colour_is_laid_over_white(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putdata([0, 1])
    image.save(tmp_path / "one.png", transparency=1)
    assert pixels(tmp_path / "one.png").tolist() == [[[255, 0, 0], [255, 255, 255]]]
    image.save(tmp_path / "each.png", transparency=bytes([0, 255]))
    assert pixels(tmp_path / "each.png").tolist() == [[[255, 255, 255], [0, 0, 255]]]
    image.save(tmp_path / "plain.png")
    assert pixels(tmp_path / "plain.png").tolist() == [[[255, 0, 0], [0, 0, 255]]]


def test_rgb_with_one_transparent_colour_is_laid_over_white(tmp_path):
    Image.new("RGB", (2, 2), (9, 8, 7)).save(tmp_path / "a.png", transparency=(9, 8, 7))
    assert pixels(tmp_path / "a.png").min() == 255


@pytest.mark.parametrize("extension", ["png", "tiff"])
def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path, extension):
    values = np.array([[0, 257 * 100, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / f"a.{extension}")
    assert pixels(tmp_path / f"a.{extension}")[0, :, 0].tolist() == [0, 100, 255]


def test_thirty_two_bit_integers_and_floats_are_scaled(tmp_path):
    Image.fromarray(np.array([[0, 65535]], np.int32)).save(tmp_path / "int.tiff")
    assert pixels(tmp_path / "int.tiff")[0, :, 0].tolist() == [0, 255]
    Image.fromarray(np.array([[0, 100_000, 200_000]], np.int32)).save(tmp_path / "large.tiff")
    assert pixels(tmp_path / "large.tiff")[0, :, 0].tolist() == [0, 128, 255]
    Image.fromarray(np.array([[0.0, 0.4, 1.0, np.nan]], np.float32)).save(tmp_path / "unit.tiff")
    assert pixels(tmp_path / "unit.tiff")[0, :, 0].tolist() == [0, 102, 255, 0]
    Image.fromarray(np.array([[0.0, 102.0, 255.0]], np.float32)).save(tmp_path / "bytes.tiff")
    assert pixels(tmp_path / "bytes.tiff")[0, :, 0].tolist() == [0, 102, 255]


def test_an_all_black_deep_image_is_black(tmp_path):
    Image.fromarray(np.zeros((2, 2), np.float32)).save(tmp_path / "a.tiff")
    assert pixels(tmp_path / "a.tiff").max() == 0


def test_an_animation_gives_its_first_frame(tmp_path):
    first, second = Image.new("RGB", (4, 4), (255, 0, 0)), Image.new("RGB", (4, 4), (0, 0, 255))
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second])
    assert pixels(tmp_path / "a.gif")[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "bmp", "tiff", "gif"])
def test_a_truncated_file_is_refused_while_its_name_is_known(tmp_path, extension):
    noisy = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    noisy.save(tmp_path / f"whole.{extension}")
    data = (tmp_path / f"whole.{extension}").read_bytes()
    (tmp_path / f"cut.{extension}").write_bytes(data[: len(data) // 2])
    with pytest.raises(UndecodableError) as caught:
        read_rgb(tmp_path / f"cut.{extension}")
    assert str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_image_says_so(tmp_path):
    (tmp_path / "a.jpg").write_text("hello")
    with pytest.raises(UndecodableError, match="^not an image that Pillow can read$"):
        read_rgb(tmp_path / "a.jpg")


def test_no_image_is_left_out_because_too_many_files_are_open(tmp_path, monkeypatch):
    def no_more(path):
        raise OSError(errno.EMFILE, "Too many open files", path)

    monkeypatch.setattr(decode, "open_plain", no_more)
    with pytest.raises(OSError, match="Too many open files"):
        read_rgb(tmp_path / "a.png")


def test_an_empty_and_a_missing_file_say_so(tmp_path):
    (tmp_path / "a.jpg").touch()
    with pytest.raises(UndecodableError, match="not an image"):
        read_rgb(tmp_path / "a.jpg")
    with pytest.raises(UndecodableError, match="^no such file or directory$"):
        read_rgb(tmp_path / "missing.jpg")


def png_that_claims(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [9_500, 12_000, 60_000])  # ours; Pillow's warning; Pillow's error
def test_a_decompression_bomb_is_refused_before_decoding(tmp_path, side):
    (tmp_path / "bomb.png").write_bytes(png_that_claims(side, side))
    with pytest.raises(UndecodableError, match="limit of 80 million pixels .a decompression bomb."):
        read_rgb(tmp_path / "bomb.png")


def test_nothing_global_is_changed(tmp_path, photograph):
    photograph.save(tmp_path / "a.png")
    limit, filters = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(read_rgb, [tmp_path / "a.png"] * 64))
    assert limit == Image.MAX_IMAGE_PIXELS
    assert warnings.filters == filters


def test_threads_read_headers_side_by_side_and_no_warning_of_theirs_is_shown(
    tmp_path, photograph, monkeypatch
):
    """Each waits for the other while it reads a header, so neither would go on if only one could."""
    photograph.save(tmp_path / "a.png")
    met, real = threading.Barrier(2, timeout=60), Image.open

    def opened(*arguments, **how):
        met.wait()
        warnings.warn("odd metadata", UserWarning, stacklevel=1)
        return real(*arguments, **how)

    monkeypatch.setattr(decode.Image, "open", opened)
    with ThreadPoolExecutor(2) as pool:
        sizes = [image.size for image in pool.map(read_rgb, [tmp_path / "a.png"] * 2)]
    assert sizes == [photograph.size] * 2


def test_a_warning_of_a_bomb_is_an_error_only_for_the_thread_that_asked():
    met = threading.Barrier(2, timeout=60)

    def warned(bombs):
        with decode._quietly(bombs=bombs):
            met.wait()
            try:
                warnings.warn("large", Image.DecompressionBombWarning, stacklevel=1)
            except Image.DecompressionBombWarning:
                return True
            finally:
                met.wait()
        return False

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(warned, [True, False])) == [True, False]


def test_the_file_is_closed_even_if_it_cannot_be_decoded(tmp_path, monkeypatch):
    (tmp_path / "bomb.png").write_bytes(png_that_claims(10, 10))
    opened = []
    real = Image.open
    monkeypatch.setattr(
        decode.Image, "open", lambda path, **how: opened.append(real(path, **how)) or opened[-1]
    )
    with pytest.raises(UndecodableError):
        read_rgb(tmp_path / "bomb.png")
    assert opened[0].fp is None


def test_postscript_is_never_opened_whatever_its_name(tmp_path, monkeypatch):
    def start(*_, **__):
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "check_call", start)
    monkeypatch.setattr(subprocess, "Popen", start)
    (tmp_path / "a.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n")
    with pytest.raises(UndecodableError, match="^PostScript and PDF are not read: export the pages as PNG$"):
        read_rgb(tmp_path / "a.jpg")
    with open(tmp_path / "a.jpg", "rb") as file, pytest.raises(UndecodableError, match="PostScript"):
        read_rgb(file)


@pytest.mark.parametrize(
    "extension", ["jfif", "avif", "jp2", "ppm", "tga", "dib", "ico", "qoi", "sgi", "pcx"]
)
def test_rarer_formats_give_their_picture(tmp_path, photograph, extension):
    form = {"jfif": "JPEG", "ico": "ICO", "jp2": "JPEG2000"}.get(extension)
    photograph.save(tmp_path / f"a.{extension}", form)
    read = pixels(tmp_path / f"a.{extension}")
    assert abs(read.mean() - np.asarray(photograph).mean()) < (60 if extension == "ico" else 2)


def test_noise_is_not_taken_for_a_format_without_a_signature(tmp_path, photograph):
    photograph.save(tmp_path / "a.tga")
    (tmp_path / "a.tga").rename(tmp_path / "a.jpg")
    with pytest.raises(UndecodableError, match="not an image"):
        read_rgb(tmp_path / "a.jpg")


def test_heic_is_read_with_its_plugin(tmp_path, photograph):
    plugin = pytest.importorskip("pillow_heif")
    plugin.from_pillow(photograph).save(tmp_path / "a.heic", quality=95)
    assert np.abs(pixels(tmp_path / "a.heic") - np.asarray(photograph)).mean() < 4
