from __future__ import annotations

import pytest
from textual.app import App

from tests.support import text
from zfexplore.progress import Progress
from zfexplore.tui.widgets.status import StatusBar

BUILDING = Progress("building the atlas", 120, 480, 31.25, 72.4)


class Status(App[None]):
    def __init__(self, **told: object) -> None:
        super().__init__()
        self.told = told

    def compose(self):
        bar = StatusBar()
        for name, value in self.told.items():
            setattr(bar, name, value)
        yield bar


async def line_of(width: int, **told: object) -> str:
    app = Status(**told)
    async with app.run_test(size=(width, 3)):
        return text(app).splitlines()[0]


NET = {"net": "zfnet, 517 classes", "images": "567 photographs"}


async def test_before_the_net_is_loaded_it_is_the_programs_name():
    assert (await line_of(20)).rstrip() == " zfexplore"


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (60, " conv5:130  ·  zfnet, 517 classes  ·  567 photographs"),
        (30, " conv5:130  ·  zfnet, 517 c…"),
        (10, " conv5:…"),
    ],
)
async def test_what_does_not_fit_is_cut_at_the_end(width, line):
    assert (await line_of(width, unit="conv5:130", **NET)).rstrip() == line


async def test_a_job_stands_whole_at_the_right_unless_there_is_a_bar_for_it():
    told = {"unit": "conv5:130", "job": BUILDING, **NET}

    assert await line_of(60, **told) == " conv5:130  ·  zfnet, 5… building the atlas 25% · 1:12 left "
    assert "building" not in await line_of(60, brief=False, **told)
