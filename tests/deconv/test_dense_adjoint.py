"""Every linear step undone is its adjoint, <Ax, y> = <x, A'y>, whatever its shape."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from zfexplore.deconv.dense import undo_step
from zfexplore.nets.steps import Step, run_step

SMALL = st.integers(1, 4)
SIZES = st.tuples(st.integers(5, 13), st.integers(5, 13))
PAIRS = st.tuples(SMALL, SMALL)
quick = settings(deadline=None, max_examples=40, derandomize=True)


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def assert_adjoint(forward: Tensor, y: Tensor, x: Tensor, back: Tensor) -> None:
    assert back.shape == x.shape
    torch.testing.assert_close((forward * y).sum(), (x * back).sum(), rtol=1e-11, atol=1e-11)


@quick
@given(size=SIZES, kernel=PAIRS, stride=PAIRS, padding=st.tuples(st.integers(0, 3), st.integers(0, 3)),
       groups=st.sampled_from([1, 2, 3]))  # fmt: skip
def test_convolution(size, kernel, stride, padding, groups) -> None:
    module = nn.Conv2d(6, 12, kernel, stride, padding, groups=groups, bias=False, dtype=torch.float64)
    module.weight.data = random(*module.weight.shape, seed=1)
    step = Step("conv", "conv", module, kernel, stride, padding)
    x = random(2, 6, *size, seed=2)
    with torch.no_grad():
        forward = run_step(step, x)
        y = random(*forward.shape, seed=3)
        assert_adjoint(forward, y, x, undo_step(step, y, x.shape[1:]))


@quick
@given(size=SIZES, kernel=PAIRS, stride=PAIRS, padding=PAIRS, ceil_mode=st.booleans())
def test_pooling_with_its_switches_fixed(size, kernel, stride, padding, ceil_mode) -> None:
    padding = tuple(min(wanted - 1, length // 2) for wanted, length in zip(padding, kernel, strict=True))
    step = Step("pool", "pool", nn.Identity(), kernel, stride, padding, ceil_mode)
    recorded = random(2, 3, *size, seed=1)
    _, switches = F.max_pool2d(recorded, kernel, stride, padding, ceil_mode=ceil_mode, return_indices=True)
    x = random(2, 3, *size, seed=2)  # another picture: the switches alone define the linear step
    forward = x.flatten(2).gather(2, switches.flatten(2)).view(switches.shape)
    y = random(*forward.shape, seed=3)
    assert_adjoint(forward, y, x, undo_step(step, y, x.shape[1:], switches))


@quick
@given(size=SIZES, places=st.tuples(st.integers(1, 16), st.integers(1, 16)))
def test_average_pool_shrinking_and_enlarging(size, places) -> None:
    step = Step("avgpool", "avgpool", nn.AdaptiveAvgPool2d(places))
    x = random(2, 3, *size, seed=1)
    forward = run_step(step, x)
    y = random(*forward.shape, seed=2)
    assert_adjoint(forward, y, x, undo_step(step, y, x.shape[1:]))


def test_matrix_and_flattening() -> None:
    module = nn.Linear(12, 5, bias=False, dtype=torch.float64)
    x, y = random(2, 12, seed=1), random(2, 5, seed=2)
    with torch.no_grad():
        assert_adjoint(module(x), y, x, undo_step(Step("linear", "fc", module), y, (12,)))
    x, y = random(2, 3, 2, 2, seed=1), random(2, 12, seed=2)
    assert_adjoint(x.flatten(1), y, x, undo_step(Step("flatten", "flatten", nn.Flatten()), y, (3, 2, 2)))


def test_lrn_counts_as_the_identity() -> None:
    y = random(2, 3, 4, 4, seed=1)
    step = Step("lrn", "norm", nn.LocalResponseNorm(3))
    assert torch.equal(undo_step(step, y, (3, 4, 4)), y)
