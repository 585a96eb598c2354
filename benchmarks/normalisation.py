"""The contrast normalisation against torch's own, on the maps that ZFNet normalises."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from benchmarks.host import Host, waiting
from benchmarks.material import Options
from benchmarks.measure import Work, alternate
from benchmarks.report import Remark, Row
from zfexplore.nets.zfnet import NORM_CONSTANTS, ContrastNorm

MAPS = {"norm1": (96, 55, 55), "norm2": (256, 13, 13)}
BATCH = {"cpu": 8, "cuda": 128}


def rows(options: Options, host: Host) -> Iterator[Row | Remark]:
    """Compare them forwards, and forwards and backwards, on channels-last maps as in our loops."""
    k, alpha, beta = NORM_CONSTANTS["krizhevsky"]
    ours = ContrastNorm(5, alpha, beta, k).to(options.device)
    theirs = nn.LocalResponseNorm(5, alpha, beta, k).to(options.device)
    count = BATCH[options.device.type]
    for name, shape in MAPS.items():
        plain = torch.randn(count, *shape, device=options.device).relu_()
        last = plain.contiguous(memory_format=torch.channels_last)
        for backward in (False, True):
            timing, reference = alternate(
                _work(ours, last, backward=backward),
                _work(theirs, plain, backward=backward),
                runs=options.runs,
                wait=waiting(options.device),
            )
            moved = plain.numel() * 4 * (4 if backward else 2)  # read x, write y; read dy, write dx
            size = " x ".join(map(str, (count, *shape)))
            what = f"{name}, {size}, {'and back' if backward else 'forwards'}"
            yield Row(what, timing, "nn.LocalResponseNorm", reference, floor=host.floor(moved=moved))
        difference = (ours(plain) - theirs(plain)).abs().max() / theirs(plain).abs().max()
        yield Remark(f"{name}: largest relative difference {difference.item():.1e}")


def _work(norm: nn.Module, maps: Tensor, *, backward: bool) -> Work:
    if not backward:

        def forwards() -> None:
            with torch.inference_mode():
                norm(maps)

        return forwards

    def and_back() -> None:
        x = maps.detach().requires_grad_()
        norm(x).backward(maps)

    return and_back
