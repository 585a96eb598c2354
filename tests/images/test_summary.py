"""What a source holds, told in figures; and which of its images cannot be read."""

from __future__ import annotations

from zfexplore.images.open import open_images
from zfexplore.images.summary import Health, check, offers, summarise
from zfexplore.progress import Finished, Progress, Skipped


def test_every_named_source_is_offered(monkeypatch, tmp_path):
    monkeypatch.setenv("ZFEXPLORE_DATA", str(tmp_path))
    (tmp_path / "flowers-102" / "jpg").mkdir(parents=True)
    found = {offer.name: offer for offer in offers()}
    sets = ["caltech101", "imagenette", "flowers102", "oxfordiiitpet", "imagenet"]
    assert list(found) == ["photographs", "specimens", *sets]
    assert [name for name, offer in found.items() if offer.here] == ["photographs", "specimens", "flowers102"]
    assert found["photographs"].about.startswith("567 photographs in 195 classes")
    assert found["specimens"].about.startswith("480 images")
    assert found["imagenette"].place == tmp_path / "imagenette2-320"
    assert not found["imagenet"].downloads


def test_a_labelled_folder_is_counted_by_class(folder):
    source = open_images(folder("cat/1.png", "cat/2.png", "dog/1.png"))
    summary = summarise(source)
    assert (summary.name, summary.count, summary.per_class) == ("photos", 3, {"cat": 2, "dog": 1})
    assert (summary.unlabelled, summary.first, summary.size) == (0, "cat/1.png", (60, 40))
    assert summary.fingerprint == source.fingerprint()


def test_an_unlabelled_folder_whose_first_image_is_rotten(folder):
    root = folder("1.png", "2.png")
    (root / "1.png").write_bytes(b"rotten")
    summary = summarise(open_images(root))
    assert (summary.per_class, summary.unlabelled, summary.size) == ({}, 2, None)


def test_check_names_each_bad_image_and_goes_on(folder):
    root = folder("1.png", "2.png", "3.png")
    (root / "2.png").write_bytes(b"rotten")
    events = list(check(open_images(root)))
    bad = Skipped("2.png", "not an image that Pillow can read")
    assert bad in events
    assert any(isinstance(event, Progress) and event.done == 3 for event in events)
    assert events[-1] == Finished(Health(2, (bad,)))
