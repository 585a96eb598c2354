from __future__ import annotations

import sys

import pytest
import torch

from zfexplore.cli import main as command_line
from zfexplore.nets.checkpoint import load_checkpoint
from zfexplore.nets.zfnet import ZFNet


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["zfexplore", "convert", *arguments])
        with pytest.raises(SystemExit) as stop:
            command_line.main()
        return int(stop.value.code or 0), capsys.readouterr().err

    return call


def test_a_state_dict_becomes_a_checkpoint_and_says_what_it_is(run, tmp_path):
    torch.save(ZFNet(classes=3, fc=4).state_dict(), tmp_path / "x.pth")
    out = tmp_path / "x.safetensors"
    code, err = run(str(tmp_path / "x.pth"), "--out", str(out), "--scale", "255", "--mean", "1,2,3")
    assert code == 0
    assert "ZFNet(classes=3, fc=4, norm=replication, dropout=0.5)" in err.replace("\n", "")
    assert load_checkpoint(out).metadata.input.mean == (1.0, 2.0, 3.0)


@pytest.mark.parametrize("mean", ["1,2", "a,b,c", ""])
def test_a_wrong_mean_is_a_usage_error(run, tmp_path, mean):
    code, err = run(str(tmp_path / "x.pth"), "--out", str(tmp_path / "y"), "--mean", mean)
    assert code == 2
    assert err.startswith("error: --mean takes three numbers")
