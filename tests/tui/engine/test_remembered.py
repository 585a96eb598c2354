from __future__ import annotations

import pytest

from zfexplore.images.open import open_images
from zfexplore.images.sources import UnreadableImage
from zfexplore.tui.engine.remembered import Remembered


def test_an_image_is_decoded_once_as_long_as_there_is_room(files):
    source = open_images(files / "images")
    kept = Remembered(source, most_pixels=2 * 80 * 80)
    first, second, third = [number for number in range(len(kept)) if "broken" not in kept.image_name(number)][
        :3
    ]
    assert kept[first] is kept[first]
    assert kept[second] is kept[second]
    assert kept[third] is not kept[third]
    assert kept[third].name == source[third].name
    assert (kept.name, kept.classes, len(kept)) == (source.name, source.classes, len(source))
    assert kept.label(first) == source.label(first)
    assert kept.fingerprint() == source.fingerprint()


def test_what_cannot_be_read_is_told_each_time(files):
    kept = Remembered(open_images(files / "images"))
    broken = next(number for number in range(len(kept)) if "broken" in kept.image_name(number))
    for _ in range(2):
        with pytest.raises(UnreadableImage):
            kept[broken]
