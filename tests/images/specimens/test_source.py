"""The specimens as a source: 480 different pictures, the same whenever and in whatever order drawn."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

from zfexplore.images.open import open_images
from zfexplore.images.specimens.source import FAMILIES, PER_FAMILY, Specimens, draw


@pytest.fixture(scope="module")
def drawn() -> dict[str, list[np.ndarray]]:
    """Every specimen, once for all tests."""
    return {family: [draw(family, number) for number in range(PER_FAMILY)] for family in FAMILIES}


def test_there_are_480_in_24_families():
    source = open_images("specimens")
    assert len(source) == 480
    assert len(source.classes) == 24
    labels = [source.label(index) for index in range(480)]
    assert [labels.count(label) for label in range(24)] == [20] * 24


def test_each_is_an_rgb_square_of_256(drawn):
    for pictures in drawn.values():
        for picture in pictures:
            assert picture.shape == (256, 256, 3)
            assert picture.dtype == np.uint8


def test_no_two_are_alike(drawn):
    everything = [picture for pictures in drawn.values() for picture in pictures]
    small = np.stack([picture[::16, ::16].astype(int).ravel() for picture in everything])  # [480, 768]
    for index in range(1, len(small)):
        assert np.abs(small[index] - small[:index]).mean(axis=1).min() > 5


def test_each_has_contrast_and_is_neither_dark_nor_burnt_out(drawn):
    for family, pictures in drawn.items():
        for number, picture in enumerate(pictures):
            where = f"{family}-{number:02d}"
            assert picture.std() > 12, where
            assert 12 < picture.mean() < 243, where
            assert (picture == 255).all(axis=-1).mean() < 0.4, where


def test_families_use_many_colours(drawn):
    for family, pictures in drawn.items():
        means = np.stack([picture.mean(axis=(0, 1)) for picture in pictures])
        assert means.std(axis=0).max() > 8, family


def test_a_specimen_does_not_depend_on_what_was_drawn_before(drawn):
    for family in reversed(FAMILIES):
        assert np.array_equal(draw(family, 3), drawn[family][3])


def test_a_fresh_process_draws_the_same(drawn):
    code = (
        "import hashlib; from zfexplore.images.specimens.source import FAMILIES, draw;"
        "print(hashlib.sha256(b''.join(draw(name, 11).tobytes() for name in FAMILIES)).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    import hashlib

    here = hashlib.sha256(b"".join(drawn[family][11].tobytes() for family in FAMILIES)).hexdigest()
    assert done.stdout.strip() == here


def test_another_seed_draws_others(drawn):
    for family in FAMILIES:
        assert not np.array_equal(draw(family, 0, seed=1), drawn[family][0])


def test_the_first_images_show_every_family():
    source = Specimens(limit=24)
    assert len(source) == 24
    assert {source.label(index) for index in range(24)} == set(range(24))
    assert source.image_name(0) == "gratings-00"
    assert Specimens().image_name(24) == "gratings-01"


def test_picture_label_and_name_belong_together(drawn):
    source = Specimens()
    picture = source[24 * 7 + 5]
    assert (picture.name, picture.label) == ("plaid-07", 5)
    assert np.array_equal(np.asarray(picture.image), drawn["plaid"][7])
    assert source[-1].name == "mountains-19"


def test_beyond_the_end_is_an_index_error():
    with pytest.raises(IndexError, match="image 10 of 10 specimens"):
        Specimens(limit=10)[10]
    with pytest.raises(IndexError):
        Specimens(limit=10).image_name(10)


def test_iterating_ends():
    assert [picture.label for picture in Specimens(limit=3)] == [0, 1, 2]


def test_fingerprint_tells_seed_and_count():
    prints = {Specimens(seed=seed, limit=limit).fingerprint() for seed in (0, 1) for limit in (None, 5)}
    assert len(prints) == 4
    assert Specimens().fingerprint() == Specimens(limit=9999).fingerprint()


def test_it_survives_pickling():
    source = pickle.loads(pickle.dumps(Specimens(seed=3, limit=7)))
    assert (len(source), source.seed) == (7, 3)
