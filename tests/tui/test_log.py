"""The log: appended to by both processes, begun anew once it is long, done without where it must be."""

from __future__ import annotations

import logging
import os

import pytest

from zfexplore.tui.log import LARGEST, log_path, log_to_file, open_log


def write_to_log(text: bytes) -> None:
    descriptor = open_log()
    assert descriptor is not None
    os.write(descriptor, text)
    os.close(descriptor)


def test_it_is_made_with_its_folder_and_appended_to():
    write_to_log(b"one\n")
    write_to_log(b"two\n")

    assert log_path().read_bytes() == b"one\ntwo\n"


@pytest.mark.parametrize(("before", "after"), [(LARGEST, LARGEST + 4), (LARGEST + 1, 4)])
def test_a_long_one_is_begun_anew(before, after):
    log_path().parent.mkdir(parents=True)
    log_path().write_bytes(b"." * before)
    write_to_log(b"new\n")

    assert log_path().stat().st_size == after


def test_where_nothing_can_be_written_there_is_none(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path / "file"))

    assert open_log() is None


def test_what_is_logged_stands_there_with_its_level(monkeypatch):
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(logging.root, "level", logging.WARNING)
    log_path().parent.mkdir(parents=True)
    log_to_file()
    logging.getLogger("zfexplore.tui").info("conv3:7 shown in 0.123 s")
    for handler in logging.root.handlers:
        handler.close()

    assert log_path().read_text().endswith(" INFO conv3:7 shown in 0.123 s\n")
