"""A short form of ``kills.py``: what is killed where it writes goes on, to the same bytes."""

from __future__ import annotations

import os
import re
import signal
import sys

import pytest

from tests.faults.explorer import SCREEN_TAKEN, opened, wrong_end_of_killed
from tests.faults.trial import (
    SAVES_ALWAYS,
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
