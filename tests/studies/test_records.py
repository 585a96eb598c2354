"""The studies' records cross to a process that has neither torch nor numpy."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import pickle, sys
from zfexplore.studies.records import (
    ClassProbability, Feed, Feeds, PictureRanking, RankedChannel, Response,
)
from zfexplore.units import Unit, Window
unit = Unit("conv1", 3, 4, 5)
records = [
    Feeds(unit, 2.0, 2.0, 0.5, (Feed(unit, 1.5, 1.0, 3.0),)),
    RankedChannel(unit, 1.0, 99.0, 98.0, 99.5, 0.5, None, Window(0, 0, 7, 7)),
    Response(1.0, 0.5, None, None),
    PictureRanking((ClassProbability(3, "cat", 0.5),), ()),
]
assert pickle.loads(pickle.dumps(records, 5)) == records
print([name for name in ("torch", "numpy", "PIL") if name in sys.modules])
"""


def test_they_are_sent_and_read_without_torch_or_numpy():
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout == "[]\n"
