from __future__ import annotations

import os
import subprocess

import pytest

from zfexplore.settings import Command, Settings, other_than


def test_a_command_leaves_out_what_is_not_given():
    options = {"--layer": "conv5", "--tile": None, "--npz": True, "--dense": False, "--seed": 0}
    command = Command(("export", "grid"), options)
    assert str(command) == "zfexplore export grid --layer conv5 --npz --seed 0"


def test_words_are_quoted_for_the_shell():
    command = Command(("export", "channel", "conv5:130"), {"--title": "what it sees", "--images": "my album"})
    assert str(command) == "zfexplore export channel conv5:130 --title 'what it sees' --images 'my album'"


def test_a_path_of_any_bytes_can_be_typed_in_a_shell():
    path = os.fsdecode(b"it's caf\xe9\\.png")
    command = Command(("images", path))
    assert str(command) == r"zfexplore images $'it\'s caf\xe9\\.png'"
    told = subprocess.run(["bash", "-c", f"printf %s {command}"], capture_output=True, check=True).stdout
    assert told.endswith(os.fsencode(path))


def test_an_option_changed_keeps_its_place():
    command = Command(("export", "grid"), {"--layer": "conv5", "--out": None, "--seed": 3})
    assert (
        str(command.with_options(out="x.png")) == "zfexplore export grid --layer conv5 --out x.png --seed 3"
    )
    assert str(command) == "zfexplore export grid --layer conv5 --seed 3"


def test_settings_tell_only_what_is_not_the_default():
    assert Settings().options() == {}
    settings = Settings("album/", "net.safetensors", 9, "whole", "cpu", True, "labels.csv")
    assert settings.options() == {
        "--images": "album/", "--checkpoint": "net.safetensors", "--limit": 9, "--fit": "whole",
        "--device": "cpu", "--download": True, "--labels": "labels.csv",
    }  # fmt: skip


@pytest.mark.parametrize(("value", "told"), [(9, None), (10, 10)])
def test_a_default_is_left_out(value, told):
    assert other_than(value, 9) == told
