"""Answers are taken out of what is typed, whole or in parts; keys stay as they were typed."""

from __future__ import annotations

import pytest
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Key

from zfexplore.tui.listening import Ear, listening

ANSWERS = [
    "\x1bP>|kitty(0.41.1)\x1b\\",
    "\x1b_Gi=31;OK\x1b\\",
    "\x1b[6;20;10t",
    "\x1b[?62;22c",
    "\x1b[0n",
]


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
def ear(heard) -> Ear:
    return Ear(heard.append)


def test_answers_among_keys_are_heard_and_the_keys_pass(ear, heard):
    typed = "j" + "k".join(ANSWERS) + "\x1b[A"

    assert ear.sift(typed) == "jkkkk\x1b[A"
    assert heard == ANSWERS


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_cut_anywhere_is_put_together_while_it_is_awaited(ear, heard, answer):
    ear.awaited = True
    for cut in range(2, len(answer)):
        assert ear.sift("j" + answer[:cut]) == "j"
        assert ear.sift(answer[cut:] + "k") == "k"

    assert heard == [answer] * (len(answer) - 2)


@pytest.mark.parametrize(
    "key", ["\x1b", "\x1b[A", "\x1b[6~", "\x1b[1;2R", "\x1b[<0;3;4M", "\x1b[?2026;2$y", "q"]
)
def test_keys_and_what_textual_asked_pass_at_once(ear, heard, key):
    for ear.awaited in (False, True):
        assert ear.sift(key) == key
    assert heard == []


def test_what_only_begins_like_an_answer_passes_when_none_is_awaited(ear):
    assert ear.sift("\x1bP") == "\x1bP"  # alt and P


def test_textuals_own_parser_gets_the_rest(ear, heard, monkeypatch):
    """If Textual names its parser otherwise one day, this fails."""
    from textual.drivers import linux_driver

    parsed = []

    def run_input_thread(driver) -> None:
        parser = linux_driver.XTermParser()
        parsed.extend(event for text in ("j\x1b[0n", "\x1b[0n", "k") for event in parser.feed(text))

    monkeypatch.setattr(LinuxDriver, "run_input_thread", run_input_thread)
    before = linux_driver.XTermParser
    driver = listening(LinuxDriver, ear)
    driver.run_input_thread(object.__new__(driver))

    assert [event.key for event in parsed if isinstance(event, Key)] == ["j", "k"]
    assert heard == ["\x1b[0n", "\x1b[0n"]
    assert linux_driver.XTermParser is before


def test_other_drivers_stay_as_they_are(ear):
    assert listening(dict, ear) is dict
