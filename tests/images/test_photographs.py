"""The built-in photographs: all there, all readable, the same as the archive unpacked, and attributed."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections import Counter

import numpy as np
import pytest

from zfexplore.errors import ExploreError
from zfexplore.images import photographs
from zfexplore.images.folder import open_folder
from zfexplore.images.open import open_images
from zfexplore.images.photographs import ARCHIVE, Photographs
from zfexplore.images.sources import UnreadableImage
from zfexplore.nets.checkpoint import load_checkpoint


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """Put an archive of three files in the place of the real one; the second is rotten."""
    path = tmp_path / "album.zip"
    with zipfile.ZipFile(ARCHIVE) as real, zipfile.ZipFile(path, "w") as made:
        good = real.read(real.namelist()[0])
        for name, content in {"b/10.webp": good, "b/9.webp": good[:100], "a/1.webp": good}.items():
            made.writestr(name, content)
    monkeypatch.setattr(photographs, "ARCHIVE", path)
    photographs._archive.cache_clear()
    yield path
    photographs._archive.cache_clear()


def test_they_are_the_images_where_none_are_named():
    source = open_images()
    assert (source.name, len(source), len(source.classes)) == ("photographs", 567, 195)


def test_every_one_can_be_read_and_is_of_a_class_that_the_shipped_weights_know():
    source = Photographs()
    assert {min(source[index].image.size) <= 256 for index in range(len(source))} == {True}
    assert set(source.classes) <= set(load_checkpoint().metadata.classes)


def test_they_are_what_a_folder_of_the_unpacked_archive_is(tmp_path):
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(tmp_path)
    unpacked, source = open_folder(tmp_path), Photographs()
    assert source.classes == unpacked.classes
    every = range(len(unpacked))
    assert [source.image_name(index) for index in every] == [unpacked.image_name(index) for index in every]
    assert [source.label(index) for index in every] == [unpacked.label(index) for index in every]
    for index in (0, 300, 566):
        picture = source[index]
        assert (picture.label, picture.name) == (source.label(index), source.image_name(index))
        assert np.array_equal(np.asarray(picture.image), np.asarray(unpacked[index].image))


def test_each_is_attributed_and_counted():
    table = ARCHIVE.with_suffix(".md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| (\d+) \| .+ \| (CC0 1.0|MIT|CC BY 4.0) \|$", table, re.MULTILINE)
    kinds = Counter(name.split("-")[0] if "-" in name else "other" for name in _classes_of_all())
    assert rows == [
        ("`clothing-*`", str(kinds["clothing"]), "CC0 1.0"),
        ("`grocery-*`", str(kinds["grocery"]), "MIT"),
        ("all others", str(kinds["other"]), "CC BY 4.0"),
    ]


def _classes_of_all():
    source = Photographs()
    return [source.classes[source.label(index)] for index in range(len(source))]


def test_the_fingerprint_is_of_what_is_looked_at():
    prints = {Photographs(limit=limit).fingerprint() for limit in (None, 567, 9)}
    assert len(prints) == 2


def test_it_travels_to_worker_processes():
    source = pickle.loads(pickle.dumps(Photographs(limit=7)))
    assert len(source) == 7
    assert source[6].image.size == Photographs()[6].image.size


def test_they_come_in_natural_order_and_a_rotten_one_is_named(archive):
    source = Photographs()
    assert [source.image_name(index) for index in range(3)] == ["a/1.webp", "b/9.webp", "b/10.webp"]
    assert [source.label(index) for index in range(3)] == [0, 1, 1]
    with pytest.raises(UnreadableImage, match=r"image 1 \(b/9.webp\) cannot be read: "):
        source[1]
    with pytest.raises(IndexError):
        source[3]


def test_other_files_under_the_same_names_have_another_fingerprint(archive):
    before = Photographs().fingerprint()
    with zipfile.ZipFile(archive, "w") as made:
        for name in ("b/10.webp", "b/9.webp", "a/1.webp"):
            made.writestr(name, b"another")
    photographs._archive.cache_clear()
    assert Photographs().fingerprint() != before


@pytest.mark.parametrize("content", [b"PK no archive", None])
def test_a_missing_or_damaged_archive_is_one_line_with_a_remedy(archive, content):
    archive.unlink()
    if content is not None:
        archive.write_bytes(content)
    with pytest.raises(
        ExploreError, match=r"album.zip \(.+\): install zfexplore again, or give --images a f"
    ):
        Photographs()
