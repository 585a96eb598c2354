from __future__ import annotations

import errno
import json
import os

import pytest

from tests.support import held_elsewhere
from zfexplore import locks
from zfexplore.errors import ExploreError
from zfexplore.training.folder import RunFolder, read_log


def test_a_run_does_not_begin_in_a_file(tmp_path):
    (tmp_path / "run").write_text("notes")
    with pytest.raises(ExploreError, match="is a file: a run needs a folder of its own"):
        RunFolder(tmp_path / "run").lock()
    assert (tmp_path / "run").read_text() == "notes"


def test_a_folder_holds_one_run(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.begin({"format": 1})
    with pytest.raises(
        ExploreError, match="already holds a run: go on with `zfexplore train --resume --out"
    ) as caught:
        folder.begin({"format": 1})
    assert caught.value.usage


def test_settings_that_are_missing_or_broken_are_told(tmp_path):
    folder = RunFolder(tmp_path)
    with pytest.raises(ExploreError, match="there is no run to resume in"):
        folder.read_settings()
    for text in ("{", "[]", json.dumps({"format": 99})):
        folder.settings.write_text(text)
        with pytest.raises(ExploreError, match=r"run.json cannot be read"):
            folder.read_settings()


def test_snapshots_sort_as_they_count(tmp_path):
    folder = RunFolder(tmp_path)
    assert folder.snapshot(5).relative_to(tmp_path).as_posix() == "snapshots/epoch-005.safetensors"
    paths = [folder.snapshot(4), folder.snapshot(5, 20), folder.snapshot(5, 120), folder.snapshot(5)]
    assert sorted(paths) == paths


def test_one_process_trains_in_a_folder_and_the_others_are_told_which(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.check_free()  # and makes nothing
    assert not folder.path.exists()
    with held_elsewhere(folder.path / ".zfexplore-lock") as process:
        for ask in (folder.lock, folder.check_free):
            with pytest.raises(ExploreError) as caught:
                ask()
            told = f"{folder.path} is being trained by process {process.pid}: "
            assert str(caught.value) == told + "wait for its end, or choose another --out"
            assert caught.value.exit_code == 1
    folder.check_free()  # it is dead
    with folder.lock(), pytest.raises(ExploreError, match="is being trained by this process: wait"):
        RunFolder(folder.path).lock()
    assert list(folder.path.iterdir()) == []


def test_what_a_killed_training_left_half_written_goes_with_the_next_lock(tmp_path):
    for folder in (tmp_path, tmp_path / "snapshots"):
        (folder / ".zfexplore-0123abcd").mkdir(parents=True)
        (folder / ".zfexplore-0123abcd" / "state.safetensors").write_text("half")
    RunFolder(tmp_path).lock().release()
    assert [path.name for path in tmp_path.rglob("*")] == ["snapshots"]


def test_a_lock_that_cannot_be_made_is_one_line(tmp_path, monkeypatch):
    def refuse(_path):
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr("zfexplore.training.folder.take", refuse)
    with pytest.raises(ExploreError, match="run cannot be written: disk quota exceeded; make room within"):
        RunFolder(tmp_path / "run").lock()
    assert locks._held == {}


def test_a_torn_or_strange_line_of_the_log_is_counted_and_left_out(tmp_path):
    folder = RunFolder(tmp_path)
    assert read_log(folder.log) == ([], 0)
    good = [{"epoch": 1, "loss": 2.5, "top1": None}, {"epoch": 2, "loss": 1.5}, {"epoch": 5, "loss": 1.0}]
    lines = [json.dumps(record) for record in good]
    odd = ['{"epoch": 2, "loss": 9}', '{"epoch": 1e999, "loss": 1}', '{"epoch": 3}', "[" * 100_000, "[]",
           '{"epoch": 3, "loss": 1, "seconds": "long"}', '{"epoch": 6, "lo']  # fmt: skip
    folder.log.write_text("\n".join([*lines[:2], *odd[:-1], lines[2], odd[-1]]))
    assert read_log(folder.log) == (good, len(odd))
    assert folder.records() == good
