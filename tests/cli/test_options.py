"""What the options that several commands share make of what was typed."""

from __future__ import annotations

import pytest

THE_MATERIAL = (
    ("--images", "pictures", "--checkpoint", "net.safetensors"),
    ("net.safetensors", "--images", "pictures"),
)
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


@pytest.mark.parametrize("words", [["top", "conv1"], ["evaluate"], ["export", "filters"]])
def test_labels_and_what_was_left_out_are_the_same_for_every_command(zfexplore, tmp_path, material, words):
    (tmp_path / "labels.csv").write_text("0,a\n1,b\n2,c\n77,a\n")
    code, _, remarks = zfexplore(
        *words, "--labels", "labels.csv", source=THE_MATERIAL[words[0] == "evaluate"]
    )
    assert code == 0
    assert remarks.count("left out 1 (77): this row of labels.csv fits no image") == 1
    assert remarks.count("without a class 4 (a/4.png, a/broken.png, b/3.png and 1 more)") == 1


def test_labels_are_for_one_folder(zfexplore, material):
    code, _, remarks = zfexplore(
        "evaluate", "--images", "pictures", "--labels", "labels.csv", source=("--images", "photographs")
    )
    assert (code, remarks) == (2, "error: --labels is for one folder, not for 2: give --images once")
