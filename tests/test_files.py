from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from zfexplore import files
from zfexplore.errors import ExploreError


def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def interrupted() -> None:
        with files.atomic_path(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        interrupted()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_missing_folders_are_made_and_the_file_is_whole(tmp_path):
    files.write_text(tmp_path / "x" / "y" / "a.txt", "grün")
    assert (tmp_path / "x" / "y" / "a.txt").read_bytes() == "grün".encode()


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_permissions_are_ordinary_even_through_a_private_file(tmp_path):
    plain = tmp_path / "plain"
    plain.touch()
    with files.atomic_path(tmp_path / "ours") as temporary:
        temporary.write_bytes(b"x")
        temporary.chmod(0o600)
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_the_cache_folder_can_be_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path))
    assert files.cache_dir() == tmp_path


def test_the_cache_folder_follows_the_platform(monkeypatch):
    monkeypatch.delenv("ZFEXPLORE_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(files.sys, "platform", "linux")
    assert files.cache_dir() == Path.home() / ".cache" / "zfexplore"


def test_where_a_file_cannot_be_written_is_told_in_one_line_and_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    before = sorted(tmp_path.rglob("*"))
    for path, told in {
        "folder": "folder is a folder: give a file, as in --out folder/x.png",
        "pipe": "pipe is no plain file: give another --out",
        "file/x.png": "file/x.png cannot be written: file is a file, not a folder",
        "file/a/b/x.png": "file/a/b/x.png cannot be written: file is a file, not a folder",
        "a" * 300: f"{'a' * 300} cannot be written: no file can be made in . (file name too long)",
    }.items():
        with pytest.raises(ExploreError) as error:
            files.check_file(path, example="x.png")
        assert (str(error.value), error.value.exit_code) == (told, 2)
    for path in ("x.png", "new/folder/x.png", "file"):
        assert files.check_file(path) == Path(path)
    for path in (".", "folder", "new/folder"):
        assert files.check_folder(path) == Path(path)
    with pytest.raises(ExploreError, match="^file/run cannot be written: file is a file, not a folder$"):
        files.check_folder("file/run")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="a folder into which not even root can write")
def test_a_folder_that_takes_no_files_is_told():
    with pytest.raises(ExploreError, match=r"^/proc/x.png cannot be written: no file can be made in /proc"):
        files.check_file("/proc/x.png")
    with pytest.raises(ExploreError, match="^/proc/run/1 cannot be written: no file can be made in /proc"):
        files.check_folder("/proc/run/1")


@pytest.mark.skipif(os.name != "posix", reason="elsewhere paths are letters")
def test_a_path_of_other_bytes_than_letters_has_a_link_of_letters(tmp_path):
    plain, odd = tmp_path / "a", tmp_path / os.fsdecode(b"caf\xe9")
    with files.in_letters(plain) as same:
        assert same == str(plain)
    odd.write_bytes(b"coffee")
    with files.in_letters(odd) as link:
        link.encode()
        assert Path(link).read_bytes() == b"coffee"
    assert not os.path.lexists(link)
    assert odd.read_bytes() == b"coffee"
