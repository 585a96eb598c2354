from __future__ import annotations

from zfexplore.errors import LONGEST, ExploreError


def test_a_wrong_option_exits_with_2_and_a_failure_with_1():
    assert ExploreError("there is no layer 'conv9'", usage=True).exit_code == 2
    assert ExploreError("net.safetensors is not there").exit_code == 1


def test_the_message_is_what_it_prints():
    assert str(ExploreError("net.safetensors is not there")) == "net.safetensors is not there"


def test_of_a_message_that_would_fill_the_screen_the_middle_is_left_out():
    told = str(ExploreError("net has " + "\x00" * 5000 + ": convert it"))

    assert len(told) == LONGEST
    assert told.startswith("net has \\x00")
    assert told.endswith(": convert it")
