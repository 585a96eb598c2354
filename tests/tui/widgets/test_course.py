from __future__ import annotations

from textual.app import App

from tests.support import text, until
from zfexplore.tui.following import Course, Kept
from zfexplore.tui.widgets.course import CourseBar, place_of, rows_of_course, slider

FIRST, SECOND, THIRD = Kept("a", 1), Kept("b", 2), Kept("c", 2.5)
COURSE = Course(
    "run1", "training", 4, 2.75,
    losses=((1, 3.0), (2, 1.0), (2.75, 2.0)),
    accuracies=((1, 0.1), (2, 0.5)),
    weights=(FIRST, SECOND, THIRD),
)  # fmt: skip


class Bar(App[None]):
    def __init__(self, rows: int, **told: object) -> None:
        super().__init__()
        self.rows, self.told = rows, told
        self.picked: list[Kept] = []

    def compose(self):
        bar = CourseBar()
        bar.styles.height, bar.display = self.rows, True
        for name, value in self.told.items():
            setattr(bar, name, value)
        yield bar

    def on_course_bar_picked(self, event: CourseBar.Picked) -> None:
        self.picked.append(event.kept)


async def lines_of(width: int, rows: int, **told: object) -> list[str]:
    app = Bar(rows, **told)
    async with app.run_test(size=(width, rows)):
        return [line.rstrip() for line in text(app).splitlines()]


def test_the_slider_shows_what_is_done_what_is_kept_and_where_one_is():
    assert slider(COURSE, SECOND, 9) == "━━●━◆●━╌╌"
    assert slider(Course("run1"), None, 4) == "━╌╌╌"
    assert [place_of(epochs, 4, 9) for epochs in (0, 1, 4, 9)] == [0, 2, 8, 8]


def test_there_are_lines_where_there_is_room():
    assert [rows_of_course(height) for height in (14, 31, 32, 49, 50)] == [1, 1, 5, 5, 7]


async def test_one_row_has_the_numbers_and_the_slider():
    (line,) = await lines_of(80, 1, course=COURSE, present=THIRD)
    assert line == " run1 training  epoch 2.8/4  loss 2  top-1 50.0%  ◆ epoch 2.5 ━━━━●━━━●━◆━╌╌╌╌╌"
    (narrow,) = await lines_of(50, 1, course=COURSE, present=SECOND)
    assert narrow == " run1 training  epoch 2.8/4  loss 2 ━━━●━━◆━●╌╌╌╌"


async def test_lines_stand_above_the_slider_on_its_axis():
    title, *rows = await lines_of(40, 6, course=COURSE, present=FIRST, awaited=SECOND)
    assert title == " run1 training  epoch 2.8/4  loss 2"
    top, *_, bottom, axis = rows
    assert (top[:7], bottom[:7]) == ("     3 ", "     1 ")
    assert (top[-3:], bottom[-2:]) == ("50%", "0%")
    assert axis == " epoch ━━━━━━●━━━━━◆━━━●━╌╌╌╌╌╌╌╌ 4"
    assert (top[7 + 6], bottom[7 + 12]) == ("⠈", "⠢")  # the loss after the first epoch, and after the second
    assert "│" in "".join(rows)  # where the pictures shown are from
    wide = await lines_of(120, 6, course=COURSE, present=FIRST, awaited=SECOND)
    assert wide[0].endswith("◆ epoch 2 comes …")


async def test_before_anything_is_known_and_after_the_folder_is_gone_it_says_so():
    assert await lines_of(40, 1) == [" reading the run …"]
    bare = await lines_of(60, 5, course=Course("run1", "training", 4))
    assert bare[0] == " run1 training  epoch 0/4  no weights yet"
    assert "the lines begin after the first epoch" in bare[2]
    gone = Course("run1", trouble="runs/run1 is not there: name the folder of a run")
    assert (await lines_of(90, 1, course=gone))[0].startswith(" run1: runs/run1 is not there")


async def test_a_level_line_and_ascii():
    level = Course("run1", "stopped", 2, 2, losses=((1, 3.0), (2, 3.0)))
    rows = await lines_of(30, 5, course=level, braille=False)
    assert rows[3][7:].strip("│ ") == "." * 8


async def test_a_click_on_the_slider_goes_to_the_nearest_weights():
    app = Bar(5, course=COURSE, present=THIRD)
    async with app.run_test(size=(40, 5)) as pilot:
        for x in (7, 19, 39):
            await pilot.click(CourseBar, offset=(x, 4))
        await until(pilot, lambda: len(app.picked) == 3)
    assert app.picked == [FIRST, SECOND, THIRD]


async def test_in_one_row_a_click_on_the_mark_of_weights_goes_to_them():
    app = Bar(1, course=COURSE, present=THIRD)
    async with app.run_test(size=(80, 1)) as pilot:
        shown = text(app)
        for x in (shown.index("●"), shown.rindex("●"), shown.rindex("◆")):
            await pilot.click(CourseBar, offset=(x, 0))
        await until(pilot, lambda: len(app.picked) == 3)
    assert app.picked == [FIRST, SECOND, THIRD]


async def test_a_loss_that_is_no_number_leaves_a_gap():
    nan = float("nan")
    rows = await lines_of(
        40, 5, course=Course("run1", "stopped", 3, 3, losses=((1, nan), (2, 3.0), (3, 1.0)))
    )
    assert (rows[1][:7], rows[3][:7]) == ("     3 ", "     1 ")
    none = await lines_of(40, 5, course=Course("run1", "stopped", 3, 3, losses=((1, nan),)))
    assert "loss nan" in none[0]
    assert "the lines begin" not in none[2]
