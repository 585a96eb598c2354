"""The same code on a GPU. Needs neither textual nor typer."""

from __future__ import annotations

import warnings
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

on_device = pytest.importorskip("zfexplore.training.on_device", reason="no Triton")

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


@pytest.mark.parametrize("where", ["held", "fed", "decoded anew"])
def test_recorded_steps_have_the_losses_of_plain_ones(stripes, quick, tmp_path, monkeypatch, where):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
    if where == "fed":
        monkeypatch.setattr("zfexplore.training.loop._placed", lambda squares, _machine: squares)
    if where == "decoded anew":
        monkeypatch.setattr("zfexplore.training.inputs.fits_in_memory", lambda *_, **__: False)
    chosen = replace(quick, dropout=0.0, batch_size=2)
    how = {"val": 0.2, "device": "cuda", "amp": False, "workers": 0}
    sources = []
    source = on_device.OnDevice.__init__

    def noted(device, *given):
        source(device, *given)
        sources.append(type(device.source))

    monkeypatch.setattr(on_device.OnDevice, "__init__", noted)
    ours = finish(train(stripes, chosen, out=tmp_path / "ours", **how))
    assert set(sources) == {on_device._Held if where == "held" else on_device._Fed}
    monkeypatch.setattr("zfexplore.training.machine.unusable", lambda _device: "for this test")
    plain = finish(train(stripes, chosen, out=tmp_path / "plain", **how))
    for one, other in zip(ours.records, plain.records, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-3)
        assert one["held_out_loss"] == pytest.approx(other["held_out_loss"], rel=1e-3)


def test_nothing_in_an_epochs_recorded_steps_waits_for_the_device(stripes, quick, tmp_path, monkeypatch):
    chosen = replace(quick, batch_size=1, epochs=1, stages=((1.0, 1.0),))
    replay = torch.cuda.CUDAGraph.replay

    def watched(graph):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the mode is experimental, and says so
            torch.cuda.set_sync_debug_mode("error")
            try:
                replay(graph)
            finally:
                torch.cuda.set_sync_debug_mode("default")

    monkeypatch.setattr(torch.cuda.CUDAGraph, "replay", watched)
    result = finish(train(stripes, chosen, out=tmp_path, val=0.2, device="cuda", workers=0))
    assert len(result.records) == 1
