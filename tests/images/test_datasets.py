"""torchvision's sets against small roots of the same layout, and what is said when they are not there."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest
import torch

from zfexplore.errors import ExploreError
from zfexplore.images import datasets
from zfexplore.images.open import open_images

NEEDS_ROOT = ["caltech101", "imagenette", "flowers102", "oxfordiiitpet"]


@pytest.fixture
def root(tmp_path: Path, photograph, monkeypatch):
    """Give an empty root that stands in for the user's, and a function that puts images into it."""
    monkeypatch.setenv("ZFEXPLORE_DATA", str(tmp_path))

    def put(*names: str) -> Path:
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            photograph.save(tmp_path / name, format="JPEG")
        return tmp_path

    return put


def described(source) -> list[tuple[str, int | None]]:
    return [(source.image_name(index), source.label(index)) for index in range(len(source))]


def test_caltech101_leaves_the_background_out(root):
    base = "caltech101/101_ObjectCategories"
    root(f"{base}/ant/image_0001.jpg", f"{base}/ant/image_0002.jpg", f"{base}/bass/image_0001.jpg")
    root(f"{base}/BACKGROUND_Google/image_0001.jpg")
    source = open_images("caltech101")
    assert source.classes == ("ant", "bass")
    assert described(source) == [
        ("ant/image_0001.jpg", 0),
        ("ant/image_0002.jpg", 0),
        ("bass/image_0001.jpg", 1),
    ]
    assert source[2].image.size == (60, 40)
    assert source.name == "caltech101"


def test_imagenette_has_two_parts_and_words_for_its_classes(root):
    root("imagenette2-320/train/n01440764/a.JPEG", "imagenette2-320/val/n03888257/b.JPEG")
    train, val = open_images("imagenette"), open_images("Imagenette", split="val")
    assert (train.name, train.classes, len(train)) == ("imagenette-train", ("tench",), 1)
    assert (val.name, val.classes) == ("imagenette-val", ("parachute",))
    assert train.fingerprint() != val.fingerprint()


def test_oxford_pets_are_read_from_their_lists(root):
    base = root("oxford-iiit-pet/images/Abyssinian_1.jpg", "oxford-iiit-pet/images/pug_2.jpg")
    notes = base / "oxford-iiit-pet" / "annotations"
    notes.mkdir()
    (notes / "trainval.txt").write_text("Abyssinian_1 1 1 1\npug_2 2 2 1\n")
    (notes / "test.txt").write_text("pug_2 1 2 1\n")
    source = open_images("oxfordiiitpet")
    assert source.classes == ("Abyssinian", "Pug")
    assert described(source) == [("Abyssinian_1.jpg", 0), ("pug_2.jpg", 1)]
    assert len(open_images("oxfordiiitpet", split="test")) == 1


def test_flowers102_is_read_from_its_lists(root, monkeypatch):
    scipy_io = pytest.importorskip("scipy.io")
    from torchvision.datasets import Flowers102

    base = root(*(f"flowers-102/jpg/image_{number:05d}.jpg" for number in (1, 2, 3))) / "flowers-102"
    scipy_io.savemat(base / "setid.mat", {"trnid": [1, 3], "valid": [2, 2], "tstid": [2, 1]})
    scipy_io.savemat(base / "imagelabels.mat", {"labels": [77, 1, 102]})
    checksums = {"image": ("102flowers.tgz", "")}
    for key, file in (("label", "imagelabels.mat"), ("setid", "setid.mat")):
        checksums[key] = (file, hashlib.md5((base / file).read_bytes()).hexdigest())
    monkeypatch.setattr(Flowers102, "_file_dict", checksums)
    source = open_images("flowers102")
    assert len(source.classes) == 102
    assert described(source) == [("image_00001.jpg", 76), ("image_00003.jpg", 101)]


def test_imagenet_is_read_from_where_its_owner_put_it(root):
    base = root("imagenet/val/n01440764/a.JPEG", "imagenet/val/n01443537/b.JPEG") / "imagenet"
    names = {"n01440764": ("tench", "Tinca tinca"), "n01443537": ("goldfish",)}
    torch.save((names, ["n01440764", "n01443537"]), base / "meta.bin")
    source = open_images("imagenet", split="val")
    assert source.classes == ("tench", "goldfish")
    assert described(source) == [("val/n01440764/a.JPEG", 0), ("val/n01443537/b.JPEG", 1)]


def test_root_and_limit_can_be_given(root, tmp_path, monkeypatch):
    base = "caltech101/101_ObjectCategories"
    root(
        f"{base}/ant/image_0001.jpg", f"{base}/ant/image_0002.jpg", f"{base}/BACKGROUND_Google/image_0001.jpg"
    )
    monkeypatch.delenv("ZFEXPLORE_DATA")
    assert len(open_images("caltech101", root=tmp_path, limit=1)) == 1


@pytest.mark.parametrize("name", NEEDS_ROOT)
def test_a_set_that_is_not_there_says_how_to_get_it(root, tmp_path, name):
    with pytest.raises(
        ExploreError, match=f"^{name} is not in .*; add --download to fetch it, or set ZFEXPLORE_DATA"
    ):
        open_images(name)
    assert list(tmp_path.iterdir()) == []  # looking leaves nothing behind


@pytest.mark.parametrize("download", [False, True])
def test_imagenet_is_never_fetched(root, download):
    with pytest.raises(ExploreError, match="^imagenet is not in .*licence forbids"):
        open_images("imagenet", download=download)


@pytest.mark.parametrize("name", NEEDS_ROOT)
def test_a_failed_download_is_one_line(root, monkeypatch, name):
    import urllib.error
    import urllib.request

    def refuse(*_arguments, **_options):
        raise urllib.error.URLError("[Errno -2] Name or service not known\nat all")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    with pytest.raises(
        ExploreError, match=f"^{name} could not be downloaded to .*Name or service not known"
    ) as caught:
        open_images(name, download=True)
    assert "\n" not in str(caught.value)


def test_a_damaged_set_is_one_line(root):
    root("oxford-iiit-pet/images/a.jpg")
    with pytest.raises(ExploreError, match="^oxfordiiitpet could not be read from .*: Dataset not found"):
        open_images("oxfordiiitpet")


def test_a_missing_package_is_named(root, monkeypatch):
    base = root("flowers-102/jpg/image_00001.jpg")
    from torchvision.datasets import Flowers102

    monkeypatch.setattr(Flowers102, "_check_integrity", lambda self: True)
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(ExploreError, match="reading flowers102 needs scipy"):
        open_images("flowers102", root=base)


def test_an_unknown_part_is_a_usage_error(root):
    with pytest.raises(ExploreError, match="^flowers102 has the parts train, val, test, not 'all'") as caught:
        open_images("flowers102", split="all")
    assert caught.value.exit_code == 2


def test_the_default_root_is_below_the_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("ZFEXPLORE_DATA", raising=False)
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path))
    assert datasets.default_root() == tmp_path / "datasets"
