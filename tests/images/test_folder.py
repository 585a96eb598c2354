"""Folders as sources: what counts, in which order, with which labels; and every way it can be wrong."""

from __future__ import annotations

import os
import pickle
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.support import NOT_PLAIN, made_strange, soon
from zfexplore.errors import ExploreError
from zfexplore.images.folder import open_folder
from zfexplore.images.sources import UnreadableImage, left_out


def names(source) -> list[str]:
    return [source.image_name(index) for index in range(len(source))]


def labels(source) -> list[int | None]:
    return [source.label(index) for index in range(len(source))]


def test_class_subfolders_give_labels(folder, photograph):
    source = open_folder(folder("dog/1.png", "cat/1.png", "cat/2.png"))
    assert source.classes == ("cat", "dog")
    assert names(source) == ["cat/1.png", "cat/2.png", "dog/1.png"]
    assert labels(source) == [0, 0, 1]
    picture = source[2]
    assert (picture.label, picture.name) == (1, "dog/1.png")
    assert np.array_equal(np.asarray(picture.image), np.asarray(photograph))


def test_a_flat_folder_is_unlabelled(folder):
    source = open_folder(folder("a.png", "b.png"))
    assert source.classes == ()
    assert labels(source) == [None, None]
    assert source.name == "photos"


def test_an_image_beside_subfolders_makes_all_unlabelled(folder):
    source = open_folder(folder("holiday/1.png", "2.png"))
    assert source.classes == ()
    assert names(source) == ["2.png", "holiday/1.png"]


def test_deeper_folders_belong_to_the_first_level(folder):
    source = open_folder(folder("cat/indoor/1.png", "cat/2.png", "dog/x/y/3.png"))
    assert source.classes == ("cat", "dog")
    assert names(source) == ["cat/2.png", "cat/indoor/1.png", "dog/x/y/3.png"]


def test_a_folder_that_only_wraps_another_stands_for_it(folder):
    wrapped = open_folder(folder("101_ObjectCategories/ant/1.png", "101_ObjectCategories/bee/1.png"))
    assert wrapped.classes == ("ant", "bee")
    assert names(wrapped) == ["ant/1.png", "bee/1.png"]


def test_the_plain_object_categories_folder_is_an_ordinary_folder(folder):
    root = folder("BACKGROUND_Google/1.png", "accordion/image_0001.jpg", root="101_ObjectCategories")
    assert open_folder(root).classes == ("accordion", "BACKGROUND_Google")


def test_one_class_folder_is_one_class(folder):
    source = open_folder(folder("cat/1.png", "cat/2.png"))
    assert source.classes == ("cat",)
    assert labels(source) == [0, 0]


def test_all_named_formats_are_found_whatever_their_case(folder):
    files = ["a.jpg", "b.JPEG", "c.png", "d.webp", "e.bmp", "f.gif", "g.tiff", "h.TIF"]
    assert names(open_folder(folder(*files))) == files


def test_hidden_files_and_folders_and_other_files_are_left_out(folder):
    root = folder("a.png", ".b.png", ".trash/c.png")
    (root / "notes.txt").write_text("x")
    (root / "._d.jpg").write_bytes(b"resource fork")
    assert names(open_folder(root)) == ["a.png"]


def test_linked_folders_are_followed_once(folder):
    root = folder("cat/1.png")
    other = folder("1.png", root="elsewhere")
    os.symlink(other, root / "dog")
    os.symlink(root, root / "cat" / "loop")
    assert names(open_folder(root)) == ["cat/1.png", "dog/1.png"]


def test_limit_keeps_the_first(folder):
    root = folder("1.png", "2.png", "10.png")
    assert names(open_folder(root, limit=2)) == ["1.png", "2.png"]
    assert len(open_folder(root, limit=99)) == 3


def test_a_source_survives_pickling(folder):
    source = pickle.loads(pickle.dumps(open_folder(folder("cat/1.png"))))
    assert source[0].name == "cat/1.png"


def test_fingerprint_changes_with_names_labels_and_number(folder):
    root = folder("a/1.png", "a/2.png")
    first = open_folder(root).fingerprint()
    assert open_folder(root).fingerprint() == first
    assert open_folder(root, limit=1).fingerprint() != first
    (root / "a" / "2.png").rename(root / "a" / "3.png")
    renamed = open_folder(root).fingerprint()
    assert renamed != first
    (root / "b").mkdir()
    (root / "a" / "3.png").rename(root / "b" / "3.png")
    assert open_folder(root).fingerprint() not in (first, renamed)


def test_fingerprint_stays_when_the_folder_is_moved_or_copied(folder, tmp_path):
    root = folder("a/1.png", "b/2.png")
    first = open_folder(root).fingerprint()
    os.utime(root / "a" / "1.png", (0, 0))
    assert open_folder(root).fingerprint() == first
    shutil.copytree(root, tmp_path / "copied")
    assert open_folder(tmp_path / "copied").fingerprint() == first
    root.rename(tmp_path / "moved")
    moved = open_folder(tmp_path / "moved")
    assert (moved.fingerprint(), moved.name) == (first, "moved")


@pytest.mark.parametrize("count", [2, 6])
def test_other_pictures_of_the_same_size_and_time_have_another_fingerprint(tmp_path, monkeypatch, count):
    monkeypatch.setattr("zfexplore.images.folder.REMEMBERED_FROM", 4)
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path / "cache"))
    seen = set()
    for colour in ("red", "blue"):
        root = tmp_path / colour / "photos"
        root.mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (9, 9), colour).save(root / f"{number}.bmp")
            os.utime(root / f"{number}.bmp", (1, 1))
        seen.add(open_folder(root).fingerprint())
    changed = root / "0.bmp"  # in place, its time set back
    Image.new("RGB", (9, 9), "green").save(changed)
    os.utime(changed, (1, 1))
    seen.add(open_folder(root).fingerprint())
    assert len(seen) == 3


def test_an_unreadable_image_names_index_and_file(folder):
    root = folder("1.png", "2.png")
    data = (root / "2.png").read_bytes()
    (root / "2.png").write_bytes(data[: len(data) // 2])
    source = open_folder(root)
    assert source[0].name == "1.png"
    with pytest.raises(UnreadableImage, match=r"^image 1 \(2.png\) cannot be read: ") as caught:
        source[1]
    assert (caught.value.index, caught.value.name) == (1, "2.png")


def test_an_image_removed_later_is_unreadable_and_changes_the_fingerprint(folder):
    root = folder("1.png")
    source = open_folder(root)
    before = source.fingerprint()
    (root / "1.png").unlink()
    with pytest.raises(UnreadableImage, match="no such file"):
        source[0]
    assert source.fingerprint() != before


def test_beyond_the_end_is_an_index_error(folder):
    with pytest.raises(IndexError):
        open_folder(folder("1.png"))[1]


def test_a_folder_without_images_is_an_error(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(ExploreError, match=r"^no images below .* \(looked for .jpg, .jpeg, .png") as caught:
        open_folder(tmp_path)
    assert caught.value.exit_code == 1


def test_what_is_no_plain_file_is_left_out_and_named_and_so_are_broken_links(folder):
    root = folder("1.png")
    for number, kind in enumerate(NOT_PLAIN, start=4):
        made_strange(root / f"{number}.png", kind)
        made_strange(root / f"{number}", kind)  # by its name no picture
    os.symlink(root / "nowhere.png", root / "3.png")
    with soon():
        source = open_folder(root)
    assert names(source) == ["1.png", "3.png"]
    assert [(one.name, one.reason) for one in source.left_out] == [
        (f"{number}.png", f"it is {what} and no plain file")
        for number, what in enumerate(NOT_PLAIN.values(), start=4)
    ]
    with pytest.raises(UnreadableImage, match=r"image 1 \(3.png\) cannot be read: no such file"):
        source[1]


def test_names_that_are_no_utf8_can_be_shown(folder):
    root = folder("1.png")
    os.rename(root / "1.png", os.fsencode(root) + b"/caf\xe9.png")
    source = open_folder(root)
    assert names(source) == ["caf\N{REPLACEMENT CHARACTER}.png"]
    assert source[0].image.size == (60, 40)
    assert source.fingerprint().isalnum()


def test_names_stay_as_they_are(folder):  # made printable where they are written
    root = folder("a/1.png", "b/1.png")
    (root / "b").rename(root / "\x1b[31mred\x9b")
    source = open_folder(root)
    assert source.classes == ("\x1b[31mred\x9b", "a")
    assert names(source) == ["\x1b[31mred\x9b/1.png", "a/1.png"]
    assert source[0].image.size == (60, 40)


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ExploreError, match="there is no folder '.*nowhere'") as caught:
        open_folder(tmp_path / "nowhere")
    assert caught.value.exit_code == 2


def test_a_file_in_place_of_a_folder_is_an_error(folder):
    with pytest.raises(ExploreError, match="is a file; give the folder") as caught:
        open_folder(folder("1.png") / "1.png")
    assert caught.value.exit_code == 2


def test_parts_of_a_set_are_not_taken_for_classes(folder):
    root = folder("train/cat/1.png", "val/cat/1.png")
    with pytest.raises(ExploreError, match="holds the parts train, val of a set; give one of them"):
        open_folder(root)
    assert open_folder(root / "val").classes == ("cat",)


def reasons(source) -> dict[str, str]:
    return {record.name: record.reason for record in left_out(source)}


def test_an_unreadable_subfolder_is_left_out_and_named(folder, monkeypatch):
    root = folder("a/1.png", "b/1.png", "c/1.png")
    real = os.scandir

    def refuse(path):
        if str(path).endswith(("b", "nowhere")):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    source = open_folder(root)
    assert source.classes == ("a", "c")
    assert reasons(source) == {"b": "the folder cannot be listed: permission denied"}
    with pytest.raises(ExploreError, match="cannot list .*b: permission denied"):
        open_folder(root / "b")


def test_what_systems_and_tools_leave_is_left_out_and_counted(folder):
    root = folder("cat/1.png", "dog/1.png", "@eaDir/1.png", "cat/__MACOSX/2.png", "$RECYCLE.BIN/3.png")
    (root / "Thumbs.db").touch()
    (root / "dog" / "desktop.ini").touch()
    source = open_folder(root)
    assert source.classes == ("cat", "dog")
    assert set(reasons(source)) == {
        "@eaDir", "cat/__MACOSX", "$RECYCLE.BIN", "Thumbs.db", "dog/desktop.ini",
    }  # fmt: skip
    assert set(reasons(source).values()) == {"made by a system or a tool"}


def test_hidden_pictures_and_folders_are_counted(folder):
    root = folder("a.png", ".b.png", ".ipynb_checkpoints/c.png")
    (root / ".nomedia").touch()
    assert reasons(open_folder(root)) == {".b.png": "hidden", ".ipynb_checkpoints": "hidden"}


def test_pictures_of_a_kind_that_is_not_read_are_named_with_the_remedy(folder):
    root = folder("cat/1.png")
    (root / "cat" / "logo.svg").write_text("<svg/>")
    (root / "cat" / "IMG_1.CR2").write_bytes(b"II*\0")
    (root / "cat" / "notes.txt").write_text("no picture")
    assert reasons(open_folder(root)) == {
        "cat/logo.svg": "a drawing in SVG is not read: export it as PNG",
        "cat/IMG_1.CR2": "a camera's raw file is not read: develop it to JPEG or PNG",
    }


def test_files_without_a_suffix_are_looked_at(folder):
    root = folder("1.png")
    (root / "1.png").rename(root / "0b5e7a")
    (root / "README").write_text("no picture")
    source = open_folder(root)
    assert names(source) == ["0b5e7a"]
    assert source[0].image.size == (60, 40)


def test_a_folder_of_nothing_but_unread_pictures_says_why(tmp_path):
    (tmp_path / "a.svg").touch()
    with pytest.raises(
        ExploreError, match=r"and \d+ more\); left out 1 \(a.svg\): a drawing in SVG is not read"
    ):
        open_folder(tmp_path)


def test_a_stray_image_beside_class_folders_hides_no_classes(folder):
    source = open_folder(folder("cat/1.png", "dog/1.png", "stray.png"))
    assert source.classes == ("cat", "dog")
    assert dict(zip(names(source), labels(source), strict=True))["stray.png"] is None
