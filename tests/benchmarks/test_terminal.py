"""A program in a pseudo-terminal, and reading the engine's log."""

from __future__ import annotations

import sys

import pytest

from benchmarks.explorer import _shown
from benchmarks.terminal import Terminal

ECHO = (
    "print('ready', flush=True)\nfor line in __import__('sys').stdin: print('got', line.upper(), flush=True)"
)


def test_what_was_written_before_a_key_is_forgotten():
    with Terminal([sys.executable, "-c", ECHO], {}) as terminal:
        ready = terminal.until("ready")
        sent = terminal.send("key\n")
        shown = terminal.until("got KEY")

        assert terminal.started < ready < sent < shown
        assert b"ready" not in terminal.written


def test_waiting_for_what_never_comes_tells_what_came():
    terminal = Terminal([sys.executable, "-c", "print('only this')"], {})

    with terminal, pytest.raises(TimeoutError, match="only this"):
        terminal.until("something else", seconds=10.0)


def test_the_log_is_read_for_the_channels_asked_for(tmp_path):
    log = tmp_path / "explorer.log"
    log.write_text(
        "2026-01-01 10:00:00,000 INFO conv5:3 shown in 0.412 s\n"
        "2026-01-01 10:00:01,000 WARNING skipped a.png: truncated\n"
        "2026-01-01 10:00:02,000 INFO conv5:4 shown in 0.001 s\n"
        "2026-01-01 10:00:03,000 INFO conv1:8 shown in 0.050 s\n"
    )

    assert _shown(log, {("conv5", 3), ("conv1", 8)}) == {"conv5": [0.412], "conv1": [0.05]}
