"""The devices that there are, and the precision that a net runs in."""

from __future__ import annotations

import pytest
import torch

from zfexplore.errors import ExploreError
from zfexplore.nets.device import exact_arithmetic, find_device


@pytest.mark.parametrize("name", ["cuda:99", "gpu", "tpu:0", "", "mps", "meta"])
def test_devices_that_are_not_there_are_usage_errors(name: str) -> None:
    with pytest.raises(ExploreError, match=r"device '.*'.*cpu") as caught:
        find_device(name)
    assert caught.value.usage


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
