from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zfexplore.errors import ExploreError
from zfexplore.units import Unit, Window, parse_channels

stages = st.builds("{}{}".format, st.sampled_from(["conv", "pool", "fc"]), st.integers(0, 99))
places = st.one_of(st.just((None, None)), st.tuples(st.integers(0, 999), st.integers(0, 999)))


@given(stages, st.integers(0, 9999), places)
def test_a_unit_reads_back_as_it_was_written(stage, channel, place):
    unit = Unit(stage, channel, *place)
    assert Unit.parse(str(unit)) == unit


@pytest.mark.parametrize(
    ("text", "written", "slug"),
    [("conv5:130", "conv5:130", "conv5-130"), ("conv5:130@6,7", "conv5:130@6,7", "conv5-130-6-7")],
)
def test_units_are_written_as_the_house_writes_them(text, written, slug):
    unit = Unit.parse(text)
    assert (str(unit), unit.slug) == (written, slug)


@pytest.mark.parametrize(
    "text", ["", "conv5", "conv5:", "conv5:-1", "conv5:1@2", "conv5:1@2,", "conv5:x", ":3"]
)
def test_what_is_no_unit_is_a_usage_error_that_quotes_it(text):
    with pytest.raises(ExploreError, match="names no channel") as caught:
        Unit.parse(text)
    assert caught.value.exit_code == 2
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "channels"),
    [
        ("all", [0, 1, 2, 3]),
        ("2", [2]),
        ("1-3", [1, 2, 3]),
        ("3,0", [3, 0]),
        ("0-1,1-2", [0, 1, 2]),
        (" 1 , 2 ", [1, 2]),
    ],
)
def test_channels_come_in_the_order_written_each_once(text, channels):
    assert parse_channels(text, 4) == channels


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("4", "channel 4 is not there: this layer has 0-3"),
        ("3-1", "runs backwards"),
        ("a", "names no channels"),
        ("", "names no channels"),
    ],
)
def test_wrong_channels_say_what_is_wrong(text, message):
    with pytest.raises(ExploreError, match=message) as caught:
        parse_channels(text, 4)
    assert caught.value.exit_code == 2


def test_a_window_knows_its_size_and_unpacks_in_order():
    window = Window(1, 2, 5, 9)
    assert (window.height, window.width) == (4, 7)
    assert tuple(window) == (1, 2, 5, 9)


@pytest.mark.parametrize("thing", [None, 3, b"conv5:1", ("conv5", 1), Unit("conv5", 1)])
def test_what_is_no_text_names_no_unit_and_no_channels(thing):
    with pytest.raises(ExploreError, match="names no channel: write stage:channel"):
        Unit.parse(thing)
    with pytest.raises(ExploreError, match="names no channels: write text, a number, a range"):
        parse_channels(thing, 9)
