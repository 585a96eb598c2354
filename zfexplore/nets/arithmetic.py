"""Exact arithmetic: float32 that is float32, on every device, without touching the caller's settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, cast

import torch


@contextmanager
def exact_arithmetic(device: torch.device) -> Iterator[None]:
    """Compute in the tensors' own precision and in one order, without gradients; all restored after.

    No autocast, no TF32 or bfloat16 inside float32 products, cuDNN's deterministic algorithms.
    """
    with ExitStack() as stack:
        for owner, name, value in _exact_settings():
            stack.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, value)
        stack.enter_context(torch.autocast(device.type, enabled=False))
        # Not inference mode: its tensors could not be changed in place or trained on afterwards.
        stack.enter_context(torch.no_grad())
        yield


def _exact_settings() -> list[tuple[Any, str, Any]]:
    backends = cast(Any, torch.backends)
    settings: list[tuple[Any, str, Any]] = [
        (backends.cudnn, "deterministic", True),
        (backends.cudnn, "benchmark", False),
    ]
    if hasattr(backends.cudnn, "conv"):  # torch 2.9 and later name the precision by operation
        owners = (backends.cudnn.conv, backends.cuda.matmul, backends.mkldnn.conv, backends.mkldnn.matmul)
        return settings + [(owner, "fp32_precision", "ieee") for owner in owners]
    return [*settings, (backends.cudnn, "allow_tf32", False), (backends.cuda.matmul, "allow_tf32", False)]
