"""Units of several stages of many images as crops, against the reference."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from zfexplore.deconv import dense, many_images
from zfexplore.deconv.many_images import Wanted, crops
from zfexplore.errors import ExploreError
from zfexplore.nets.trunk import Trunk
from zfexplore.units import Window

WANTED = {
    "pool5": [Wanted(0, 1, 0, 0), Wanted(2, 3, 0, 1), Wanted(2, 2, 1, 2)],
    "conv2": [Wanted(1, 4, 0, 5)],
    "fc7": [Wanted(2, 2, 0, 0), Wanted(0, 1, 0, 0)],
    "conv1": [],
}


@pytest.mark.parametrize("in_windows", [True, False])
def test_every_unit_is_the_references_inside_its_window(
    zfnet: nn.Module, images: Tensor, monkeypatch: pytest.MonkeyPatch, in_windows: bool
) -> None:
    monkeypatch.setattr(
        many_images,
        "choose",
        lambda _, request: "windowed" if in_windows and request.stage.kind != "fc" else "dense",
    )
    trunk = Trunk(zfnet)
    found = list(crops(trunk, images, WANTED))
    assert Counter(crop.stage for crop in found) == {"pool5": 3, "conv2": 1, "fc7": 2}
    for crop in found:
        image, channel, y, x = WANTED[crop.stage][crop.row]
        expected = dense.project(trunk, images[image : image + 1], crop.stage, channel, [[y, x]])
        assert crop.activation == pytest.approx(expected.activation.item(), rel=1e-12)
        window = crop.window
        assert window == Window(*expected.window[0].tolist())
        inside = expected.pixels[0, :, window.y0 : window.y1, window.x0 : window.x1]
        assert crop.pixels.dtype == np.float32
        assert crop.pixels.base is None
        np.testing.assert_allclose(crop.pixels, inside, rtol=0, atol=1e-7 * float(inside.abs().max() or 1))


def test_a_number_that_is_not_finite_is_told(zfnet: nn.Module, images: Tensor) -> None:
    trunk = Trunk(zfnet)
    zfnet[0].weight.data[0, 0, 0, 0] = torch.inf  # type: ignore[index]
    with pytest.raises(ExploreError, match=r"conv1:0@3,4 is -?inf|conv1:0@3,4 comes back as nan or inf"):
        list(crops(trunk, images, {"conv1": [Wanted(0, 1, 3, 4), Wanted(1, 0, 3, 4)]}))


def test_what_is_not_there_is_refused(zfnet: nn.Module, images: Tensor) -> None:
    with pytest.raises(ExploreError, match="conv2 has no channel 99"):
        next(crops(Trunk(zfnet), images, {"conv2": [Wanted(0, 99, 0, 0)]}))


def test_a_full_gpu_is_told_in_one_line(
    zfnet: nn.Module, images: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    monkeypatch.setattr(many_images, "units_of", full)
    monkeypatch.setattr(many_images, "choose", lambda *_: "windowed")
    with pytest.raises(ExploreError, match=r"memory does not suffice for units of \d images: .*--device cpu"):
        list(crops(Trunk(zfnet), images, {"conv2": WANTED["conv2"]}))
