"""Units of many images in large batches, as on a GPU: the numbers of ``dense``, and what is started."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from tests.deconv.test_windowed import assert_equal, everywhere, stacks
from zfexplore.deconv import dense, together
from zfexplore.deconv.request import Projection, read_request
from zfexplore.deconv.windows.geometry import has_windows
from zfexplore.errors import ExploreError
from zfexplore.nets.trunk import Trunk


def project(trunk: Trunk, images: Tensor, *units: Any) -> Projection:
    return together.project_request(trunk, *read_request(trunk, images, *units))


def test_every_stage_and_border_of_every_net(net: nn.Module, images: Tensor) -> None:
    trunk = Trunk(net)
    for stage in trunk.stages:
        places = everywhere(trunk, stage.name, (97, 126))
        channels = [row % 5 for row in range(len(places))]
        one, several = (images[:1], channels, places), (images, [0, 3, 1], places[:9:4])
        for some, *units in (one, several):
            arguments = (trunk, some, stage.name, *units)
            assert_equal(project(*arguments), dense.project(*arguments), tolerance=1e-12)


def test_each_images_maximum_is_found(zfnet: nn.Module, images: Tensor) -> None:
    trunk = Trunk(zfnet)
    for stage in ("conv1", "pool2", "pool5"):
        arguments = (trunk, images, stage, 1, None)
        assert_equal(project(*arguments), dense.project(*arguments), tolerance=1e-12)


def test_small_batches_of_few_images_give_the_same(
    zfnet: nn.Module, images: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    trunk = Trunk(zfnet)
    arguments = (trunk, images[[0, 1, 2, 0, 1, 2, 0]], "conv4", range(7), [[1, y] for y in range(7)])
    expected = project(*arguments)
    monkeypatch.setattr(together, "IMAGES_TOGETHER", 2)
    monkeypatch.setattr(together, "BATCH_NUMBERS", 1)
    assert_equal(project(*arguments), expected, tolerance=1e-13)


@settings(deadline=None, max_examples=6, derandomize=True)
@given(stack=stacks(), size=st.tuples(st.integers(16, 40), st.integers(16, 40)))
def test_random_stacks(stack: nn.Sequential, size: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(1)
    for parameter in stack.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    trunk = Trunk(stack)
    images = torch.randn(1, 2, *size, generator=generator, dtype=torch.float64)
    for stage in trunk.stages:
        try:
            places = everywhere(trunk, stage.name, size)
        except ExploreError:  # the drawn strides leave nothing of so small an image
            return
        if has_windows(trunk, stage):
            arguments = (trunk, images, stage.name, [row % 2 for row in range(len(places))], places)
            assert_equal(project(*arguments), dense.project(*arguments))


class Started(TorchDispatchMode):
    """Counts the operations that are started, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.count: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count[str(func)] += 1
        return func(*args, **(kwargs or {}))


def started(trunk: Trunk, images: Tensor, rows: int) -> Counter[str]:
    places = [[row % 5, 3 * row % 7] for row in range(rows)]
    images, request = read_request(trunk, images.repeat(rows // 3, 1, 1, 1), "conv5", [1] * rows, places)
    with Started() as mode:
        together.project_request(trunk, images, request)
    return mode.count


def test_more_units_start_no_more_operations_and_wait_no_more_often(zfnet: nn.Module, images: Tensor) -> None:
    """On a GPU each operation costs its start, and each number fetched a wait."""
    few, many = (started(Trunk(zfnet), images, rows) for rows in (3, 48))
    assert many == few
    waits = {name: count for name, count in few.items() if "local_scalar" in name or "nonzero" in name}
    # One look whether all is finite. The rows of the images are found on the CPU.
    assert waits == {"aten._local_scalar_dense.default": 1, "aten.nonzero.default": 1}
    assert sum(few.values()) < 320  # views too, which are a third
