"""Projections on a GPU: the numbers of the CPU, and the same bits every time."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from zfexplore.deconv import dense, windowed
from zfexplore.deconv.many_images import Wanted, crops
from zfexplore.nets.trunk import Trunk

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(
        not torch.cuda.is_available(), reason="no CUDA device: projecting on a GPU is not tested"
    ),
]


@pytest.mark.parametrize("method", [dense, windowed])
def test_a_projection_equals_the_cpus_in_float64(method, net: nn.Module, images: Tensor) -> None:
    on_cpu, on_gpu = Trunk(net), Trunk(copy.deepcopy(net)).to("cuda")
    for stage in on_cpu.names:
        expected = dense.project(on_cpu, images, stage, 1)
        ours = method.project(on_gpu, images, stage, 1, expected.position)
        assert ours.pixels.is_cuda
        torch.testing.assert_close(ours.pixels.cpu(), expected.pixels, rtol=1e-9, atol=1e-10)
        torch.testing.assert_close(ours.activation.cpu(), expected.activation, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("method", [dense, windowed])
def test_a_projection_is_the_same_every_time(method, zfnet: nn.Module, images: Tensor) -> None:
    trunk = Trunk(zfnet.float()).to("cuda")
    first, second = (method.project(trunk, images, "conv5", 1).pixels for _ in range(2))
    assert torch.equal(first, second)


def test_crops_of_many_images_are_the_cpus(zfnet: nn.Module, images: Tensor) -> None:
    on_cpu, on_gpu = Trunk(zfnet), Trunk(copy.deepcopy(zfnet)).to("cuda")
    wanted = {name: [Wanted(2, 1, 0, 1), Wanted(0, 3, 1, 0)] for name in ("conv2", "pool5")}
    wanted["fc6"] = [Wanted(1, 4, 0, 0)]
    found, expected = (
        list(crops(trunk, pictures, wanted))
        for trunk, pictures in ((on_gpu, images.to("cuda")), (on_cpu, images))
    )
    assert len(found) == len(expected) == 5
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours.stage, ours.row, ours.window) == (theirs.stage, theirs.row, theirs.window)
        assert ours.activation == pytest.approx(theirs.activation, rel=1e-9)
        np.testing.assert_allclose(ours.pixels, theirs.pixels, rtol=1e-5, atol=1e-7)


def test_float32_products_are_full_ones_where_tf32_is_allowed(
    zfnet: nn.Module, images: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    trunk = Trunk(zfnet.float()).to("cuda")
    full = dense.project(trunk, images, "fc8", 1).pixels
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", True)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    assert torch.equal(dense.project(trunk, images, "fc8", 1).pixels, full)
    assert torch.backends.cuda.matmul.allow_tf32
