"""Small nets in the shapes of the papers' nets, with random weights and biases, in float64."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from zfexplore.nets.zfnet import ContrastNorm


def _filled(net: nn.Module, seed: int = 0) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    for parameter in net.parameters():
        scale = 1.0 if parameter.ndim == 1 else (2 / parameter[0].numel()) ** 0.5
        # Biases of either sign: some units die, and a transposed filter with bias would show.
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * scale
        if parameter.ndim == 1:
            parameter.data *= 0.2
    return net.eval()


def alexnet_like() -> nn.Module:
    """Large strided kernels, two groups (as Krizhevsky's two GPUs), torch's LRN, three fc layers."""
    return _filled(
        nn.Sequential(
            nn.Conv2d(3, 6, 11, stride=4, padding=2),
            nn.ReLU(),
            nn.LocalResponseNorm(3, alpha=0.1, k=2.0),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(6, 8, 5, padding=2, groups=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(8, 10, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(10, 8, 3, padding=1, groups=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.AdaptiveAvgPool2d((2, 3)),
            nn.Flatten(),
            nn.Dropout(),
            nn.Linear(8 * 2 * 3, 12),
            nn.ReLU(),
            nn.Linear(12, 5),
        )
    )


def vgg_like(ceil_mode: bool) -> nn.Module:
    """Pairs of 3x3 convolutions and 2x2 poolings, the second 3x3 with padding, odd sizes left over."""
    return _filled(
        nn.Sequential(
            nn.Conv2d(3, 5, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(5, 6, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2, stride=2, ceil_mode=ceil_mode),
            nn.Conv2d(6, 7, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=ceil_mode),
            nn.Conv2d(7, 6, (3, 2), stride=(1, 2), padding=(0, 1)),
            nn.ReLU(),
            nn.MaxPool2d((3, 2), stride=(2, 1), ceil_mode=ceil_mode),
        )
    )


def zfnet_like() -> nn.Module:
    """ZFNet's own geometry with few channels; the average pool enlarges its 2 x 3 map at small sizes."""
    return _filled(
        nn.Sequential(
            nn.Conv2d(3, 6, 7, stride=2, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
            ContrastNorm(5, alpha=0.1, beta=0.75, k=2.0),
            nn.Conv2d(6, 8, 5, stride=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
            ContrastNorm(5, alpha=0.1, beta=0.75, k=2.0),
            nn.Conv2d(8, 10, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(10, 9, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(9, 7, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.AdaptiveAvgPool2d(3),
            nn.Flatten(),
            nn.Linear(7 * 9, 12),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(12, 10),
            nn.ReLU(),
            nn.Linear(10, 5),
        )
    )


@pytest.fixture
def pool_first() -> nn.Module:
    """A pool above the pixels and another above that, then two convolutions with a normalisation."""
    return _filled(
        nn.Sequential(
            nn.MaxPool2d(3, stride=2, padding=1),
            nn.MaxPool2d((2, 3), stride=(1, 2), ceil_mode=True),
            nn.Conv2d(3, 6, 5, stride=2, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.LocalResponseNorm(3, alpha=0.1),
            nn.Conv2d(6, 5, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(20, 5),
        )
    )


NETS: dict[str, Callable[[], nn.Module]] = {
    "alexnet": alexnet_like,
    "vgg": lambda: vgg_like(False),
    "vgg-ceil": lambda: vgg_like(True),
    "zfnet": zfnet_like,
}


@pytest.fixture(params=list(NETS))
def net(request: pytest.FixtureRequest) -> nn.Module:
    return NETS[request.param]()


@pytest.fixture
def zfnet() -> nn.Module:
    return zfnet_like()


@pytest.fixture
def images() -> torch.Tensor:
    """Three random images, odd and not square: ``[3, 3, 97, 126]``."""
    return torch.randn(3, 3, 97, 126, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
