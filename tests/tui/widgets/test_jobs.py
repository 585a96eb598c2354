"""The job bar, and the text that it shares with the status bar."""

from __future__ import annotations

from zfexplore.progress import Progress
from zfexplore.tui.widgets.jobs import job_text, progress_bar

BUILDING = Progress("building the atlas", 120, 480, 31.25, 72.4)


def test_a_job_tells_how_far_it_is_how_fast_and_how_long_it_takes():
    assert job_text(BUILDING) == "building the atlas 120/480 · 31.2 images/s · 1:12 left"
    assert job_text(BUILDING, short=True) == "building the atlas 25% · 1:12 left"


def test_a_job_of_unknown_length_tells_only_what_it_is():
    assert job_text(Progress("loading torch")) == "loading torch …"


def test_the_bar_is_filled_as_far_as_the_job_is():
    assert progress_bar(BUILDING, 8) == "━━╌╌╌╌╌╌"
