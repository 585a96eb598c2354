"""The table under all lists: its cursor, its mouse, and texts made to fit a column."""

from __future__ import annotations

import pytest
from textual.app import App

from tests.support import text, until
from zfexplore.tui.widgets.rows import Column, Rows, fitted


class Numbers(Rows):
    """Thirty numbers and their squares, which need a wide pane."""

    rows = 30

    def columns(self):
        return (Column("n", 3), Column("square", 6, pane=20), Column("", 0, right=False, rest=True))

    def count(self):
        return self.rows

    def texts(self, index):
        return str(index), str(index**2), "abcdefghij"

    def empty_text(self):
        return "no numbers"


class Table(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.told: list[object] = []

    def compose(self):
        yield Numbers()

    def on_rows_moved(self, event: Rows.Moved) -> None:
        self.told.append(event.index)

    def on_rows_sideways(self, event: Rows.Sideways) -> None:
        self.told.append("right" if event.step > 0 else "left")

    def on_rows_opened(self) -> None:
        self.told.append("opened")

    def on_rows_titled(self, event: Rows.Titled) -> None:
        self.told.append(event.title)


def test_wide_letters_are_cut_within_the_room():
    assert fitted("ab花花花.png", 8, front=True) == "…花.png "


@pytest.mark.parametrize(
    ("room", "how", "cut"),
    [
        (6, {}, "abcd  "),
        (6, {"right": True}, "  abcd"),
        (4, {}, "abcd"),
        (3, {}, "ab…"),
        (3, {"front": True}, "…cd"),
        (1, {}, "a"),
        (0, {}, ""),
    ],
)
def test_a_text_fills_its_room_and_what_is_cut_says_so(room, how, cut):
    assert fitted("abcd", room, **how) == cut


def test_half_a_wide_letter_is_a_blank():
    assert fitted("花花花", 4) == "花 …"
    assert fitted("花", 1) == " "


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (24, ["   n square", "▸  0      0 abcdefghij", "   1      1 abcdefghij"]),
        (19, ["   n", "▸  0 abcdefghij", "   1 abcdefghij"]),
        (12, ["   n", "▸  0 abcde…", "   1 abcde…"]),
    ],
)
async def test_columns_are_shown_where_they_have_room_and_one_takes_the_rest(width, lines):
    app = Table()
    async with app.run_test(size=(width, 10)):
        shown = [line[: width - 1].rstrip() for line in text(app).splitlines()]
        assert shown[:3] == lines


async def test_the_cursor_moves_by_rows_half_pages_and_to_the_ends_and_stays_in_sight():
    app = Table()
    async with app.run_test(size=(24, 11)) as pilot:  # a title and ten rows
        await pilot.press("up", "down", "j", "k", "ctrl+d", "G", "down", "pageup", "g")
        await until(pilot, lambda: len(app.told) == 7)
        assert app.told == [1, 2, 1, 6, 29, 24, 0]
        await pilot.press("G")
        await until(pilot, lambda: "▸ 29" in text(app))
        await pilot.press("left", "l")
        await until(pilot, lambda: app.told[-2:] == ["left", "right"])


async def test_the_mouse_moves_opens_and_tells_titles():
    app = Table()
    async with app.run_test(size=(24, 11)) as pilot:
        await pilot.click(Numbers, offset=(5, 3))
        await pilot.click(Numbers, offset=(5, 4), times=2)
        await pilot.click(Numbers, offset=(2, 0))
        await pilot.click(Numbers, offset=(8, 0))
        await until(pilot, lambda: app.told[-1] == "square")

        assert app.told == [2, 3, "opened", "n", "square"]


async def test_without_rows_the_reason_stands_below_the_titles():
    app = Table()
    async with app.run_test(size=(24, 6)) as pilot:
        table = app.query_one(Numbers)
        table.rows = 0
        table.changed()
        await pilot.press("down")

        assert text(app).splitlines()[1].rstrip() == " no numbers"
        assert app.told == []


async def test_a_row_is_written_once_for_all_keys_and_the_list_scrolls_with_its_cursor():
    app = Table()
    async with app.run_test(size=(30, 11)) as pilot:
        rows = app.query_one(Numbers)
        asked = []
        texts = rows.texts
        rows.texts = lambda index: asked.append(index) or texts(index)
        rows.focus()
        for _ in range(20):
            rows.action_step(1, 0)
            assert rows.scroll_offset.y == max(0, rows.cursor - 9)  # in the frame of the key, not in the next
            await pilot.pause()
        assert len(asked) == len(set(asked))


async def test_the_scrollbar_moves_by_whole_cells_and_to_its_end():
    app = Table()
    async with app.run_test(size=(30, 11)) as pilot:
        rows = app.query_one(Numbers)
        places = []
        for cursor in range(30):
            rows.cursor = cursor
            await pilot.pause()
            places.append(rows.vertical_scrollbar.position)
        rows_a_cell = 31 / 11
        steps = {place / rows_a_cell for place in places[:-1]}
        assert all(abs(step - round(step)) < 1e-6 for step in steps)
        assert places[-1] == rows.max_scroll_y == 20
