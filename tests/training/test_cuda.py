"""The same code on a GPU. Needs neither textual nor typer."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from zfexplore.nets.zfnet import ZFNet, initialise
from zfexplore.progress import Progress, finish
from zfexplore.training.learner import make_learner, take_step
from zfexplore.training.loop import train
from zfexplore.training.machine import choose_machine
from zfexplore.training.recipe import recipe

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(
        not torch.cuda.is_available(), reason="no CUDA device: the training on a GPU is not tested"
    ),
]


def test_a_step_equals_the_cpus(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
    chosen = recipe(fc=8, dropout=0.0)
    views = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 2, 0])
    found = []
    for device in ("cpu", "cuda"):
        machine = choose_machine(device, amp=False)
        net = ZFNet(3, 8, dropout=0.0)
        initialise(net, "he-scaled", seed=0, batch=views)
        learner = make_learner(net, chosen, machine)
        loss = take_step(learner, views.to(device), labels.to(device), chosen, machine, lr=0.01)
        found.append((loss.cpu(), [value.detach().cpu() for value in learner.net.parameters()]))
    (loss, values), (cuda_loss, cuda_values) = found
    assert torch.allclose(loss, cuda_loss, rtol=1e-4)
    assert all(torch.allclose(a, b, rtol=1e-3, atol=1e-5) for a, b in zip(values, cuda_values, strict=True))


def test_bf16_is_the_default_and_weights_stay_float32(stripes, quick, tmp_path):
    assert choose_machine("cuda").amp
    finish(train(stripes, quick, out=tmp_path, val=0.2, device="cuda", workers=2))
    assert {value.dtype for value in load_file(tmp_path / "checkpoint.safetensors").values()} == {
        torch.float32
    }


@pytest.mark.parametrize("amp", [False, True])
def test_interrupted_and_resumed_is_close_to_uninterrupted(stripes, quick, tmp_path, monkeypatch, amp):
    """Close and not equal: some of cuDNN's gradients are summed in an order of their own."""
    monkeypatch.setattr("zfexplore.progress.SECONDS_BETWEEN_EVENTS", 0.0)
    chosen = replace(quick, dropout=0.5)
    how = {"val": 0.2, "device": "cuda", "amp": amp, "workers": 0}
    finish(train(stripes, chosen, out=tmp_path / "whole", **how))
    events = train(stripes, chosen, out=tmp_path / "parts", **how)
    for event in events:
        if isinstance(event, Progress) and event.task == "epoch 1 of 2" and event.done >= 8:
            events.close()
    finish(train(stripes, chosen, out=tmp_path / "parts", **how, resume=True))
    whole, parts = (load_file(tmp_path / name / "checkpoint.safetensors") for name in ("whole", "parts"))
    for name, value in whole.items():
        assert torch.allclose(value, parts[name], rtol=1e-2, atol=1e-3), name
