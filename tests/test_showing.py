from __future__ import annotations

import io

import pytest

from zfexplore import showing as show
from zfexplore.progress import Finished, Note, Progress, Skipped


def events(closed: list[bool]):
    try:
        yield Progress("indexing", 1, 4, 2.0, 1.5)
        yield Progress("indexing", 2, 4, 2.0, 1.0)
        yield Note("built again because the [weights] changed")
        yield Skipped("a.jpg", "it is cut short")
        yield Progress("indexing", 4, 4, 123.4, 0.0)
        yield Finished("the atlas")
    finally:
        closed.append(True)


def test_without_a_terminal_progress_is_plain_lines_on_stderr(capsys):
    closed: list[bool] = []
    assert show.watch(events(closed)) == "the atlas"
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "indexing: 1 of 4  2.0 images/s, 2s left",
        "built again because the [weights] changed",
        "indexing: 4 of 4  123 images/s",
        "1 image could not be read and was left out:",
        "  a.jpg: it is cut short",
    ]
    assert closed == [True]


def test_on_a_terminal_full_bars_make_room_for_the_next(monkeypatch):
    from rich.console import Console

    screen = Console(file=io.StringIO(), force_terminal=True, width=100, height=20)
    monkeypatch.setattr(show, "remarks", lambda: screen)
    shown = []

    def epochs():
        for epoch in range(30):  # more than the terminal has lines
            yield Progress(f"epoch {epoch}", 0, 8, 1.0, 8.0)
            shown.append([task.description for task in bars[0]._bars.tasks])
            yield Progress(f"epoch {epoch}", 8, 8, 1.0, 0.0)
        yield Progress("epoch 0", 4, 8, 1.0, 4.0)  # again, after its bar is gone
        yield Finished("the net")

    bars = []
    made = show._Bars
    monkeypatch.setattr(show, "_Bars", lambda console: bars.append(made(console)) or bars[0])
    assert show.watch(epochs()) == "the net"
    assert shown == [[f"epoch {epoch}"] for epoch in range(30)]


def test_many_bad_images_are_counted_and_the_first_named(capsys):
    show.watch(iter([*(Skipped(f"{i}.jpg", "no image") for i in range(9)), Finished(None)]))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "9 images could not be read and were left out:"
    remedy = "`zfexplore images DIR --check` names them all"
    assert lines[1:] == [*(f"  {i}.jpg: no image" for i in range(5)), f"  and 4 more; {remedy}"]


def test_every_bad_image_is_named_where_that_is_asked_for(capsys):
    show.watch(iter([*(Skipped(f"{i}.jpg", "no image") for i in range(9)), Finished(None)]), every_name=True)
    assert capsys.readouterr().err.splitlines()[1:] == [f"  {i}.jpg: no image" for i in range(9)]


def test_an_interrupt_closes_the_work_so_that_it_can_save_itself(capsys):
    closed: list[bool] = []

    def interrupted():
        try:
            yield Skipped("a.jpg", "no image")
            raise KeyboardInterrupt
        finally:
            closed.append(True)

    with pytest.raises(KeyboardInterrupt):
        show.watch(interrupted())
    assert closed == [True]
    assert "a.jpg" in capsys.readouterr().err


def test_other_events_are_shown_by_the_commands_own_words(capsys):
    show.watch(iter([("epoch", 3), Finished(None)]), other=lambda event: f"epoch {event[1]}")
    assert capsys.readouterr().err == "epoch 3\n"


def test_a_line_of_a_log_stays_one_line_however_long(capsys):
    show.watch(iter([("epoch", "word " * 100), Finished(None)]), other=lambda event: event[1])
    assert capsys.readouterr().err.splitlines() == ["word " * 100]


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (59.4, "59s"), (60, "1:00"), (3725, "1:02:05")])
def test_times_are_short(seconds, text):
    assert show.clock(seconds) == text


def test_json_is_printed_whole_and_unstyled(capsys):
    show.print_json({"name": "[red]" + "x" * 300})
    assert capsys.readouterr().out == '{\n  "name": "[red]' + "x" * 300 + '"\n}\n'


def test_a_heading_is_shown_letter_by_letter():
    name = "x[/b] [bold]y"
    assert show.in_plain_lines(show.comparison_table([], name)).splitlines()[0] == name


def test_the_name_of_a_layer_is_no_markup():
    row = {
        "channel": "[/]block:3",
        "max": 1.0,
        "mean": 0.5,
        "share_firing": 1.0,
        "best_class": None,
        "dead": False,
    }

    assert "[/]block:3" in show.in_plain_lines(show.channel_table([row], "channels"))
