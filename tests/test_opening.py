"""Plain files are opened; what could block, or do something when it is opened, is named and left alone."""

from __future__ import annotations

import ast
import os
from functools import cache
from pathlib import Path

import pytest

import zfexplore
from tests.support import NOT_PLAIN, made_strange, soon
from zfexplore.opening import NotPlain, check_plain, open_plain, read_text, strange

PACKAGE = Path(zfexplore.__file__).parent


@pytest.mark.parametrize("kind", NOT_PLAIN)
def test_what_is_no_plain_file_is_named_and_not_opened(tmp_path, kind):
    path = made_strange(tmp_path / "odd", kind)
    with soon():
        assert strange(path) == NOT_PLAIN[kind]
        for opened in (open_plain, check_plain, read_text):
            with pytest.raises(NotPlain) as caught:
                opened(path)
            assert caught.value.strerror == f"it is {NOT_PLAIN[kind]} and no plain file"


def test_a_file_that_has_become_a_pipe_is_judged_once_it_is_open(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr("zfexplore.opening.strange", lambda path: None)
    with soon(), pytest.raises(NotPlain, match="a pipe"):
        open_plain(tmp_path / "pipe")


def test_plain_files_and_links_to_them_are_read(tmp_path):
    (tmp_path / "a").write_bytes(b"caf\xc3\xa9\r\n")
    (tmp_path / "link").symlink_to("a")
    assert read_text(tmp_path / "link") == "caf\N{LATIN SMALL LETTER E WITH ACUTE}\n"
    with open_plain(tmp_path / "a") as file:
        assert file.read() == b"caf\xc3\xa9\r\n"
    assert strange(tmp_path / "a") is strange(tmp_path) is strange(tmp_path / "missing") is None
    assert strange("a\0b") is None


def test_folders_and_missing_files_fail_as_they_do_for_open(tmp_path):
    with pytest.raises(IsADirectoryError):
        open_plain(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_plain(tmp_path / "missing")


# Where a file is opened otherwise: what we write, what is ours, what the system says.
_OTHERWISE = {
    ("files.py", "open"), ("opening.py", "open"), ("images/archive.py", "open"), ("atlas/tables.py", "open"),
    ("training/data.py", "open"), ("nets/synsets.py", "read_text"), ("cli/shells.py", "open"),
    ("doctor/cache.py", "read_text"), ("figures/gallery/folder.py", "read_text"),
}  # fmt: skip


@cache
def calls() -> list[tuple[str, str, ast.Call]]:
    found = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                found.append((path.relative_to(PACKAGE).as_posix(), name, node))
    return found


def test_every_reader_opens_files_here():
    opened = [
        (file, name.rpartition(".")[2])
        for file, name, _ in calls()
        if name in ("open", "io.open") or name.endswith((".read_text", ".read_bytes"))
    ]
    assert len(opened) >= len(_OTHERWISE)
    assert set(opened) - _OTHERWISE == set()


def test_pillow_is_always_told_what_a_file_may_be():
    opened = [(file, call) for file, name, call in calls() if name == "Image.open"]
    assert len(opened) >= 2
    assert [file for file, call in opened if not any(word.arg == "formats" for word in call.keywords)] == []
