from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from PIL import Image

from tests.support import noise_picture
from zfexplore.errors import ExploreError
from zfexplore.exemplars.seen import as_picture, open_picture, see


def test_a_file_is_opened_in_colour(tmp_path):
    Image.new("L", (7, 5), 100).save(tmp_path / "grey.png")
    image = open_picture(tmp_path / "grey.png")
    assert (image.mode, image.size, image.getpixel((0, 0))) == ("RGB", (7, 5), (100, 100, 100))


@pytest.mark.parametrize("content", [None, b"no image"])
def test_what_is_no_picture_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "odd.jpg").write_bytes(content)
    with pytest.raises(ExploreError, match=f"^{re.escape(str(tmp_path / 'odd.jpg'))} cannot be read: "):
        open_picture(tmp_path / "odd.jpg")


def test_the_home_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    Image.new("RGB", (7, 5)).save(tmp_path / "mine.png")
    assert open_picture("~/mine.png").size == (7, 5)


def test_the_net_sees_the_pixels_less_their_mean(tiny):
    image = noise_picture(20)
    seen = see(tiny, image)
    np.testing.assert_array_equal(seen.pixels, np.asarray(image))
    assert seen.batch.shape == (1, 3, 20, 20)
    expected = (np.asarray(image)[3, 4] - np.array([120.0, 110.0, 100.0])) / 60
    np.testing.assert_allclose(seen.batch[0, :, 3, 4], expected, rtol=1e-6)


def test_the_input_is_in_the_nets_own_type(tiny):
    tiny.module.double()
    assert see(tiny, noise_picture(20)).batch.dtype == torch.float64


PIXELS = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (PIXELS, PIXELS),
        (PIXELS[::-1, ::2], PIXELS[::-1, ::2]),
        (np.broadcast_to(PIXELS, PIXELS.shape), PIXELS),
        (PIXELS[..., 0], PIXELS[..., :1].repeat(3, axis=2)),
        (PIXELS[..., :1], PIXELS[..., :1].repeat(3, axis=2)),
        (np.dstack([PIXELS, np.full((5, 7), 255, np.uint8)]), PIXELS),
        (np.dstack([PIXELS, np.zeros((5, 7), np.uint8)]), np.full_like(PIXELS, 255)),
    ],
)
def test_an_array_of_bytes_is_a_picture(array, expected):
    np.testing.assert_array_equal(np.asarray(as_picture(array)), expected)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (PIXELS / 255, "not float64 5 x 7 x 3"),
        (PIXELS.astype(int), "not int64 5 x 7 x 3"),
        (PIXELS > 9, "not bool 5 x 7 x 3"),
        (PIXELS.transpose(2, 0, 1), "not uint8 3 x 5 x 7"),
        (PIXELS[None], "not uint8 1 x 5 x 7 x 3"),
        (PIXELS[0, 0], "not uint8 3"),
        (np.array([None]), "not object 1"),
        (PIXELS[:0], "0 x 7 x 3 has no pixels"),
        (Image.new("RGB", (0, 5)), "a picture of 0 x 5 pixels has none"),
    ],
)
def test_other_arrays_are_refused_with_the_shape_that_is_right(array, words):
    with pytest.raises(ExploreError, match=words) as caught:
        as_picture(array)
    assert "\n" not in str(caught.value)


def test_an_open_image_is_read_as_its_file_would_be(tmp_path):
    deep = Image.fromarray((np.arange(64, dtype=np.uint16) * 1000).reshape(8, 8))
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    for name, image in (("deep.png", deep), ("clear.png", clear)):
        image.save(tmp_path / name)
        np.testing.assert_array_equal(as_picture(image), open_picture(tmp_path / name))


def test_an_image_that_is_cut_short_is_told(tmp_path):
    path = tmp_path / "cut.png"
    noise_picture(64).save(path)
    path.write_bytes(path.read_bytes()[:3000])
    with Image.open(path) as image, pytest.raises(ExploreError, match="^the picture cannot be read: "):
        as_picture(image)


@pytest.mark.parametrize("path", [None, 3, b"x.png", torch.zeros(3, 4, 4)])
def test_what_is_no_path_is_no_file(path):
    with pytest.raises(ExploreError, match="^a picture must be a name or a path, not "):
        open_picture(path)


def test_a_file_without_a_name_is_told():
    with pytest.raises(ExploreError, match="^no picture was named$"):
        open_picture("")
