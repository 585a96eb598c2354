"""Several ranks train what one process does: `tests/faults/launcher.py` forks them, as torchrun starts them.

# tests zfexplore/nets/ranks.py too: what ranks tell each other shows only where there are several
# tests zfexplore/cli/ranks.py too: one line ends them all
"""

from __future__ import annotations

import json
import signal
import socket
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tests.faults.trial import SMALL, Launcher
from zfexplore.errors import ExploreError
from zfexplore.nets.ranks import ALONE, Ranks, from_environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks beside threads")

# Batches of 5, 5 and 2 images, one of which cannot be read: none can be halved, and of three ranks one has
# nothing of the last.
TRAIN = ["train", "--images", "../photos", "--out", "run", "--epochs", "2", "--batch-size", "5", "--fc", "16"]
TRAIN += ["--size", "56", "--val", "0.3", "--device", "cpu", "--no-amp", "--workers", "0", "--snapshots", "1"]


@pytest.fixture(scope="module")
def launcher(tmp_path_factory):
    with Launcher(tmp_path_factory.mktemp("said")) as launcher:
        yield launcher


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


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, (0, 1, 0, 1)),
        ({"RANK": "0", "WORLD_SIZE": "1"}, (0, 1, 0, 1)),
        (
            {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4", "MASTER_ADDR": "a"},
            (5, 8, 1, 4),
        ),
        ({"SLURM_PROCID": "5", "SLURM_STEP_NUM_TASKS": "8", "SLURM_LOCALID": "1"}, (0, 1, 0, 1)),
        (
            {
                "SLURM_PROCID": "5", "SLURM_STEP_NUM_TASKS": "8", "SLURM_LOCALID": "1", "MASTER_ADDR": "a",
                "SLURM_STEP_TASKS_PER_NODE": "4(x2)",
            },
            (5, 8, 1, 4),
        ),
    ],
    ids=["nothing", "one", "torchrun", "slurm without an address", "slurm"],
)  # fmt: skip
def test_the_environment_says_which_rank_this_is(said, expected):
    found = from_environment(said)
    assert (found.rank, found.size, found.local_rank, found.local_size) == expected


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"RANK": "1", "WORLD_SIZE": "2"}, "MASTER_ADDR does not say where"),
        ({"RANK": "2", "WORLD_SIZE": "2", "MASTER_ADDR": "a"}, "RANK is '2', not a number from 0 to 1"),
        ({"RANK": "0"}, "WORLD_SIZE is '', not a number from 1 on"),
    ],
)
def test_an_environment_that_cannot_be_is_an_error(said, told):
    with pytest.raises(ExploreError, match=told) as error:
        from_environment(said)
    assert error.value.usage


def test_parts_end_to_end_are_the_whole_and_batches_are_dealt_like_cards():
    three = [Ranks(rank, 3) for rank in range(3)]
    assert [list(ranks.part(range(4))) for ranks in three] == [[0], [1], [2, 3]]
    assert [list(ranks.part(range(1))) for ranks in three] == [[], [], [0]]
    batches = [[1, 2], [3, 4], [5, 6], [7]]
    assert [ranks.dealt(batches) for ranks in three] == [
        [(6, [1, 2]), (1, [7])], [(6, [3, 4]), (1, [])], [(6, [5, 6]), (1, [])],
    ]  # fmt: skip
    assert ALONE.dealt(batches) == [(2, [1, 2]), (2, [3, 4]), (2, [5, 6]), (1, [7])]


def strike(name):
    """The setting that lets a function below take the steps."""
    return {"zfexplore.training.loop.take_step": f"tests.training.test_ranks.{name}"}


def die_in_the_second_step(*arguments, **options):
    """Take a step, but for the second."""
    return _struck(2, signal.SIGKILL, *arguments, **options)


def stop_in_the_second_step(*arguments, **options):
    """Take a step, and be told to stop in the second."""
    return _struck(2, signal.SIGTERM, *arguments, **options)


_steps = 0


def _struck(number, signal_number, *arguments, **options):
    from zfexplore.training.learner import take_step

    global _steps
    _steps += 1
    if _steps == number:
        signal.raise_signal(signal_number)
    return take_step(*arguments, **options)
