"""A short form of ``kills.py``: what is killed where it writes goes on, to the same bytes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tests.faults.explorer import SCREEN_TAKEN, opened, wrong_end_of_killed
from tests.faults.trial import (
    SAVES_ALWAYS,
    SMALL,
    Launcher,
    Report,
    Strike,
    differences,
    hidden_files,
    left_alive,
    write_material,
)
from tests.faults.work import indexing, training

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    return write_material(tmp_path_factory.mktemp("material"), photos=3, indexed=12)


@pytest.fixture(scope="module")
def launcher(tmp_path_factory):
    with Launcher(tmp_path_factory.mktemp("said")) as launcher:
        yield launcher


@pytest.mark.parametrize(
    ("kind", "number"), [(training, signal.SIGTERM), (indexing, signal.SIGINT)], ids=["train", "index"]
)
def test_what_is_killed_where_it_writes_goes_on_to_the_same_bytes(kind, number, launcher, material, tmp_path):
    work = kind(material)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    undisturbed = launcher.run(work.begin(whole), whole, settings=SAVES_ALWAYS | work.settings)
    assert undisturbed.code == 0, undisturbed.err
    moments = undisturbed.moments
    assert moments > 10

    for strike in (
        Strike(moments // 2, delay=0.002),
        Strike(moments // 6, number),
    ):
        command = launcher.start(
            work.go_on(killed), killed, strike=strike, settings=SAVES_ALWAYS | work.settings
        )
        ended = launcher.end_of(command)
        assert ended.code in (-signal.SIGALRM, -strike.signal, 130), (strike, ended)
        assert not ended.stumbled, strike
        assert not left_alive(command.pid)
    ended = launcher.run(work.go_on(killed), killed, settings=work.settings)

    assert ended.code == 0, ended.err
    assert not differences(work.state(whole), work.state(killed))
    assert not hidden_files(whole)


def test_an_explorer_that_is_killed_gives_the_screen_back_and_leaves_no_process(material, tmp_path):
    with opened(material, tmp_path) as terminal:
        terminal.until(
            re.escape(SCREEN_TAKEN.decode()), r"\x1b\[38;2;"
        )  # the first colour of the first frame
        os.kill(terminal.pid, signal.SIGTERM)
        assert not wrong_end_of_killed(terminal, "SIGTERM")
    assert not hidden_files(tmp_path)


def test_a_report_tells_what_was_killed_and_every_fault():
    report = Report("train", trials=2)
    report.killed("SIGKILL at random")
    report.killed("SIGKILL at random")
    report.blame("", of="trial 1")
    report.blame("2 parts differ", of="trial 2")
    assert list(report.lines()) == [
        "train: 2 trials, 2 kills (SIGKILL at random 2), 1 faults",
        "  FAULT trial 2: 2 parts differ",
    ]


def test_what_differs_is_named_also_where_it_is_missing():
    assert not differences({"a": "1"}, {"a": "1"})
    assert differences({"a": "1", "b": "2"}, {"a": "3", "c": "4"}) == "3 parts differ: a, b, c"


# -- ranks, as torchrun starts them ---------------------------------------------------------------------
# tests zfexplore/cli/ranks.py too: one line ends them all

# Batches of 5, 5 and 2 images, one of which cannot be read: none can be halved, and of three ranks one has
# nothing of the last.
TRAIN = ["train", "--images", "../photos", "--out", "run", "--epochs", "2", "--batch-size", "5", "--fc", "16"]
TRAIN += ["--size", "56", "--val", "0.3", "--device", "cpu", "--no-amp", "--workers", "0", "--snapshots", "1"]


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """Two classes of eight photographs and a file that is none; commands have folders beside."""
    room = tmp_path_factory.mktemp("ranks")
    random = np.random.default_rng(0)
    for name, level in (("dark", 0), ("light", 100)):
        (room / "photos" / name).mkdir(parents=True)
        for number in range(8):
            pixels = random.integers(level, level + 120, (66, 70, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(room / "photos" / name / f"{number}.png")
    (room / "photos" / "dark" / "torn.jpg").write_bytes(b"\xff\xd8\xff torn")
    return room


@pytest.fixture
def ranks(launcher, room):
    """Run a command as so many ranks; give how each ended. ``settings`` are of all, or by rank."""

    def run(folder, words, count, settings=None):
        (room / folder).mkdir(exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        started = [
            launcher.start(
                words,
                room / folder,
                settings=SMALL | (settings or {}).get(rank, {}),
                environment={
                    "RANK": str(rank), "WORLD_SIZE": str(count), "LOCAL_RANK": str(rank),
                    "LOCAL_WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port,
                } if count > 1 else None,
            )
            for rank in range(count)
        ]  # fmt: skip
        return [launcher.end_of(command) for command in started]

    return run


@pytest.fixture(scope="module")
def alone(launcher, room):
    """What one process makes of it."""
    (room / "alone").mkdir()
    ended = launcher.run(TRAIN, room / "alone", settings=SMALL)
    assert ended.code == 0, ended.err
    return room / "alone" / "run"


def check_same(run, alone):
    """Assert the same weights, momentum and random numbers, and the same log, within float accuracy."""
    found, expected = load_file(run / "state.safetensors"), load_file(alone / "state.safetensors")
    assert found.keys() == expected.keys()
    assert torch.equal(found["random.torch"], expected["random.torch"])
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=2e-6, msg=name)
    logs = [
        [json.loads(line) for line in (each / "log.jsonl").read_text().splitlines()] for each in (run, alone)
    ]
    for ours, theirs in zip(*logs, strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-6)
        assert ours["held_out_loss"] == pytest.approx(theirs["held_out_loss"], rel=1e-6)
        assert [ours[name] for name in ("top1", "dead")] == [theirs[name] for name in ("top1", "dead")]


def strike(name):
    """The setting that lets a function of strikes.py take the steps."""
    return {"zfexplore.training.steps.take_step": f"tests.faults.strikes.{name}"}


def test_two_ranks_make_what_one_process_makes_and_the_first_alone_writes_and_prints(ranks, room, alone):
    ended = ranks("two", TRAIN, 2)
    assert [one.code for one in ended] == [0, 0], ended
    check_same(room / "two" / "run", alone)
    assert (ended[1].out, ended[1].err) == ("", "")
    assert ended[0].err.count("torn.jpg") == 1
    assert "checkpoint: run/checkpoint.safetensors" in ended[0].out
    names = [sorted(path.name for path in run.rglob("*")) for run in (room / "two" / "run", alone)]
    assert names[0] == names[1]


def test_stopped_and_killed_at_any_number_it_ends_in_one_line_and_goes_on_at_another(ranks, room, alone):
    state = room / "parts" / "run" / "state.safetensors"
    # Rarely an event: what was not fetched from the device is not lost either.
    rarely, go_on = {"zfexplore.progress.SECONDS_BETWEEN_EVENTS": 9.0}, ["train", "--resume", "--out", "run"]

    ended = ranks("parts", TRAIN, 2, {0: rarely, 1: rarely | strike("stop_in_the_second_step")})
    assert [one.code for one in ended] == [130, 130], ended
    assert "stopped; go on with: zfexplore train --resume --out run" in ended[0].err
    assert ended[1].err == ""

    ended = ranks("parts", go_on, 3, {0: rarely, 1: strike("die_in_the_second_step"), 2: rarely})
    assert "after epoch 0 and 2 steps" in ended[0].err
    assert [one.code for one in ended] == [1, -signal.SIGKILL, 1], ended
    assert not any(one.stumbled for one in ended)
    assert "".join(one.err for one in ended).count("error:") == 1
    saved = state.read_bytes()

    ended = ranks("parts", go_on, 2, {0: strike("die_in_the_second_step"), 1: rarely})
    assert "after epoch 1 and 0 steps" in ended[0].err
    assert [one.code for one in ended] == [-signal.SIGKILL, 1], ended
    assert ended[1].err == (
        "error: another rank has ended or does not answer: all end; "
        "go on with zfexplore train --resume --out run, in any number\n"
    )
    assert state.read_bytes() == saved  # as the first left it

    ended = ranks("parts", go_on, 1)
    assert ended[0].code == 0, ended
    assert "after epoch 1 and 0 steps" in ended[0].err
    check_same(room / "parts" / "run", alone)


def test_what_ends_one_rank_is_told_once_and_ends_the_others(ranks, room):
    ended = ranks("two", TRAIN, 2)  # where there is a run already: only the first looks
    assert [one.code for one in ended] == [2, 1], ended
    assert [one.err.count("error:") for one in ended] == [1, 0], ended
    assert "already holds a run" in ended[0].err


def test_ranks_make_the_index_of_one_process_to_the_last_byte_and_a_killed_one_loses_nothing(
    ranks, room, alone
):
    net = str(alone / "checkpoint.safetensors")
    words = ["index", "--images", "../photos", "--checkpoint", net, "--device", "cpu"]
    small = {"zfexplore.atlas.taking.SLICE": {"cpu": 2}}  # rounds of 4 and of 6 images, for 17

    def index(folder, count, struck=None):
        ended = ranks(folder, words, count, {rank: small | (struck or {}).get(rank, {}) for rank in range(3)})
        return ended, {path.name: path for path in (room / folder / "cache" / "atlases").glob("*.*")}

    ended, found = index("index-alone", 1)
    assert ended[0].code == 0, ended
    [(name, path)] = found.items()
    expected = path.read_bytes()

    ended, found = index("index-two", 2)
    assert [one.code for one in ended] == [0, 0], ended
    assert found[name].read_bytes() == expected
    assert (ended[1].out, ended[1].err, ended[0].err.count("torn.jpg")) == ("", "", 1)
    assert list(found) == [name]  # neither a lock nor anything unfinished
    ended, found = index("index-two", 2)  # which is there already
    assert [one.code for one in ended] == [0, 0], ended

    struck = {"zfexplore.atlas.taking.image_maxima": "tests.faults.strikes.die_in_the_second_slice"}
    ended, found = index("index-killed", 2, {1: struck})
    assert [one.code for one in ended] == [1, -signal.SIGKILL], ended
    told = "".join(one.err for one in ended)
    assert told.count("error:") == 1
    assert "all end; the same command goes on from here, in any number" in told
    assert name.replace(".safetensors", ".partial") in found
    ended, found = index("index-killed", 3)
    assert [one.code for one in ended] == [0, 0, 0], ended
    assert "going on with the unfinished index, at image 4 of 17" in ended[0].err
    assert found[name].read_bytes() == expected
