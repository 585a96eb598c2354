"""Convolution and its transpose on windows, with the weights laid out for them.

A layout is kept with a copy of the weights that it was made from. Each projection compares the two once
(``lay_out``), because weights can change without a trace: through ``.data`` or a numpy view of them.

Windows come padded, so nothing here pads. Maps are kept channels-last: on a CPU the poolings then run
twenty times faster, and small convolutions need not copy their weights at every call. Where a layer
reads few channels (the pixels), its transpose is computed as an ordinary convolution, with one small
kernel for each remainder of the stride. This is three times faster than torch's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zfexplore.deconv.windows.geometry import highest_convolution, needs_all_channels
from zfexplore.nets.steps import Step

FEW_CHANNELS = 4  # a layer that reads no more has its transpose computed as a convolution

_kernels_by_layer: WeakKeyDictionary[nn.Module, Kernels] = WeakKeyDictionary()


@dataclass(frozen=True)
class Kernels:
    """A layer's weights as its windows need them.

    ``weight [o, c / groups, h, w]`` is channels-last. ``remainders`` serve the transpose of a layer that
    reads few channels, else None. ``made_from`` is a copy of the weights that both were made from.
    """

    weight: Tensor
    remainders: Tensor | None
    made_from: Tensor

    def fit(self, weight: Tensor) -> bool:
        """Whether these are the kernels of ``weight`` as it is now."""
        made_from = self.made_from
        alike = (weight.dtype, weight.device) == (made_from.dtype, made_from.device)
        return alike and torch.equal(weight, made_from)


LaidOut = Mapping[nn.Module, Kernels]  # by layer


def lay_out(steps: Sequence[Step]) -> LaidOut:
    """Give the kernels of those convolutions among ``steps`` that filter to all of their channels.

    They are those of the weights as they are now. The result is for one projection: it does not follow
    later changes.
    """
    one_channel = None if needs_all_channels(steps) else highest_convolution(steps)
    return {
        step.module: kernels_of(step)
        for index, step in enumerate(steps)
        if step.kind == "conv" and index != one_channel
    }


def kernels_of(step: Step) -> Kernels:
    """Give a layer's kernels: those kept, unless its weights have changed since."""
    module: Any = step.module
    weight = module.weight.detach()
    kernels = _kernels_by_layer.get(module)
    if kernels is None or not kernels.fit(weight):
        few = module.groups == 1 and module.in_channels <= FEW_CHANNELS and weight.device.type == "cpu"
        made_from = weight.clone(memory_format=torch.contiguous_format)
        kernels = Kernels(
            made_from.contiguous(memory_format=torch.channels_last),
            _split_by_remainder(step, made_from) if few else None,
            made_from,
        )
        _kernels_by_layer[module] = kernels
    return kernels


def convolve(step: Step, kernels: Kernels, x: Tensor) -> Tensor:
    """Filter padded windows ``x [m, c, h, w]``, with bias."""
    module: Any = step.module
    return F.conv2d(x, kernels.weight, module.bias, step.stride, groups=module.groups)


def convolve_transposed(step: Step, kernels: Kernels, signal: Tensor) -> Tensor:
    """Filter ``signal [m, o, h, w]`` with flipped kernels, without bias, up to the padded windows' size."""
    module: Any = step.module
    if kernels.remainders is None:
        return F.conv_transpose2d(signal, kernels.weight, None, step.stride, groups=module.groups)
    (rows, columns), (down, right) = step.kernel, step.stride
    reach_y, reach_x = -(-rows // down), -(-columns // right)
    maps = F.conv2d(signal, kernels.remainders, padding=(reach_y - 1, reach_x - 1))
    m, _, height, width = maps.shape
    maps = maps.view(m, -1, down, right, height, width).permute(0, 1, 4, 2, 5, 3)
    pixels = maps.reshape(m, -1, height * down, width * right)
    return pixels[:, :, : (signal.shape[2] - 1) * down + rows, : (signal.shape[3] - 1) * right + columns]


def convolve_together(step: Step, kernels: Kernels, maps: Sequence[Tensor]) -> list[Tensor]:
    """Filter padded windows of several sizes, each ``[m, c, h, w]``, in one call."""
    if len(maps) == 1:
        return [convolve(step, kernels, maps[0])]
    filtered = convolve(step, kernels, _stack_zero_filled(maps)).split([len(x) for x in maps])
    (rows, columns), (down, right) = step.kernel, step.stride
    sizes = [((x.shape[2] - rows) // down + 1, (x.shape[3] - columns) // right + 1) for x in maps]
    return [_top_left(x, size) for x, size in zip(filtered, sizes, strict=True)]


def convolve_together_transposed(step: Step, kernels: Kernels, signals: Sequence[Tensor]) -> list[Tensor]:
    """Bring signals of several sizes, each ``[m, o, h, w]``, to their padded windows in one call."""
    if len(signals) == 1:
        return [convolve_transposed(step, kernels, signals[0])]
    filtered = convolve_transposed(step, kernels, _stack_zero_filled(signals)).split(
        [len(x) for x in signals]
    )
    (rows, columns), (down, right) = step.kernel, step.stride
    sizes = [((x.shape[2] - 1) * down + rows, (x.shape[3] - 1) * right + columns) for x in signals]
    return [_top_left(x, size) for x, size in zip(filtered, sizes, strict=True)]


def convolve_one_channel(step: Step, x: Tensor, channel: Tensor) -> Tensor:
    """Filter each padded window of ``x [m, c, h, w]`` with its own ``channel``'s kernel: ``[m, 1, h, w]``."""
    module: Any = step.module
    if module.groups > 1:
        inputs = _inputs_read(step, channel)
        x = torch.stack([row[first:last] for row, (first, last) in zip(x, inputs, strict=True)])
    m, channels, height, width = x.shape
    rows = x.reshape(1, m * channels, height, width)
    bias = None if module.bias is None else module.bias[channel]
    return F.conv2d(rows, module.weight[channel], bias, step.stride, groups=m).transpose(0, 1)


def convolve_one_channel_transposed(step: Step, signal: Tensor, channel: Tensor) -> Tensor:
    """Bring each row's ``signal [m, 1, h, w]``, of its ``channel``, to padded windows ``[m, c, h, w]``."""
    module: Any = step.module
    m = len(signal)
    weight = module.weight[channel]  # [m, c / groups, h, w]
    rows = F.conv_transpose2d(signal.transpose(0, 1), weight, None, step.stride, groups=m)
    rows = rows.view(m, weight.shape[1], *rows.shape[2:])
    if module.groups == 1:
        return rows
    full = rows.new_zeros(m, module.in_channels, *rows.shape[2:])
    for row, (first, last) in enumerate(_inputs_read(step, channel)):
        full[row, first:last] = rows[row]
    return full


def _split_by_remainder(step: Step, weight: Tensor) -> Tensor:
    """Split the kernels ``[o, c, h, w]`` by row and column modulo the stride.

    Output pixel ``stride * a + r`` is the sum over ``q`` of ``signal[a - q] * weight[stride * q + r]``.
    This is a convolution for each remainder r, with a flipped kernel of its own:
    ``[c * strides, o, q, q]``.
    """
    (rows, columns), (down, right) = step.kernel, step.stride
    padded = F.pad(weight, (0, -columns % right, 0, -rows % down))
    out, channels, height, width = padded.shape
    split = padded.view(out, channels, height // down, down, width // right, right)
    split = split.permute(1, 3, 5, 0, 2, 4).reshape(-1, out, height // down, width // right)
    return split.flip(2, 3).contiguous(memory_format=torch.channels_last)


def _stack_zero_filled(maps: Sequence[Tensor]) -> Tensor:
    """Stack maps of several sizes along the batch axis, filled with zeros at the right and the bottom."""
    height, width = (max(x.shape[axis] for x in maps) for axis in (2, 3))
    shape = (sum(len(x) for x in maps), maps[0].shape[1], height, width)
    filled = torch.empty(
        shape, dtype=maps[0].dtype, device=maps[0].device, memory_format=torch.channels_last
    ).zero_()
    for x, part in zip(maps, filled.split([len(x) for x in maps]), strict=True):
        part[:, :, : x.shape[2], : x.shape[3]] = x
    return filled


def _top_left(x: Tensor, size: tuple[int, int]) -> Tensor:
    return x[:, :, : size[0], : size[1]].contiguous(memory_format=torch.channels_last)


def _inputs_read(step: Step, channel: Tensor) -> list[tuple[int, int]]:
    """Give, for each output channel of ``channel``, the input channels that it reads: first and last + 1."""
    module: Any = step.module
    inputs, outputs = module.in_channels // module.groups, module.out_channels // module.groups
    groups = [index // outputs for index in channel.tolist()]
    return [(group * inputs, (group + 1) * inputs) for group in groups]
