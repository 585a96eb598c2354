from __future__ import annotations

import shutil

import pytest

from tests.support import noise_picture
from zfexplore.errors import ExploreError
from zfexplore.images.pictures import OwnPictures
from zfexplore.images.sources import UnreadableImage


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "album" / "sub").mkdir(parents=True)
    noise_picture(8, seed=1).save("album/a.png")
    noise_picture(8, seed=2).save("album/sub/b.png")
    (tmp_path / "album" / "notes.svg").write_text("<svg/>")
    noise_picture(8, seed=3).save("me.png")
    shutil.make_archive("packed", "zip", "album")
    return tmp_path


def test_files_folders_and_archives_come_one_after_another(here):
    own = OwnPictures(["me.png", "album", "packed.zip", "packed.zip/sub"])
    assert [(each.name, each.path) for each in own] == [
        ("me.png", "me.png"), ("a.png", "album/a.png"), ("sub/b.png", "album/sub/b.png"),
        ("a.png", None), ("sub/b.png", None), ("b.png", None),
    ]  # fmt: skip
    expected = [noise_picture(8, seed=seed).tobytes() for seed in (3, 1, 2, 1, 2, 2)]
    assert [each.open().image.tobytes() for each in own] == expected
    assert not own.alone
    assert any("notes.svg" in line for line in own.remarks())


def test_one_file_is_alone_and_a_folder_of_one_is_not(here):
    assert OwnPictures(["me.png"]).alone
    assert not OwnPictures(["album/sub"]).alone


def test_a_folder_here_is_taken_before_the_set_of_its_name(here):
    shutil.copytree("album", "specimens")
    assert [each.path for each in OwnPictures(["specimens"])] == ["specimens/a.png", "specimens/sub/b.png"]
    shutil.rmtree("specimens")
    assert len(OwnPictures(["specimens"])) == 480


def test_a_file_that_is_not_there_fails_when_it_is_opened(here):
    own = OwnPictures(["gone.png"])
    assert own.alone
    with pytest.raises(UnreadableImage, match=r"gone\.png.*no such file"):
        own[0].open()


def test_no_picture_and_an_empty_folder_are_refused(here):
    (here / "empty").mkdir()
    with pytest.raises(ExploreError, match="no picture was named"):
        OwnPictures([])
    with pytest.raises(ExploreError, match="no picture was named"):
        OwnPictures(["me.png", ""])
    with pytest.raises(ExploreError, match="no images below"):
        OwnPictures(["empty"])
