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


def test_the_mean_follows_the_scale_unless_it_is_given(run, tmp_path):
    torch.save(ZFNet(classes=3, fc=4).state_dict(), tmp_path / "x.pth")
    out = tmp_path / "x.safetensors"
    assert run(str(tmp_path / "x.pth"), "--out", str(out), "--scale", "255")[0] == 0
    assert load_checkpoint(out).metadata.input.mean == pytest.approx((123.675, 116.28, 103.53))


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--scale", "0", "the scale must be a positive number, not 0"),
        ("--scale", "nan", "the scale must be a positive number, not nan"),
        ("--std", "1,0,1", "the std must be three positive numbers, not 1, 0, 1"),
        ("--mean", "inf,0,0", "the mean must be three finite numbers, not inf, 0, 0"),
    ],
)
def test_numbers_that_no_input_can_have_are_usage_errors(run, tmp_path, option, value, message):
    code, err = run(str(tmp_path / "x.pth"), "--out", str(tmp_path / "y.safetensors"), option, value)
    assert code == 2
    assert message in " ".join(err.split())


@pytest.mark.parametrize("mean", ["1,2", "a,b,c", ""])
def test_a_wrong_mean_is_a_usage_error(run, tmp_path, mean):
    code, err = run(str(tmp_path / "x.pth"), "--out", str(tmp_path / "y"), "--mean", mean)
    assert code == 2
    assert err.startswith("error: --mean takes three numbers")
