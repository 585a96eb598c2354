"""What subfolders mean, from paths alone: classes, parts of a set, wrappers, and images that stray."""

from __future__ import annotations

import pytest

from zfexplore.errors import ExploreError
from zfexplore.images.layout import arrange


def images(*folders: str) -> list[str]:
    """Two images in each folder."""
    return sorted(f"{folder}/{number}.png" for folder in folders for number in (1, 2))


def classes(*paths: str) -> list[str]:
    return arrange(sorted(paths), "set").classes


def test_first_level_folders_are_classes():
    layout = arrange(["cat/1.png", "cat/in/2.png", "dog/1.png"], "set")
    assert layout.classes == ["cat", "dog"]
    assert layout.labels == [0, 0, 1]


def test_wrapping_folders_are_dropped_from_names():
    layout = arrange(["a/b/cat/1.png", "a/b/dog/1.png"], "set")
    assert layout.names == ["cat/1.png", "dog/1.png"]
    assert layout.classes == ["cat", "dog"]


def test_a_stray_image_has_no_class_and_hides_none():
    layout = arrange(["cat/1.png", "dog/1.png", "stray.png"], "set")
    assert layout.classes == ["cat", "dog"]
    assert layout.labels == [0, 1, None]


def test_a_stray_beside_a_wrapping_folder_hides_no_classes():
    for stray in ("stray.png", "wrap/stray.png"):
        layout = arrange(["wrap/cat/1.png", "wrap/dog/1.png", stray], "set")
        assert layout.classes == ["cat", "dog"]
        assert layout.labels == [0, 1, None]
    assert arrange(["stray.png", "wrap/cat/1.png", "wrap/dog/1.png"], "set").names[1] == "wrap/cat/1.png"


def test_as_many_images_beside_the_folders_as_in_them_mean_no_classes():
    assert classes("1.png", "2.png", "cat/1.png", "dog/1.png") == []
    assert classes("1.png", "holiday/1.png", "holiday/2.png", "holiday/3.png") == []


PARTS_BY_NAME = [
    ("train", "val"),
    ("train", "test"),
    ("Training Set", "Test Set"),
    ("train2017", "val2017"),
    ("my_train", "my_val"),
    ("training", "testing"),
    ("TrainSet", "TestSet"),
    ("food_train", "food_test"),
    ("trainA", "trainB", "testA", "testB"),
    ("train", "valid", "extra"),
    ("images-train", "images-dev"),
]


@pytest.mark.parametrize("parts", PARTS_BY_NAME)
def test_parts_are_known_by_name(parts):
    with pytest.raises(
        ExploreError, match="^set holds the parts .* of a set; give one of them, such as set/"
    ):
        classes(*images(*parts))
    with pytest.raises(ExploreError, match="holds the parts"):  # a stray beside them, and one in them
        classes("stray.png", f"{parts[0]}/stray.png", *images(*(f"{part}/cat" for part in parts)))


@pytest.mark.parametrize(
    "names",
    [
        ("car", "train", "plane"),  # a train is a vehicle
        ("train", "trainset"),  # all of a kind
        ("train station", "test tube"),  # things, in other words
        ("valley", "testament"),
        ("test",),
    ],
)
def test_classes_with_such_words_stay_classes(names):
    assert classes(*images(*names)) == sorted(names)


@pytest.mark.parametrize(
    "folders",
    [
        ("a/cat", "a/dog", "b/cat", "b/dog"),
        ("site1/Cat", "site1/dog", "site2/cat", "site2/Dog", "site2/emu"),
        ("one/0", "one/1", "two/0", "two/1"),
    ],
)
def test_parts_are_known_by_the_same_subfolders(folders):
    told = r"the parts \w+, \w+ of a set; give one of them, such as set/\w+, or the classes with --labels$"
    with pytest.raises(ExploreError, match=told) as caught:
        classes(*images(*folders))
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "folders",
    [
        ("cat/img", "dog/img"),  # one name in common
        ("cat/siamese", "cat/other", "dog/other", "dog/poodle"),
        ("cat/img", "cat/masks", "dog/img", "dog/masks"),  # roles
        ("cat/train", "cat/test", "dog/train", "dog/test"),  # parts in classes
        ("2021/holiday", "2021/home", "2022/holiday", "2022/home"),  # an album by years
        ("anna/2021", "anna/2022", "ben/2021", "ben/2022"),
        ("cat/siamese", "cat/manx", "dog/poodle", "dog/boxer"),
    ],
)
def test_classes_that_hold_subfolders_stay_classes(folders):
    assert classes(*images(*folders)) == sorted({folder.split("/")[0] for folder in folders})


def test_the_part_to_give_is_below_the_folder_that_wraps_it():
    with pytest.raises(ExploreError, match="such as set/wrap/train$"):
        classes(*images("wrap/train/cat", "wrap/val/cat"))


def test_with_a_file_of_labels_the_folders_mean_nothing(tmp_path):
    (tmp_path / "labels.csv").write_text("train/cat/1.png,manx\nval/cat/2.png,lynx\n9.png,lynx\n")
    layout = arrange(images("train/cat", "val/cat"), "set", tmp_path / "labels.csv")
    assert layout.classes == ["lynx", "manx"]
    assert layout.labels == [1, None, None, 0]
    assert [one.name for one in layout.left_out] == ["9.png"]
