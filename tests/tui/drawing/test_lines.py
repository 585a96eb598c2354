from __future__ import annotations

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.filter import Monochrome
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from zfexplore.tui.drawing.lines import drawn_lines

CROPS = (Region(0, 0, 20, 6), Region(0, 2, 20, 3), Region(3, 0, 9, 2), Region(5, 1, 15, 5))
STYLES = {
    "": "no gutter",
    "border-top: solid green;": "a border above",
    "border: solid green;": "a border around",
    "padding: 1 2;": "padding",
}


class Own(Widget):
    """Draws itself, two cells short of its width."""

    def render_line(self, y: int) -> Strip:
        width = max(0, self.content_region.width - 2)
        return Strip([Segment(f"line {y}".ljust(width)[:width], Style.parse("red on blue"))], width)


class OwnApp(App[None]):
    CSS = "Own { width: 20; height: 6; background: #102030; }"

    def compose(self):
        yield Own()


@pytest.mark.parametrize("style", STYLES, ids=STYLES.values())
@pytest.mark.parametrize("grey", [False, True])
async def test_the_lines_are_those_that_textual_draws(style, grey):
    app = OwnApp()
    app.CSS += f"Own {{ {style} }}"
    async with app.run_test() as pilot:
        await pilot.pause()
        own = app.query_one(Own)
        if grey:
            own.get_line_filters = lambda: [Monochrome()]
        for crop in CROPS:
            styled = super(Own, own).render_lines
            seen, wanted = drawn_lines(own, crop, styled), styled(crop)
            assert [strip.text for strip in seen] == [strip.text for strip in wanted]
            assert [cells(strip) for strip in seen] == [cells(strip) for strip in wanted]


def cells(strip: Strip) -> list[tuple]:
    return [(glyph, style.color, style.bgcolor) for text, style, _ in strip for glyph in text if glyph != " "]
