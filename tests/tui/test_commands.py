"""The palette: what it finds, and what it does with what was chosen."""

from __future__ import annotations

import pytest

from tests.support import running, text, until
from zfexplore.tui.widgets.channels import ChannelList


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
