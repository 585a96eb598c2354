"""Classes from files: their forms, how rows find images, and what finds none."""

from __future__ import annotations

import pytest

from zfexplore.errors import ExploreError
from zfexplore.images.labels import labels_from

NAMES = ["cat/1.jpg", "cat/2.jpg", "dog/1.jpg"]


@pytest.fixture
def read(tmp_path):
    """Give a function that reads a file of labels for ``NAMES``: each image's class by name, and the rest."""

    def read(text: str | bytes, file="labels.csv", names=NAMES):
        (tmp_path / file).write_bytes(text.encode() if isinstance(text, str) else text)
        found = labels_from(tmp_path / file, names)
        classes = [None if label is None else found.classes[label] for label in found.labels]
        return classes, {one.name: one.reason for one in found.left_out}

    return read


WHOLE = ["a", "b", "a"]


@pytest.mark.parametrize(
    "text",
    [
        "name,label\ncat/1.jpg,a\ncat/2.jpg,b\ndog/1.jpg,a\n",
        "cat/1.jpg,a\ncat/2.jpg,b\ndog/1.jpg,a",
        "\ufeffFile Name;Class\r\ncat/1.jpg;a\r\ncat/2.jpg;b\r\n\r\ndog/1.jpg;a\r\n",
        "id\tbreed\ncat/1\ta\ncat/2\tb\ndog/1\ta\n",
        "x,label,y2,image\n0,a,0,cat/1.jpg\n0,b,0,cat/2.jpg\n0,a,0,dog/1.jpg\n",
        "filename,kingdom\ncat/1.jpg,a\ncat/2.jpg,b\ndog/1.jpg,a\n",
        "cat/1.jpg a\ncat/2.jpg b\ndog/1.jpg   a\n",
        '"cat/1.jpg", "a"\n"cat/2.jpg", "b"\n"dog/1.jpg", "a"\n',
    ],
)
def test_tables_and_lines_are_read(read, text):
    assert read(text) == (WHOLE, {})


def test_lines_of_path_and_index_are_read_and_sorted_as_numbers(tmp_path):
    (tmp_path / "val.txt").write_text("val/my cat.jpg 10\nval/b.jpg 9\nval/c.jpg 100\n")
    found = labels_from(tmp_path / "val.txt", ["my cat.jpg", "b.jpg", "c.jpg"])
    assert found.classes == ["9", "10", "100"]
    assert found.labels == [1, 0, 2]


@pytest.mark.parametrize(
    ("row", "image"),
    [
        ("cat/2.jpg", 1),
        ("./cat/2.jpg", 1),
        ("cat\\2.jpg", 1),
        ("cat/2", 1),
        ("2.jpg", 1),
        ("2", 1),
        ("/data/set/dog/1.jpg", 2),
        ("dog/1", 2),
    ],
)
def test_a_row_finds_its_image(read, row, image):
    classes, left_out = read(f"{row},x\n")
    assert classes.index("x") == image
    assert left_out == {}


def test_rows_that_find_no_image_or_several_are_named(read):
    rows = ["cat/1.jpg,a", "1.jpg,b", "emu/2.jpg,c", "2.png,d", "9,e", "cat/2.jpg,"]
    classes, left_out = read("\n".join(rows))
    assert classes == ["a", None, None]
    assert left_out == {
        "1.jpg": "this row of labels.csv fits several images",
        "emu/2.jpg": "this row of labels.csv fits no image",
        "2.png": "this row of labels.csv fits no image",
        "9": "this row of labels.csv fits no image",
        "cat/2.jpg ": "this row of labels.csv is not a name and a label",
    }


def test_an_image_on_which_rows_disagree_has_no_class(read):
    classes, left_out = read("cat/1.jpg,a\ncat/1.jpg,b\ncat/2.jpg,b\ncat/2,b\n")
    assert classes == [None, "b", None]
    assert left_out == {"cat/1.jpg": "rows of labels.csv disagree on its class"}


def test_a_list_made_elsewhere_finds_images_of_a_flat_folder(read):
    names = ["a.jpg", "b.jpg"]
    assert read("/data/set/a.jpg 1\n/data/set/b.jpg 2\n", "train.txt", names) == (["1", "2"], {})
    assert read("set/a 1\nset/b 2\n", "train.txt", names) == (["1", "2"], {})


def test_accents_are_the_same_however_they_are_written(read):
    assert read("caf\u00e9.jpg,a\n", names=["cafe\u0301.jpg"])[0] == ["a"]


@pytest.mark.parametrize(
    ("text", "file", "message"),
    [
        ("", "labels.csv", "has no rows: write a table name,label"),
        (
            "x.jpg,a\n",
            "labels.csv",
            "names none of the 3 images: its first name is 'x.jpg', the first image 'cat/",
        ),
        ("a,b,c\nd,e,f\n", "labels.csv", r"has 3 columns \(a, b, c\): call two of them name and label"),
        ("{}", "labels.json", "labels in JSON are not read; write them as a table name,label"),
        (b"caf\xe9.jpg,a\n", "labels.csv", "is not text in UTF-8"),
    ],
)
def test_what_cannot_be_read_is_one_line(read, text, file, message):
    with pytest.raises(ExploreError, match=message) as caught:
        read(text, file)
    assert caught.value.exit_code == 2


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(ExploreError, match="^cannot read .*none.csv: no such file"):
        labels_from(tmp_path / "none.csv", NAMES)
