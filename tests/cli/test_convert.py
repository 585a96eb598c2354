from __future__ import annotations

import sys

import pytest
import torch

from zfexplore.cli import main as command_line
from zfexplore.errors import ExploreError
from zfexplore.nets.checkpoint import load_checkpoint
from zfexplore.nets.zfnet import ZFNet
from zfexplore.nets.zoo import make_net


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
    torch.save(ZFNet(classes=3, fc=4).state_dict(), tmp_path / "x.pth")
    code, err = run(str(tmp_path / "x.pth"), "--out", str(tmp_path / "y.safetensors"), "--mean", mean)
    assert code == 2
    assert err.startswith("error: --mean takes three numbers")


def test_what_was_left_out_is_said_before_what_was_written(run, tmp_path):
    torch.manual_seed(0)
    state = make_net("squeezenet1_1", {"num_classes": 2}).state_dict()
    torch.save(state | {"total_ops": torch.zeros(1)}, tmp_path / "x.pth")
    code, err = run(str(tmp_path / "x.pth"), "--out", str(tmp_path / "x.safetensors"))
    assert code == 0
    left, wrote = err.replace("\n", " ").split("wrote ")
    assert left.strip() == "left out: total_ops: counts of a profiler"
    assert "squeezenet1_1(num_classes=2)" in wrote


CODE = """
from torch import nn

def make():
    return nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU())

def broken():
    1 / 0
"""


def test_code_in_the_current_folder_is_found_as_python_m_finds_it(run, tmp_path, monkeypatch):
    (tmp_path / "my_convert_net.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    torch.save({"0.weight": torch.zeros(2, 3, 3, 3), "0.bias": torch.zeros(2)}, "x.pth")
    code, err = run("x.pth", "--out", "x.safetensors", "--net", "my_convert_net:make")
    assert code == 0
    assert "wrote x.safetensors: my_convert_net:make()" in " ".join(err.split())
    assert "is fed 3 x 224 x 224" in " ".join(err.split())


def test_an_error_in_the_users_code_is_one_line_and_debug_shows_where(run, tmp_path, monkeypatch):
    (tmp_path / "my_broken_net.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    torch.save({"a": torch.zeros(2)}, "x.pth")
    words = ("x.pth", "--out", "x.safetensors", "--net", "my_broken_net:broken")
    code, err = run(*words)
    assert code == 1
    told = "error: my_broken_net:broken fails with ZeroDivisionError: division by zero (--debug shows where)"
    assert " ".join(err.split()) == told
    monkeypatch.setattr(sys, "argv", ["zfexplore", "--debug", "convert", *words])
    with pytest.raises(ExploreError) as caught:
        command_line.main()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
