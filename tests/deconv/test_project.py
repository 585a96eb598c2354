"""The choice between the two deconvnets."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from zfexplore.choices import Method
from zfexplore.deconv.project import choose, project
from zfexplore.deconv.request import read_request
from zfexplore.errors import ExploreError
from zfexplore.nets.trunk import Trunk
from zfexplore.nets.zfnet import ZFNet


def test_both_methods_and_the_choice_give_the_same(zfnet: nn.Module, images: Tensor) -> None:
    trunk = Trunk(zfnet)
    for stage in ("conv3", "fc7"):
        methods: tuple[Method, ...] = ("auto", "dense", "windowed")
        auto, dense, windowed = (project(trunk, images, stage, 2, method=method) for method in methods)
        torch.testing.assert_close(auto.pixels, dense.pixels, rtol=1e-10, atol=1e-11)
        torch.testing.assert_close(windowed.pixels, dense.pixels, rtol=1e-10, atol=1e-11)
        assert torch.equal(windowed.position, dense.position)


def test_on_a_cpu_zfnets_maps_are_windowed_and_what_sees_everything_is_dense() -> None:
    trunk = Trunk(ZFNet(classes=2, fc=4))
    images = torch.zeros(9, 3, 224, 224)
    for stage in trunk.stages:
        assert choose(trunk, read_request(trunk, images, stage.name, 0, None)[1]) == "windowed"
    assert choose(trunk, read_request(trunk, images, "fc6", 0, None)[1]) == "dense"
    assert choose(trunk, read_request(trunk, images, "conv5", 0, "all")[1]) == "dense"


def test_a_tiny_net_is_not_worth_the_windows() -> None:
    trunk = Trunk(nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 3), nn.ReLU()))
    request = read_request(trunk, torch.zeros(9, 3, 16, 16), "conv2", 0, None)[1]
    assert choose(trunk, request) == "dense"


def test_an_unknown_method_is_refused(zfnet: nn.Module, images: Tensor) -> None:
    with pytest.raises(ExploreError, match="auto, dense or windowed, not 'fast'"):
        project(Trunk(zfnet), images, "conv1", 0, method="fast")  # type: ignore[arg-type]
