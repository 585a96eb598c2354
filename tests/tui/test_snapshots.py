"""How the screen looks, kept as SVG; pictures are flat colours, which keeps the files small.

After an intended change: ``pytest tests/tui/test_snapshots.py --snapshot-update``, and look at them.
"""

from __future__ import annotations

import pytest

SIZES = {"80x24": (80, 24), "120x40": (120, 40), "50x14": (50, 14)}


@pytest.mark.parametrize("size", SIZES)
def test_panes(app, snap_compare, size):
    assert snap_compare(app, terminal_size=SIZES[size], press=["down", "down"])


def test_no_colour(engine, snap_compare, monkeypatch):
    from zfexplore.tui.app import ExplorerApp
    from zfexplore.tui.messages import Setup

    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(ExplorerApp(Setup(), engine), terminal_size=(80, 24))


def test_large(app, snap_compare):
    assert snap_compare(app, terminal_size=(120, 40), press=["z"])


def test_help(app, snap_compare):
    assert snap_compare(app, terminal_size=(80, 24), press=["question_mark"])
