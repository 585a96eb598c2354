"""The GPU's views against those that ``augment`` makes; without a GPU, in Triton's interpreter."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from zfexplore.convention import InputConvention
from zfexplore.images.augment import Augmentation, augment, cuts

pytest.importorskip("triton", reason="no Triton: the kernels are not tested")
views = pytest.importorskip("zfexplore.training.views")

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
ROWS, INDICES = (
    [3, 1, 5, 0],
    np.array([11, 5, 900, 44]),
)  # where the squares lie, and which images they are of


@pytest.mark.parametrize(
    ("crops", "jitter", "by_pixel"),
    [
        ("random", 0.0, True),
        ("ten", 0.3, False),
        ("centre", 0.3, True),
        ("resized", 0.3, False),
        ("resized", 0.0, True),
    ],
)
def test_views_are_those_of_augment(crops, jitter, by_pixel):
    generator = torch.Generator().manual_seed(0)
    squares = torch.randint(0, 256, (6, 16, 16, 3), dtype=torch.uint8, generator=generator).to(DEVICE)
    mean_image = torch.rand(3, 16, 16, generator=generator) * 100 if by_pixel else None
    convention = InputConvention(
        size=14, resize=16, mean=(100.0, 110.0, 90.0), std=(5.0, 6.0, 7.0), mean_image=mean_image
    )
    chosen = Augmentation(crops=crops, brightness=jitter, colour=jitter / 2)
    expected = augment(squares[ROWS], INDICES, convention, chosen, epoch=2, seed=5)
    boxes, gains = (
        torch.from_numpy(each).to(DEVICE) for each in cuts(INDICES, convention, chosen, epoch=2, seed=5)
    )
    make = views.Views(convention, chosen, DEVICE)
    found = make(squares, torch.tensor(ROWS, device=DEVICE), boxes, gains, channels=4)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(found[:, :3], expected, atol=1e-4 if crops == "resized" else 1e-6)
    assert not found[:, 3].any()
