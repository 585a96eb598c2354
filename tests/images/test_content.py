"""What tells one picture's content from another's without reading all of it."""

from __future__ import annotations

import io
import os
import time

import pytest

from zfexplore.images import content
from zfexplore.images.content import content_of, content_of_file, remembered


def changed(size: int, at: int, name: str = "a.jpg") -> bool:
    """Whether a change of one byte at ``at`` shows."""
    before, after = bytearray(size), bytearray(size)
    after[at] = 1
    return content_of(io.BytesIO(before), name) != content_of(io.BytesIO(after), name)


def test_a_small_file_is_looked_at_whole():
    assert all(changed(50_000, at) for at in range(0, 50_000, 777))


def test_of_a_large_file_beginning_middle_and_end_count():
    size = 10_000_000
    assert [changed(size, at) for at in (0, size // 2, size - 1)] == [True] * 3
    assert content_of(io.BytesIO(bytes(size)), "a") != content_of(io.BytesIO(bytes(size + 1)), "a")


def test_of_an_uncompressed_file_more_is_looked_at():
    size = 1_000_000  # steps of the 64 blocks: 15,808
    assert [changed(size, 15_808, name) for name in ("a.jpg", "a.BMP")] == [False, True]


def test_a_part_of_a_file_counts_as_a_file():
    data = bytes(range(256)) * 1000
    part = io.BytesIO(b"before" + data + b"after")
    assert content_of(part, "a", start=6, size=len(data)) == content_of(io.BytesIO(data), "a")


def test_a_missing_file_has_a_content_of_its_own(tmp_path):
    assert content_of_file(str(tmp_path / "a")) == "missing"
    (tmp_path / "a").mkdir()
    assert content_of_file(str(tmp_path / "a")) == "unreadable"


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path / "cache"))
    paths = [str(tmp_path / "1"), str(tmp_path / "2")]
    for path in paths:
        with open(path, "w") as file:
            file.write("x")
    return paths


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no time of the last change")
def test_what_was_computed_is_kept_until_a_file_is_touched(files, monkeypatch):
    monkeypatch.setattr(content, "_SETTLED", 0)
    assert remembered(files, "names", lambda: "first") == "first"
    assert remembered(files, "names", lambda: "second") == "first"
    assert remembered(files, "other names", lambda: "second") == "second"
    status = os.stat(files[0])
    time.sleep(0.02)  # a file system's clock ticks in steps
    with open(files[0], "w") as file:
        file.write("y")
    os.utime(files[0], ns=(status.st_atime_ns, status.st_mtime_ns))
    assert remembered(files, "names", lambda: "third") == "third"


def test_what_was_just_written_is_not_trusted_yet(files):
    assert remembered(files, "names", lambda: "first") == "first"
    assert remembered(files, "names", lambda: "second") == "second"


def test_with_a_file_missing_nothing_is_kept(files, monkeypatch):
    monkeypatch.setattr(content, "_SETTLED", 0)
    os.unlink(files[0])
    assert [remembered(files, "", lambda: "first"), remembered(files, "", lambda: "second")] == [
        "first",
        "second",
    ]
