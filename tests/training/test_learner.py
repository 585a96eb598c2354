from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from zfexplore.errors import ExploreError
from zfexplore.nets.zfnet import NORM_CONSTANTS, ContrastNorm, ZFNet, initialise
from zfexplore.training.learner import (
    judge_plateau,
    learning_rate,
    make_learner,
    renormalise_filters,
    take_step,
)
from zfexplore.training.machine import choose_machine
from zfexplore.training.recipe import recipe
from zfexplore.training.state import Position

CPU = choose_machine("cpu", amp=False, workers=0)


def test_filters_above_the_limit_are_scaled_to_it_and_others_are_left():
    net = nn.Sequential(nn.Conv2d(1, 2, 2), nn.Linear(4, 4))
    with torch.no_grad():
        net[0].weight[0] = 0.05
        net[0].weight[1] = torch.tensor([[[0.3, -0.3], [0.3, 0.3]]])
        net[1].weight.fill_(5.0)
    renormalise_filters(net, 0.1)
    assert torch.equal(net[0].weight[0], torch.full((1, 2, 2), 0.05))
    assert torch.allclose(net[0].weight[1], torch.tensor([[[0.1, -0.1], [0.1, 0.1]]]))
    assert torch.equal(net[1].weight, torch.full((4, 4), 5.0))


def test_an_empty_filter_stays_empty():
    net = nn.Sequential(nn.Conv2d(1, 1, 2))
    nn.init.zeros_(net[0].weight)
    renormalise_filters(net, 0.1)
    assert torch.equal(net[0].weight, torch.zeros(1, 1, 2, 2))


def test_rate_warms_up_and_falls_along_a_cosine():
    chosen = recipe(epochs=10, lr=1.0, warmup=10)  # 100 steps in all, 10 of them warm-up
    rates = [learning_rate(chosen, Position(step // 10, step % 10), 10) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    assert rates[55] == pytest.approx(0.5)  # half way between the warm-up and the end
    assert rates[99] == pytest.approx(0.5 * (1 + math.cos(math.pi * 89 / 90)))


def test_warm_up_takes_at_most_a_tenth_of_a_short_run():
    assert learning_rate(recipe(epochs=2, lr=1.0, warmup=200), Position(0, 1), 10) == pytest.approx(1.0)


def test_the_papers_rate_falls_tenfold_when_the_held_out_loss_stalls():
    paper, position = recipe("paper"), Position()
    rates = []
    for loss in (3.0, 2.0, 2.5, 2.0, 2.1, 1.9, 2.0):
        judge_plateau(paper, position, loss)
        rates.append(learning_rate(paper, position, 10))
    assert rates == pytest.approx([1e-2, 1e-2, 1e-2, 1e-2, 1e-3, 1e-3, 1e-3])


def test_the_replications_rate_never_changes():
    report, position = recipe("replication"), Position()
    for _ in range(9):
        judge_plateau(report, position, 1.0)
    assert learning_rate(report, position, 10) == 1e-4


def test_weights_decay_and_biases_do_not():
    learner = make_learner(ZFNet(3, 8), recipe(weight_decay=0.25), CPU)
    decays = {
        name: group["weight_decay"]
        for group in learner.optimiser.param_groups
        for name, value in learner.net.named_parameters()
        if any(value is other for other in group["params"])
    }
    assert {decay for name, decay in decays.items() if name.endswith("weight")} == {0.25}
    assert {decay for name, decay in decays.items() if name.endswith("bias")} == {0.0}


def test_a_step_is_sgd_with_momentum_as_written_out():
    chosen = recipe("paper", fc=8, lr=0.1, max_rms=1e-2)
    net = ZFNet(3, 8, dropout=0.0)
    torch.manual_seed(0)
    views, labels = torch.randn(4, 3, 64, 64), torch.tensor([0, 1, 2, 0])
    initialise(net, "he-scaled", batch=views)
    learner = make_learner(net, chosen, CPU)
    start = {name: value.detach().clone() for name, value in net.named_parameters()}
    loss = nn.functional.cross_entropy(net(views), labels)
    gradients = torch.autograd.grad(loss, list(net.parameters()))
    given = take_step(learner, views, labels, chosen, CPU, lr=0.1)
    assert given.item() == pytest.approx(loss.item())
    for (name, value), gradient in zip(net.named_parameters(), gradients, strict=True):
        expected = start[name] - 0.1 * gradient
        if expected.ndim == 4:
            rms = expected.square().mean((1, 2, 3), keepdim=True).sqrt()
            expected = expected * (1e-2 / rms).clamp(max=1)
        assert torch.allclose(value, expected, rtol=1e-4, atol=1e-6), name


def test_losses_follow_those_of_the_plain_loop():
    """That is: contiguous maps, torch's normalisation, torch's SGD as it comes; momentum, decay, dropout.

    In float64: in float32 the roundings of one processor or another grow with every step.
    """
    chosen = recipe("paper", fc=16, weight_decay=5e-4, nesterov=True, max_rms=None)
    generator = torch.Generator().manual_seed(0)
    views = torch.randn(6, 3, 64, 64, generator=generator, dtype=torch.float64)
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    net, plain = (ZFNet(3, 16, chosen.norm, chosen.dropout) for _ in range(2))
    for some in (net, plain):
        initialise(some, "xavier", seed=0)
        some.double()
    k, alpha, beta = NORM_CONSTANTS[chosen.norm]
    for name, module in list(plain.named_children()):
        if isinstance(module, ContrastNorm):
            setattr(plain, name, nn.LocalResponseNorm(5, alpha, beta, k))
    learner = make_learner(net, chosen, CPU)
    decayed = [value for value in plain.parameters() if value.ndim > 1]
    others = [{"params": [value for value in plain.parameters() if value.ndim == 1], "weight_decay": 0.0}]
    optimiser = torch.optim.SGD(
        [{"params": decayed, "weight_decay": 5e-4}, *others], lr=0.1, momentum=0.9, nesterov=True
    )
    pairs = []
    for number in range(6):
        torch.manual_seed(number)  # the same neurons drop out
        ours = take_step(learner, views, labels, chosen, CPU, lr=0.1)
        torch.manual_seed(number)
        theirs = nn.functional.cross_entropy(plain(views), labels)
        optimiser.zero_grad()
        theirs.backward()
        optimiser.step()
        pairs.append((ours.item(), theirs.item()))
    found, expected = zip(*pairs, strict=True)
    assert max(expected) - min(expected) > 0.3  # the weights have moved
    assert found == pytest.approx(expected, rel=2e-7)  # ours is told in float32


def test_what_keeps_a_net_from_being_compiled_is_told_in_one_line(monkeypatch):
    def compiled(_net):
        def forward(_views):
            raise torch._dynamo.exc.TorchDynamoException(
                "No working C++ compiler found\n\nSet TORCHDYNAMO_VERBOSE=1"
            )

        return forward

    monkeypatch.setattr(torch, "compile", compiled)
    learner = make_learner(ZFNet(3, 8), recipe(fc=8), replace(CPU, compiled=True))
    with pytest.raises(
        ExploreError, match=r"compiled here \(No working C\+\+ compiler found\): leave --compile"
    ):
        learner.forward(torch.zeros(1, 3, 64, 64))


def test_the_gradient_is_clipped_as_a_whole():
    chosen = recipe(fc=8, clip_norm=1e-3, weight_decay=0.0, momentum=0.0, nesterov=False, max_rms=None)
    net = ZFNet(3, 8)
    views = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    initialise(net, "he-scaled", batch=views)
    start = [value.detach().clone() for value in net.parameters()]
    take_step(make_learner(net, chosen, CPU), views, torch.tensor([0, 1, 2, 0]), chosen, CPU, lr=1.0)
    moved = torch.stack(
        [(now - then).norm() for now, then in zip(net.parameters(), start, strict=True)]
    ).norm()
    assert moved.item() == pytest.approx(1e-3, rel=1e-2)
