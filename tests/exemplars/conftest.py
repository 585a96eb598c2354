"""Small nets as checkpoints, and pictures of noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from zfexplore.convention import InputConvention
from zfexplore.nets.checkpoint import Checkpoint, Metadata
from zfexplore.nets.trunk import Trunk


def make_checkpoint(net, size, *, classes=(), **convention):
    """The net as a checkpoint whose input is ``size`` x ``size``; raw pixel values unless told otherwise."""
    net.eval().requires_grad_(False)
    expected = InputConvention(size=size, resize=size, **convention)
    metadata = Metadata("tiny", {}, classes=tuple(classes), input=expected, weights_fingerprint="w")
    return Checkpoint(net, Trunk(net), metadata)


def make_picture(size, seed=0):
    """Noise, ``size`` x ``size``, so that ``prepare`` leaves it as it is."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def make_net(size=20):
    """Two convolutions, contrast normalisation between, two pools, two fully connected layers."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.LocalResponseNorm(5),
        nn.Conv2d(6, 8, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
        nn.Flatten(), nn.Linear(8 * (((size // 2 - 2) - 1) // 2 + 1) ** 2, 10), nn.ReLU(), nn.Linear(10, 5),
    )  # fmt: skip


@pytest.fixture
def checkpoint_of():
    return make_checkpoint


@pytest.fixture
def picture_of():
    return make_picture


@pytest.fixture
def tiny():
    """A checkpoint with five classes, for pictures of 20 x 20 pixels about their mean."""
    classes = ("ant", "bee", "cat", "dog", "emu")
    return make_checkpoint(
        make_net(), 20, classes=classes, mean=(120.0, 110.0, 100.0), std=(60.0, 60.0, 60.0)
    )
