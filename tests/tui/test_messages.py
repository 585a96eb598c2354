"""What the records can tell beside what they hold: commands, file names, places."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from zfexplore.tui.messages import PlaceRow, SaveChannel, Setup, Stage
from zfexplore.units import Unit

PLACED = PlaceRow(1, 21.5, "face-3.png", "face", 6, 7)
NOWHERE = PlaceRow(0, 21.5, "face-3.png", "face", -1, -1)


def test_a_command_names_only_what_differs_from_its_defaults():
    assert Setup().export_command("conv5", 130) == "zfexplore export channel conv5:130"
    assert Setup().explore_command() == "zfexplore tui"


def test_a_command_has_the_folder_or_the_file_first_then_options_as_help_lists_them():
    setup = Setup("my photos", "net.pt", 50, "whole", "cpu", out=Path("figures"))
    options = "--images 'my photos' --checkpoint net.pt --limit 50 --fit whole --device cpu"

    assert setup.explore_command() == f"zfexplore tui --out figures {options}"
    assert shlex.split(setup.export_command("conv5", 130)) == [
        *("zfexplore", "export", "channel", "conv5:130"),
        *("--out", str(Path("figures", "conv5-130.png"))),
        *shlex.split(options),
    ]


@pytest.mark.parametrize(
    ("stage_name", "shown", "file"),
    [
        ("conv5", None, "conv5-130.png"),
        ("conv5", PLACED, "conv5-130-6-7-rank2.png"),
        ("fc6", NOWHERE, "fc6-130-rank1.png"),
    ],
)
def test_a_figure_is_named_by_its_unit_and_one_of_the_nine_by_its_rank_too(stage_name, shown, file):
    assert Setup(out=Path("out")).figure_path(SaveChannel(stage_name, 130, shown=shown)) == Path("out", file)


def test_a_unit_without_a_place_is_its_channel():
    assert (PLACED.place, NOWHERE.place) == ((6, 7), (None, None))
    assert SaveChannel("conv5", 130, shown=PLACED).unit == Unit("conv5", 130, 6, 7)
    assert SaveChannel("fc6", 3, shown=NOWHERE).unit == Unit("fc6", 3)
    assert SaveChannel("fc6", 3).unit == Unit("fc6", 3)


def test_a_channel_that_stands_for_a_class_is_written_with_its_name():
    assert Stage("fc8", "fc", 2, (), None, ("face", "hat")).called(1) == "fc8:1 hat"
    assert Stage("fc7", "fc", 2, (), None).called(1) == "fc7:1"


def test_where_several_nets_are_in_play_names_and_commands_tell_them_apart():
    checkpoints = ("runs/a/last.safetensors", "runs/b/last.safetensors")
    one, other = Setup(limit=60, checkpoint=checkpoints[0], checkpoints=checkpoints).nets

    assert (one.name, other.name, Setup().name) == ("a/last", "b/last", "shipped")
    assert other.figure_path(SaveChannel("conv5", 130)) == Path("out", "conv5-130-b-last.png")
    placed = SaveChannel("conv5", 130, shown=PLACED)
    assert one.figure_path(placed) == Path("out", "conv5-130-6-7-rank2-a-last.png")
    out = Path("out", "conv5-130-b-last.png")
    assert other.export_command("conv5", 130) == (
        f"zfexplore export channel conv5:130 --out {out} --checkpoint {checkpoints[1]} --limit 60"
    )
    both = " ".join(f"--checkpoint {each}" for each in checkpoints)
    assert other.explore_command() == f"zfexplore tui {both} --limit 60"
    assert Setup(limit=60).nets == (Setup(limit=60),)
