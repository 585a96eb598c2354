from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from PIL import Image

from tests.support import noise_picture
from zfexplore.errors import ExploreError
from zfexplore.exemplars.seen import open_picture, see


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
