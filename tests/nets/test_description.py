from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from zfexplore.errors import ExploreError
from zfexplore.nets.checkpoint import Metadata, save_checkpoint
from zfexplore.nets.description import describe_file
from zfexplore.nets.zfnet import ZFNet


def test_tensors_without_metadata_are_a_state_dict_and_fit_a_net(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_file(ZFNet(classes=3, fc=4).state_dict() | {"total_ops": torch.zeros(1)}, "x.safetensors")
    described = describe_file(tmp_path / "x.safetensors")
    assert described.kind == "a safetensors file: a state dict"
    assert (described.net, described.arguments["classes"]) == ("zfnet", 3)
    assert described.notes == ("left out: total_ops: counts of a profiler",)
    assert described.go_on.endswith("--out x-zfexplore.safetensors")


def test_a_checkpoint_is_called_one(tmp_path):
    net = ZFNet(classes=3, fc=4)
    save_checkpoint(tmp_path / "x.safetensors", net, Metadata("zfnet", net.arguments))
    described = describe_file(tmp_path / "x.safetensors")
    assert (described.kind, described.tensors) == ("a zfexplore checkpoint", 16)
    assert described.go_on == f"zfexplore tui --checkpoint {tmp_path}/x.safetensors"


def test_the_command_writes_over_no_file_that_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(ZFNet(classes=3, fc=4).state_dict(), "x.pth")
    (tmp_path / "x.safetensors").touch()
    assert describe_file(tmp_path / "x.pth").go_on.endswith("--out x-zfexplore.safetensors")


def test_a_folder_is_no_file_of_weights(tmp_path):
    with pytest.raises(ExploreError, match="is a folder; name a file"):
        describe_file(tmp_path)
