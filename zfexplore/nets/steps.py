"""The layers of a plain stack, read from a module in order: kind, geometry, and how to run each one.

A step is one layer with its geometry along rows and columns. Layers that do nothing when a net is
explored (dropout, identity) are left out. The flattening that torchvision's nets do in their forward is
put in. The layers may be convolutions, ReLUs, max-pools and LRN and, behind them, pooling to a fixed
size and fully connected layers. Anything else is refused with the module's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zfexplore.nets.layers import layers_in_order, refusal
from zfexplore.nets.zfnet import ContrastNorm

Kind = Literal["conv", "relu", "pool", "lrn", "avgpool", "flatten", "linear"]
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class AxisStep:
    """A step's geometry along one axis."""

    kernel: int = 1
    stride: int = 1
    padding: int = 0
    ceil_mode: bool = False

    def output_length(self, length: int) -> int:
        """Count the places that the step has over an input of ``length`` (torch's rules)."""
        span = length + 2 * self.padding - self.kernel
        if not self.ceil_mode:
            return span // self.stride + 1
        places = -(-span // self.stride) + 1
        # A last window that would start in the padding on the right is left out.
        return places - 1 if (places - 1) * self.stride >= length + self.padding else places

    def inputs_of(self, places: Iterable[int], length: int) -> frozenset[int]:
        """Give the places of an input of ``length`` that the output ``places`` read."""
        starts = (place * self.stride - self.padding for place in places)
        return frozenset(
            index for start in starts for index in range(max(start, 0), min(start + self.kernel, length))
        )


@dataclass(frozen=True)
class Step:
    """One layer of the stack: its kind, its module and its geometry, (rows, columns)."""

    kind: Kind
    name: str
    module: nn.Module
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    ceil_mode: bool = False

    def axis(self, axis: int) -> AxisStep:
        """Give the geometry along rows (0) or columns (1)."""
        return AxisStep(self.kernel[axis], self.stride[axis], self.padding[axis], self.ceil_mode)


def still_holds(step: Step) -> bool:
    """Whether the layer of ``step`` still has the geometry that was read from it."""
    module: Any = step.module
    sized = step.kind != "conv" or tuple(module.weight.shape[2:]) == step.kernel
    return sized and (step.kind not in ("conv", "pool") or _step(step.name, module) == step)


def run_step(step: Step, x: Tensor) -> Tensor:
    """Apply one step to ``x [n, c, h, w]`` (or ``[n, c]`` behind the flattening); never in place."""
    module: Any = step.module
    if step.kind == "conv":
        return F.conv2d(x, module.weight, module.bias, step.stride, step.padding, 1, module.groups)
    if step.kind == "relu":
        return F.relu(x)
    if step.kind == "pool":
        return F.max_pool2d(x, step.kernel, step.stride, step.padding, ceil_mode=step.ceil_mode)
    if step.kind == "flatten":
        return torch.flatten(x, 1)
    return module(x)


def read_steps(module: nn.Module) -> tuple[Step, ...]:
    """Read the layers in the order in which the module's forward runs them.

    Raises ExploreError naming the first layer that a trunk cannot have.
    """
    return tuple(_with_flatten(list(_steps(module))))


def _steps(module: nn.Module) -> Iterator[Step]:
    for name, layer in layers_in_order(module):
        if isinstance(layer, nn.Identity | nn.Dropout | nn.Dropout2d):
            continue
        yield _step(name, layer)


def _step(name: str, layer: nn.Module) -> Step:
    if isinstance(layer, nn.Conv2d) and not isinstance(layer, nn.LazyConv2d):
        return _convolution(name, layer)
    if isinstance(layer, nn.ReLU):
        return Step("relu", name, layer)
    if isinstance(layer, nn.MaxPool2d):
        if _pair(layer.dilation) != (1, 1):
            raise refusal(name, layer, "a pooling with dilation")
        kernel, stride, padding = _pair(layer.kernel_size), _pair(layer.stride), _pair(layer.padding)
        return Step("pool", name, layer, kernel, stride, padding, layer.ceil_mode)
    if isinstance(layer, nn.LocalResponseNorm | ContrastNorm):
        return Step("lrn", name, layer)
    if isinstance(layer, nn.AdaptiveAvgPool2d):
        return Step("avgpool", name, layer)
    if isinstance(layer, nn.Flatten):
        return Step("flatten", name, layer)
    if isinstance(layer, nn.Linear):
        return Step("linear", name, layer)
    raise refusal(name, layer, f"{_article(type(layer).__name__)} layer")


def _convolution(name: str, layer: nn.Conv2d) -> Step:
    if _pair(layer.dilation) != (1, 1):
        raise refusal(name, layer, "a convolution with dilation")
    if layer.padding_mode != "zeros":
        raise refusal(name, layer, f"a convolution with {layer.padding_mode!r} padding")
    kernel = _pair(layer.kernel_size)
    if layer.padding == "same":
        if kernel[0] % 2 == 0 or kernel[1] % 2 == 0:
            raise refusal(name, layer, "an even kernel with 'same' padding, which is lopsided")
        padding = (kernel[0] // 2, kernel[1] // 2)
    else:
        padding = (0, 0) if layer.padding == "valid" else _pair(layer.padding)
    return Step("conv", name, layer, kernel, _pair(layer.stride), padding)


def _with_flatten(steps: list[Step]) -> list[Step]:
    """Put in the flattening that torchvision's nets do in their forward; check the order of the parts."""
    first_head = next(
        (i for i, step in enumerate(steps) if step.kind in ("avgpool", "flatten", "linear")), None
    )
    if first_head is None:
        return steps
    for step in steps[first_head:]:
        if step.kind in ("conv", "pool", "lrn"):
            raise refusal(step.name, step.module, "a layer behind the end of the convolutional part")
    flat = next((i for i, step in enumerate(steps) if step.kind == "flatten"), None)
    linear = next((i for i, step in enumerate(steps) if step.kind == "linear"), None)
    if linear is not None and (flat is None or flat > linear):
        steps.insert(linear, Step("flatten", "flatten", nn.Flatten()))
    return steps


def _pair(value: Any) -> Pair:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _article(word: str) -> str:
    return f"an {word}" if word[0] in "AEIOU" else f"a {word}"
