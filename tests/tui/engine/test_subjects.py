"""Which nets stay open, and which images they share; opening is faked."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from zfexplore.tui.engine import subjects as module
from zfexplore.tui.engine.subjects import KEPT, Subjects
from zfexplore.tui.messages import Setup


@pytest.fixture
def closed(monkeypatch):
    """Names of the nets that were closed; opening one costs nothing here."""
    closed: list[str] = []

    def open_subject(setup, source):
        subject = SimpleNamespace(setup=setup, source=source, gone=False, saves=[])
        subject.pause = lambda: closed.append(setup.name)
        return subject

    monkeypatch.setattr(module, "open_subject", open_subject)
    monkeypatch.setattr(module, "images_of", lambda setup: SimpleNamespace(of=setup))
    return closed


def test_the_nets_explored_lately_stay_open_and_the_present_one_always(closed):
    forgotten = []
    subjects = Subjects(forgotten.append)
    setups = [Setup(checkpoint=f"{number}.safetensors") for number in range(KEPT + 2)]
    first = subjects.open(setups[0])
    subjects.hold(setups[0])
    for setup in setups[1:KEPT]:
        subjects.open(setup)
    subjects.open(setups[1])  # used again
    subjects.open(setups[KEPT])
    subjects.open(setups[KEPT + 1])

    assert closed == ["2", "3"]
    assert [subject.setup.name for subject in forgotten] == closed
    assert subjects.open(setups[0]) is first


def test_the_net_come_from_and_one_that_a_figure_waits_for_stay(closed):
    subjects = Subjects(print)
    setups = [Setup(checkpoint=f"{number}.safetensors") for number in range(KEPT + 3)]
    subjects.open(setups[0])
    subjects.hold(setups[0])
    subjects.open(setups[1]).saves.append("a figure")
    for setup in setups[2:KEPT]:
        subjects.open(setup)
    subjects.open(setups[KEPT])
    subjects.hold(setups[KEPT])
    subjects.open(setups[KEPT + 1])
    assert closed == ["2", "3"]
    subjects.open(setups[KEPT + 2])
    assert closed == ["2", "3", "0"]


def test_images_are_shared_where_they_are_the_same(closed):
    subjects = Subjects(print)
    one, other = Setup(checkpoint="a.safetensors"), Setup(checkpoint="b.safetensors", fit="whole")
    assert subjects.open(one).source is subjects.open(other).source
    assert subjects.open(one).source is not subjects.open(replace(other, limit=60)).source


def test_a_file_that_was_written_anew_is_opened_anew(closed, tmp_path):
    path = tmp_path / "latest.safetensors"
    path.write_text("one")
    subjects, setup = Subjects(print), Setup(checkpoint=str(path))
    before = subjects.open(setup)
    assert subjects.open(setup) is before
    path.write_text("another")
    assert subjects.open(setup) is not before
    assert closed == ["latest"]
