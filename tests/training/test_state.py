from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.nets.zfnet import ZFNet, initialise
from zfexplore.training.learner import make_learner, take_step
from zfexplore.training.machine import choose_machine
from zfexplore.training.recipe import recipe
from zfexplore.training.state import Position, check_state, load_state, restore, save_state

CPU = choose_machine("cpu", amp=False, workers=0)
CONVENTION = InputConvention(size=56, resize=64, mean=(1.0, 2.0, 3.0), mean_image=torch.rand(3, 64, 64))


@pytest.fixture
def learner():
    net = ZFNet(3, 8)
    views = torch.randn(4, 3, 56, 56, generator=torch.Generator().manual_seed(0))
    initialise(net, "he-scaled", batch=views)
    learner = make_learner(net, recipe(fc=8), CPU)
    take_step(learner, views, torch.tensor([0, 1, 2, 0]), recipe(fc=8), CPU, lr=0.01)
    return learner


def test_everything_that_the_next_step_depends_on_comes_back(learner, tmp_path):
    learner.position = Position(3, 7, 1.5, 28, 9.0, 1.0, 2.5, 1, 0.1)
    random.seed(1), np.random.seed(2), torch.manual_seed(3)
    save_state(tmp_path / "state.safetensors", learner.net, learner.optimiser, learner.position, CONVENTION)
    expected = (random.random(), np.random.rand(), torch.rand(1))
    random.seed(4), np.random.seed(5), torch.manual_seed(6)

    state = load_state(tmp_path / "state.safetensors")
    other = make_learner(ZFNet(3, 8), recipe(fc=8), CPU)
    restore(state, other.net, other.optimiser)

    assert state.position == learner.position
    assert state.convention == CONVENTION
    assert torch.equal(state.convention.mean_image, CONVENTION.mean_image)
    assert (random.random(), np.random.rand(), torch.rand(1)) == expected
    pairs = zip(learner.net.named_parameters(), other.net.named_parameters(), strict=True)
    for (name, ours), (_, theirs) in pairs:
        assert torch.equal(ours, theirs), name
        momentum = other.optimiser.state[theirs]["momentum_buffer"]
        assert torch.equal(learner.optimiser.state[ours]["momentum_buffer"], momentum), name
        assert momentum.stride() == theirs.stride(), name


def test_a_state_cut_short_is_one_clear_line(learner, tmp_path):
    path = tmp_path / "state.safetensors"
    save_state(path, learner.net, learner.optimiser, learner.position, CONVENTION)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(
        ExploreError, match=r"state.safetensors cannot be read .*: start anew in another folder"
    ):
        load_state(path)


def test_a_file_of_another_kind_is_one_clear_line(tmp_path):
    path = tmp_path / "state.safetensors"
    path.write_bytes(b"\x80\x04 pickled")
    with pytest.raises(ExploreError, match="cannot be read"):
        load_state(path)


def test_what_a_state_cannot_hold_is_found_before_anything_is_restored(learner, tmp_path):
    path = tmp_path / "state.safetensors"
    save_state(path, learner.net, learner.optimiser, learner.position, CONVENTION)
    with safe_open(path, framework="pt") as opened:
        described = json.loads(opened.metadata()["zfexplore-training"])
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118

    def written(change, **others):
        changed = {name: tensor for name, tensor in {**tensors, **others}.items() if tensor is not None}
        save_file(changed, path, metadata={"zfexplore-training": json.dumps({**described, **change})})
        return path

    position, numpy = described["position"], described["numpy"]
    for change in (
        {"position": {**position, "epoch": 1.5}}, {"position": {**position, "extra": 1}},
        {"position": {**position, "loss_sum": math.inf}}, {"position": []}, {"format": 2},
        {"python": [3, [1, 2], None]}, {"python": {}}, {"convention": {"size": math.inf}},
        {"numpy": {**numpy, "state": {**numpy["state"], "pos": 10**6}}},
        {"numpy": {"bit_generator": "PCG64"}},
    ):  # fmt: skip
        with pytest.raises(ExploreError, match="cannot be read .*start anew in another folder"):
            load_state(written(change))
    net = learner.net.state_dict()
    check_state(load_state(written({})), net)
    bias = tensors["net.conv1.bias"]
    for others in (
        {"net.conv1.bias": None}, {"net.conv1.bias": bias[:1].clone()}, {"net.conv1.bias": bias.double()},
        {"momentum.conv1.bias": bias[:1].clone()}, {"net.conv1.bias": bias * math.nan},
        {"net.other": bias.clone()},
    ):  # fmt: skip
        with pytest.raises(ExploreError, match="cannot be read .*(conv1.bias|net.other) is"):
            check_state(load_state(written({}, **others)), net)
    with pytest.raises(ExploreError, match="cannot be read"):
        load_state(written({}, **{"random.torch": bias.clone()}))


def test_a_random_state_that_the_gpu_refuses_is_one_clear_line(learner, tmp_path, monkeypatch):
    def refuse(_state, _device):
        raise RuntimeError("RNG state is wrong size")

    path = tmp_path / "state.safetensors"
    save_state(path, learner.net, learner.optimiser, learner.position, CONVENTION)
    state = load_state(path)
    state.tensors["random.cuda.0"] = torch.zeros(3, dtype=torch.uint8)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr("torch.cuda.set_rng_state", refuse)
    with pytest.raises(
        ExploreError, match=r"cannot be read \(random.cuda.0: RNG state is wrong size\): start"
    ):
        restore(state, learner.net, learner.optimiser)
