"""Tensors to a GPU and back without waiting for it: through page-locked memory, by copies that run alone."""

from __future__ import annotations

import torch
from torch import Tensor


def upload(numbers: Tensor, device: torch.device) -> Tensor:
    """Copy to the device what is not there; neither the CPU nor the device waits for more than the copy."""
    if device.type != "cuda" or numbers.is_cuda:
        return numbers.to(device)
    return numbers.pin_memory().to(device, non_blocking=True)


def download(numbers: Tensor) -> Tensor:
    """Copy to the CPU; the numbers are there once the device has done all that it was given before."""
    if not numbers.is_cuda:
        return numbers
    arriving = torch.empty(numbers.shape, dtype=numbers.dtype, pin_memory=True)
    return arriving.copy_(numbers, non_blocking=True)
