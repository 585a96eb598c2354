"""Names cut so that what tells them apart stays."""

from __future__ import annotations

import pytest

from zfexplore.tui.widgets.names import told_apart, without_what_they_share


@pytest.mark.parametrize(
    ("room", "shown"),
    [
        (34, ["…sunflower/image_0012.jpg", "caltech101/pizza/image_0003.jpg"]),
        (35, ["caltech101/sunflower/image_0012.jpg", "caltech101/pizza/image_0003.jpg"]),
        (22, ["…sunflower/image_0012…", "…pizza/image_0003.jpg"]),
        (12, ["…image_0012…", "…image_0003…"]),
        (1, ["…", "…"]),
    ],
)
def test_of_files_in_one_folder_the_names_stay(room, shown):
    names = ["caltech101/sunflower/image_0012.jpg", "caltech101/pizza/image_0003.jpg"]

    assert without_what_they_share(names, room) == shown


def test_a_name_that_differs_in_the_middle_keeps_its_middle():
    names = [f"scans/plate-{number}-channel-green-final.tif" for number in ("007", "113", "113")]

    assert without_what_they_share(names, 6) == ["…007…", "…113…", "…113…"]
    assert without_what_they_share(["one-long-name-of-a-file.jpg"], 8) == ["…ile.jpg"]


def test_classes_keep_their_beginnings_and_where_these_are_alike_their_ends_too():
    names = ("African elephant", "African chameleon", "hat", "sunflower-petals")

    assert told_apart(names, 9) == {
        "African elephant": "Afri…hant",
        "African chameleon": "Afri…leon",
        "hat": "hat",
        "sunflower-petals": "sunflowe…",
    }
