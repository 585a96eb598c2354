"""What the options that several commands share make of what was typed."""

from __future__ import annotations

import pytest

TOLD = "--images photographs is the set of that name; write ./photographs for the folder here"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["top", "conv1", "--limit", "1", "--images", "photographs"], True),
        (["evaluate", "--limit", "1", "--images", "photographs"], True),
        (["top", "conv1", "--limit", "1"], False),  # nothing was typed that could mean the folder
        (["top", "conv1", "--limit", "1", "--images", "./photographs"], False),
    ],
)
def test_where_a_folder_is_called_as_a_set_is_it_says_which_is_taken(
    zfexplore, tmp_path, material, words, told
):
    (tmp_path / "photographs").symlink_to(material / "pictures")
    _, _, remarks = zfexplore(*words, source=())
    assert (TOLD in remarks) is told
