"""Steps on a GPU without the host, held against ``Steps``: here on the CPU, with streams that do nothing.

A recorded step is one that is taken anew, and views are made by torch: the kernels have tests of their own.
``test_cuda.py`` has the whole on a GPU.
"""

# tests zfexplore/training/steps.py too: what a GPU's steps are held against, and with ranks it is the loop's.

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tests.training.conftest import Slim
from zfexplore.images.augment import _filter_weights
from zfexplore.images.transforms import prepare_large
from zfexplore.nets.zfnet import initialise
from zfexplore.training.data import Decoded, Streamed, in_batches
from zfexplore.training.inputs import at_size
from zfexplore.training.learner import make_learner
from zfexplore.training.machine import choose_machine
from zfexplore.training.plan import Outcome, make_plan
from zfexplore.training.steps import Steps

pytest.importorskip("triton", reason="no Triton: steps on a GPU are not tested")
on_device = pytest.importorskip("zfexplore.training.on_device")
pytestmark = pytest.mark.skipif(
    torch.cuda.is_available(), reason="there is a GPU: test_cuda.py tests them there"
)


class Stream:
    """A stream on which everything is over at once."""

    def __init__(self, *_):
        self.wait_stream = self.synchronize = lambda *_: None
        self.query = lambda: True
        self.record_event = lambda: self


class TorchViews:
    """What ``Views`` does, from the same boxes and gains."""

    def __init__(self, convention, augmentation, _device):
        self.convention, self.augmentation = convention, augmentation

    def __call__(self, squares, rows, boxes, gains, *, dtype, channels):
        assert (dtype, channels) == (torch.float32, 3)
        top, down, left, across = boxes
        size, large = self.convention.size, self.convention.resize
        pixels = squares[rows].permute(0, 3, 1, 2) * (gains * (self.convention.scale / 255))[:, :, None, None]
        pixels = pixels.clamp(max=self.convention.scale)
        by_row = _filter_weights(top, down, large, size)[:, None]
        by_column = _filter_weights(left, across, large, size)[:, None]
        mean = torch.tensor(self.convention.mean)[:, None, None]
        return (by_row @ (pixels - mean) @ by_column.transpose(-1, -2)) / self.convention.std[0]


@pytest.fixture
def on_cpu(monkeypatch):
    for name, value in (("Stream", Stream), ("current_stream", Stream), ("stream", lambda _: nullcontext())):
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)
    monkeypatch.setattr(on_device, "Views", TorchViews)
    monkeypatch.setattr(on_device, "UNRECORDED", 1)

    def recorded(device):
        return SimpleNamespace(replay=lambda: device._advance(len(device._batch)))

    monkeypatch.setattr(on_device.OnDevice, "_recorded", recorded)


@pytest.fixture
def plan(make_stripes, quick, tmp_path):
    """Images of which some cannot be read: batches of 4, 4, 3, 0, 4 and 2."""
    source = make_stripes(22, broken=(9, 12, 13, 14, 15))
    chosen = replace(quick, size=56, batch_size=4, dropout=0.0, warmup=2, lr=0.02)
    # Tensors tell a device without its number, as CUDA's tell one with it: the two are not equal.
    machine = replace(choose_machine("cpu", amp=False, workers=0), device=torch.device("cpu", 0))
    outcome = Outcome(None, None, False)
    how = {"val": 0.0, "seed": 3, "per_class": None, "machine": machine, "outcome": outcome}
    return make_plan(source, chosen, **how)


def squares_of(plan, *, held):
    convention = at_size(plan.unmeasured_input, plan.recipe.size)
    if not held:
        return Streamed(plan.source, convention, 0), convention
    readable = [index for index in range(len(plan.source)) if index not in plan.source.broken]
    pixels = [torch.from_numpy(prepare_large(plan.source[index].image, convention)) for index in readable]
    labels = torch.tensor([plan.source.label(index) for index in readable])
    rows = {index: row for row, index in enumerate(readable)}
    return Decoded(torch.stack(pixels), labels, rows), convention


def learner_of(plan):
    net = Slim(3, 8, dropout=0.0)
    initialise(net, "xavier", seed=0)
    return make_learner(net.train(), plan.recipe, plan.machine)


def taken(steps, learner):
    """Take all steps; give what they were taken on, and their losses."""
    found = []
    for step in steps:
        learner.position.step += 1
        found.append((step.wanted, step.images, [name for name, _ in step.unreadable]))
    return found, steps.losses()


@pytest.mark.parametrize("held", [True, False])
def test_two_epochs_have_the_losses_of_plain_steps(plan, on_cpu, held):
    squares, convention = squares_of(plan, held=held)
    batches = in_batches(range(22), 4)
    plain, ours = learner_of(plan), learner_of(plan)
    device = on_device.OnDevice(ours, squares, convention, plan)
    assert type(device.source) is (on_device._Held if held else on_device._Fed)
    for _ in range(2):
        expected, losses = taken(Steps(plain, squares, batches, convention, plan), plain)
        found, own = taken(device.epoch(batches), ours)
        assert found == expected
        assert [images for _, images, _ in found] == [4, 4, 3, 0, 4, 2]
        assert [(each.step, each.images) for each in own] == [(each.step, each.images) for each in losses]
        assert [each.value for each in own] == pytest.approx([each.value for each in losses], rel=1e-4)
        for learner in (plain, ours):
            learner.position.next_epoch()


def test_who_waits_for_the_device_does_not_wait_for_images(plan, on_cpu, monkeypatch):
    clock = [0.0]

    class Busy(Stream):
        def __init__(self, *_):
            super().__init__()
            self.synchronize = lambda: clock.__setitem__(0, clock[0] + 100.0)

    monkeypatch.setattr(torch.cuda, "Stream", Busy)
    monkeypatch.setattr(on_device.time, "perf_counter", lambda: clock[0])
    squares, convention = squares_of(plan, held=False)
    learner = learner_of(plan)
    device = on_device.OnDevice(learner, squares, convention, plan)
    list(device.epoch(in_batches(range(22), 4)))
    assert clock == [400.0]  # six batches in two buffers
    assert learner.position.waited == 0.0


def test_the_rest_of_an_epoch_has_the_losses_that_the_whole_has(plan, on_cpu):
    squares, convention = squares_of(plan, held=True)
    batches = in_batches(range(22), 4)
    learner = learner_of(plan)
    steps = on_device.OnDevice(learner, squares, convention, plan).epoch(batches)
    losses = []
    for number, _ in enumerate(steps, start=1):
        learner.position.step = number
        if number == 3:
            break
    losses += steps.losses()
    again = on_device.OnDevice(learner, squares, convention, plan)
    losses += taken(again.epoch(batches[3:]), learner)[1]
    other = learner_of(plan)
    expected = taken(Steps(other, squares, batches, convention, plan), other)[1]
    assert [each.step for each in losses] == [0, 1, 2, 4, 5]
    assert [each.value for each in losses] == pytest.approx([each.value for each in expected], rel=1e-4)


class Asked(TorchDispatchMode):
    """Notes every operation whose answer the host waits for."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        if function.name() in (
            "aten::_local_scalar_dense",
            "aten::nonzero",
            "aten::is_nonzero",
            "aten::equal",
        ):
            self.names.append(function.name())
        return function(*arguments, **(options or {}))


def test_a_step_asks_the_device_for_nothing(plan, on_cpu):
    """But for fused SGD, which on a CPU reads a rate that is a tensor."""
    squares, convention = squares_of(plan, held=True)
    learner = learner_of(plan)
    device = on_device.OnDevice(learner, squares, convention, plan)
    steps = iter(device.epoch(in_batches(range(22), 4)))
    learner.optimiser.step = lambda: None
    with Asked() as asked:
        next(steps)
        next(steps)
    assert asked.names == []
