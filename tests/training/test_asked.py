from __future__ import annotations

import pytest

from zfexplore.training.asked import read_asked

ASKED = {
    "images": ["/a\udcff", "photographs"], "exclude": ["cat"], "limit": 5, "labels": None, "val": "0.1",
    "per_class": None, "snapshots": "auto", "half": False, "seed": 0, "device": "auto", "amp": None,
    "compiled": False, "workers": None,
}  # fmt: skip


def test_what_was_asked_comes_back():
    assert read_asked(ASKED) == ASKED
    older = {**ASKED, "snapshots": [1, 5]}
    del older["labels"]
    assert read_asked(older) == {**ASKED, "snapshots": [1, 5]}


@pytest.mark.parametrize(
    "change",
    [
        {"images": "photographs"}, {"images": [3]}, {"images": ["\0"]}, {"exclude": None}, {"limit": 0},
        {"limit": 1e9}, {"val": 0.1}, {"snapshots": 5}, {"half": 1}, {"seed": -1}, {"amp": "yes"},
        {"workers": "all"},
    ],
)  # fmt: skip
def test_an_option_of_another_kind_is_named(change):
    (name,) = change
    with pytest.raises(ValueError, match=f"^{name} is"):
        read_asked(ASKED | change)


def test_a_run_begun_from_python_was_asked_for_nothing():
    with pytest.raises(ValueError, match="is missing"):
        read_asked({})
