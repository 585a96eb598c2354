"""The devices that there are, and the precision that a net runs in."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from zfexplore.errors import ExploreError
from zfexplore.nets.device import exact_arithmetic, find_device, move


@pytest.mark.parametrize("name", ["cuda:99", "gpu", "tpu:0", "", "mps", "meta"])
def test_devices_that_are_not_there_are_usage_errors(name: str) -> None:
    with pytest.raises(ExploreError, match=r"device '.*'.*cpu") as caught:
        find_device(name)
    assert caught.value.usage


@pytest.mark.parametrize("name", [None, 3, b"cpu", ["cpu"]])
def test_what_is_no_name_of_a_device_is_a_usage_error(name) -> None:
    with pytest.raises(ExploreError, match="no device .*: give auto, cpu, cuda or cuda:1, as text") as caught:
        find_device(name)
    assert caught.value.usage


def test_a_device_may_be_torchs_own() -> None:
    assert find_device(torch.device("cpu")) == torch.device("cpu")


@pytest.mark.parametrize(
    "error", [AssertionError("Torch not compiled with CUDA enabled"), RuntimeError("no driver\nlong story")]
)
def test_a_device_that_does_not_take_a_net_is_told_in_one_line(monkeypatch, error) -> None:
    def refuse(*_: object) -> None:
        raise error

    net = nn.Linear(2, 2)
    monkeypatch.setattr(net, "to", refuse)
    first = str(error).splitlines()[0]
    with pytest.raises(ExploreError, match=rf"^the net cannot be moved to cpu \({first}\): use cpu$"):
        move(net, "cpu")
    with pytest.raises(ExploreError, match="no device 'cuda:99'"):
        move(net, "cuda:99")


def test_auto_is_a_device_that_is_there() -> None:
    assert find_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_precision_is_full_inside_and_restored_even_after_an_error() -> None:
    def settings() -> tuple[object, ...]:
        return (
            torch.backends.cudnn.allow_tf32,
            torch.backends.cudnn.deterministic,
            torch.backends.cudnn.benchmark,
            torch.get_float32_matmul_precision(),
            torch.is_grad_enabled(),
        )

    before = settings()

    def fail_inside() -> None:
        with torch.autocast("cpu", torch.bfloat16), exact_arithmetic(torch.device("cpu")):
            assert (torch.eye(3) @ torch.eye(3)).dtype == torch.float32
            assert torch.backends.cudnn.deterministic
            assert not torch.is_grad_enabled()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_inside()
    assert settings() == before
