"""The list of what feeds a unit: its numbers, bars and names."""

from __future__ import annotations

import pytest

from zfexplore.studies.records import INPUT, Feed
from zfexplore.tui.widgets.feeds import bar, is_tiny, name_of, signed
from zfexplore.units import Unit


@pytest.mark.parametrize(("share", "drawn"), [(0.4, "━━━━"), (-0.2, "╌╌"), (0.0, "")])
def test_a_bar_tells_driving_from_holding_down_without_colour(share, drawn):
    assert bar(share, 0.4, cells=4) == drawn


def test_pixels_are_named_by_their_colour():
    assert name_of(Unit(INPUT, 2, 6, 8)) == "blue@6,8"


def test_other_units_are_named_as_everywhere():
    assert name_of(Unit("conv1", 2, 6, 8)) == "conv1:2@6,8"
    assert name_of(Unit(INPUT, 3, 6, 8)) == "input:3@6,8"  # a fourth channel has no colour


@pytest.mark.parametrize(
    ("value", "written"), [(2.5, "+2.50"), (-21.43, "-21.4"), (0.0, "+0.00"), (-0.0004, "-0.0004")]
)
def test_a_contribution_carries_its_sign(value, written):
    assert signed(value) == written


@pytest.mark.parametrize(
    ("share", "tiny"), [(0.0, True), (0.0004, True), (-0.0004, True), (0.0006, False), (-0.0006, False)]
)
def test_tiny_is_what_would_be_written_as_nothing(share, tiny):
    assert is_tiny(Feed(Unit("conv1", 0, 0, 0), 1.0, share, 1.0)) is tiny
