"""Which device a net runs on, and in which precision.

Exact arithmetic means float32 that is float32, on every device, with the caller's settings restored.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, cast

import torch
from torch import nn

from zfexplore.arguments import shown
from zfexplore.errors import ExploreError


def find_device(name: str | torch.device) -> torch.device:
    """Turn auto, cpu, cuda or cuda:1 into a device; raises ExploreError (usage) for one that is not there."""
    if not isinstance(name, str | torch.device):
        raise ExploreError(
            f"there is no device {shown(name)}: give auto, cpu, cuda or cuda:1, as text", usage=True
        )
    name = str(name)
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ExploreError(
            f"there is no device {name!r}: give auto, cpu, cuda or cuda:1", usage=True
        ) from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ExploreError(
            f"there is no device {name!r} here ({torch.cuda.device_count()} CUDA devices found): use cpu",
            usage=True,
        )
    if device.type not in ("cpu", "cuda"):
        raise ExploreError(f"device {name!r} is not supported: give auto, cpu, cuda or cuda:1", usage=True)
    return device


def move(module: nn.Module, device: str | torch.device) -> None:
    """Move a module to a device; raises ExploreError for one that is not there or does not take it."""
    found = find_device(device)
    try:
        module.to(found)
    except (RuntimeError, AssertionError) as error:  # no driver, an old one, or too little memory
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ExploreError(f"the net cannot be moved to {found} ({reason}): use cpu") from error


@contextmanager
def exact_arithmetic(device: torch.device) -> Iterator[None]:
    """Compute in the tensors' own precision, in one order, without gradients; restore all settings after.

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


@contextmanager
def told_if_full(what: str, remedy: str) -> Iterator[None]:
    """Turn torch's error for a full GPU into an ExploreError that names the work and the ``remedy``."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise ExploreError(f"the GPU's memory does not suffice for {what}: {remedy}") from error


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
