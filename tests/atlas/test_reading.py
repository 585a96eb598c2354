from __future__ import annotations

import threading

import numpy as np
import pytest

from zfexplore.atlas import reading
from zfexplore.atlas.reading import read_slices
from zfexplore.convention import InputConvention
from zfexplore.images import room
from zfexplore.images.transforms import prepare

SQUARE = InputConvention(size=4, resize=4)


@pytest.fixture
def source(make):
    """Eight images, each of one grey, its number; 2 and 3 cannot be read."""
    images = [np.full((4, 4, 3), number, np.uint8) for number in range(8)]
    images[2] = images[3] = None
    return make.ArraySource(images)


def slices_of(source, *, first=0, size=2, ahead=3, workers=2):
    return read_slices(source, SQUARE, fit="crop", first=first, size=size, ahead=ahead, workers=workers)


@pytest.mark.parametrize(("ahead", "workers"), [(1, 1), (3, 2), (100, 4)])
def test_slices_hold_so_many_readable_images_in_order(source, ahead, workers):
    found = list(slices_of(source, ahead=ahead, workers=workers))
    assert [images.numbers for images in found] == [[0, 1], [4, 5], [6, 7]]
    assert [[error.index for error in images.skipped] for images in found] == [[], [2, 3], []]
    assert [images.end for images in found] == [2, 6, 8]
    assert [images.length for images in found] == [2, 4, 2]
    for images in found:
        assert [int(pixels[0, 0, 0]) for pixels in images.pixels] == images.numbers


def test_the_last_slice_is_shorter_and_may_hold_only_skipped_images(source):
    source.arrays[7] = None
    found = list(slices_of(source, first=1, size=4))
    assert [images.numbers for images in found] == [[1, 4, 5, 6], []]
    assert [images.end for images in found] == [7, 8]


def test_no_more_than_ahead_images_are_read_before_they_are_wanted(source):
    next(slices := slices_of(source, size=1, ahead=2, workers=1))
    slices.close()
    assert set(source.read) <= {0, 1}


def test_closing_ends_the_threads(source):
    slices = slices_of(source)
    next(slices)
    slices.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("read-images")]


def test_large_images_are_decoded_and_reduced_one_after_the_other(source, monkeypatch):
    """Each takes all the room there is, and keeps it until the net's pixels are made of it."""
    at_once, most, lock = 0, 0, threading.Lock()

    class Large:
        def __len__(self):
            return len(source)

        def __getitem__(self, number):
            nonlocal at_once, most
            with room.decoding(room.ROOM):
                with lock:
                    at_once += 1
                    most = max(most, at_once)
                return source[number]

    def prepare_one(*arguments):
        nonlocal at_once
        pixels = prepare(*arguments)
        with lock:
            at_once -= 1
        return pixels

    for unreadable in (2, 3):
        source.arrays[unreadable] = source.arrays[0]
    monkeypatch.setattr(reading, "prepare", prepare_one)
    assert sum(images.length for images in slices_of(Large(), workers=8, ahead=8)) == 8
    assert most == 1
