"""The dense deconvnet against captum's, an independent route: a backward pass with other ReLUs.

Captum seeds a unit with one and we with its activation, so ours is captum's times the activation.
"""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
from torch import Tensor, nn

from zfexplore.deconv.dense import project
from zfexplore.nets.trunk import Trunk
from zfexplore.nets.zfnet import ContrastNorm, ZFNet, initialise


class NormForwardsOnly(nn.Module):
    """Contrast normalisation in the forward pass, the identity in the backward pass."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        return x + (self.norm(x) - x).detach()


def captums_copy(net: nn.Module) -> nn.Module:
    net = copy.deepcopy(net)
    for name, module in list(net.named_children()):
        if isinstance(module, ContrastNorm | nn.LocalResponseNorm):
            setattr(net, name, NormForwardsOnly(module))
    return net


def layer_of(trunk: Trunk, net: nn.Module, stage: str) -> nn.Module:
    """The module whose output is the stage, in captum's copy of the net."""
    return net.get_submodule(trunk.steps[trunk.stage(stage).end - 1].name)


def by_captum(net: nn.Module, layer: nn.Module, image: Tensor, unit: tuple[int, ...]) -> Tensor:
    from captum.attr import NeuronDeconvolution  # a second, which only the worker with this test spends

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # captum tells of the hooks that it sets
        return NeuronDeconvolution(net, layer).attribute(image.clone().requires_grad_(), unit).detach()


def assert_agrees(
    net: nn.Module, images: Tensor, channels: list[int], stages: list[str] | None = None
) -> int:
    trunk, other = Trunk(net), captums_copy(net)
    compared = 0
    for stage in stages or trunk.names:
        layer = layer_of(trunk, other, stage)
        for channel in channels:
            projection = project(trunk, images, stage, channel)
            for row in range(len(images)):
                if projection.activation[row] <= 0:
                    continue
                place = () if trunk.stage(stage).kind == "fc" else tuple(projection.position[row].tolist())
                theirs = by_captum(other, layer, images[row : row + 1], (channel, *place))
                difference = (projection.pixels[row] - projection.activation[row] * theirs[0]).abs().max()
                assert difference <= 1e-10 * projection.pixels[row].abs().max(), (stage, channel, row)
                compared += 1
    return compared


def test_every_stage_of_every_net_agrees(net: nn.Module, images: Tensor) -> None:
    assert assert_agrees(net, images[:2], channels=[0, 3]) >= 12


@pytest.mark.parametrize("size", [(96, 96), (113, 81), (128, 97)])
def test_sizes_agree(zfnet: nn.Module, size: tuple[int, int]) -> None:
    images = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    assert assert_agrees(zfnet, images, [1, 2], ["conv1", "pool2", "conv5", "pool5", "fc6", "fc8"]) >= 6


def test_zfnet_itself_agrees() -> None:
    net = ZFNet(classes=3, fc=8).double().eval()
    image = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    initialise(net, "he-scaled", batch=image)
    assert assert_agrees(net, image, [0, 1, 2], ["conv5", "fc7", "fc8"]) >= 4
