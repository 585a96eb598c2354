"""The explorer with hostile names everywhere: none of them reaches the terminal, and escapes show them."""

# tests zfexplore/tui/widgets/told.py too: it makes the same promise for lines of text

from __future__ import annotations

import os
import unicodedata
from dataclasses import replace

from rich.segment import Segment
from textual.color import Color
from textual.filter import NoColor

from tests.support import running, text, until
from zfexplore.progress import Progress
from zfexplore.tui import messages as say
from zfexplore.tui.app import ExplorerApp
from zfexplore.tui.drawing.unseen import Unseen, of_pictures
from zfexplore.tui.widgets.ranked import PathList
from zfexplore.tui.widgets.told import Told

EVIL = "\x1b]0;own\x07\x9b1m\x85\u202e\u200b\n"
SHOWN = r"\x1b]0;own\x07\x9b1m\x85\u202e\u200b\n"


def sent(app) -> str:
    """What a terminal would get for the whole screen, less the codes for colours and places."""
    update = app.screen._compositor.render_full_update()
    return "".join(segment.text for strip in update.strips for segment in strip)


def hostile(app) -> set[str]:
    return {letter for letter in sent(app) if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp")}


def engine_with_hostile_names(engine):
    class Hostile(type(engine)):
        def start(self, post) -> None:
            def worse(message: object) -> None:
                if isinstance(message, say.NetLoaded):
                    layers = tuple(replace(one, name=f"{one.name}{EVIL}") for one in message.stages)
                    nearest = {one.name: one.name for one in layers}
                    message = replace(message, stages=layers, nearest=nearest)
                elif isinstance(message, say.ImagesOpened):
                    message = replace(message, name=f"photos{EVIL}")
                elif isinstance(message, say.AtlasChanged):
                    every = {
                        f"{name}{EVIL}": replace(
                            known, best_class=[f"{one}{EVIL}" for one in known.best_class]
                        )
                        for name, known in message.statistics.items()
                    }
                    message = replace(message, statistics=every)
                elif isinstance(message, say.TopListed):
                    rows = tuple(
                        replace(row, name=f"{EVIL}{row.name}", label=f"{row.label}{EVIL}")
                        for row in message.rows
                    )
                    message = replace(message, rows=rows)
                elif isinstance(message, say.PictureArrived):
                    shown = replace(message.shown, name=f"{EVIL}.png", label=f"class{EVIL}")
                    message = replace(message, shown=shown)
                post(message)

            super().start(worse)

    return Hostile()


async def test_no_hostile_name_is_sent_from_any_screen(engine, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkdir(f"folder{EVIL}")
    app = ExplorerApp(say.Setup(), engine_with_hostile_names(engine))
    async with running(app, size=(150, 45)) as pilot:
        app.panes.show_job(Progress(f"indexing {EVIL}", 1, 2, 1.0, 1.0, "images"))
        app.notify(f"{EVIL[:8]} was saved", title=EVIL, markup=False)
        await until(pilot, lambda: "was saved" in text(app))
        seen = sent(app)
        assert not hostile(app)
        assert f"conv2{SHOWN}" in seen
        assert f"photos{SHOWN}" in seen
        assert r"\x1b]0;own\x07 was saved" in seen

        await pilot.press("z")
        await until(pilot, lambda: app.screen.query(Told))
        await until(pilot, lambda: f"conv2{SHOWN}:0@3,0" in sent(app))
        assert not hostile(app)
        await pilot.press("escape")

        await pilot.press("colon")
        await pilot.pause()
        await pilot.press(*"sunf")
        await until(pilot, lambda: f"answers most to sunflower{SHOWN}" in sent(app))
        assert not hostile(app)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.panes)

        await pilot.press("i")
        await until(pilot, lambda: app.screen.query(PathList))
        await pilot.press(*"fo")
        await until(pilot, lambda: app.screen.query_one(PathList).paths == (f"folder{EVIL}/",))
        await until(pilot, lambda: rf"folder{SHOWN}/" in sent(app))
        await pilot.press("tab")
        await until(pilot, lambda: app.screen.line.value == f"folder{EVIL}/")
        await until(pilot, lambda: "folder␛]0;own␇\ufffd1m\ufffd\ufffd\ufffd␊/" in sent(app))
        assert not hostile(app)


def test_what_comes_to_the_last_look_leaves_the_cells_where_they_are():
    before = [Segment("conv5 │"), Segment("a\x1b[31mb\u202ec"), Segment("猫")]
    after = Unseen().apply(before, Color(0, 0, 0))

    assert "".join(segment.text for segment in after) == "conv5 │a[31mbc猫"
    assert sum(map(Segment.cell_length.fget, after)) == sum(map(Segment.cell_length.fget, before))


def test_a_line_without_such_characters_is_the_same_object():
    segments = [Segment("\U0010eeee\u0305"), Segment("▀▀")]

    assert Unseen().apply(segments, Color(0, 0, 0)) is segments


def test_widgets_of_pictures_are_spared_that_look_and_no_other():
    other = NoColor()

    assert of_pictures([other, Unseen()]) == [other]


def test_a_text_that_is_told_is_one_line_and_a_list_is_several():
    assert Told(f"[red]one\n{EVIL}").content == rf"[red]one\n{SHOWN}"
    assert Told(["one", f"two {EVIL}"]).content == f"one\ntwo {SHOWN}"
