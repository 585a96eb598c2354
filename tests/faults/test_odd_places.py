"""Odd surroundings: no such user, no home, paths that are no letters, numbers of 5,000 digits."""

from __future__ import annotations

import json
import os

import pytest
from PIL import Image

from zfexplore.errors import ExploreError
from zfexplore.figures.provenance import Provenance, foreign, read_chunks, save_png
from zfexplore.files import cache_dir, write_text
from zfexplore.images.labels import labels_from
from zfexplore.images.naming import natural_key
from zfexplore.images.open import open_images
from zfexplore.images.pictures import OwnPictures
from zfexplore.training.snapshots import keeping
from zfexplore.tui.session import Session, load_keymap, load_session, save_session
from zfexplore.units import Unit, parse_channels

DIGITS = "9" * 5000  # more than Python reads as a number


@pytest.mark.parametrize(
    "look",
    [
        lambda: open_images("~nouser/pictures"),
        lambda: open_images("~nouser/pictures.zip"),
        lambda: labels_from("~nouser/labels.csv", ["a.png"]),
        lambda: OwnPictures(["~nouser/me.jpg"])[0].open(),
    ],
)
def test_a_user_that_is_not_there_is_a_path_that_is_not_there(look):
    with pytest.raises(ExploreError, match=r"~nouser/|me\.jpg") as error:
        look()
    assert "\n" not in str(error.value)


def test_without_a_home_one_is_told_what_to_set_and_the_explorer_forgets(monkeypatch):
    def nobody(*_):
        raise KeyError

    for name in ("HOME", "ZFEXPLORE_CACHE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", nobody)
    with pytest.raises(ExploreError, match="no home folder to keep indexes in: set HOME, or ZFEXPLORE_CACHE"):
        cache_dir()
    save_session(Session("conv5", 1))
    assert (load_session(), load_keymap()) == (Session(), {})


@pytest.mark.parametrize(
    "read",
    [
        lambda: Unit.parse(f"conv5:{DIGITS}"),
        lambda: Unit.parse(f"conv5:1@{DIGITS},2"),
        lambda: parse_channels(DIGITS, 5),
        lambda: parse_channels(f"0-{DIGITS}", 5),
        lambda: keeping(f"every {DIGITS}"),
        lambda: keeping(f"1,{DIGITS}"),
    ],
)
def test_a_number_longer_than_python_reads_is_refused_in_one_short_line(read):
    with pytest.raises(ExploreError) as error:
        read()
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


def test_names_sort_by_numbers_of_any_length():
    names = [f"a{DIGITS}", f"a{DIGITS[1:]}", "a10", "a9", "a010", "b1", "a\u0663"]
    assert sorted(names, key=natural_key) == [
        "a\u0663", "a9", "a010", "a10", f"a{DIGITS[1:]}", f"a{DIGITS}", "b1",
    ]  # fmt: skip


def test_a_label_longer_than_the_csv_reader_takes_is_told(tmp_path):
    (tmp_path / "labels.csv").write_text(f"name,label\na.png,{'x' * 200_000}\n")
    with pytest.raises(ExploreError, match=r"labels\.csv is no table: field larger than field limit"):
        labels_from(tmp_path / "labels.csv", ["a.png"])


def test_a_path_of_other_bytes_than_letters_can_be_written_into_tables_and_figures(tmp_path):
    path = os.fsdecode(b"/home/caf\xe9.png")
    write_text(tmp_path / "table.json", json.dumps({"picture": path}, ensure_ascii=False))
    assert json.loads((tmp_path / "table.json").read_text()) == {"picture": path}
    chunks = Provenance("export unit", "c0ffee", notes={"picture": path}).chunks()
    save_png(Image.new("RGB", (2, 2)), tmp_path / "figure.png", chunks)
    assert read_chunks(tmp_path / "figure.png")["picture"] == "/home/caf\\udce9.png"
    assert foreign(tmp_path / "figure.png", chunks) is None
