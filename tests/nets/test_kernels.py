"""The kernels for a GPU against torch's own operations; without a GPU, in Triton's interpreter."""

# tests zfexplore/nets/fused.py too: it puts the kernels together.

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from zfexplore.nets.fused import Fused, Pooled, parts, pooled
from zfexplore.nets.zfnet import ContrastNorm, ZFNet, contrast_norm, initialise

pytest.importorskip("triton", reason="no Triton: the kernels are not tested")
kernels = pytest.importorskip("zfexplore.nets.kernels")

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


@pytest.fixture(autouse=True)
def fewer_programs(monkeypatch):
    """In the interpreter, the number of programs is what takes the time."""
    if DEVICE.type == "cpu":
        monkeypatch.setattr(kernels, "_ELEMENTS", 2**13)


def maps(*shape, seed=0):
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return values.to(DEVICE).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    "name", ["zfexplore.nets.kernels", "zfexplore.atlas.kernels", "zfexplore.training.views"]
)
def test_every_kernel_starts_on_the_device_of_its_tensors(name):
    """Triton takes the current device, so that with --device cuda:1 it would start on another."""
    tree = ast.parse(Path(import_module(name).__file__).read_text(encoding="utf-8"))
    starts = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Subscript)
    ]  # kernel[grid](...)
    guarded = [
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.With) and "device_of" in ast.unparse(block.items[0])
        for node in ast.walk(block)
    ]
    assert starts
    assert all(any(start is node for node in guarded) for start in starts)


@pytest.mark.parametrize(
    ("shape", "window"),
    [
        ((2, 40, 9, 12), (3, 2, 1)),
        ((1, 33, 9, 9), (3, 2, 0)),
        ((2, 6, 8, 9), (2, 2, 0)),
        ((1, 70, 5, 4), (3, 1, 1)),
    ],
)
def test_pooling_and_its_way_back_are_torchs(shape, window):
    x, bias = maps(*shape).requires_grad_(), torch.randn(shape[1]).to(DEVICE)
    expected = F.max_pool2d(F.relu(x + bias[:, None, None]), *window)
    pooled, place = kernels.pool(x.detach(), bias, window)
    assert torch.allclose(pooled, expected, atol=1e-6)
    gradient = maps(*expected.shape, seed=1)
    (back,) = torch.autograd.grad(expected, x, gradient)
    assert torch.allclose(kernels.unpool(gradient, place, tuple(shape[2:]), window), back, atol=1e-6)


def test_of_equal_maxima_the_first_is_the_place_and_none_where_nothing_fires():
    x = torch.zeros(1, 3, 2, 2, device=DEVICE)
    x[0, 0] = 5.0
    x[0, 1, 1] = torch.tensor([7.0, 7.0])
    pooled, place = kernels.pool(x.contiguous(memory_format=torch.channels_last), None, (2, 2, 0))
    assert pooled.flatten().tolist() == [5.0, 7.0, 0.0]
    assert place.flatten().tolist() == [0, 2, 255]


def test_what_is_not_a_number_stays_so():
    x = maps(1, 2, 4, 4)
    x[0, 0, 1, 1] = torch.nan
    pooled, _ = kernels.pool(x, None, (2, 2, 0))
    assert pooled.isnan().nonzero().tolist() == [[0, 0, 0, 0]]


@pytest.mark.parametrize("constants", [(5, 5e-4, 0.75, 2.0), (4, 0.3, 0.6, 1.0), (3, 0.5, 0.75, 1.0)])
def test_normalisation_and_its_way_back_are_the_nets(constants):
    x = F.relu(maps(2, 40, 3, 5)).requires_grad_()
    expected = contrast_norm(x, *constants)
    assert torch.allclose(kernels.normalise(x.detach(), *constants), expected, atol=1e-6)
    gradient = maps(2, 40, 3, 5, seed=1)
    (back,) = torch.autograd.grad(expected, x, gradient)
    found = kernels.normalise_back(gradient, x.detach(), *constants)
    assert torch.allclose(found, back * (x > 0), atol=1e-6)


@pytest.mark.parametrize(("filters", "kernel", "stride", "padding"), [(96, 7, 2, 1), (40, 11, 4, 2)])
def test_the_first_convolution_is_torchs(filters, kernel, stride, padding, monkeypatch):
    monkeypatch.setattr(kernels, "_PARTS", 3)
    x, weight = maps(3, 4, 17, 21), maps(filters, 4, kernel, kernel, seed=1).requires_grad_()
    expected = F.conv2d(x, weight, None, stride, padding)
    gradient = maps(*expected.shape, seed=2)
    (back,) = torch.autograd.grad(expected, weight, gradient)
    if DEVICE.type == "cuda":  # what it is for, and exact in its products
        x, weight, gradient = x.bfloat16(), weight.bfloat16(), gradient.bfloat16()
    found = kernels.convolve_first(x, weight.detach(), stride, padding)
    of_weight = kernels.convolve_first_back(gradient, x, kernel, stride, padding)
    most = 1e-5 if DEVICE.type == "cpu" else 1e-2
    assert (found - expected).norm() < most * expected.norm()
    assert (of_weight - back).norm() < most * back.norm()


def test_a_part_of_the_net_in_kernels_has_the_layers_outputs_and_gradients():
    conv = nn.Conv2d(3, 8, 3).to(DEVICE)
    layers = [conv, nn.ReLU(), nn.MaxPool2d(3, 2, 1), ContrastNorm(5)]
    (part,) = parts(layers)
    assert isinstance(part, Pooled)
    images = maps(2, 3, 12, 12)
    expected = nn.Sequential(*layers)(images)
    gradient = maps(*expected.shape, seed=1)
    wanted = torch.autograd.grad(expected, [conv.weight, conv.bias], gradient)
    found = pooled(F.conv2d(images, conv.weight), part)
    assert torch.allclose(found, expected, atol=1e-5)
    for ours, theirs in zip(
        torch.autograd.grad(found, [conv.weight, conv.bias], gradient), wanted, strict=True
    ):
        assert (ours - theirs).norm() < 1e-5 * theirs.norm()


@pytest.mark.parametrize(
    ("first", "without", "norm"), [("11x11/4", (3, 4, 6, 7), "krizhevsky"), ("7x7/2", (3,), None)]
)
def test_the_papers_other_nets_have_the_layers_outputs_and_gradients(first, without, norm, monkeypatch):
    """With a fourth, empty channel of the input, as training gives it."""
    if DEVICE.type == "cuda":
        monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    net = ZFNet(3, 8, norm, dropout=0.0, first=first, widths=(6, 10, 12, 7, 9), without=without)
    initialise(net, "xavier", seed=0)
    net.to(DEVICE, memory_format=torch.channels_last)
    fused, weights = Fused(net), list(net.parameters())
    images = maps(1, 3, 64, 64)
    expected = net(images)
    found = fused(F.pad(images, (0, 0, 0, 0, 0, 1)))
    assert sum(isinstance(part, Pooled) for part in fused._parts) == 3
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-6)
    gradient = torch.tensor([[1.0, -2.0, 3.0]], device=DEVICE)
    wanted = torch.autograd.grad(expected, weights, gradient)
    for ours, theirs in zip(torch.autograd.grad(found, weights, gradient), wanted, strict=True):
        assert (ours - theirs).norm() <= 1e-4 * theirs.norm()
