from __future__ import annotations

from textual.app import App

from tests.support import text, until
from zfexplore.studies.records import RankedChannel
from zfexplore.tui.widgets.ranked import PathList, RankedList
from zfexplore.units import Unit, Window

RANKED = (
    RankedChannel(Unit("conv2", 7, 3, 4), 31.0, 100.0, 100.0, 100.0, 1.1, 1, Window(2, 4, 20, 22)),
    RankedChannel(Unit("conv1", 9, 1, 1), 12.0, 99.0, 99.0, 99.0, 0.9, 3, Window(1, 1, 8, 8)),
    RankedChannel(Unit("fc6", 2), 2.0, 61.25, 60.0, 62.5, 0.5, None, None),
    RankedChannel(Unit("conv1", 5, 0, 0), 0.0, 0.0, 0.0, 0.0, 0.0, None, None),
)


class Ranked(App[None]):
    def compose(self):
        yield RankedList()


class Lists(App[None]):
    def compose(self):
        yield RankedList(id="ranked")
        yield PathList(id="paths")


async def test_a_channel_tells_its_percentile_its_bounds_where_it_is_an_estimate_and_its_place():
    async with Lists().run_test() as pilot:
        ranked = pilot.app.query_one(RankedList)
        ranked.ranked = RANKED

        assert [ranked.texts(index) for index in range(4)] == [
            ("conv2:7@3,4", "100", "", "31.0", "best"),
            ("conv1:9@1,1", "99.0", "", "12.0", "#3"),
            ("fc6:2", "~61.2", "60.0-62.5", "2.00", ""),
            ("conv1:5@0,0", "0.0", "", "0.00", ""),
        ]
        assert [ranked.is_faint(index) for index in range(4)] == [False, False, False, True]


async def test_a_long_name_keeps_its_channel_and_place_and_a_class_its_beginning():
    async with Ranked().run_test(size=(45, 24)) as pilot:
        ranked = pilot.app.query_one(RankedList)
        long = Unit("features.denseblock2.denselayer12.conv1", 130, 12, 13)
        hat = RankedChannel(
            Unit("fc8", 40), 1.0, 0.0, 0.0, 0.0, 0.0, None, None, "cowboy hat, ten-gallon hat"
        )
        ranked.ranked = (*RANKED, RankedChannel(long, 1.0, 0.0, 0.0, 0.0, 0.0, None, None), hat)

        await until(pilot, lambda: "…yer12.conv1:130@12,13" in text(pilot.app))
        await until(pilot, lambda: "fc8:40 cowboy hat, te…" in text(pilot.app))


async def test_bounds_give_way_to_the_names_of_classes_where_only_these_are_listed():
    async with Ranked().run_test(size=(60, 24)) as pilot:
        ranked = pilot.app.query_one(RankedList)
        hat = RankedChannel(Unit("fc8", 40), 1.0, 50.0, 40.0, 60.0, 0.0, None, None, "a hat with a long name")
        ranked.ranked = (*RANKED, hat)
        await until(pilot, lambda: "between" in text(pilot.app))
        ranked.layer = "fc8"
        await until(pilot, lambda: "fc8:40 a hat with a long name" in text(pilot.app))
        assert "between" not in text(pilot.app)


async def test_the_cursor_goes_to_a_channel_that_is_listed():
    async with Lists().run_test() as pilot:
        ranked = pilot.app.query_one(RankedList)
        ranked.ranked = RANKED
        assert ranked.go_to(Unit("conv1", 9))
        assert ranked.here is RANKED[1]
        ranked.layer = "conv2"
        assert not ranked.go_to(Unit("conv1", 9))
        assert ranked.here is RANKED[0]


async def test_one_layer_is_chosen_and_the_cursor_begins_at_its_strongest():
    async with Lists().run_test() as pilot:
        ranked = pilot.app.query_one(RankedList)
        assert ranked.here is None
        ranked.ranked = RANKED
        ranked.cursor = 2
        ranked.layer = "conv1"

        assert (ranked.count(), ranked.here) == (2, RANKED[1])
        ranked.layer = ""
        assert (ranked.count(), ranked.here) == (4, RANKED[0])


async def test_a_long_path_keeps_its_end():
    async with Lists().run_test(size=(20, 10)) as pilot:
        paths = pilot.app.query_one(PathList)
        assert paths.here == ""
        paths.paths = ("folder/of/pictures/cat.png", "cat.png")
        await until(pilot, lambda: "▸…pictures/cat.png" in text(pilot.app))  # 17 cells

        assert paths.here == "folder/of/pictures/cat.png"
        assert " cat.png" in text(pilot.app)
