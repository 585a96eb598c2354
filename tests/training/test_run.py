from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from zfexplore.errors import ExploreError
from zfexplore.nets.header import METADATA_KEY
from zfexplore.training.folder import RunFolder
from zfexplore.training.run import Point, RunReader, Within, read_run


def checkpoint(path, epochs, *, values=b"\0\0"):
    """Write a safetensors file of one number, with the metadata that is read here."""
    header = {
        "__metadata__": {METADATA_KEY: json.dumps({"epochs": epochs})},
        "weight": {"dtype": "F16", "shape": [1], "data_offsets": [0, 2]},
    }
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(len(text).to_bytes(8, "little") + text + values)


@pytest.fixture
def folder(tmp_path):
    """A run of three epochs that is amid its third; its second was kept within it and after it."""
    folder = RunFolder(tmp_path / "run")
    asked = {"images": ["mine", "others"], "labels": "labels.csv"}
    folder.begin({"format": 1, "asked": asked, "recipe": {"epochs": 3}})
    folder.write_records([
        {"epoch": 1, "loss": 2.5, "held_out_loss": 2.4, "top1": 0.1, "top5": 0.4, "seconds": 9.0},
        {"epoch": 2, "loss": 1.5, "seconds": 8.0},
    ])  # fmt: skip
    checkpoint(folder.snapshot(2, 20), 1.5)
    checkpoint(folder.snapshot(2), 2)
    folder.tell_progress(3, 30, 120, 1.25)
    return folder


def test_a_run_is_read_as_it_stands(folder):
    run = read_run(folder.path)
    assert run.points == (Point(1, 2.5, 2.4, 0.1, 0.4, 9.0), Point(2, 1.5, seconds=8.0))
    assert run.within == Within(3, 30, 120, 1.25)
    assert run.within.position == 2.25
    assert [(one.path, one.epochs) for one in run.weights] == [
        (folder.snapshot(2, 20), 1.5),
        (folder.snapshot(2), 2.0),
    ]
    assert (run.condition, run.epochs, run.unreadable) == ("training", 3, ())
    assert (run.images, run.labels) == (("mine", "others"), "labels.csv")


def test_the_checkpoint_counts_where_it_is_further_than_the_snapshots(folder):
    checkpoint(folder.checkpoint, 2)
    assert read_run(folder.path).weights[-1].path == folder.snapshot(2)
    checkpoint(folder.checkpoint, 3)
    assert read_run(folder.path).weights[-1].path == folder.checkpoint


def test_a_run_without_snapshots_has_its_checkpoint_and_a_folder_of_snapshots_is_a_run(folder, tmp_path):
    for path in folder.snapshots.iterdir():
        path.unlink()
    checkpoint(folder.checkpoint, 2)
    assert [one.path for one in read_run(folder.path).weights] == [folder.checkpoint]
    checkpoint(tmp_path / "kept" / "epoch-040.safetensors", 40)
    alone = read_run(tmp_path / "kept")
    assert [one.epochs for one in alone.weights] == [40]
    assert (alone.epochs, alone.points, alone.condition) == (None, (), "stopped")


def test_what_is_cut_or_strange_is_left_out_and_named_until_it_is_whole(folder):
    reader = RunReader(folder.path)
    checkpoint(folder.snapshot(3), 3, values=b"")
    folder.snapshot(4).write_bytes(b"")
    folder.snapshot(5).write_bytes((99).to_bytes(8, "little") + b"{")
    folder.log.write_text(folder.log.read_text() + '{"epoch": 3, "lo')
    folder.progress.write_text("{")
    run = reader.read()
    assert [one.epochs for one in run.weights] == [1.5, 2]
    assert run.unreadable == (
        "epoch-003.safetensors was left out: it is cut short",
        "epoch-004.safetensors was left out: it is no checkpoint of zfexplore",
        "epoch-005.safetensors was left out: it is cut short",
    )
    assert (len(run.points), run.within) == (2, None)
    checkpoint(folder.snapshot(3), 3)
    assert reader.read().weights[-1].epochs == 3


@pytest.mark.parametrize(
    "head",
    [
        b"null", b'"xy"', b"[1]", b'{"a": 1}', b'{"__metadata__": {"zfexplore": "[]"}}',
        b'{"__metadata__": {"zfexplore": "{\\"epochs\\": 1%s}"}}' % (b"0" * 400),
        b'{"__metadata__": {"zfexplore": "{\\"epochs\\": \\"abc\\"}"}}',
    ],
)  # fmt: skip
def test_a_strange_head_of_a_snapshot_is_told_in_words(folder, head):
    folder.snapshot(3).write_bytes(len(head).to_bytes(8, "little") + head)
    run = read_run(folder.path)
    assert run.unreadable == ("epoch-003.safetensors was left out: it is no checkpoint of zfexplore",)


def test_a_line_of_the_log_with_a_strange_number_is_left_out(folder):
    folder.log.write_text(folder.log.read_text() + f'{{"epoch": 3, "loss": 1{"0" * 400}}}\n')
    assert [point.epoch for point in read_run(folder.path).points] == [1, 2]


def test_a_run_has_finished_after_its_last_epoch_and_stopped_when_nothing_comes(folder):
    for path in folder.path.rglob("*"):
        os.utime(path, (1e9, 1e9))
    assert read_run(folder.path).condition == "stopped"
    folder.write_records([*folder.records(), {"epoch": 3, "loss": 1.0}])
    run = read_run(folder.path)
    assert (run.condition, run.within) == ("finished", None)


def test_a_folder_that_is_no_run_is_refused_in_one_line(tmp_path):
    (tmp_path / "notes").write_text("x")
    for name, complaint in {
        "gone": "gone is not there: name the folder of a run",
        "notes": "notes is a file: name the folder of a run",
        ".": "holds no run: name the folder that `zfexplore train --out` was given",
    }.items():
        with pytest.raises(ExploreError, match=complaint) as caught:
            read_run(tmp_path / name)
        assert caught.value.usage


def test_reading_a_run_needs_no_torch():
    code = "import sys, zfexplore.training.run; print({'torch', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("images", "count", "seen"),
    [
        (["mine"], 600, ("mine", None, "labels.csv")),
        (["mine"], 601, (None, 200, None)),
        (["gone"], 9, (None, 200, None)),
        (["mine", "mine"], 9, (None, 200, None)),
        (["specimens"], 480, ("specimens", 200, None)),
        ([], None, (None, 200, None)),
    ],
)
def test_its_own_images_are_looked_at_where_they_are_few_and_there(
    folder, tmp_path, monkeypatch, images, count, seen
):
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    asked = {"images": images, "labels": "labels.csv"}
    folder.write_settings({"format": 1, "asked": asked, "images": {"count": count}})
    assert read_run(folder.path).seen_by == seen
