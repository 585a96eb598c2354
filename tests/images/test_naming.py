"""Names of images: in natural order, and shown so that they do no harm."""

from __future__ import annotations

import random

from zfexplore.images.naming import natural_key, shown


def test_order_is_natural():
    expected = [
        "2.png",
        "10.png",
        "a/1.png",
        "A/2.png",
        "a/b2/1.png",
        "a/b10/1.png",
        "image2.png",
        "image10.png",
    ]
    shuffled = random.Random(0).sample(expected, len(expected))
    assert sorted(shuffled, key=natural_key) == expected


def test_order_never_compares_numbers_with_words():
    mixed = ["1a.png", "a1.png", "a.png", "01.png", "1.png", "²3.png"]
    assert sorted(sorted(mixed, key=natural_key), key=natural_key) == sorted(mixed, key=natural_key)


def test_a_name_of_any_bytes_can_be_stored():
    assert shown("caf\udce9 \x1b[31m") == "caf\N{REPLACEMENT CHARACTER} \x1b[31m"
