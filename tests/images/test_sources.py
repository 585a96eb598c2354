"""What holds for every source: the protocol, the record of one image, and the error that names one."""

from __future__ import annotations

import pickle
import shutil

import numpy as np
import pytest

from zfexplore.images.open import open_images
from zfexplore.images.sources import Source, UnreadableImage, left_out


@pytest.fixture(params=["folder", "archive", "photographs", "specimens"])
def source(request, folder) -> Source:
    spec = request.param
    if spec in ("folder", "archive"):
        root = folder("cat/1.png", "dog/1.png", "dog/2.png")
        spec = root if spec == "folder" else shutil.make_archive(str(root), "zip", root)
    return open_images(spec, limit=3)


def test_label_and_name_are_those_of_the_decoded_image(source):
    assert len(source) == 3
    for index in range(3):
        picture = source[index]
        assert (picture.label, picture.name) == (source.label(index), source.image_name(index))
        assert picture.label in range(len(source.classes))
        assert picture.image.mode == "RGB"


def test_beyond_the_end_is_an_index_error(source):
    with pytest.raises(IndexError):
        source[3]


def test_a_worker_process_has_the_same_images(source):
    again = pickle.loads(pickle.dumps(source))
    assert again.fingerprint() == source.fingerprint()
    assert np.array_equal(np.asarray(again[1].image), np.asarray(source[1].image))


def test_an_unreadable_image_says_which_and_survives_pickling():
    error = UnreadableImage(3, "cat/3.png", "truncated")
    for one in (error, pickle.loads(pickle.dumps(error))):
        assert (one.index, one.name, one.reason) == (3, "cat/3.png", "truncated")
        assert str(one) == "image 3 (cat/3.png) cannot be read: truncated"


def test_a_source_that_leaves_nothing_out_need_not_say_so(source):
    assert left_out(source) == ()
