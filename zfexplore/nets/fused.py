"""ZFNet's way up and down for training on a GPU: the same net, in fewer passes over memory.

A convolution, its ReLU, the pooling and the contrast normalisation after it become one convolution and two
kernels (``nets/kernels.py``). The bias is added to the pooled map, which has a quarter of the places. The
result is that of the net's own layers to rounding: with equal maxima in a window the first gets the
gradient, as in torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zfexplore.nets.zfnet import ContrastNorm, ZFNet

INPUT_CHANNELS = 4  # the fourth is empty: convolutions of three are slower
Window = tuple[int, int, int]  # kernel, stride, padding
Constants = tuple[int, float, float, float]  # as ``contrast_norm`` takes them


def unusable(device: torch.device) -> str | None:
    """Give why the kernels cannot be used on a device, or None. They are compiled at their first use."""
    if device.type != "cuda":
        return f"they are for GPUs, not for {device.type}"
    try:
        from zfexplore.nets import kernels

        kernels.pool(torch.zeros(1, 2, 4, 4, device=device), None, (2, 2, 0))
    except Exception as error:  # no Triton, no C compiler, a GPU too old: each has an error of its own
        return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    return None


@dataclass(frozen=True)
class Pooled:
    """A convolution with the ReLU, the pooling and the normalisation (if any) that follow it."""

    conv: nn.Conv2d
    window: Window
    norm: Constants | None


class Fused(nn.Module):
    """The forward pass of a ``ZFNet`` on a GPU, on channels_last maps; it has the net's parameters."""

    def __init__(self, net: ZFNet) -> None:
        super().__init__()
        self.net = net
        self._parts = parts(list(net))

    def forward(self, x: Tensor) -> Tensor:
        """Give the logits ``[n, classes]`` of ``x [n, 3, h, w]``; more channels than the net's must be 0."""
        for part in self._parts:
            x = pooled(_convolve(part.conv, x), part) if isinstance(part, Pooled) else _run(part, x)
        return x


def parts(layers: Sequence[nn.Module]) -> list[nn.Module | Pooled]:
    """Take together what can be computed together, and leave the other layers as they are."""
    found: list[nn.Module | Pooled] = []
    rest = list(layers)
    while rest:
        match rest[:4]:
            case [nn.Conv2d() as conv, nn.ReLU(), nn.MaxPool2d() as pool, *after] if _simple(pool):
                norm = after[0] if after and isinstance(after[0], ContrastNorm) else None
                constants = (norm.size, norm.alpha, norm.beta, norm.k) if norm else None
                window: Any = (pool.kernel_size, pool.stride, pool.padding)
                found.append(Pooled(conv, window, constants))
                rest = rest[4 if norm else 3 :]
            case _:
                found.append(rest.pop(0))
    return found


def pooled(x: Tensor, part: Pooled) -> Tensor:
    """Give what follows the convolution, whose bias ``x [n, c, h, w]`` is still without."""
    found: Tensor = _Pooled.apply(x, part.conv.bias, part.window, part.norm)
    return found


def _simple(pool: nn.MaxPool2d) -> bool:
    numbers = (pool.kernel_size, pool.stride, pool.padding)
    whole = all(isinstance(number, int) for number in numbers)
    return whole and pool.dilation == 1 and not pool.ceil_mode and not pool.return_indices


def _run(layer: nn.Module, x: Tensor) -> Tensor:
    found: Tensor = _convolve(layer, x, layer.bias) if isinstance(layer, nn.Conv2d) else layer(x)
    return found


def _convolve(conv: nn.Conv2d, x: Tensor, bias: Tensor | None = None) -> Tensor:
    """Convolve; where ``x`` has empty channels beyond the filters', the filters get them too."""
    weight, more = conv.weight, x.shape[1] - conv.in_channels
    stride: Any = conv.stride
    padding: Any = conv.padding
    if more:
        if x.dtype == torch.bfloat16:
            weight = weight.to(torch.bfloat16)
        weight = F.pad(weight, (0, 0, 0, 0, 0, more)).contiguous(memory_format=torch.channels_last)
        if x.dtype == torch.bfloat16 and bias is None and not x.requires_grad:
            found: Tensor = _First.apply(x, weight, stride[0], padding[0])
            return found
    return F.conv2d(x, weight, bias, stride, padding)


class _First(torch.autograd.Function):
    """The convolution of the input, to which no gradient goes back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        from zfexplore.nets import kernels

        ctx.save_for_backward(x)
        ctx.given = (weight.shape[-1], stride, padding)
        return kernels.convolve_first(x, weight, stride, padding)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        from zfexplore.nets import kernels

        (x,) = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        back = kernels.convolve_first_back(gradient, x, *ctx.given)
        return None, back.to(x.dtype), None, None


class _Pooled(torch.autograd.Function):
    """Bias, ReLU, pooling and normalisation; it keeps the pooled map and a byte for each of its places."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, bias: Tensor | None, window: Window, norm: Constants | None) -> Tensor:
        from zfexplore.nets import kernels

        x = x.contiguous(memory_format=torch.channels_last)
        rectified, place = kernels.pool(x, bias, window)
        ctx.save_for_backward(rectified, place)
        ctx.given = (tuple(x.shape[2:]), window, norm, None if bias is None else bias.dtype)
        return rectified if norm is None else kernels.normalise(rectified, *norm)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        from zfexplore.nets import kernels

        rectified, place = ctx.saved_tensors
        size, window, norm, dtype = ctx.given
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        if norm is not None:
            gradient = kernels.normalise_back(gradient, rectified, *norm)
        elif dtype is not None:
            gradient = gradient * (rectified > 0)  # only what the ReLU lets through reaches the bias
        of_bias = None if dtype is None else gradient.sum((0, 2, 3), dtype=torch.float32).to(dtype)
        return kernels.unpool(gradient, place, size, window), of_bias, None, None
