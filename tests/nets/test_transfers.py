"""Copies to a device and back. On a CPU nothing is copied; ``tests/deconv/test_cuda.py`` has the rest."""

from __future__ import annotations

import torch

from zfexplore.nets.transfers import download, upload


def test_on_a_cpu_the_numbers_stay_where_they_are() -> None:
    numbers = torch.arange(6).view(2, 3).T
    assert upload(numbers, torch.device("cpu")) is numbers
    assert download(numbers) is numbers
