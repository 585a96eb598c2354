"""Filters on padded windows against torch's own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from zfexplore.deconv.windows.kernels import (
    convolve,
    convolve_one_channel,
    convolve_one_channel_transposed,
    convolve_together,
    convolve_together_transposed,
    convolve_transposed,
    kernels_of,
    lay_out,
)
from zfexplore.nets.steps import Step

PAIRS = st.tuples(st.integers(1, 5), st.integers(1, 5))
quick = settings(deadline=None, max_examples=30, derandomize=True)


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def layer(channels: int, kernel: tuple[int, int], stride: tuple[int, int], groups: int = 1) -> Step:
    module = nn.Conv2d(channels, 6, kernel, stride, groups=groups, dtype=torch.float64).requires_grad_(False)
    module.weight.copy_(random(*module.weight.shape, seed=1))
    return Step("conv", "conv", module, kernel, stride)


@quick
@given(kernel=PAIRS, stride=PAIRS, size=PAIRS, channels=st.sampled_from([1, 3, 5]))
def test_the_transpose_is_torchs_for_pixels_and_for_maps(kernel, stride, size, channels) -> None:
    step = layer(channels, kernel, stride)
    assert (kernels_of(step).remainders is not None) == (channels <= 4)
    signal = random(2, 6, *size, seed=2)
    expected = F.conv_transpose2d(signal, step.module.weight, None, stride)
    torch.testing.assert_close(
        convolve_transposed(step, kernels_of(step), signal), expected, rtol=1e-12, atol=1e-12
    )


@quick
@given(kernel=PAIRS, stride=PAIRS, groups=st.sampled_from([1, 2, 3]))
def test_one_channel_a_row_is_that_channel_of_all(kernel, stride, groups) -> None:
    step, channel = layer(6, kernel, stride, groups), torch.tensor([5, 0, 3, 3])
    x = random(4, 6, 9, 8, seed=3)
    everything = convolve(step, kernels_of(step), x)
    rows = torch.arange(4)
    one = convolve_one_channel(step, x, channel)
    torch.testing.assert_close(one[:, 0], everything[rows, channel], rtol=1e-12, atol=1e-12)
    full = torch.zeros_like(everything)
    full[rows, channel] = one[:, 0]
    expected = F.conv_transpose2d(full, step.module.weight, None, stride, groups=groups)
    torch.testing.assert_close(
        convolve_one_channel_transposed(step, one, channel), expected, rtol=1e-12, atol=1e-12
    )


@quick
@given(
    kernel=PAIRS,
    stride=PAIRS,
    sizes=st.lists(PAIRS, min_size=1, max_size=4),
    channels=st.sampled_from([3, 6]),
)
def test_maps_of_several_sizes_together_are_each_alone(kernel, stride, sizes, channels) -> None:
    step = layer(channels, kernel, stride)
    signals = [random(1 + row % 2, 6, *size, seed=row) for row, size in enumerate(sizes)]
    down = convolve_together_transposed(step, kernels_of(step), signals)
    up = convolve_together(step, kernels_of(step), down)
    for signal, lower, upper in zip(signals, down, up, strict=True):
        torch.testing.assert_close(
            lower, convolve_transposed(step, kernels_of(step), signal), rtol=1e-12, atol=1e-12
        )
        torch.testing.assert_close(upper, convolve(step, kernels_of(step), lower), rtol=1e-12, atol=1e-12)
        assert upper.shape == signal.shape


def test_kernels_are_kept_while_the_weights_stay() -> None:
    step = layer(3, (3, 3), (2, 2))
    first = kernels_of(step)
    assert kernels_of(step) is first
    step.module.weight.data = step.module.weight.data.clone()
    assert kernels_of(step) is first  # equal, wherever they lie


def by_optimizer(module: nn.Conv2d) -> None:
    module.requires_grad_(True)
    module(torch.ones(1, 3, 8, 8, dtype=torch.float64)).sum().backward()
    torch.optim.SGD(module.parameters(), lr=0.1).step()
    module.requires_grad_(False)


CHANGES: dict[str, Callable[[nn.Conv2d], object]] = {
    "data": lambda module: module.weight.data.mul_(2),
    "other data": lambda module: setattr(module.weight, "data", module.weight.data.flip(0)),
    "numpy view": lambda module: module.weight.numpy().__imul__(2),
    "one number": lambda module: module.weight.numpy().__setitem__((5, 2, 2, 2), 7.0),
    "numpy view of a detached tensor": lambda module: module.weight.detach().numpy().__imul__(-1),
    "in place": lambda module: module.weight.mul_(2),
    "copy": lambda module: module.weight.copy_(module.weight.flip(1)),
    "optimizer": by_optimizer,
    "state dict": lambda module: module.load_state_dict({k: 2 * v for k, v in module.state_dict().items()}),
    "assigned": lambda module: setattr(module, "weight", nn.Parameter(2 * module.weight, False)),
    "type": lambda module: module.float(),
    "exchanged, with the same sum": lambda module: setattr(module.weight, "data", module.weight.data[[1, 0]]),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_changed_weights_are_laid_out_again(change: str) -> None:
    step = layer(3, (3, 3), (2, 2))
    before = kernels_of(step)
    CHANGES[change](step.module)
    after, weight = kernels_of(step), step.module.weight
    assert before.weight.dtype != weight.dtype or not torch.equal(before.weight, weight)
    assert torch.equal(after.weight, weight)
    fresh = layer(3, (3, 3), (2, 2))
    fresh.module.weight = step.module.weight
    expected = kernels_of(fresh).remainders
    assert after.remainders is not None
    assert expected is not None
    assert torch.equal(after.remainders, expected)


def test_inference_tensors_are_followed_too() -> None:
    with torch.inference_mode():
        step = layer(3, (3, 3), (2, 2))
        first = kernels_of(step)
    assert step.module.weight.is_inference()
    assert kernels_of(step) is first
    step.module.weight.numpy().__imul__(2)
    assert torch.equal(kernels_of(step).weight, 2 * first.weight)


def test_what_is_laid_out_are_the_layers_that_give_all_their_channels() -> None:
    first, second = layer(3, (3, 3), (2, 2)), layer(6, (3, 3), (1, 1))
    norm = Step("lrn", "norm", nn.LocalResponseNorm(3))
    assert list(lay_out([first, second])) == [first.module]
    assert list(lay_out([first, norm, second])) == [first.module]
    assert list(lay_out([first, second, norm])) == [first.module, second.module]
