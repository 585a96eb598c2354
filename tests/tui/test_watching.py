"""Watching: which picture of a folder or file is the newest, and that each state of it is offered once."""

from __future__ import annotations

import os
import shutil

import pytest

from zfexplore.tui.watching import TRIES, Sight, Watched

NOTHING = Sight()


def write(path, text="picture", *, at: float | None = None):
    path.write_text(text)
    if at is not None:
        os.utime(path, (at, at))
    return path


def test_a_folder_offers_its_newest_picture_once(tmp_path):
    watched = Watched(str(tmp_path))
    assert watched.look() == Sight(waiting="no picture in it yet")
    write(tmp_path / "notes.txt")
    write(tmp_path / ".hidden.png")
    (tmp_path / "folder.png").mkdir()
    assert watched.look().waiting
    write(tmp_path / "one.png")
    assert watched.look() == Sight(str(tmp_path / "one.png"))
    assert watched.look() == NOTHING
    write(tmp_path / "two.JPG", at=3e9)  # long after all others
    assert watched.look() == Sight(str(tmp_path / "two.JPG"))
    (tmp_path / "two.JPG").unlink()
    assert watched.look() == Sight(str(tmp_path / "one.png"))


@pytest.mark.skipif(os.name == "nt", reason="there no file tells when it came into its folder")
def test_a_picture_that_is_older_counts_from_when_it_came(tmp_path):
    (tmp_path / "here").mkdir()
    old = write(tmp_path / "old.png", at=1e9)
    watched = Watched(str(tmp_path / "here"))
    write(tmp_path / "here" / "one.png", at=1.5e9)
    assert watched.look().path.endswith("one.png")
    shutil.copy2(old, tmp_path / "here" / "copy.png")  # with its time
    assert watched.look().path.endswith("copy.png")


def test_a_file_is_offered_again_when_it_changes(tmp_path):
    file = tmp_path / "frame.png"
    watched = Watched(str(file))
    assert watched.look() == Sight(waiting="it is not there yet")
    write(file, "")
    assert watched.look().waiting  # about to be written
    write(file, "one", at=3e9)
    assert watched.look() == Sight(str(file))
    assert watched.look() == NOTHING
    write(file, "three", at=3e9)  # another size at the same time
    assert watched.look() == Sight(str(file))
    os.utime(file, (3e9 + 1, 3e9 + 1))
    assert watched.look() == Sight(str(file))
    file.unlink()
    assert watched.look().waiting


def test_what_cannot_be_read_is_offered_again_for_a_while_and_anew_when_it_has_grown(tmp_path):
    half = write(tmp_path / "half.png", "ha")
    watched = Watched(str(tmp_path))
    assert watched.look().path
    for _ in range(TRIES):
        assert watched.unreadable()
        assert watched.look() == Sight(str(half))
    assert not watched.unreadable()
    assert watched.look() == NOTHING
    write(half, "half")
    assert watched.look() == Sight(str(half))
    assert watched.unreadable()


def test_the_users_folder_may_be_written_as_they_write_it(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write(tmp_path / "one.png")
    assert Watched("~").look().path == os.path.join("~", "one.png")


@pytest.mark.parametrize("path", ["", "a\0b", "no/such/folder"])
def test_a_path_that_can_be_none_is_waited_for(path):
    assert Watched(path).look() == Sight(waiting="it is not there yet")
