"""A dry run: what it counts, and what it makes of the two rates that it measures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from zfexplore.errors import ExploreError
from zfexplore.images.open import open_images
from zfexplore.nets.ranks import Ranks
from zfexplore.nets.zfnet import ZFNet
from zfexplore.progress import Skipped
from zfexplore.training import dry_run as module
from zfexplore.training.dry_run import DryRun, SizeRun, dry_run, plan_of
from zfexplore.training.machine import Machine
from zfexplore.training.recipe import recipe

CPU = Machine(torch.device("cpu"), amp=False, compiled=False, workers=0)
SMALL = recipe("default", size=72, fc=8, epochs=4, batch_size=4)


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Two classes of five pictures, one of which cannot be read; nothing is measured for long."""
    monkeypatch.setattr(module, "SECONDS", 0.0)
    for name in ("blue", "red"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(5):
            noise = np.random.default_rng(number).integers(0, 255, (80, 90, 3), np.uint8)
            Image.fromarray(noise).save(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path / "photos"


def test_it_counts_images_bytes_and_steps_and_measures_every_size(photos):
    plan = plan_of(open_images(photos), SMALL, val=0.2, seed=0, per_class=None, machine=CPU)
    *_, last = dry_run(plan, hours=2.0)
    found = last.result
    names = [plan.source.image_name(index) for index in plan.split.training]
    assert (found.classes, found.training, found.held_out) == (2, 8, 2)
    assert found.bytes_an_epoch == sum((photos / name).stat().st_size for name in names)
    assert (found.steps_per_epoch, found.steps) == (2, 8)
    assert [(one.size, one.epochs) for one in found.sizes] == [(56, 3), (72, 1)]
    assert found.sizes[0].decoded_bytes == 10 * 64 * 64 * 3  # squares of 56 * 256 / 224 pixels
    assert found.needed == 8 * 4 / 7200
    learning = sum(one.epochs * (8 + 2 / 3) / one.images_per_second for one in found.sizes)
    assert found.seconds == pytest.approx(10 / found.decoded_per_core + learning)  # decoded once


def test_of_two_ranks_one_is_measured_and_both_are_counted(photos, monkeypatch):
    monkeypatch.setattr(module, "free_memory", lambda: 10**9)
    machine = replace(CPU, workers=1, ranks=Ranks(0, 2, 0, 2))
    plan = plan_of(open_images(photos), SMALL, val=0.2, seed=0, per_class=None, machine=machine)
    *_, last = dry_run(plan)
    found = last.result
    assert (found.ranks, found.local_ranks, found.batch, found.steps_per_epoch) == (2, 2, 2, 2)
    learning = sum(one.epochs * (8 + 2 / 3) / (2 * one.images_per_second) for one in found.sizes)
    assert found.seconds == pytest.approx(10 / (2 * found.decoded_per_core) + learning)
    net = ZFNet(2, **SMALL.architecture())
    assert found.gradient_bytes == sum(values.nbytes for values in net.parameters())
    # What one process holds in half of the memory, two on one machine hold in a quarter each.
    room = 2 * 8 * (64**2 + 82**2) * 3
    monkeypatch.setattr("zfexplore.training.data.free_memory", lambda: room)
    side = module.at_size(plan.unmeasured_input, 56)
    assert plan.unmeasured_input.resize == 82
    assert module._decodings(replace(plan, machine=CPU), side, 3, False) == (True, 1, True)
    assert module._decodings(plan, side, 3, False) == (True, 1, False)


def test_what_cannot_be_read_is_named_and_no_rate_comes_of_nothing(photos, monkeypatch):
    plan = plan_of(open_images(photos), SMALL, val=0.0, seed=0, per_class=None, machine=CPU)
    for path in photos.rglob("*.png"):
        path.write_bytes(b"torn")
    monkeypatch.setattr(module, "SECONDS", 60.0)
    seen = []
    with pytest.raises(ExploreError, match="none of the 10 training images that were tried can be read"):
        seen.extend(dry_run(plan))  # which keeps what came before the error
    named = {event.name for event in seen if isinstance(event, Skipped)}
    assert named == {plan.source.image_name(index) for index in range(10)}
    with pytest.raises(ExploreError, match="--hours must be above 0, not 0"):
        next(dry_run(plan, hours=0.0))


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (10**9, [(True, 1), (True, 0)]),  # the largest squares, from which the smaller are made
        (8 * 2 * 70 * 70 * 3, [(True, 1), (False, 1)]),  # the smaller alone; then the single epoch streams
        (10, [(False, 3), (False, 1)]),
    ],
)
def test_squares_are_decoded_as_the_training_decodes_them(photos, monkeypatch, room, expected):
    monkeypatch.setattr("zfexplore.training.data.free_memory", lambda: room)
    plan = plan_of(open_images(photos), SMALL, val=0.2, seed=0, per_class=None, machine=CPU)
    whole, found = False, []
    for size, epochs in ((56, 3), (72, 1)):
        side = module.at_size(plan.unmeasured_input, size)
        held, decodings, whole = module._decodings(plan, side, epochs, whole)
        found.append((held, decodings))
    assert found == expected


def test_decoding_anew_adds_to_the_net_on_a_cpu_and_hides_behind_it_on_a_gpu():
    held = SizeRun(224, 2, 100.0, 0, held=True, decodings=1)
    anew = SizeRun(224, 2, 100.0, 0, held=False, decodings=2)
    gpu = Machine(torch.device("cuda"), amp=True, compiled=False, workers=16)
    # 900 + 300 / 3 images at 100 a second: 10 s; 1,200 decoded at 300 a second: 4 s
    assert module._seconds(held, 900, 300, 300.0, CPU) == pytest.approx(4 + 2 * 10)
    assert module._seconds(anew, 900, 300, 300.0, CPU) == pytest.approx(2 * 14)
    assert module._seconds(anew, 900, 300, 300.0, gpu) == pytest.approx(2 * 10)
    assert module._seconds(anew, 900, 300, 100.0, gpu) == pytest.approx(2 * 12)
    whole = DryRun(2, 900, 300, None, 8, 16, (anew,), 30.0, 10, 0, 20.0, None, 0)
    assert (whole.cores_to_feed, whole.images_per_second) == (4, 90.0)
