"""ZFNet: the network of Zeiler and Fergus (2013, figure 3), layer by layer like the table in the paper.

::

    input   3 x 224 x 224, mean subtracted
    conv1   7x7 stride 2 padding 1, ReLU       96 x 110 x 110
    pool1   max 3x3 stride 2 padding 1, LRN    96 x 55 x 55
    conv2   5x5 stride 2, ReLU                256 x 26 x 26
    pool2   max 3x3 stride 2 padding 1, LRN   256 x 13 x 13
    conv3   3x3 padding 1, ReLU               384 x 13 x 13
    conv4   3x3 padding 1, ReLU               384 x 13 x 13
    conv5   3x3 padding 1, ReLU               256 x 13 x 13
    pool5   max 3x3 stride 2                  256 x 6 x 6
    fc6, fc7  4096, ReLU, dropout 0.5;  fc8  one logit a class

The paper gives no paddings; they are the replication's (Yao 2024, figure 1). An adaptive average pool
to 6x6 comes before fc6. It is the identity at 224 pixels and lets the net train at smaller sizes. No
ReLU works in place, so recorded activations stay as they were.

The paper's other architectures (figure 6, table 3) are arguments: Krizhevsky's first layer, other widths,
and nets without layers 3 and 4, or 6 and 7, or all four. The layers that are left keep their numbers.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import Any, get_args

import torch
from torch import Tensor, nn
from torch.overrides import handle_torch_function, has_torch_function_unary

from zfexplore.choices import FirstLayer, Initialisation, Normalisation
from zfexplore.nets.architecture import WIDTHS, other_architecture

# (k, alpha, beta) over 5 neighbouring maps; alpha is torch's, divided by the 5 terms of the sum.
NORM_CONSTANTS: dict[str, tuple[float, float, float]] = {
    "krizhevsky": (2.0, 5e-4, 0.75),  # Krizhevsky et al. 2012: k=2, 1e-4 a term, beta=0.75
    "replication": (1.0, 1e-4, 0.75),  # Yao 2024: the defaults of torch.nn.LocalResponseNorm(5)
}


class ContrastNorm(nn.Module):
    """Contrast normalisation across feature maps: ``nn.LocalResponseNorm``, by a sliding sum.

    ``y = x / (k + alpha / size * sum of x^2 over the size nearest maps) ** beta``; input and output
    ``[n, c, h, w]``. Equal to torch's module with the same constants; three to six times faster on
    a CPU, because it adds shifted maps where torch pools over a fifth axis.
    """

    def __init__(self, size: int = 5, alpha: float = 5e-4, beta: float = 0.75, k: float = 2.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``x [n, c, h, w]`` across its channels."""
        return contrast_norm(x, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        """Show the constants."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


def contrast_norm(x: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
    """Do what ``ContrastNorm`` does, as a function that a ``TorchFunctionMode`` sees."""
    if has_torch_function_unary(x):
        return handle_torch_function(contrast_norm, (x,), x, size, alpha, beta, k)
    if torch.is_grad_enabled() and x.requires_grad:
        return _ContrastNormFunction.apply(x, size, alpha, beta, k)
    return x * _power(_divisor(x, size, alpha, k), beta)


class ZFNet(nn.Sequential):
    """The network as one flat stack of named modules, ``conv1`` to ``fc8``.

    Input ``[n, 3, h, w]`` (224 x 224 in the paper), output logits ``[n, classes]``. ``fc`` is the
    width of fc6 and fc7; ``norm`` chooses the constants of the contrast normalisation, or None to
    leave it out. ``classes=0`` is the trunk alone, up to pool5 (for training's snapshots). The net has
    62,357,608 parameters at the defaults.

    ``first`` is conv1's kernel and stride. With Krizhevsky's 11x11/4, conv1's maps are half as large
    (55 x 55) and conv2 takes no steps of 2, so that conv2 and all above it keep their sizes. ``widths`` are
    the channels of conv1 to conv5. ``without`` are layers to leave out, among 3, 4, 6 and 7; their widths
    then do not count. ``arguments`` says what the net was made with, those three only where they are not
    the paper's.
    """

    def __init__(
        self,
        classes: int = 1000,
        fc: int = 4096,
        norm: Normalisation | None = "krizhevsky",
        dropout: float = 0.5,
        first: FirstLayer = "7x7/2",
        widths: Sequence[int] = WIDTHS,
        without: Collection[int] = (),
    ) -> None:
        if norm is not None and norm not in NORM_CONSTANTS:
            raise ValueError(f"norm must be one of {', '.join(NORM_CONSTANTS)} or None, not {norm!r}")
        other = other_architecture(first, widths, without)
        layers = [*_first_stages(first, widths, norm), *_upper_stages(widths, without)]
        if classes > 0:
            layers += _head(classes, fc, dropout, widths[4], without)
        super().__init__(OrderedDict(layers))
        self.arguments: dict[str, Any]
        self.arguments = {"classes": classes, "fc": fc, "norm": norm, "dropout": dropout, **other}

    def __getitem__(self, index: Any) -> Any:
        """Give a layer by number, or a slice of the layers as a plain ``nn.Sequential``."""
        if isinstance(index, slice):
            return nn.Sequential(OrderedDict(list(self._modules.items())[index]))  # type: ignore[arg-type]
        return super().__getitem__(index)


@torch.no_grad()
def initialise(net: nn.Module, how: Initialisation, *, seed: int = 0, batch: Tensor | None = None) -> None:
    """Set every weight and bias of ``net``; biases become zero, or 0.01 with ``constant``.

    ``xavier``: Xavier normal (the replication). ``paper``: normal with standard deviation 0.01,
    which needs inputs in about [-128, 128] (ZF section 3; in [0, 1] the gradients vanish).
    ``constant``: 0.01 everywhere, to see the activations explode. ``he-scaled``: He normal, then each
    layer divided by the standard deviation of its output on ``batch [n, 3, h, w]``, in order.
    The weights depend on the seed alone: they are drawn on the CPU, so every device gets the same.
    """
    generator = torch.Generator().manual_seed(seed)
    for layer in _weighted(net):
        weight = torch.empty(layer.weight.shape)
        if how == "xavier":
            nn.init.xavier_normal_(weight, generator=generator)
        elif how == "paper":
            nn.init.normal_(weight, std=0.01, generator=generator)
        elif how == "constant":
            nn.init.constant_(weight, 0.01)
        elif how == "he-scaled":
            nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)
        else:
            raise ValueError(
                f"initialisation must be one of {', '.join(get_args(Initialisation))}, not {how!r}"
            )
        layer.weight.copy_(weight)
        assert layer.bias is not None
        nn.init.constant_(layer.bias, 0.01 if how == "constant" else 0.0)
    if how == "he-scaled":
        if batch is None:
            raise ValueError("he-scaled needs a batch of images to scale the layers on")
        _scale_to_unit_output(net, batch)


def _scale_to_unit_output(net: nn.Module, batch: Tensor) -> None:
    was_training = net.training
    net.eval()
    hooks = [layer.register_forward_hook(_divide_by_output_scale) for layer in _weighted(net)]
    try:
        net(batch)
    finally:
        for hook in hooks:
            hook.remove()
        net.train(was_training)


def _divide_by_output_scale(layer: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
    scale = output.std()
    if not scale > 0:  # identical images, less their mean: nothing to scale by
        return output
    layer.weight.div_(scale)  # type: ignore[union-attr, operator]
    return output / scale


def _weighted(net: nn.Module) -> list[nn.Conv2d | nn.Linear]:
    return [module for module in net.modules() if isinstance(module, nn.Conv2d | nn.Linear)]


_Layers = list[tuple[str, nn.Module]]


def _first_stages(first: FirstLayer, widths: Sequence[int], norm: Normalisation | None) -> _Layers:
    """Give the layers up to conv2's normalisation; the maps' sizes are those of a 224 pixel input."""
    if first == "7x7/2":
        conv1 = nn.Conv2d(3, widths[0], 7, stride=2, padding=1)  # [n, 96, 110, 110]
        conv2 = nn.Conv2d(widths[0], widths[1], 5, stride=2)  # [n, 256, 26, 26]
    else:
        conv1 = nn.Conv2d(3, widths[0], 11, stride=4, padding=2)  # [n, 96, 55, 55]
        conv2 = nn.Conv2d(widths[0], widths[1], 5, padding=1)  # [n, 256, 26, 26]
    return [
        ("conv1", conv1),
        ("relu1", nn.ReLU()),
        ("pool1", nn.MaxPool2d(3, stride=2, padding=1)),  # [n, 96, 55, 55], or 28 x 28
        ("norm1", _norm(norm)),
        ("conv2", conv2),
        ("relu2", nn.ReLU()),
        ("pool2", nn.MaxPool2d(3, stride=2, padding=1)),  # [n, 256, 13, 13]
        ("norm2", _norm(norm)),
    ]


def _upper_stages(widths: Sequence[int], without: Collection[int]) -> _Layers:
    """Give the layers from conv3 to pool5."""
    layers: _Layers = []
    below = widths[1]
    for number in (3, 4, 5):
        if number not in without:
            layers.append((f"conv{number}", nn.Conv2d(below, widths[number - 1], 3, padding=1)))
            layers.append((f"relu{number}", nn.ReLU()))  # [n, 384, 13, 13]; conv5 has 256
            below = widths[number - 1]
    return [*layers, ("pool5", nn.MaxPool2d(3, stride=2))]  # [n, 256, 6, 6]


def _head(classes: int, fc: int, dropout: float, channels: int, without: Collection[int]) -> _Layers:
    """Give the layers above pool5, which has ``channels``."""
    layers: _Layers = [("avgpool", nn.AdaptiveAvgPool2d(6)), ("flatten", nn.Flatten())]  # [n, 9216]
    below = channels * 6 * 6
    for number in (6, 7):
        if number not in without:
            layers.append((f"fc{number}", nn.Linear(below, fc)))
            layers.append((f"relu{number}", nn.ReLU()))
            layers.append((f"drop{number}", nn.Dropout(dropout)))
            below = fc
    return [*layers, ("fc8", nn.Linear(below, classes))]


def _norm(norm: Normalisation | None) -> nn.Module:
    if norm is None:
        return nn.Identity()
    k, alpha, beta = NORM_CONSTANTS[norm]
    return ContrastNorm(5, alpha, beta, k)


class _ContrastNormFunction(torch.autograd.Function):
    """The derivative written by hand: it keeps two tensors where autograd would keep a dozen.

    With d the divisor before its power, y = x d^-b and
    dL/dx = g d^-b - (2 b alpha / n) x * sum over the window of (g x d^(-b-1)).
    This sum's window is mirrored, which matters for even sizes.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
        divisor = _divisor(x, size, alpha, k)
        ctx.save_for_backward(x, divisor)
        ctx.constants = (size, alpha, beta)
        return x * _power(divisor, beta)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, divisor = ctx.saved_tensors
        size, alpha, beta = ctx.constants
        scaled = gradient * _power(divisor, beta)
        shared = _sliding_sum(scaled * x / divisor, (size - 1) // 2, size // 2)
        return scaled - (2 * beta * alpha / size) * x * shared, None, None, None, None


def _divisor(x: Tensor, size: int, alpha: float, k: float) -> Tensor:
    return _sliding_sum(x * x, size // 2, (size - 1) // 2).mul_(alpha / size).add_(k)


def _sliding_sum(values: Tensor, before: int, after: int) -> Tensor:
    """Sum ``values [n, c, h, w]`` over each channel, the ``before`` previous and the ``after`` next ones."""
    total = values.clone()
    channels = values.shape[1]
    for shift in range(1, min(before, channels - 1) + 1):
        total[:, shift:] += values[:, :-shift]
    for shift in range(1, min(after, channels - 1) + 1):
        total[:, :-shift] += values[:, shift:]
    return total


def _power(divisor: Tensor, beta: float) -> Tensor:
    """Give ``divisor ** -beta``; square roots are much faster than a general power at beta = 3/4."""
    if beta != 0.75:
        return divisor**-beta
    root = divisor.rsqrt()
    return root * root.sqrt()
