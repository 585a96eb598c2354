"""The palette: what it finds, and what it does with what was chosen."""

from __future__ import annotations

import pytest

from tests.support import running, text, until
from zfexplore.tui import messages as say
from zfexplore.tui.commands import channels_typed, excited_by
from zfexplore.tui.widgets.channels import ChannelList

LAYERS = tuple(
    say.Stage(name, "conv", channels, (8, 8), (7, 7)) for name, channels in (("conv1", 96), ("conv2", 256))
)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("7", ["conv2:7", "conv1:7"]),  # of the layer here first
        (" 130 ", ["conv2:130"]),
        ("conv1:7", ["conv1:7"]),
        ("conv1 7", ["conv1:7"]),
        ("conv1: 7", ["conv1:7"]),
        ("conv1:96", []),
        ("conv17", []),  # a layer's name, as it may be
        ("conv3:7", []),
        ("face", []),
    ],
)
def test_a_channel_is_typed_with_its_layer_or_without(typed, found):
    assert [str(unit) for unit in channels_typed(typed, LAYERS, "conv2")] == found


def test_channels_are_found_by_the_class_they_answer_to_most_the_most_selective_first():
    classes = ("face", "sunflower", "", "face", "face", "FACETS", "face")
    known = say.StageStatistics([1] * 7, [1] * 7, [1] * 7, (0.1, 0.9, 0, 0.4, 0.3, 0.2, 0.05), (), classes)

    assert excited_by("face", known) == {"face": [3, 4, 0], "FACETS": [5]}
    assert excited_by("f", known) == {}  # too short to mean a class


@pytest.mark.parametrize("key", ["colon", "ctrl+p"])
async def test_the_palette_finds_channels_and_actions(app, key):
    async with running(app) as pilot:
        await pilot.press(key)
        await until(pilot, lambda: "go to this layer" in text(app))
        assert "key enter r" in text(app)
        await pilot.press(*"conv1:42")
        await until(pilot, lambda: "go to this channel" in text(app))
        await pilot.press("enter")
        await until(pilot, lambda: (app.stage_name, app.channel) == ("conv1", 42))

        app.go_to("conv2")
        await pilot.press(key, *"130")
        await until(pilot, lambda: "conv2:130" in text(app))
        await pilot.press("enter")
        await until(pilot, lambda: (app.stage_name, app.channel) == ("conv2", 130))
        await pilot.press(key, *"sunfl")
        await until(pilot, lambda: "conv2:255 answers most to sunflower" in text(app))


async def test_the_palette_offers_no_channel_that_there_is_not(app):
    async with running(app) as pilot:
        await pilot.press("colon", *"conv1:96")
        await until(pilot, lambda: "No matches found" in text(app))
        await pilot.press("backspace", "5")
        await until(pilot, lambda: "go to this channel" in text(app))


async def test_the_palette_goes_to_a_channel_that_a_filter_hides(app, engine):
    async with running(app) as pilot:
        await pilot.press("slash", *"0-15", "enter")
        await until(pilot, lambda: app.query_one(ChannelList).count() == 16)
        app.go_to("conv2", 130)
        await until(pilot, lambda: app.channel == 130)

        assert app.query_one(ChannelList).count() == 256
        assert engine.requests[-1].channel == 130


async def test_a_name_that_looks_like_markup_stands_as_it_is(app, engine):
    async with running(app) as pilot:
        layer = say.Stage("fc8", "fc", 2, (), None, ("[ant]", "[/b]"))
        engine.post(say.NetLoaded("zfnet", (*app.stages, layer), "cpu", {}))
        await until(pilot, lambda: app.stages[-1] is layer)
        await pilot.press("colon", *"fc8:0")
        await until(pilot, lambda: "fc8:0 [ant]" in text(app))
        await pilot.press("backspace", "1")
        await until(pilot, lambda: "fc8:1 [/b]" in text(app))
