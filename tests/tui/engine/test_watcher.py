from __future__ import annotations

import shutil

import pytest

from zfexplore.tui import messages as say
from zfexplore.tui.engine import main, watcher
from zfexplore.tui.engine.inbox import Inbox
from zfexplore.tui.engine.watcher import Watcher
from zfexplore.tui.following import RunRead


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run7"
    folder.mkdir()
    (folder / "run.json").write_text('{"recipe": {"epochs": 4}}')
    return folder


def keep(run, files, name="epoch-001.safetensors"):
    (run / "snapshots").mkdir(exist_ok=True)
    shutil.copy(files / "tiny.safetensors", run / "snapshots" / name)


def test_it_tells_what_is_new_and_nothing_twice(run, mail, files):
    watcher = Watcher(str(run), mail)
    assert watcher.look() == watcher.look()
    (begun,) = mail.of(RunRead)
    assert (begun.course.name, begun.course.epochs, begun.course.weights) == ("run7", 4, ())
    (run / "log.jsonl").write_text('{"epoch": 1, "loss": 2.5, "top1": 0.25}\n')
    (run / "progress.json").write_text('{"epoch": 2, "step": 1, "steps": 4, "loss": 2.0}')
    keep(run, files)
    watcher.look()
    course = mail.of(RunRead)[-1].course
    assert course.losses == ((1, 2.5), (1.25, 2.0))
    assert (course.accuracies, course.done) == (((1, 0.25),), 1.25)
    assert [kept.path for kept in course.weights] == [str(run / "snapshots" / "epoch-001.safetensors")]


def test_what_is_cut_is_told_once_and_a_folder_that_goes_and_comes_back_too(run, mail, files):
    keep(run, files)
    watcher = Watcher(str(run), mail)
    watcher.look()
    (run / "snapshots" / "epoch-002.safetensors").write_bytes(b"cut")
    watcher.look(), watcher.look()
    assert [noted.text[:34] for noted in mail.of(say.Noted)] == ["epoch-002.safetensors was left out"]
    run.rename(run.with_name("elsewhere"))
    gone = watcher.look()
    assert gone.trouble == f"{run} is not there: name the folder of a run"
    assert len(gone.weights) == 1  # what was known stays
    run.with_name("elsewhere").rename(run)
    assert watcher.look().trouble == ""
    assert len(mail.of(RunRead)) == 3


def test_what_nobody_thought_of_is_told_and_looked_at_again(run, mail, monkeypatch):
    watcher = Watcher(str(run), mail)

    def fails(_reader):
        raise OverflowError("it is too large")

    with monkeypatch.context() as patch:
        patch.setattr("zfexplore.training.run.RunReader.read", fails)
        assert "too large" in watcher.look().trouble
    (run / "log.jsonl").write_text(f'{{"epoch": {10**400}, "loss": 2.5}}\n')  # is left out, as a torn line is
    assert watcher.look().trouble == ""


def test_the_engine_waits_for_the_first_weights_and_begins_with_the_newest(run, mail, files, monkeypatch):
    monkeypatch.setattr(watcher, "SECONDS", 0.01)
    inbox = Inbox()
    keep(run, files)
    keep(run, files, "epoch-001-step-00002.safetensors")
    setup = main.first_of_run(say.Setup(follow=str(run)), str(run), inbox, mail)
    assert setup.checkpoint == str(run / "snapshots" / "epoch-001-step-00002.safetensors")
    assert setup.mark == "-epoch-001-step-00002"
    shutil.rmtree(run / "snapshots")
    inbox.close()
    assert main.first_of_run(setup, str(run), inbox, mail) is None
    assert mail.of(say.JobChanged)[-1].job.task == "waiting for the first weights of run7"
