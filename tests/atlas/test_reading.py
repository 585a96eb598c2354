from __future__ import annotations

import multiprocessing
import os
import signal
import threading

import numpy as np
import pytest
from PIL import Image

from zfexplore.atlas import reading
from zfexplore.atlas.reading import Readers, read_rounds, read_slices
from zfexplore.convention import InputConvention
from zfexplore.images import room
from zfexplore.images.open import open_images
from zfexplore.images.transforms import prepare
from zfexplore.nets.ranks import Ranks

SQUARE = InputConvention(size=4, resize=4)


@pytest.fixture
def source(make):
    """Eight images, each of one grey, its number; 2 and 3 cannot be read."""
    images = [np.full((4, 4, 3), number, np.uint8) for number in range(8)]
    images[2] = images[3] = None
    return make.ArraySource(images)


def slices_of(source, *, first=0, size=2, **readers):
    readers = Readers(**{"ahead": 3, "workers": 2} | readers)
    return read_slices(source, SQUARE, readers, fit="crop", first=first, size=size)


@pytest.mark.parametrize("processes", [False, True], ids=["threads", "processes"])
@pytest.mark.parametrize(("ahead", "workers"), [(1, 1), (3, 2), (100, 4)])
def test_slices_hold_so_many_readable_images_in_order(source, ahead, workers, processes):
    found = list(slices_of(source, ahead=ahead, workers=workers, processes=processes))
    assert [images.numbers for images in found] == [[0, 1], [4, 5], [6, 7]]
    assert [[error.index for error in images.skipped] for images in found] == [[], [2, 3], []]
    assert [images.end for images in found] == [2, 6, 8]
    assert [images.length for images in found] == [2, 4, 2]
    assert str(found[1].skipped[0]) == "image 2 (image2.png) cannot be read: it is cut short"
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


def test_processes_that_fail_are_told_once_and_threads_read_the_rest(source, make):
    here, told = os.getpid(), []

    class Fatal(make.ArraySource):
        def __getitem__(self, number):
            if number == 4 and os.getpid() != here:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().__getitem__(number)

    fatal = Fatal(source.arrays)
    found = list(slices_of(fatal, ahead=2, processes=True, tell=told.append))
    assert [images.numbers for images in found] == [[0, 1], [4, 5], [6, 7]]
    assert [[int(pixels[0, 0, 0]) for pixels in images.pixels] for images in found] == [
        [0, 1],
        [4, 5],
        [6, 7],
    ]
    (line,) = told
    assert line.startswith("a process that decodes images was ended by SIGKILL")
    assert line.endswith(": threads read the other images")
    assert {4, 5, 6, 7} <= set(fatal.read)  # here
    assert multiprocessing.active_children() == []


def test_closing_ends_the_processes_and_nothing_was_read_here(source):
    next(slices := slices_of(source, processes=True))
    slices.close()
    assert multiprocessing.active_children() == []
    assert source.read == []


def test_deep_images_are_noted_where_the_source_is_whoever_decodes_them(tmp_path):
    for number in range(3):
        ramp = np.arange(64, dtype=np.uint16).reshape(8, 8) * 64 // (number + 1)
        Image.fromarray(ramp).save(tmp_path / f"{number}.tif")
    noted = []
    for processes in (False, True):
        source = open_images(tmp_path)
        assert sum(images.length for images in slices_of(source, processes=processes)) == 3
        noted.append(source.deep)
    assert noted[0] == noted[1] == {12: {0}, 11: {1, 2}}


def test_of_two_ranks_each_reads_its_share_by_processes_too(source):
    def share(rank, processes):
        readers = Readers(ahead=3, workers=2, processes=processes)
        found = read_rounds(source, SQUARE, readers, Ranks(rank, 2), fit="crop", first=1, size=2)
        return [(images.end, images.numbers, len(images.skipped)) for images in found]

    for processes in (False, True):
        assert share(0, processes) == [(5, [1], 1), (8, [5, 6], 0)]
        assert share(1, processes) == [(5, [4], 1), (8, [7], 0)]
