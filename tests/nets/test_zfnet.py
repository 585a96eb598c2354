from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from zfexplore.nets.zfnet import ContrastNorm, ZFNet, initialise

# ZF figure 3, as the table of the network gives it.
TABLE = {
    "conv1": (96, 110, 110),
    "pool1": (96, 55, 55),
    "conv2": (256, 26, 26),
    "pool2": (256, 13, 13),
    "conv3": (384, 13, 13),
    "conv4": (384, 13, 13),
    "conv5": (256, 13, 13),
    "pool5": (256, 6, 6),
}


def outputs(net: nn.Module, images: torch.Tensor) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    x = images
    for name, module in net.named_children():
        x = found[name] = module(x)
    return found


def test_the_default_net_has_the_papers_number_of_parameters():
    with torch.device("meta"):
        net = ZFNet()
    assert sum(weight.numel() for weight in net.parameters()) == 62_357_608


def test_every_map_has_the_papers_size():
    with torch.device("meta"):
        found = outputs(ZFNet(), torch.empty(1, 3, 224, 224))
    assert {name: tuple(found[name].shape[1:]) for name in TABLE} == TABLE
    assert found["fc6"].shape == found["fc7"].shape == (1, 4096)
    assert found["fc8"].shape == (1, 1000)


def test_the_adaptive_pool_is_the_identity_at_224_pixels():
    found = outputs(ZFNet(classes=2, fc=4).eval(), torch.randn(1, 3, 224, 224))
    assert torch.equal(found["pool5"], found["avgpool"])


def test_smaller_inputs_reach_the_logits():
    assert ZFNet(classes=5, fc=8).eval()(torch.randn(2, 3, 96, 96)).shape == (2, 5)


def test_no_layer_works_in_place():
    net = ZFNet(classes=2, fc=4).eval()
    x = torch.randn(1, 3, 64, 64)
    for module in net.children():
        before = x.clone()
        after = module(x)
        assert torch.equal(x, before)
        x = after


def test_a_slice_is_a_plain_stack_of_the_same_layers():
    net = ZFNet(classes=2, fc=4)
    assert list(net[:2].children()) == [net.conv1, net.relu1]
    assert net[0] is net.conv1


def test_an_unknown_normalisation_is_refused():
    with pytest.raises(ValueError, match="krizhevsky"):
        ZFNet(norm="batch")  # type: ignore[arg-type]


@settings(deadline=None, max_examples=40)
@given(
    channels=st.integers(1, 12),
    size=st.integers(1, 6),
    alpha=st.floats(1e-5, 1.0),
    beta=st.sampled_from([0.5, 0.75, 1.0]),
    k=st.floats(1.0, 3.0),
    seed=st.integers(0, 999),
)
def test_contrast_normalisation_and_its_gradient_equal_torchs(channels, size, alpha, beta, k, seed):
    generator = torch.Generator().manual_seed(seed)
    x = (3 * torch.randn(2, channels, 3, 4, generator=generator, dtype=torch.float64)).requires_grad_()
    weight = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    ours = ContrastNorm(size, alpha, beta, k)(x)
    theirs = nn.LocalResponseNorm(size, alpha, beta, k)(x)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    (our_gradient,) = torch.autograd.grad((ours * weight).sum(), x)
    (their_gradient,) = torch.autograd.grad((theirs * weight).sum(), x)
    torch.testing.assert_close(our_gradient, their_gradient, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("norm", "theirs"),
    [("krizhevsky", nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0)), ("replication", nn.LocalResponseNorm(5))],
)
def test_zfnets_constants_are_krizhevskys_and_the_replications(norm, theirs):
    x = 20 * torch.randn(2, 96, 5, 5, dtype=torch.float64)
    with torch.inference_mode():
        torch.testing.assert_close(ZFNet(classes=2, fc=2, norm=norm).norm1(x), theirs(x), rtol=1e-12, atol=0)


def test_contrast_normalisation_keeps_the_memory_format():
    x = torch.randn(2, 8, 3, 4).contiguous(memory_format=torch.channels_last).requires_grad_()
    assert ContrastNorm()(x).is_contiguous(memory_format=torch.channels_last)


def test_xavier_and_paper_have_the_standard_deviations_they_name():
    net = ZFNet(classes=10, fc=64)
    initialise(net, "paper", seed=1)
    assert net.conv3.weight.std().item() == pytest.approx(0.01, rel=0.01)
    initialise(net, "xavier", seed=1)
    expected = (2 / (9 * (256 + 384))) ** 0.5
    assert net.conv3.weight.std().item() == pytest.approx(expected, rel=0.01)
    assert all(bool((bias == 0).all()) for name, bias in net.named_parameters() if name.endswith("bias"))


def test_a_constant_of_a_hundredth_explodes():
    net = ZFNet(classes=3, fc=4096).eval()
    initialise(net, "constant")
    with torch.inference_mode():
        assert net(torch.full((1, 3, 224, 224), 100.0)).abs().max() > 1e9


def test_he_scaled_gives_every_layer_unit_output_variance_on_the_batch():
    net = ZFNet(classes=20, fc=32).eval()
    batch = 50 * torch.randn(4, 3, 96, 96)
    initialise(net, "he-scaled", seed=3, batch=batch)
    with torch.inference_mode():
        found = outputs(net, batch)
    for name in ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"):
        assert found[name].std().item() == pytest.approx(1.0, rel=1e-4)


def test_he_scaled_on_images_without_contrast_leaves_he():
    net, plain = ZFNet(classes=3, fc=4), nn.Conv2d(3, 96, 7)
    initialise(net, "he-scaled", seed=3, batch=torch.zeros(2, 3, 64, 64))
    initialise(plain, "he-scaled", seed=3, batch=torch.zeros(2, 3, 64, 64))
    assert torch.equal(net.conv1.weight, plain.weight)
    assert all(bool(torch.isfinite(weight).all()) for weight in net.parameters())


def test_a_seed_fixes_the_weights():
    nets = [ZFNet(classes=3, fc=4) for _ in range(3)]
    for net, seed in zip(nets, (5, 5, 6), strict=True):
        initialise(net, "xavier", seed=seed)
    assert torch.equal(nets[0].conv2.weight, nets[1].conv2.weight)
    assert not torch.equal(nets[0].conv2.weight, nets[2].conv2.weight)


def test_he_scaled_asks_for_its_batch_and_unknown_names_are_refused():
    net = ZFNet(classes=2, fc=2)
    with pytest.raises(ValueError, match="batch"):
        initialise(net, "he-scaled")
    with pytest.raises(ValueError, match="xavier"):
        initialise(net, "magic")  # type: ignore[arg-type]
