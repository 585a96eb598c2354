from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from zfexplore.convention import InputConvention
from zfexplore.images.sources import Picture, UnreadableImage
from zfexplore.nets.checkpoint import Checkpoint, Metadata
from zfexplore.nets.trunk import Trunk
from zfexplore.progress import Finished


class ArraySource:
    """Images from arrays [h, w, 3]; None stands for one that cannot be read. Counts how often each was."""

    def __init__(self, arrays, labels=None, classes=(), name="arrays", version="1"):
        self.arrays, self.labels = arrays, labels
        self.classes, self.name, self.version = tuple(classes), name, version
        self.read = []

    def __len__(self):
        return len(self.arrays)

    def __getitem__(self, index):
        self.read.append(index)
        if self.arrays[index] is None:
            raise UnreadableImage(index, self.image_name(index), "it is cut short")
        return Picture(Image.fromarray(self.arrays[index]), self.label(index), self.image_name(index))

    def label(self, index):
        return None if self.labels is None else self.labels[index]

    def image_name(self, index):
        return f"image{index}.png"

    def fingerprint(self):
        return f"{self.name}-{self.version}-{len(self)}"


def checkpoint_of(module, size, weights="weights-1", scale=255.0):
    """A module with raw pixel values for input, in images of ``size`` x ``size``."""
    module.eval().requires_grad_(False)
    convention = InputConvention(size=size, resize=size, scale=scale)
    metadata = Metadata("tiny", {}, input=convention, weights_fingerprint=weights)
    return Checkpoint(module, Trunk(module), metadata)


def random_checkpoint(size=20, weights="weights-1"):
    """Two convolutions, a pool after each, contrast normalisation, two fully connected layers."""
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.LocalResponseNorm(5),
        nn.Conv2d(6, 8, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
        nn.Flatten(), nn.Linear(8 * 4 * 4, 10), nn.ReLU(), nn.Linear(10, 5),
    )  # fmt: skip
    return checkpoint_of(module, size, weights, scale=1.0)


def random_images(count, size=20, seed=0):
    generator = np.random.default_rng(seed)
    return [generator.integers(0, 256, (size, size, 3), dtype=np.uint8) for _ in range(count)]


def result_of(events):
    """The atlas at the end, and the events before it."""
    *before, last = list(events)
    assert isinstance(last, Finished)
    return last.result, before


def same(first, second):
    """Whether two atlases hold the same numbers to the last bit, and say the same."""
    assert list(first.stages) == list(second.stages)
    for name, record in first.stages.items():
        other = second.stages[name].arrays()
        assert set(other) == set(record.arrays())
        for part, array in record.arrays().items():
            np.testing.assert_array_equal(other[part], array, err_msg=part)
            assert other[part].dtype == array.dtype
        assert second.stages[name].described() == record.described()
    assert first.image_names == second.image_names
    assert first.labels.tolist() == second.labels.tolist()
    for part in ("classes", "count", "skipped", "fingerprint"):
        assert getattr(first, part) == getattr(second, part), part
    return True


@pytest.fixture
def make():
    """The helpers above, for test files (which cannot import one another)."""
    return SimpleNamespace(
        ArraySource=ArraySource,
        checkpoint_of=checkpoint_of,
        random_checkpoint=random_checkpoint,
        random_images=random_images,
        result_of=result_of,
        same=same,
    )
