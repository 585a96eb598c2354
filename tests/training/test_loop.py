from __future__ import annotations

import json
import os
import signal
from collections import Counter
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from tests.support import result_of
from zfexplore.errors import ExploreError
from zfexplore.images.workers import WorkerFailed
from zfexplore.nets.checkpoint import load_checkpoint
from zfexplore.progress import Finished, Note, Progress, Skipped, finish
from zfexplore.training import data, loop, steps
from zfexplore.training.evaluate import evaluate_checkpoint
from zfexplore.training.folder import RunFolder
from zfexplore.training.loop import train
from zfexplore.training.machine import choose_machine
from zfexplore.training.recipe import Recipe, recipe
from zfexplore.training.record import EpochRecord
from zfexplore.training.run import read_run
from zfexplore.training.state import Position
from zfexplore.training.steps import Loss

pytestmark = pytest.mark.usefixtures("slim")

EXACT = {"device": "cpu", "amp": False, "workers": 0}


@pytest.fixture
def every_step(monkeypatch):
    """Let every step be an event, so that a test can stop at any of them."""
    monkeypatch.setattr("zfexplore.progress.SECONDS_BETWEEN_EVENTS", 0.0)


def stop_after(events, task, done):
    """Close the work when ``task`` has done so much."""
    for event in events:
        if isinstance(event, Progress) and event.task == task and event.done >= done:
            events.close()
            return
    raise AssertionError(f"{task} never got to {done}")


def weights(folder):
    return load_file(folder / "checkpoint.safetensors")


def comparable(folder):
    timed = ("seconds", "images_per_second", "waiting")
    lines = (folder / "log.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key not in timed} for line in lines]


@pytest.fixture
def uninterrupted(stripes, quick, tmp_path):
    result = finish(train(stripes, quick, out=tmp_path / "whole", val=0.2, **EXACT))
    return tmp_path / "whole", result


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("held", [True, False], ids=["held", "streamed"])
def test_interrupted_and_resumed_equals_uninterrupted(
    stripes, quick, uninterrupted, tmp_path, every_step, monkeypatch, workers, held
):
    if not held:
        monkeypatch.setattr(data, "free_memory", lambda: 0)
    whole, _ = uninterrupted
    how = {"out": tmp_path / "parts", "val": 0.2, **EXACT, "workers": workers}
    stop_after(train(stripes, quick, **how), "epoch 1 of 2", 8)
    assert not (tmp_path / "parts" / "checkpoint.safetensors").exists()
    torch.rand(7)  # whatever else used random numbers in between
    stop_after(train(stripes, quick, **how, resume=True), "epoch 2 of 2", 4)
    finish(train(stripes, quick, **how, resume=True))
    expected, found = weights(whole), weights(tmp_path / "parts")
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert comparable(tmp_path / "parts") == comparable(whole)


def test_a_run_whose_worker_was_killed_goes_on_as_if_nothing_had_been(
    stripes, quick, uninterrupted, tmp_path, monkeypatch
):
    monkeypatch.setattr(data, "free_memory", lambda: 0)
    whole, _ = uninterrupted
    plan = data.split(stripes, 0.2, seed=0)
    third_batch = data.epoch_order(plan.training, seed=0, epoch=1)[8:12]
    read, ours = type(stripes).__getitem__, os.getpid()

    def killed(source, index):
        if index in third_batch and os.getpid() != ours:
            os.kill(os.getpid(), signal.SIGKILL)
        return read(source, index)

    how = {"out": tmp_path / "parts", "val": 0.2, **EXACT}
    with pytest.raises(WorkerFailed, match="was ended by SIGKILL"):  # noqa: PT012
        for event in train(stripes, quick, **(how | {"workers": 2})):
            if isinstance(event, EpochRecord):
                monkeypatch.setattr(type(stripes), "__getitem__", killed)
    _, events = result_of(train(stripes, quick, **how, resume=True))
    going_on = {Note(f"going on after epoch 1 and {steps} steps") for steps in range(3)}
    assert any(event in going_on for event in events)
    assert all(
        torch.equal(value, weights(tmp_path / "parts")[name]) for name, value in weights(whole).items()
    )
    assert comparable(tmp_path / "parts") == comparable(whole)


@pytest.mark.parametrize(
    ("task", "done"),
    [("held-out images after epoch 1", 3), ("the saved file, 1 crop", 3), ("epoch 2 of 2", 15)],
)
def test_it_may_be_stopped_between_epochs_and_while_measuring(
    stripes, quick, uninterrupted, tmp_path, every_step, task, done
):
    whole, result = uninterrupted
    stop_after(train(stripes, quick, out=tmp_path / "parts", val=0.2, **EXACT), task, done)
    resumed = finish(train(stripes, quick, out=tmp_path / "parts", val=0.2, **EXACT, resume=True))
    assert all(
        torch.equal(value, weights(tmp_path / "parts")[name]) for name, value in weights(whole).items()
    )
    assert resumed.metadata.accuracy == result.metadata.accuracy
    assert comparable(tmp_path / "parts") == comparable(whole)


def test_stopped_before_the_first_step_it_begins_again(stripes, quick, uninterrupted, tmp_path, every_step):
    events = train(stripes, quick, out=tmp_path / "parts", val=0.2, **EXACT)
    stop_after(events, "decoding training images at 73 px", 1)
    finish(train(stripes, quick, out=tmp_path / "parts", val=0.2, **EXACT, resume=True))
    assert all(
        torch.equal(value, weights(tmp_path / "parts")[name])
        for name, value in weights(uninterrupted[0]).items()
    )


def test_another_seed_gives_another_net(stripes, quick, uninterrupted, tmp_path):
    finish(train(stripes, quick, out=tmp_path / "other", val=0.2, **EXACT, seed=1))
    assert not torch.equal(weights(tmp_path / "other")["fc8.weight"], weights(uninterrupted[0])["fc8.weight"])


def test_it_learns_and_says_what_it_did(stripes, quick, tmp_path):
    chosen = replace(quick, epochs=6, dropout=0.0, fc=64, label_smoothing=0.0)
    result, events = result_of(train(stripes, chosen, out=tmp_path, val=0.2, **EXACT))
    records = [event for event in events if isinstance(event, EpochRecord)]
    assert [record.epoch for record in records] == [1, 2, 3, 4, 5, 6]
    assert [record.size for record in records] == [56, 56, 56, 64, 64, 64]
    assert records[-1].loss < 0.8 * records[0].loss
    assert all(0 <= record.waiting <= 1 and record.images_per_second > 0 for record in records)
    assert records[0].lr > records[-1].lr > 0
    assert list(records[0].dead) == ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"]
    assert [line["loss"] for line in comparable(tmp_path)] == [record.loss for record in records]
    assert result.records == tuple(RunFolder(tmp_path).records())
    assert stripes.decoded == Counter(range(18))  # once each, though for two sizes and measured at the end


def test_the_checkpoint_loads_and_says_its_own_accuracy(stripes, quick, tmp_path):
    result = finish(train(stripes, quick, out=tmp_path, val=0.2, half=True, per_class=4, **EXACT))
    loaded = load_checkpoint(result.checkpoint)
    said = loaded.metadata
    assert said.classes == ("across", "down", "slanted")
    assert (said.input.size, said.input.resize, said.epochs) == (64, 73, 2)
    assert said.recipe["name"] == "default"
    assert said.images == {
        "name": "stripes",
        "count": 18,
        "fingerprint": stripes.fingerprint(),
        "per_class": 4,
        "training": 12,
        "held_out": {"fraction": 0.2, "seed": 0, "count": 3},
    }
    assert weights(tmp_path)["conv1.weight"].dtype == torch.float16
    machine = choose_machine("cpu", amp=False, workers=0)
    for name, crops in (("centre", 1), ("ten_crop", 10)):
        measured = finish(evaluate_checkpoint(loaded, stripes, machine, crops=crops, held_out=True))
        assert said.accuracy[name] == measured.to_json()


def test_snapshots_hold_the_trunk_alone_in_fp16(stripes, quick, tmp_path):
    finish(train(stripes, quick, out=tmp_path, val=0.2, snapshots=[2, 9], **EXACT))
    files = list((tmp_path / "snapshots").iterdir())
    assert [file.name for file in files] == ["epoch-002.safetensors"]
    snapshot = load_checkpoint(files[0])
    assert snapshot.net.names[-2:] == ("conv5", "pool5")
    assert snapshot.metadata.epochs == 2
    final = load_checkpoint(tmp_path / "checkpoint.safetensors")
    views = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 20 - 10
    ours, theirs = (net.net.maps(views, ["pool5"])["pool5"] for net in (snapshot, final))
    assert torch.allclose(ours, theirs, rtol=1e-2, atol=1e-2 * float(theirs.max()))
    assert {value.dtype for value in load_file(files[0]).values()} == {torch.float16}


def test_a_run_can_be_followed_within_epochs_and_resuming_neither_loses_nor_repeats_snapshots(
    stripes, quick, tmp_path, every_step, monkeypatch
):
    monkeypatch.setattr("zfexplore.training.snapshots.SECONDS", 0.0)
    monkeypatch.setattr("zfexplore.training.snapshots.SHARE", 0.0)
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_TIDINGS", 0.0)
    how = {"out": tmp_path, "val": 0.2, **EXACT}
    events = train(stripes, quick, **how)
    stop_after(events, "epoch 1 of 2", 8)
    stopped = read_run(tmp_path)
    assert [weights.path.stem for weights in stopped.weights] == ["epoch-001-step-00001"]
    assert stopped.weights[0].epochs == 1 / 4
    assert (stopped.within.epoch, stopped.within.step, stopped.within.steps) == (1, 1, 4)
    redone = RunFolder(tmp_path).snapshot(1, 3)  # of a run that was killed, and saved its state before
    redone.write_bytes(stopped.weights[0].path.read_bytes())
    stop_after(train(stripes, quick, **how, resume=True), "epoch 1 of 2", 12)
    assert not redone.exists()
    finish(train(stripes, quick, **how, resume=True))
    run = read_run(tmp_path)
    assert [point.epoch for point in run.points] == [1, 2]
    assert run.condition == "finished"
    assert [weights.epochs for weights in run.weights] == [
        1 / 4,
        1,
        5 / 4,
        6 / 4,
        7 / 4,
        2,
    ]  # none where it was stopped
    assert run.weights[-1].path == RunFolder(tmp_path).snapshot(2)
    assert load_checkpoint(run.weights[2].path).metadata.epochs == 5 / 4


@pytest.mark.parametrize("held", [True, False], ids=["held", "streamed"])
def test_unreadable_images_are_named_once_and_training_goes_on(
    make_stripes, quick, tmp_path, monkeypatch, held
):
    if not held:
        monkeypatch.setattr(data, "free_memory", lambda: 0)
    source = make_stripes(broken=[4, 7])
    _, events = result_of(train(source, quick, out=tmp_path, val=0.0, **EXACT))
    skipped = [event for event in events if isinstance(event, Skipped)]
    assert sorted(event.name for event in skipped) == ["down/4.png", "down/7.png"]
    assert any(isinstance(event, Note) for event in events) is not held


def test_without_held_out_images_it_measures_nothing(stripes, quick, tmp_path):
    result = finish(train(stripes, replace(quick, epochs=1), out=tmp_path, val=0.0, **EXACT))
    assert result.metadata.accuracy == {}
    assert result.records[0]["top1"] is None


def test_held_out_images_may_come_from_another_source(stripes, make_stripes, quick, tmp_path):
    other = make_stripes(8, ("slanted", "sideways"), name="other")
    result = finish(train(stripes, replace(quick, epochs=1), out=tmp_path, val=other, **EXACT))
    assert result.metadata.images["training"] == 18
    assert result.metadata.images["held_out"] == {
        "name": "other",
        "fingerprint": other.fingerprint(),
        "count": 4,
    }
    assert result.metadata.accuracy["centre"]["count"] == 4


def test_a_loss_that_is_no_number_stops_with_advice(stripes, quick, tmp_path):
    hopeless = replace(quick, lr=1e30, clip_norm=None, max_rms=None, warmup=0)
    with pytest.raises(ExploreError, match=r"the loss became (nan|inf) at step \d of epoch 1 ") as caught:
        finish(train(stripes, hopeless, out=tmp_path, val=0.2, **EXACT))
    assert str(caught.value).endswith("(init he-scaled, lr 1e+30): try --lr 1e+29, in another --out")
    assert not (tmp_path / "checkpoint.safetensors").exists()


def test_a_full_gpu_is_told_in_one_line(stripes, quick, tmp_path, monkeypatch):
    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    monkeypatch.setattr(steps, "take_step", full)
    with pytest.raises(
        ExploreError, match=rf"batches of {quick.batch_size} images of \d+ px: .*--batch-size"
    ):
        finish(train(stripes, quick, out=tmp_path, val=0.2, **EXACT))


@pytest.mark.parametrize(("kept", "placed"), [(0, False), (200, True)])
def test_squares_go_to_the_device_if_they_leave_half_of_its_memory(kept, placed, monkeypatch):
    """Memory that torch keeps, though nothing lies in it, is free."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (2 * 48 - 100, 10**9))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: kept + 50)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 50)
    squares = data.Decoded(torch.zeros(1, 4, 4, 3, dtype=torch.uint8), torch.zeros(1), {0: 0})
    assert (loop._placed(squares, choose_machine("cpu", workers=0)) is not squares) == placed


def test_a_loss_of_20_times_the_first_stops_with_advice_also_after_a_pause(
    stripes, quick, tmp_path, every_step, monkeypatch
):
    losses = iter([1.5, 29.9, 12.0, 31.0])
    step = steps.take_step

    def scripted(*arguments, **options):
        return torch.full_like(step(*arguments, **options), next(losses))

    monkeypatch.setattr(steps, "take_step", scripted)
    how = {"out": tmp_path, "val": 0.2, **EXACT}
    stop_after(train(stripes, quick, **how), "epoch 1 of 2", 8)
    with pytest.raises(ExploreError) as caught:
        finish(train(stripes, quick, **how, resume=True))
    assert str(caught.value) == (
        "the loss grew to 31, over 20 times the first one (1.5), at step 4 of epoch 1 with recipe default "
        "(init he-scaled, lr 0.01): try --lr 0.001, in another --out"
    )


@pytest.mark.parametrize(
    ("name", "init", "advice"),
    [
        ("default", "he-scaled", "try --lr 0.01, in"),
        ("default", "paper", "try --lr 0.01 or --init he-scaled, in"),
        ("photographs", "he-scaled", "try --lr 0.01 or --recipe default, in"),
        ("paper", "paper", "try --lr 0.01, --init he-scaled or --recipe default, in"),
    ],
)
def test_the_advice_names_nothing_that_is_in_use(name, init, advice):
    losses = [Loss(0, float("nan"), 4)]
    with pytest.raises(ExploreError, match=advice):
        loop._count(losses, Position(), recipe(name, init=init, lr=0.1))


def test_more_epochs_lengthen_a_run_that_has_ended(stripes, quick, uninterrupted, tmp_path):
    folder, _ = uninterrupted
    longer = replace(quick, epochs=4)
    how = {"out": folder, "val": 0.2, **EXACT, "resume": True}
    _, events = result_of(train(stripes, longer, **how))
    notes = [event.text for event in events if isinstance(event, Note)]
    assert notes == [
        "lengthened from 2 to 4 epochs: it goes on as a run of 4 does after 2, at 64 px and a "
        "rate of 0.0055, which falls to 0 by the end",  # 0.01 (1 + cos(7 pi / 15)) / 2
        "going on after epoch 2 and 0 steps",
    ]
    assert [record.epoch for record in events if isinstance(record, EpochRecord)] == [3, 4]
    assert Recipe.from_json(RunFolder(folder).read_settings()["recipe"]) == longer
    assert len(RunFolder(folder).records()) == 4
    assert load_checkpoint(folder / "checkpoint.safetensors").metadata.epochs == 4
    # The same command again neither lengthens it nor trains.
    _, events = result_of(train(stripes, longer, **how))
    assert not [event for event in events if isinstance(event, EpochRecord)]
    with pytest.raises(ExploreError, match="one of 4 epochs: it can be lengthened, but not shortened to 3"):
        finish(train(stripes, replace(quick, epochs=3), **how))


@pytest.mark.parametrize(
    ("schedule", "says"),
    [("constant", "a rate of 0.01, which stays"), ("plateau", "a rate of 0.01, which falls on a plateau")],
)
def test_a_lengthened_run_says_what_its_schedule_does(stripes, quick, tmp_path, schedule, says):
    short = replace(quick, epochs=1, schedule=schedule, warmup=0)
    how = {"out": tmp_path, "val": 0.2, **EXACT}
    finish(train(stripes, short, **how))
    first = next(train(stripes, replace(short, epochs=3), **how, resume=True))
    assert first.text.endswith(says)


def test_a_run_is_never_overwritten(stripes, quick, uninterrupted):
    before = weights(uninterrupted[0])
    with pytest.raises(ExploreError, match="already holds a run") as caught:
        finish(train(stripes, quick, out=uninterrupted[0], **EXACT))
    assert caught.value.usage
    assert all(torch.equal(value, weights(uninterrupted[0])[name]) for name, value in before.items())


def test_a_run_does_not_go_on_with_other_images_or_another_recipe(
    stripes, make_stripes, quick, uninterrupted
):
    folder, _ = uninterrupted
    with pytest.raises(ExploreError, match="not the images that the run in .* began with"):
        finish(train(make_stripes(21), quick, out=folder, val=0.2, **EXACT, resume=True))
    with pytest.raises(ExploreError, match="began with another recipe or seed"):
        finish(train(stripes, replace(quick, lr=0.5), out=folder, val=0.2, **EXACT, resume=True))
    with pytest.raises(ExploreError, match="there is no run to resume"):
        finish(train(stripes, quick, out=folder / "none", val=0.2, **EXACT, resume=True))


@pytest.mark.parametrize("name", ["paper", "replication"])
def test_the_papers_recipes_run(stripes, tmp_path, name):
    chosen = recipe(name, epochs=1, batch_size=6, fc=8, size=64)
    result = finish(train(stripes, chosen, out=tmp_path, val=0.2, **EXACT))
    loaded = load_checkpoint(result.checkpoint)
    assert (loaded.metadata.input.mean_image is not None) == (name == "paper")
    assert loaded.metadata.accuracy["ten_crop"]["count"] == 3


def test_bf16_autocast_trains_on_a_cpu_too(stripes, quick, tmp_path):
    result = finish(
        train(stripes, replace(quick, epochs=1), out=tmp_path, val=0.0, **(EXACT | {"amp": True}))
    )
    assert {value.dtype for value in weights(tmp_path).values()} == {torch.float32}
    assert result.records[0]["loss"] > 0


def test_the_last_event_is_the_result(stripes, quick, tmp_path):
    *_, last = train(stripes, replace(quick, epochs=1), out=tmp_path, val=0.0, **EXACT)
    assert isinstance(last, Finished)
    assert last.result.checkpoint == tmp_path / "checkpoint.safetensors"


def test_a_training_has_its_folder_until_it_is_closed(stripes, quick, tmp_path, every_step, monkeypatch):
    first = train(stripes, quick, out=tmp_path, val=0.2, **EXACT)
    next(first)
    second = train(stripes, quick, out=tmp_path, val=0.2, **EXACT, resume=True)
    with pytest.raises(ExploreError, match="is being trained by this process"):
        next(second)
    first.close()
    monkeypatch.setattr("zfexplore.locks._lock", lambda descriptor: False)  # a file system without locks
    third = train(stripes, quick, out=tmp_path, val=0.2, **EXACT, resume=True)
    assert next(third) == Note(f"{tmp_path} cannot be locked there: see that no other training writes to it")
    third.close()
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
