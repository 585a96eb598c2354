from __future__ import annotations

import pytest
import torch

from zfexplore.nets.arithmetic import exact_arithmetic


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
