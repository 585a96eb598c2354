from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from zfexplore.cli.pictures import check_readable, pictures_of
from zfexplore.errors import ExploreError


def test_words_are_paths_as_a_terminal_pastes_them():
    assert pictures_of(["me.jpg", "'my own.jpg'", "file:///a%20b.png", ""]) == [
        "me.jpg", "my own.jpg", "/a b.png", "",
    ]  # fmt: skip


def test_one_that_cannot_be_read_is_named_and_how_deep_ones_are_shown_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.full((9, 9), 4000, np.uint16)).save("deep.png")
    Image.new("RGB", (9, 9)).save("usual.png")
    check_readable(["deep.png", "usual.png"])
    told = "images of more than 8 bits are shown by their own range: 1 (deep.png) by 12 bits"
    assert told in capsys.readouterr().err
    with pytest.raises(ExploreError, match=r"gone\.png cannot be read: no such file"):
        check_readable(["usual.png", "gone.png"])
