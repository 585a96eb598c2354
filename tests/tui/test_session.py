from __future__ import annotations

import pytest

from zfexplore.tui.session import (
    Session,
    keymap_path,
    load_keymap,
    load_session,
    save_session,
    session_path,
)


def test_what_is_saved_comes_back():
    save_session(Session("conv4", 17, "halves"))

    assert load_session() == Session("conv4", 17, "halves")


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", '{"stage": 3, "channel": "x"}', '{"channel": -4}', "[" * 100_000]
)
def test_a_broken_file_is_a_new_session(text):
    session_path().parent.mkdir(parents=True)
    session_path().write_text(text)

    assert load_session() == Session()


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path / "file"))

    save_session(Session("conv4", 17))

    assert load_session() == Session()


def test_changed_keys_are_read_and_rubbish_among_them_left_out():
    keymap_path().parent.mkdir(parents=True)
    keymap_path().write_text('{"save": "w", "quit": 3}')

    assert load_keymap() == {"save": "w"}
