"""What the training runs on: the device, its precision, and how many processes decode.

On CUDA and on CPUs that multiply bfloat16 natively, the net runs in bf16 autocast. On 2 cores with
avx512_bf16, ZFNet trained 131 images/s that way and 76 in float32 (128 px, batch 32). The layout is
channels_last on both: it gave 76 images/s against 59 in float32.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass

import torch

from zfexplore.errors import ExploreError
from zfexplore.images.workers import usual_workers
from zfexplore.nets.device import find_device
from zfexplore.nets.fused import unusable
from zfexplore.nets.ranks import ALONE, Ranks, device_of


@dataclass(frozen=True)
class Machine:
    """The device, whether to use bf16 autocast, whether to compile, and the number of decoding processes.

    ``ranks`` tells which of several processes this is that train together. ``unfused`` is why a GPU's own
    kernels (``nets/fused.py``) are not used, None where they are.
    """

    device: torch.device
    amp: bool
    compiled: bool
    workers: int
    ranks: Ranks = ALONE
    unfused: str | None = "not asked for"

    @property
    def kernels(self) -> bool:
        """Whether the GPU's own kernels are used."""
        return self.unfused is None

    @property
    def cuda(self) -> bool:
        """Whether the device is a GPU."""
        return self.device.type == "cuda"

    def autocast(self) -> AbstractContextManager[None]:
        """Give the context in which the net runs."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.amp)


def choose_machine(
    device: str = "auto",
    *,
    amp: bool | None = None,
    compiled: bool = False,
    workers: int | None = None,
    ranks: Ranks = ALONE,
) -> Machine:
    """Choose what is not given: a GPU if there is one, bf16 if it is native, one worker per core.

    Ranks on one machine take a GPU each, and share the cores. Raises ExploreError (usage) for a device that
    does not exist.
    """
    chosen = find_device(device_of(ranks, device))
    if workers is not None and workers < 0:
        raise ExploreError(f"workers must be at least 0, not {workers}", usage=True)
    return Machine(
        device=chosen,
        amp=_native_bfloat16(chosen) if amp is None else amp,
        compiled=compiled,
        workers=usual_workers(ranks.local_size) if workers is None else workers,
        ranks=ranks,
        unfused=unusable(chosen),
    )


def keep_freed_memory() -> bool:
    """Let the process reuse the memory that it frees; give whether the system supports this.

    glibc returns blocks above 32 MB to the system at once. The maps of a batch are larger, so every step
    took them anew, page by page: ZFNet in float32 (224 px, batch 32, 2 cores) trained 16.6 images/s that
    way and 23.1 with the memory kept. The process never takes more memory than it needed before.
    """
    if not sys.platform.startswith("linux"):
        return False
    with suppress(OSError, AttributeError):  # other C libraries have no such call, and do not need it
        mallopt = ctypes.CDLL(None).mallopt
        return bool(mallopt(_TRIM_THRESHOLD, _ALL)) and bool(mallopt(_MMAP_THRESHOLD, _ALL))
    return False


_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_ALL = 2**30


def _native_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, check)()) for check in checks if hasattr(torch.cpu, check))
