from __future__ import annotations

import json
import math

import pytest

from zfexplore.errors import ExploreError
from zfexplore.studies.kept_starts import KeptStarts
from zfexplore.studies.starts import STARTS, StartRun

SETTINGS = {"images": "abc", "seed": 0}
RUN = StartRun(
    STARTS[0], ("conv1", "fc8"), (2.0, 1e30, math.inf), ((1.0, 0.1), (1e-30, 0.0), (math.inf, 2.0)),
    (1.0, 0.3), (math.inf, 0.25),
)  # fmt: skip


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path))
    kept = KeptStarts(SETTINGS, steps=5)
    kept.write(RUN)
    return kept


def test_what_is_kept_is_read_again_to_the_last_bit(kept):
    assert kept.read(RUN.start) == RUN
    assert [path.name for path in kept.path(RUN.start).parent.iterdir()] == [kept.path(RUN.start).name]


@pytest.mark.parametrize(
    ("settings", "steps", "start"),
    [({**SETTINGS, "seed": 1}, 5, STARTS[0]), (SETTINGS, 6, STARTS[0]), (SETTINGS, 5, STARTS[1])],
)
def test_other_settings_never_meet_it(kept, settings, steps, start):
    assert KeptStarts(settings, steps).read(start) is None


@pytest.mark.parametrize(
    "change",
    [
        {"losses": [2.0, 1.0, 0.5]},  # of five steps, all finite
        {"losses": [2.0, math.nan, math.inf]},
        {"losses": [2.0]},
        {"signals": [1.0]},
        {"moved": ["far", 0.25]},
        {"stages": None},
    ],
)
def test_a_damaged_file_is_an_error_that_names_it(kept, change):
    file = kept.path(RUN.start)
    values = json.loads(file.read_text()) | change
    values["gradients"] = [[1.0, 1.0] for _ in range(3)]
    file.write_text(json.dumps(values))
    with pytest.raises(ExploreError, match=file.name):
        kept.read(RUN.start)
    file.write_text("{")
    with pytest.raises(ExploreError, match="damaged"):
        kept.read(RUN.start)
