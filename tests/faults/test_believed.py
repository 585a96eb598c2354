"""Some hundred of the cases that ``python -m tests.faults.believed`` tries by the hundred thousand."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.faults.believed import try_case
from tests.faults.loaders import Thin, loaders
from zfexplore.nets import zfnet

NAMES = (
    "checkpoint", "weights", "atlas", "partial", "note", "run", "resume", "session", "labels", "figures",
)  # fmt: skip
CASES = 15  # of each


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """The loaders by name, over nets with two channels a layer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zfnet, "ZFNet", Thin)
        patch.setenv("ZFEXPLORE_CACHE", "")
        yield {each.name: each for each in loaders(tmp_path_factory.mktemp("valid"))}


@pytest.mark.parametrize("name", NAMES)
def test_whatever_is_in_a_file_it_is_read_or_refused_in_one_line(known, name, tmp_path):
    assert set(known) == set(NAMES)
    loader = known[name]
    assert try_case(loader, tmp_path, {}) == "accepted"

    @settings(
        max_examples=CASES, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(loader.cases())
    def case(changed):
        try_case(loader, tmp_path, changed)

    case()
