from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from PIL import Image
from torch import nn

from zfexplore.images.sources import Picture, UnreadableImage
from zfexplore.nets.zfnet import ZFNet
from zfexplore.training.recipe import recipe


class Stripes:
    """Images of stripes, a class a direction; each with its own phase and colours. No files."""

    def __init__(self, count=18, classes=("across", "down", "slanted"), broken=(), name="stripes"):
        self.name, self.classes = name, tuple(classes)
        self.broken = set(broken)
        self._count = count
        self.decoded = Counter()  # how often each, in this process

    def __len__(self):
        return self._count

    def label(self, index):
        return index % len(self.classes)

    def image_name(self, index):
        return f"{self.classes[self.label(index)]}/{index}.png"

    def fingerprint(self):
        return f"{self.name}-{self._count}-{self.classes}-{sorted(self.broken)}"

    def __getitem__(self, index):
        self.decoded[index] += 1
        if index in self.broken:
            raise UnreadableImage(index, self.image_name(index), "it is torn")
        random = np.random.default_rng(index)
        y, x = np.mgrid[:80, :80]
        across, down = ((0, 1), (1, 0), (1, 1))[self.label(index)]
        wave = np.sin((x * across + y * down) / 3 + random.uniform(0, 6))[..., None]
        colour = random.uniform(0.6, 1.0, 3)
        pixels = np.clip(127 + 120 * wave * colour, 0, 255).astype(np.uint8)
        return Picture(Image.fromarray(pixels), self.label(index), self.image_name(index))


class Slim(ZFNet):
    """ZFNet with a twelfth of its channels: the same layers by the same names, in a fiftieth of the time."""

    def __init__(self, classes=1000, fc=4096, norm="krizhevsky", dropout=0.5):
        super().__init__(classes, 1, norm, dropout)
        self.conv1 = nn.Conv2d(3, 8, 7, stride=2, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 5, stride=2)
        self.conv3 = nn.Conv2d(16, 16, 3, padding=1)
        self.conv4 = nn.Conv2d(16, 16, 3, padding=1)
        self.conv5 = nn.Conv2d(16, 16, 3, padding=1)
        if classes:
            self.fc6 = nn.Linear(16 * 36, fc)
            self.fc7 = nn.Linear(fc, fc)
            self.fc8 = nn.Linear(fc, classes)
        self.arguments = {"classes": classes, "fc": fc, "norm": norm, "dropout": dropout}


@pytest.fixture
def slim(monkeypatch):
    """Let the training make a slim net, and the checkpoint load it."""
    monkeypatch.setattr("zfexplore.training.loop.ZFNet", Slim)
    monkeypatch.setattr("zfexplore.nets.zfnet.ZFNet", Slim)


@pytest.fixture
def stripes():
    return Stripes()


@pytest.fixture
def make_stripes():
    return Stripes


@pytest.fixture
def quick():
    """A recipe with everything of the default one that a small machine can do in seconds."""
    return recipe(
        "default", epochs=2, batch_size=4, fc=8, size=64, dropout=0.5, stages=((0.5, 56 / 64), (0.5, 1))
    )
