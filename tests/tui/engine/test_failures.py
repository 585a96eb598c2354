from __future__ import annotations

import logging

import pytest

from zfexplore.errors import ExploreError
from zfexplore.tui.engine.failures import logged


@pytest.mark.parametrize(
    ("error", "line", "in_full"),
    [
        (ExploreError("two  blanks stay"), "two  blanks stay", False),
        (OSError("the weights are gone"), "the weights are gone", False),
        (RuntimeError("CUDA error\n  see the manual\n"), "RuntimeError: CUDA error see the manual", True),
        (MemoryError(), "MemoryError", True),
    ],
)
def test_an_error_is_one_line_and_in_the_log(caplog, error, line, in_full):
    with caplog.at_level(logging.WARNING, "zfexplore.tui"):
        assert logged(error) == line

    (record,) = caplog.records
    assert record.getMessage() == line
    assert bool(record.exc_info) == in_full
