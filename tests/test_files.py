from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from zfexplore import files


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
