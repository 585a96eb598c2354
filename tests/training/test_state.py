from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.nets.zfnet import ZFNet, initialise
from zfexplore.training.learner import make_learner, take_step
from zfexplore.training.machine import choose_machine
from zfexplore.training.recipe import recipe
from zfexplore.training.state import Position, load_state, restore, save_state

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
