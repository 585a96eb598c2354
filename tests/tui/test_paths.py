"""Completing a path as it is typed."""

from __future__ import annotations

import pytest

from zfexplore.tui.paths import completed, completions


def test_folders_come_first_and_only_files_that_look_like_pictures(folder):
    assert completions(f"{folder}/") == tuple(f"{folder}/{name}" for name in ("more/", "car.JPG", "cat.png"))
    assert completions(f"{folder}/c") == (f"{folder}/car.JPG", f"{folder}/cat.png")


def test_hidden_ones_come_when_asked_for(folder):
    assert completions(f"{folder}/.h") == (f"{folder}/.hidden/",)


def test_what_is_not_there_has_no_completion(folder):
    assert completions(f"{folder}/nowhere/x") == ()


def test_the_home_folder_keeps_its_sign(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))

    assert completions("~/cat") == ("~/cat.png",)


@pytest.mark.parametrize(
    ("found", "gives"), [((), "a/c"), (("a/car", "a/cat"), "a/ca"), (("a/car.png",), "a/car.png")]
)
def test_a_path_is_completed_as_far_as_it_is_certain(found, gives):
    assert completed("a/c", found) == gives
