"""``zfexplore train`` and ``zfexplore evaluate``, as they are typed."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tests.support import held_elsewhere
from zfexplore.cli.main import main
from zfexplore.nets.ranks import ALONE

SMALL = ["--epochs", "1", "--batch-size", "4", "--fc", "8", "--size", "56", "--val", "0.25"]
EXACT = ["--device", "cpu", "--no-amp", "--workers", "0"]


@pytest.fixture
def photos(tmp_path):
    """Two classes of four photographs, and one file that is none."""
    random = np.random.default_rng(0)
    for name, colour in (("red", (200, 40, 40)), ("blue", (40, 40, 200))):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(4):
            noise = random.integers(-40, 40, (70, 90, 3))
            Image.fromarray((np.array(colour) + noise).clip(0, 255).astype(np.uint8)).save(
                tmp_path / "photos" / name / f"{number}.png"
            )
    (tmp_path / "photos" / "red" / "torn.jpg").write_bytes(b"\xff\xd8\xff torn")
    return tmp_path / "photos"


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def interrupt(request):
    """What stops a training: Ctrl-C, and what SLURM, Docker and systemd send."""
    return request.param


@pytest.fixture
def stopped_in_the_first_step(monkeypatch, interrupt):
    """Interrupt in the middle of the first step."""
    from zfexplore.training import steps

    take_step = steps.take_step

    def step(*arguments, **options):
        signal.raise_signal(interrupt)
        return take_step(*arguments, **options)

    monkeypatch.setattr("zfexplore.progress.SECONDS_BETWEEN_EVENTS", 0.0)
    monkeypatch.setattr(steps, "take_step", step)
    yield
    monkeypatch.undo()


def test_train_writes_a_run_and_evaluate_finds_the_same_accuracy(photos, tmp_path, type_command):
    run = tmp_path / "run"
    code, out, err = type_command("train", "--images", photos, "--out", run, *SMALL, *EXACT)
    assert code == 0, err
    assert sorted(path.name for path in run.iterdir()) == [
        "checkpoint.safetensors",
        "curves.png",
        "log.jsonl",
        "run.json",
        "snapshots",
        "state.safetensors",
    ]
    assert "epoch   1  56 px  loss" in err
    assert "1 image could not be read and was left out:" in err
    assert "red/torn.jpg" in err
    assert "ten crops" in out
    assert f"checkpoint: {run / 'checkpoint.safetensors'}" in out

    arguments = ["evaluate", run / "checkpoint.safetensors", "--images", photos, "--held-out", "--json"]
    code, out, err = type_command(*arguments, "--ten-crop", "--device", "cpu", "--workers", "0")
    assert code == 0, err
    from zfexplore.nets.checkpoint import load_checkpoint

    written = load_checkpoint(run / "checkpoint.safetensors").metadata
    assert json.loads(out)["ten_crop"] == written.accuracy["ten_crop"]

    arguments = ["evaluate", run / "checkpoint.safetensors", "--images", photos, "--device", "cpu"]
    assert "held-out images" in type_command(*arguments, "--workers", "0", "--held-out")[1]
    assert "held-out" not in type_command(*arguments, "--workers", "0")[1]  # these were trained on too


def test_workers_that_cannot_be_started_are_one_line_with_the_command_to_go_on(
    photos, tmp_path, type_command, monkeypatch
):
    def no_more():
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("socket.socketpair", no_more)
    run = tmp_path / "run"
    words = ["train", "--images", photos, "--out", run, *SMALL, *EXACT[:-1], "2"]
    code, _, err = type_command(*words)
    assert code == 1
    assert err.splitlines()[-1] == (
        "error: process 1 of 1 for decoding images cannot be started (too many open files): give --workers "
        f"0, or fewer of them; go on with: zfexplore train --resume --out {run} --workers 0"
    )
    assert "Traceback" not in err


def test_an_interrupt_ends_the_step_saves_and_says_how_to_go_on(
    photos, tmp_path, type_command, request, monkeypatch, interrupt
):
    handler = signal.getsignal(interrupt)
    whole, parts = tmp_path / "whole", tmp_path / "the parts"
    assert type_command("train", "--images", photos, "--out", whole, *SMALL, *EXACT)[0] == 0
    request.getfixturevalue("stopped_in_the_first_step")
    code, _, err = type_command("train", "--images", photos, "--out", parts, *SMALL, *EXACT)
    assert code == 130
    assert f"stopped; go on with: zfexplore train --resume --out '{parts}'" in err
    assert (parts / "state.safetensors").exists()
    assert not (parts / "checkpoint.safetensors").exists()
    assert signal.getsignal(interrupt) is handler

    monkeypatch.undo()
    type_again = request.getfixturevalue("type_again")
    code, _, err = type_again("train", "--resume", "--out", parts)  # as it was started, --no-amp too
    assert code == 0, err
    assert "going on after epoch 0 and 1 steps" in err
    expected, found = (load_file(folder / "checkpoint.safetensors") for folder in (whole, parts))
    assert all(torch.equal(expected[name], found[name]) for name in expected)


@pytest.fixture
def type_again(capsys):
    """Type a command after the keyboard was put back in order."""

    def run(*words):
        before, sys.argv = sys.argv, ["zfexplore", *map(str, words)]
        try:
            with pytest.raises(SystemExit) as left:
                main()
        finally:
            sys.argv = before
        written = capsys.readouterr()
        return left.value.code, written.out, written.err

    return run


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--lr", "-1"], "lr must be above 0, not -1.0"),
        (["--size", "20"], "size must be at least 56"),
        (["--val", "1.5"], "the held-out part must be at least 0 and below 1, not 1.5"),
        (["--val", "nowhere"], "no folder 'nowhere', and no images of that name"),
        (["--snapshots", "1,x"], "auto or none, not '1,x'"),
        (["--snapshots", "0"], "auto or none, not '0'"),
        (["--exclude", "green"], "there is no class 'green' to leave out"),
        (["--device", "cuda:77"], "there is no device 'cuda:77' here"),
        (["--recipe", "best"], "'best' is not one of"),
        (["--init", "zero"], "'zero' is not one of"),
        (["--seed", "-1"], "Invalid value for '--seed'"),
        (["--epochs", "0"], "Invalid value for '--epochs'"),
        (["--resume"], "--images cannot be given with --resume"),
    ],
)
def test_wrong_options_exit_with_2_and_one_line(photos, tmp_path, type_command, words, message):
    code, _, err = type_command(
        "train", "--images", photos, "--out", tmp_path / "run", "--workers", "0", *words
    )
    assert code == 2
    assert message in " ".join(err.split())
    assert "Traceback" not in err
    assert not (tmp_path / "run").exists()


def test_dead_channels_are_told_only_where_they_were_counted():
    from zfexplore.cli.train import _row
    from zfexplore.training.record import EpochRecord

    record = EpochRecord(3, 64, loss=1.5, lr=0.01, images_per_second=80.0, waiting=0.02, seconds=9.0)
    assert _row(record) == "epoch   3  64 px  loss 1.500  lr 0.01  80 images/s  waiting 2%"
    assert _row(replace(record, dead={"conv1": 0, "conv2": 3})).endswith("waiting 2%  dead conv2 3")
    assert _row(replace(record, dead={"conv1": 0})).endswith("dead none")


def test_the_recipes_settings_can_be_given(photos, tmp_path, type_command):
    run = tmp_path / "run"
    given = ["--weight-decay", "0.002", "--spread", "20", "--colour", "0.3"]
    code, _, err = type_command("train", "--images", photos, "--out", run, *given, *SMALL, *EXACT)
    assert code == 0, err
    assert "recipe default: init he-scaled, lr 0.01, weight decay 0.002, batch 4" in err
    recipe = json.loads((run / "run.json").read_text())["recipe"]
    assert (recipe["weight_decay"], recipe["spread"], recipe["colour"]) == (0.002, 20.0, 0.3)


def test_a_run_that_has_ended_may_be_lengthened_and_nothing_else_changed(photos, tmp_path, type_command):
    run = tmp_path / "run"
    assert type_command("train", "--images", photos, "--out", run, *SMALL, *EXACT)[0] == 0
    code, _, err = type_command("train", "--resume", "--out", run, "--epochs", "2")
    assert code == 0, err
    assert (
        "lengthened from 1 to 2 epochs: it goes on as a run of 2 does after 1, at 56 px and a rate of" in err
    )
    assert "epoch   2  56 px  loss" in err
    code, _, err = type_command("train", "--resume", "--out", run, "--epochs", "1")
    assert (code, "is one of 2 epochs: it can be lengthened, but not shortened to 1" in err) == (2, True)
    code, _, err = type_command("train", "--resume", "--out", run, "--colour", "0.2")
    assert (code, "--colour cannot be given with --resume" in err) == (2, True)


def test_a_flat_folder_cannot_be_trained_on(photos, tmp_path, type_command):
    code, _, err = type_command("train", "--images", photos / "red", "--out", tmp_path / "run")
    assert code == 2
    assert "red has no classes: training needs a folder with one subfolder a class" in err


def test_there_must_be_a_run_to_resume(tmp_path, type_command):
    code, _, err = type_command("train", "--resume", "--out", tmp_path)
    assert code == 2
    assert "there is no run to resume in" in err


@pytest.mark.parametrize("how", [["--images", "photos"], ["--resume"]], ids=["begun", "resumed"])
def test_of_two_trainings_in_one_folder_the_second_ends_in_one_line(tmp_path, type_command, how):
    run = tmp_path / "run"
    with held_elsewhere(run / ".zfexplore-lock") as process:
        code, out, err = type_command("train", "--out", run, *how)
    assert (code, out) == (1, "")
    told = (
        f"error: {run} is being trained by process {process.pid}: wait for its end, or choose another --out"
    )
    assert " ".join(err.split()) == told
    assert not (run / "run.json").exists()


def test_a_folder_with_a_run_is_left_alone(photos, tmp_path, type_command):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    code, _, err = type_command("train", "--images", photos, "--out", tmp_path / "run")
    assert code == 2
    assert "already holds a run: go on with" in err
    assert (tmp_path / "run" / "run.json").read_text() == "{}"


def test_a_run_resumes_on_the_machine_it_was_started_for_unless_told_otherwise(
    photos, tmp_path, type_command, monkeypatch
):
    from zfexplore.training import loop

    chosen = []
    choose = loop.choose_machine
    monkeypatch.setattr(
        loop, "choose_machine", lambda device, **how: chosen.append((device, how)) or choose("cpu", **how)
    )
    run = tmp_path / "run"
    assert type_command("train", "--images", photos, "--out", run, *SMALL, *EXACT)[0] == 0
    assert type_command("train", "--resume", "--out", run)[0] == 0
    assert chosen[1] == chosen[0] == ("cpu", {"amp": False, "compiled": False, "workers": 0, "ranks": ALONE})
    assert type_command("train", "--resume", "--out", run, "--device", "auto", "--workers", "1")[0] == 0
    assert chosen[2] == ("auto", {"amp": False, "compiled": False, "workers": 1, "ranks": ALONE})


def test_a_run_resumes_from_anywhere(photos, tmp_path, type_command, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert type_command("train", "--images", "photos", "--out", "run", *SMALL, *EXACT)[0] == 0
    asked = json.loads((tmp_path / "run" / "run.json").read_text())["asked"]
    assert asked["images"] == [str(photos)]
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    code, out, err = type_command("train", "--resume", "--out", "../run", *EXACT)
    assert code == 0, err
    assert "ten crops" in out


def test_evaluate_refuses_images_of_other_classes(photos, tmp_path, type_command):
    assert type_command("train", "--images", photos, "--out", tmp_path / "run", *SMALL, *EXACT)[0] == 0
    (tmp_path / "other").mkdir()
    (photos / "red").rename(tmp_path / "other" / "green")
    (photos / "blue").rename(tmp_path / "other" / "grey")
    checkpoint = tmp_path / "run" / "checkpoint.safetensors"
    code, _, err = type_command("evaluate", checkpoint, "--images", tmp_path / "other", "--device", "cpu")
    assert code == 1
    assert "the net knows blue, red, and none of these images' classes: they are of green, grey" in " ".join(
        err.split()
    )
