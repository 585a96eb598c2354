from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.support import checkpoint_of, result_of, small_net
from zfexplore.images.sources import Picture, UnreadableImage


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


def random_checkpoint(size=20, weights="weights-1"):
    return checkpoint_of(small_net(size), size, weights=weights, scale=1.0)


def random_images(count, size=20, seed=0):
    generator = np.random.default_rng(seed)
    return [generator.integers(0, 256, (size, size, 3), dtype=np.uint8) for _ in range(count)]


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
    assert first.sample.tolist() == second.sample.tolist()
    for part in ("classes", "count", "skipped", "fingerprint"):
        assert getattr(first, part) == getattr(second, part), part
    return True


@pytest.fixture
def make():
    """The helpers above."""
    return SimpleNamespace(
        ArraySource=ArraySource,
        checkpoint_of=checkpoint_of,
        random_checkpoint=random_checkpoint,
        random_images=random_images,
        result_of=result_of,
        same=same,
    )
