from __future__ import annotations

import pytest
from textual.app import App

from tests.support import text, until
from zfexplore.tui.messages import Stage
from zfexplore.tui.widgets.layers import LayerList, LayerTabs

NAMES = ("conv1", "conv2", "conv3", "conv4", "conv5")


class Layers(App[None]):
    def compose(self):
        yield LayerList()


class Tabs(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.picked: list[str] = []

    def compose(self):
        tabs = LayerTabs()
        tabs.names, tabs.here, tabs.showing = NAMES, "conv3", "projections"
        yield tabs

    def on_layer_tabs_picked(self, event: LayerTabs.Picked) -> None:
        self.picked.append(event.name)


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (30, ["layer    ch     map sees", "▸conv1    96   13x27    7", " fc6    1024       1  all"]),
        (24, ["layer    ch     map", "▸conv1    96   13x27", " fc6    1024       1"]),
        (16, ["layer    ch", "▸conv1    96", " fc6    1024"]),
    ],
)
async def test_a_layer_tells_its_channels_its_map_and_what_a_unit_sees(width, lines):
    app = Layers()
    async with app.run_test(size=(width, 6)) as pilot:
        assert "loading the net"[: width - 1] in text(app)
        app.query_one(LayerList).stages = (
            Stage("conv1", "conv", 96, (13, 27), (7, 7)),
            Stage("fc6", "fc", 1024, (), None),
        )
        await until(pilot, lambda: "conv1" in text(app))

        shown = [line.rstrip() for line in text(app).splitlines()]
        assert [shown[0].strip(), *shown[1:3]] == lines


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (42, ["layer                    ch     map sees", "▸layer3.1.conv2          256   14x14  211"]),
        (28, ["layer                   ch", "▸layer3.1.conv2         256"]),
        (16, ["layer       ch", "▸….1.conv2  256"]),
    ],
)
async def test_long_names_take_the_room_and_keep_their_ends(width, lines):
    app = Layers()
    async with app.run_test(size=(width, 6)) as pilot:
        app.query_one(LayerList).stages = (Stage("layer3.1.conv2", "conv", 256, (14, 14), (211, 211)),)
        await until(pilot, lambda: "conv2" in text(app))

        shown = [line.rstrip() for line in text(app).splitlines()]
        assert [shown[0].strip(), shown[1]] == lines


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (24, "[conv3]      projections"),  # 12 cells for names of 7
        (33, " conv2 [conv3] conv4  projections"),
        (50, " conv1  conv2 [conv3] conv4  conv5     projections"),
    ],
)
async def test_names_that_have_no_room_are_left_out_from_the_far_ends(width, line):
    app = Tabs()
    async with app.run_test(size=(width, 3)):
        assert text(app).splitlines()[0] == line


async def test_a_click_picks_the_layer_and_none_behind_the_last():
    app = Tabs()
    async with app.run_test(size=(33, 3)) as pilot:
        for x in (0, 6, 7, 20, 21):
            await pilot.click(LayerTabs, offset=(x, 0))
        await pilot.pause()

        assert app.picked == ["conv2", "conv2", "conv3", "conv4"]
