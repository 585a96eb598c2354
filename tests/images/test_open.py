"""What a name or a path opens, and what is said of one that opens nothing."""

from __future__ import annotations

import pytest

from zfexplore.errors import ExploreError
from zfexplore.images.folder import open_folder
from zfexplore.images.open import is_name, open_images


def test_a_name_opens_the_source_of_that_name():
    assert open_images("photographs", limit=3).name == "photographs"
    assert open_images("specimens", limit=3).name == "specimens"


def test_the_photographs_are_opened_where_nothing_is_named():
    assert open_images().fingerprint() == open_images("photographs").fingerprint()


def test_a_path_opens_the_folder(folder):
    root = folder("cat/1.png", "dog/1.png")
    assert open_images(root).fingerprint() == open_folder(root).fingerprint()
    assert len(open_images(str(root), limit=1)) == 1


def test_a_path_may_begin_at_home(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder("1.png").parent))
    assert open_images("~/photos").image_name(0) == "1.png"


def test_the_seed_is_for_specimens():
    assert open_images("specimens", seed=1).fingerprint() != open_images("specimens").fingerprint()


def test_a_name_wins_over_a_folder_unless_a_path_is_written(folder, monkeypatch):
    monkeypatch.chdir(folder("1.png", root="specimens").parent)
    assert len(open_images("specimens")) == 480
    assert len(open_images("./specimens")) == 1
    assert is_name("specimens")
    assert not is_name("./specimens")


@pytest.mark.parametrize(
    ("spec", "named"),
    [("photographs", True), ("Flowers102", True), ("Photographs", False), ("photos", False), ("", False)],
)
def test_only_names_are_names(spec, named):
    assert is_name(spec) == named


def test_an_unknown_name_lists_the_names():
    with pytest.raises(
        ExploreError, match="no folder 'specimen'.*photographs, specimens, caltech101, imagenette"
    ) as caught:
        open_images("specimen")
    assert caught.value.exit_code == 2


def test_an_empty_name_is_not_the_working_folder():
    with pytest.raises(ExploreError, match="^no images named; give a folder or one of photographs, "):
        open_images("")


def test_a_file_is_not_an_unknown_name(folder):
    with pytest.raises(ExploreError, match="is a file; give the folder"):
        open_images(folder("1.png") / "1.png")


def test_a_limit_below_one_is_a_usage_error(folder):
    with pytest.raises(ExploreError, match="at least 1, not 0") as caught:
        open_images(folder("1.png"), limit=0)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("spec", ["photographs", "specimens"])
def test_a_split_of_what_has_no_parts_is_a_usage_error(spec, folder):
    for without_parts in (spec, folder("1.png")):
        with pytest.raises(ExploreError, match="no parts to choose from with split 'train'"):
            open_images(without_parts, split="train")


@pytest.mark.parametrize("name", ["imagenet", "flowers102", "ImageNet"])
def test_a_folder_of_a_sets_name_is_offered_where_the_set_is_missing(folder, tmp_path, monkeypatch, name):
    monkeypatch.chdir(folder("1.png", root=name).parent)
    with pytest.raises(
        ExploreError, match=f"is not in .*; for the folder of that name here, write ./{name}$"
    ):
        open_images(name, root=tmp_path / "elsewhere")
    assert len(open_images(f"./{name}")) == 1


def test_no_folder_is_offered_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ExploreError, match="is not in ") as caught:
        open_images("flowers102", root=tmp_path)
    assert "./flowers102" not in str(caught.value)


@pytest.mark.parametrize("thing", [None, 3, True, 1.5, b"photographs", ["photographs"]])
def test_what_is_no_path_opens_nothing(thing):
    with pytest.raises(ExploreError, match="^images must be a name or a path, not "):
        open_images(thing)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limit": "3"}, "--limit must be a whole number, not '3'"),
        ({"limit": 2.5}, "--limit must be a whole number, not 2.5"),
        ({"limit": True}, "--limit must be a whole number, not True"),
        ({"seed": "x"}, "seed must be a whole number, not 'x'"),
        ({"root": 3}, "root must be a name or a path, not 3"),
    ],
)
def test_what_is_no_number_opens_nothing(options, message):
    with pytest.raises(ExploreError, match=message):
        open_images("specimens", **options)


def test_labels_give_the_images_of_a_folder_their_classes(folder, tmp_path):
    root = folder("1.png", "2.png", "3.png")
    (tmp_path / "labels.csv").write_text("1,cat\n2,dog\n")
    source = open_images(root, labels=tmp_path / "labels.csv")
    assert source.classes == ("cat", "dog")
    assert [source.label(index) for index in range(3)] == [0, 1, None]
    assert source.fingerprint() != open_images(root).fingerprint()


def test_labels_of_a_named_set_are_a_usage_error():
    with pytest.raises(ExploreError, match="photographs has its own classes: --labels needs a folder"):
        open_images("photographs", labels="labels.csv")
