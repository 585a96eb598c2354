"""``zfexplore images``: what it prints, and how it fails."""

from __future__ import annotations

import json
import sys

import pytest
from PIL import Image

from zfexplore.cli.main import main


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run the command line in this process: exit code, stdout, stderr, with blanks folded."""
    monkeypatch.setenv("ZFEXPLORE_DATA", str(tmp_path / "data"))

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["zfexplore", "images", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        shown = capsys.readouterr()
        return int(stop.value.code or 0), " ".join(shown.out.split()), " ".join(shown.err.split())

    return call


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    for name in ("cat/1.png", "cat/2.png", "dog/1.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 6), "red").save(folder / name)
    return folder


def test_it_lists_the_named_sets(run, tmp_path):
    (tmp_path / "data" / "imagenette2-320").mkdir(parents=True)
    code, out, err = run()
    assert (code, err) == (0, "")
    assert "photographs 567 photographs in 195 classes, built in yes" in out
    assert "specimens 480 images drawn here, 20 of each of 24 kinds yes" in out
    assert "imagenette 13,394 photographs of 10 ImageNet classes, short side 320 yes" in out
    assert "flowers102 8,189 photographs of 102 flowers no, --download fetches it" in out
    assert "ILSVRC 2012) no, to be put there by hand" in out


def test_the_list_as_json(run, tmp_path):
    code, out, _ = run("--json")
    found = {offer["name"]: offer for offer in json.loads(out)}
    assert code == 0
    assert found["specimens"]["place"] is None
    assert found["caltech101"] == {
        "name": "caltech101",
        "about": "8,677 photographs of 101 kinds of things",
        "place": str(tmp_path / "data" / "caltech101" / "101_ObjectCategories"),
        "here": False,
        "downloads": True,
    }


def test_it_says_what_a_folder_holds(run, photos):
    code, out, err = run(str(photos))
    assert (code, err) == (0, "")
    assert "source photos images 3 classes 2: cat 2, dog 1 first cat/1.png, 8 x 6 pixels fingerprint" in out


def test_it_says_what_the_specimens_are(run):
    code, out, _ = run("specimens", "--limit", "30")
    assert code == 0
    assert "images 30 classes 24: gratings 2, polar 2" in out
    assert "first gratings-00, 256 x 256 pixels" in out


def test_many_classes_are_cut_short(run, tmp_path):
    for number in range(40):
        path = tmp_path / "many" / f"c{number}" / "1.png"
        path.parent.mkdir(parents=True)
        Image.new("RGB", (2, 2)).save(path)
    assert "c29 1 and 10 more" in run(str(tmp_path / "many"))[1]


def test_check_names_the_bad_images(run, photos):
    (photos / "cat" / "2.png").write_bytes(b"rotten")
    code, out, err = run(str(photos), "--check")
    assert code == 0
    assert out.endswith("2 of 3 images can be read")
    assert "1 image could not be read and was left out: cat/2.png: not an image that Pillow can read" in err


def test_check_names_every_bad_image(run, photos):
    for number in range(12):
        (photos / "dog" / f"bad{number}.png").write_bytes(b"rotten")
    err = run(str(photos), "--check")[2]
    assert all(f"dog/bad{number}.png: not an image" in err for number in range(12))


def test_check_as_json(run, photos):
    (photos / "cat" / "2.png").write_bytes(b"rotten")
    values = json.loads(run(str(photos), "--check", "--json")[1])
    assert values["per_class"] == {"cat": 2, "dog": 1}
    assert values["health"]["readable"] == 2
    assert values["health"]["skipped"][0]["name"] == "cat/2.png"


def test_names_with_brackets_are_shown_as_they_are(run, photos):
    (photos / "dog").rename(photos / "[bold]dog")
    assert "[bold]dog 1" in run(str(photos))[1]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["nosuch"],
            2,
            "error: no folder 'nosuch', and no images of that name; give a folder or one of photographs, ",
        ),
        (["caltech101"], 1, "error: caltech101 is not in "),
        (["imagenet", "--download"], 1, "error: imagenet is not in "),
        (["--check"], 2, "error: --check, --download and --limit need a folder or a set"),
        (["specimens", "--limit", "0"], 2, "error: Invalid value for '--limit'"),
    ],
)
def test_what_is_wrong_is_one_line(run, arguments, code, message):
    status, out, err = run(*arguments)
    assert (status, out) == (code, "")
    assert err.startswith(message)


def test_an_empty_folder_is_one_line(run, tmp_path):
    (tmp_path / "empty").mkdir()
    code, out, err = run(str(tmp_path / "empty"))
    assert (code, out) == (1, "")
    assert err.startswith("error: no images below ")


def test_what_was_left_out_is_told_and_classes_may_come_from_a_file(run, photos, tmp_path):
    (photos / "cat" / "logo.svg").touch()
    (tmp_path / "labels.csv").write_text("name,label\ncat/1.png,manx\ndog/1,poodle\n9.png,manx\n")
    code, out, err = run(str(photos), "--labels", str(tmp_path / "labels.csv"))
    assert (code, err) == (0, "")
    assert "classes 2: manx 1, poodle 1" in out
    assert "left out 1 (cat/logo.svg): a drawing in SVG is not read: export it as PNG" in out
    assert "left out 1 (9.png): this row of labels.csv fits no image" in out
    assert out.endswith("without a class 1 (cat/2.png)")
    values = json.loads(run(str(photos), "--labels", str(tmp_path / "labels.csv"), "--json")[1])
    assert values["without_class"] == ["cat/2.png"]
    assert values["left_out"][1] == {"name": "9.png", "reason": "this row of labels.csv fits no image"}


def test_a_class_without_a_readable_image_is_no_class(run, photos):
    (photos / "dog" / "1.png").write_bytes(b"rotten")
    out = run(str(photos), "--check")[1]
    assert "classes 1: cat 2 first" in out
    assert out.endswith("dog is no class: none of its images can be read 2 of 3 images can be read")
    values = json.loads(run(str(photos), "--check", "--json")[1])
    assert values["health"]["per_class"] == {"cat": 2, "dog": 0}
