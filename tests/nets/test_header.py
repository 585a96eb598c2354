"""What a checkpoint's head tells of its layers."""

from __future__ import annotations

import pytest

from tests.support import write_zfnet
from zfexplore.nets.header import channels_of


def test_the_layers_of_a_zfnet_and_their_channels_are_read_off_its_file(tmp_path):
    known = channels_of(str(write_zfnet(tmp_path / "net.safetensors", fc=16)))

    assert known == {
        "conv1": 96, "conv2": 256, "conv3": 384, "conv4": 384, "conv5": 256, "fc6": 16, "fc7": 16, "fc8": 3,
    }  # fmt: skip


@pytest.mark.parametrize("data", [b"", b"\xff" * 8, b"\x02" + bytes(7) + b"[]", b"no checkpoint at all"])
def test_of_what_is_no_checkpoint_nothing_is_known(tmp_path, data):
    (tmp_path / "net.safetensors").write_bytes(data)

    assert channels_of(str(tmp_path / "net.safetensors")) == {}
    assert channels_of(str(tmp_path / "nothing.safetensors")) == {}
