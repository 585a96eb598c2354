"""The machine that measures: what it is, and how fast it multiplies and copies.

The rates turn a count of operations and bytes into a floor: the time that any program needs on this
machine for the multiplications and memory traffic alone.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch

from benchmarks.measure import alternate

MATRIX = {"cpu": 2048, "cuda": 8192}  # rows and columns
COPIED = {"cpu": 2**28, "cuda": 2**31}  # bytes


@dataclass(frozen=True)
class Host:
    """A machine and the device measured on it.

    ``matmul`` and ``matmul_bfloat16`` are floating-point operations per second (a multiplication and an
    addition count as two). ``copy`` is bytes per second, counting both those read and those written.
    """

    processor: str
    system: str
    cores: int
    threads: int
    python: str
    torch: str
    device: str
    matmul: float
    matmul_bfloat16: float
    copy: float

    def floor(self, multiplications: float = 0, moved: float = 0, *, bfloat16: bool = False) -> float:
        """Give the least seconds for this many multiply-adds and bytes read or written."""
        rate = self.matmul_bfloat16 if bfloat16 else self.matmul
        return max(2 * multiplications / rate, moved / self.copy)

    def lines(self) -> list[str]:
        """Give a description of the machine for the top of the table."""
        return [
            f"{self.processor}, {self.cores} cores, {self.system}, Python {self.python}",
            f"torch {self.torch}, {self.threads} threads, measured on {self.device}",
            f"matmul {self.matmul / 1e9:.0f} GFLOP/s in float32, {self.matmul_bfloat16 / 1e9:.0f} in "
            f"bfloat16; copy {self.copy / 1e9:.1f} GB/s",
        ]

    def to_json(self) -> dict[str, Any]:
        """Give everything as plain values."""
        return asdict(self)


def measure_host(device: torch.device, *, quick: bool) -> Host:
    """Describe this machine and measure its rates on ``device``."""
    side, size = MATRIX[device.type], COPIED[device.type]
    if quick:
        side, size = side // 4, size // 8
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "the CPU"
    return Host(
        processor=_processor(),
        system=f"{platform.system()} {platform.machine()}",
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        python=platform.python_version(),
        torch=torch.__version__,
        device=name,
        matmul=_matmul_rate(device, side, torch.float32),
        matmul_bfloat16=_matmul_rate(device, side, torch.bfloat16),
        copy=_copy_rate(device, size),
    )


def waiting(device: torch.device) -> Callable[[], object]:
    """Give a function that waits until the device has done its work; on a CPU it does nothing."""
    return torch.cuda.synchronize if device.type == "cuda" else lambda: None


def _matmul_rate(device: torch.device, side: int, dtype: torch.dtype) -> float:
    left, right = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    product = torch.empty(side, side, dtype=dtype, device=device)

    def multiply() -> None:
        torch.mm(left, right, out=product)

    (timing,) = alternate(multiply, wait=waiting(device))
    return 2 * side**3 / min(timing.seconds)


def _copy_rate(device: torch.device, size: int) -> float:
    source = torch.ones(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)

    def copy() -> None:
        target.copy_(source)

    (timing,) = alternate(copy, wait=waiting(device))
    return 2 * size / min(timing.seconds)


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
