from __future__ import annotations

# tests zfexplore/images/places.py too: its notes are what leads back to an index
import pytest

from zfexplore.atlas.lost import LostImages, Spot, find_lost, note_spot
from zfexplore.atlas.open import atlas_path, open_or_build
from zfexplore.errors import ExploreError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path / "cache"))


def indexed(make, spot, count, version="1", weights="weights-1"):
    """Index ``count`` images and note that they lie at ``spot``."""
    labels = [index % 2 for index in range(count)]
    labels[-1] = None
    source = make.ArraySource(make.random_images(count), labels, ("a", "b"), version=version)
    source.label = lambda index: labels[index]
    atlas, _ = make.result_of(open_or_build(make.random_checkpoint(weights=weights), source))
    note_spot(spot, atlas.header["images"])
    return atlas


def test_the_stand_in_has_names_and_labels_and_opens_the_same_atlas(make, tmp_path):
    spot = Spot(str(tmp_path / "album"))
    atlas = indexed(make, spot, 3)
    lost = find_lost(spot, make.random_checkpoint(), "crop")
    assert isinstance(lost, LostImages)
    assert (len(lost), lost.name, lost.classes) == (3, "arrays", ("a", "b"))
    assert [lost.image_name(index) for index in range(3)] == ["image0.png", "image1.png", "image2.png"]
    assert [lost.label(index) for index in range(3)] == [0, 1, None]
    again, events = make.result_of(open_or_build(make.random_checkpoint(), lost))
    assert events == []
    assert make.same(again, atlas)


def test_its_pictures_are_an_error_that_names_the_lost_folder(make, tmp_path):
    spot = Spot(str(tmp_path / "album"))
    indexed(make, spot, 2)
    lost = find_lost(spot, make.random_checkpoint(), "crop")
    told = f"image1.png cannot be shown: the images of {spot.path} are gone, only its index is left"
    with pytest.raises(ExploreError) as error:
        lost[1]
    assert str(error.value) == told
    with pytest.raises(IndexError):
        lost[2]


def test_the_same_limit_goes_first_and_then_the_newest(make, tmp_path):
    import os

    path = str(tmp_path / "album")
    counts = {4: Spot(path), 2: Spot(path, limit=2), 3: Spot(path, limit=3)}
    for age, (count, spot) in enumerate(counts.items()):
        file = atlas_path(indexed(make, spot, count).fingerprint)
        os.utime(file, (1000 + age, 1000 + age))
    checkpoint = make.random_checkpoint()
    asked = [Spot(path), Spot(path, limit=2), Spot(path, limit=9)]
    assert [len(find_lost(spot, checkpoint, "crop")) for spot in asked] == [4, 2, 3]


def test_other_places_weights_and_fits_have_none(make, tmp_path, monkeypatch):
    spot = Spot(str(tmp_path / "album"))
    atlas = indexed(make, spot, 2)
    monkeypatch.chdir(tmp_path)
    assert find_lost(Spot("album"), make.random_checkpoint(), "crop") is not None  # it is the same place
    assert find_lost(Spot("albums"), make.random_checkpoint(), "crop") is None
    assert find_lost(spot, make.random_checkpoint(weights="weights-2"), "crop") is None
    assert find_lost(spot, make.random_checkpoint(), "whole") is None
    atlas_path(atlas.fingerprint).write_bytes(b"damaged")
    assert find_lost(spot, make.random_checkpoint(), "crop") is None


def test_an_atlas_that_is_not_what_it_is_filed_as_is_passed_over(make, tmp_path):
    whole, other = Spot(str(tmp_path / "album")), Spot(str(tmp_path / "other"))
    file = atlas_path(indexed(make, whole, 3).fingerprint)
    stranger = atlas_path(indexed(make, other, 4, version="2").fingerprint)
    file.write_bytes(stranger.read_bytes())

    assert find_lost(whole, make.random_checkpoint(), "crop") is None
