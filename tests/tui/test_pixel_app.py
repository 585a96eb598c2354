"""Pictures in pixels, on a terminal that is written from kitty's protocol: see ``tests/tui/kitty.py``."""

from __future__ import annotations

# tests zfexplore/tui/drawing/kitty.py too: an emulator of the protocol reads what it writes
import os
import sys
import time
from contextlib import suppress

import numpy as np
import pexpect
import pytest

from tests.support import text, until
from tests.tui.kitty import KittyTerminal
from zfexplore.studies.records import RankedChannel
from zfexplore.tui import messages as say
from zfexplore.tui import questions as ask
from zfexplore.tui.app import ExplorerApp
from zfexplore.tui.drawing.encode import encode
from zfexplore.tui.drawing.kitty import PLACEHOLDER
from zfexplore.tui.identity import QUESTION, Terminal
from zfexplore.tui.listening import STATUS, WELL
from zfexplore.tui.pixel_app import PixelApp, following
from zfexplore.tui.session import Session, load_session, save_session
from zfexplore.units import Unit, Window

SIZE = (120, 40)
KITTY = Terminal("kitty", (0, 41), "kitty", (10, 20), tiles=True)


class Sharpener:
    """Puts pictures in pixels beside those of the instant engine, as the real one does after them."""

    def __init__(self, app: ExplorerApp, engine) -> None:
        self.app, self.engine = app, engine

    def draw(self, *, beside: bool = False) -> None:
        app = self.app
        sizes = {
            request.grid: request for request in self.engine.requests if isinstance(request, say.TileSize)
        }
        for size in sizes.values():
            for shown in app.panes.grids[beside].pictures:
                tile = encode(getattr(shown, size.kind), size.rows, size.columns, size.cell)
                app.hear(say.TileDrawn(app.generation, shown.rank, size.kind, tile, beside))


@pytest.fixture
def terminal() -> KittyTerminal:
    return KittyTerminal(*SIZE)


@pytest.fixture
def sharp(monkeypatch, app, terminal):
    """An app on a kitty that takes images and answers at once; it draws itself nowhere."""
    return on_kitty(monkeypatch, app, terminal)


def on_kitty(monkeypatch, app, terminal) -> ExplorerApp:
    def write(said: str) -> None:
        terminal.feed(said.encode())
        if STATUS in said:
            app.post_message(PixelApp.Said(WELL))

    monkeypatch.setattr(app, "_write", write)
    monkeypatch.setattr("zfexplore.tui.pixel_app.cell_in_pixels", lambda told: told)
    monkeypatch.setattr(type(app), "can_pixels", property(lambda app: app.known.tiles or app.forced))
    return app


async def test_the_panes_show_pixels_once_the_terminal_has_them_and_glyphs_below_dialogs(
    sharp, engine, terminal
):
    async with sharp.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: sharp.settled > 0)
        assert (sharp.mode, sharp.drawn) == ("quadrants", "quadrants")
        sharp.post_message(PixelApp.Said(KITTY))
        await until(pilot, lambda: sharp.drawn == "pixels")
        assert sharp.mode == "octants"
        assert PLACEHOLDER not in text(sharp)  # nothing has been sent yet
        Sharpener(sharp, engine).draw()
        # 9 flat projections and 9 flat patches, each of another colour
        await until(pilot, lambda: len(terminal.images) == 18)
        await until(pilot, lambda: text(sharp).count(PLACEHOLDER) == 18 * 7 * 14)

        await pilot.press("question_mark")
        await until(pilot, lambda: PLACEHOLDER not in text(sharp))
        await pilot.press("escape")
        await until(pilot, lambda: text(sharp).count(PLACEHOLDER) == 18 * 7 * 14)

        await pilot.press("down")
        await until(pilot, lambda: sharp.settled == sharp.generation)
        await pilot.press("up")
        await until(pilot, lambda: sharp.settled == sharp.generation)
        Sharpener(sharp, engine).draw()
        await until(pilot, lambda: text(sharp).count(PLACEHOLDER) == 18 * 7 * 14)
        assert set(terminal.transmitted.values()) == {1}  # content that is there is not sent again

        await pilot.press("m")
        assert (sharp.drawn, terminal.images) == ("octants", {})
        await until(pilot, lambda: PLACEHOLDER not in text(sharp))
        assert load_session().mode == ""
    assert load_session().mode == "octants"
    assert terminal.errors == []


async def test_the_other_net_is_shown_in_pixels_too(monkeypatch, two_nets, terminal):
    sharp = on_kitty(monkeypatch, two_nets, terminal)
    async with sharp.run_test(size=SIZE) as pilot:
        sharp.post_message(PixelApp.Said(KITTY))
        await until(pilot, lambda: sharp.drawn == "pixels" and sharp.settled > 0)
        await pilot.press("W")
        await until(pilot, lambda: len(sharp.panes.grids[1].pictures) == 9)
        for beside in (False, True):
            Sharpener(sharp, sharp.engine).draw(beside=beside)
        await until(pilot, lambda: text(sharp).count(PLACEHOLDER) == 18 * 7 * 14)
        await pilot.press("W")
        await until(pilot, lambda: sharp.settled == sharp.generation)
        Sharpener(sharp, sharp.engine).draw(beside=True)  # they come too late
        await pilot.pause()
        assert PLACEHOLDER not in text(sharp)
        Sharpener(sharp, sharp.engine).draw()
        await until(pilot, lambda: text(sharp).count(PLACEHOLDER) == 18 * 7 * 14)
    assert terminal.errors == []


def unit_seen(unit: Unit, cuts=()) -> ask.UnitSeen:
    """A unit in three flat colours, and its exemplar in three others, with tiles."""
    six = [say.Bitmap(np.full((20, 20, 3), 30 * number, np.uint8)) for number in range(6)]
    for bitmap in six:
        for cut in cuts:
            bitmap.keep(encode(bitmap, *cut))
    window = Window(0, 0, 8, 8)
    here, best = (
        say.ShownUnit(0, 3.0, "cat.png", "", 1, 1, window, 1.0, *three) for three in (six[:3], six[3:])
    )
    return ask.UnitSeen(unit, here, best)


async def test_ones_own_picture_is_shown_in_pixels_too(sharp, engine, terminal, tmp_path):
    (tmp_path / "cat.png").touch()
    unit = Unit("conv2", 7, 3, 4)
    row = RankedChannel(unit, 31.0, 100.0, 100.0, 100.0, 1.1, 1, Window(0, 0, 8, 8))
    async with sharp.run_test(size=SIZE) as pilot:
        sharp.post_message(PixelApp.Said(KITTY))
        await until(pilot, lambda: sharp.drawn == "pixels" and sharp.settled > 0)
        Sharpener(sharp, engine).draw()
        await until(pilot, lambda: text(sharp).count(PLACEHOLDER) == 18 * 7 * 14)
        sharp._open_picture(str(tmp_path / "cat.png"), at_once=True)
        await until(pilot, lambda: isinstance(engine.requests[-1], ask.RankPicture))
        picture = say.Bitmap(np.full((20, 20, 3), 77, np.uint8))
        number = engine.requests[-1].number
        sharp.hear(ask.Answered(number, ask.Ranking(picture, (row,), 567, True, ())))
        await until(pilot, lambda: isinstance(engine.requests[-1], ask.SeeUnit))
        cuts = engine.requests[-1].cuts
        sharp.hear(ask.Answered(number, unit_seen(unit)))
        await until(pilot, lambda: unit in sharp.screen.seen)
        assert PLACEHOLDER not in text(sharp)
        sharp.hear(ask.Answered(number, unit_seen(unit, cuts)))
        panes = list(sharp.screen.query("#own-unit LargePicture"))
        cells = sum(rows * columns for rows, columns, _ in (pane.cut for pane in panes))
        await until(pilot, lambda: text(sharp).count(PLACEHOLDER) == cells)
        sent = len(terminal.transmitted)

        await pilot.press("question_mark")
        await until(pilot, lambda: PLACEHOLDER not in text(sharp))
        await pilot.press("escape")
        await until(pilot, lambda: text(sharp).count(PLACEHOLDER) == cells)
        await pilot.press("escape")
        await until(pilot, lambda: text(sharp).count(PLACEHOLDER) == 18 * 7 * 14)
        assert len(terminal.transmitted) == sent == 18 + 4  # the pictures in sight, each once
    assert terminal.errors == []


async def test_tiles_are_drawn_for_the_cells_of_another_font(sharp, monkeypatch):
    async with sharp.run_test(size=SIZE) as pilot:
        sharp.post_message(PixelApp.Said(KITTY))
        await until(pilot, lambda: sharp.drawn == "pixels")
        monkeypatch.setattr("zfexplore.tui.pixel_app.cell_in_pixels", lambda told: (12, 24))
        await pilot.resize_terminal(100, 33)
        await until(pilot, lambda: {grid.cell for grid in sharp.panes.all_grids} == {(12, 24)})


async def test_a_terminals_glyphs_are_taken_unless_others_were_chosen(engine):
    foot = Terminal("foot", (1, 20))
    for mode, drawn in (("", "octants"), ("halves", "halves")):
        save_session(Session("conv1", 0, ""))
        app = ExplorerApp(say.Setup(), engine, mode=mode)
        async with app.run_test(size=(80, 24)) as pilot:
            app.post_message(PixelApp.Said(foot))
            await until(pilot, lambda app=app: app.known == foot)
            assert app.drawn == app.panes.grids[0].mode == drawn
            assert app.panes.grids[0].cell == (0, 0)


async def test_what_the_terminal_says_comes_in_parts(app):
    async with app.run_test(size=(80, 24)) as pilot:
        for part in ("\x1bP>|VTE(6003)\x1b\\", "\x1b[6;20;10t", "\x1b[?61c"):
            app.post_message(PixelApp.Said(part))
        await until(pilot, lambda: app.known == Terminal("vte", (6003,), cell=(10, 20)))
        assert app.drawn == "sextants"


def test_pixels_are_left_out_of_the_round_where_there_are_none():
    words = ("pixels", "octants", "ascii")

    assert following("ascii", words, pixels=True) == "pixels"
    assert following("ascii", words, pixels=False) == "octants"


# -- the real explorer, its engine and a pseudo-terminal -------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_a_kitty_is_asked_gets_tiles_shows_their_pixels_and_is_left_without_any(files, tmp_path, terminal):
    from zfexplore.explorer import Explorer
    from zfexplore.figures.blocks import enlarged, patch_tile

    options = {"images": str(files / "images"), "checkpoint": str(files / "tiny.safetensors")}
    arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
    environment = {
        **{name: value for name, value in os.environ.items() if name not in ("TMUX", "NO_COLOR")},
        "TERM": "xterm-kitty", "COLORTERM": "truecolor", "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    child = pexpect.spawn(
        sys.executable, ["-m", "zfexplore", "tui", *arguments], env=environment, dimensions=SIZE[::-1]
    )
    asked = b""

    def read() -> bytes:
        nonlocal asked
        try:
            data = child.read_nonblocking(65536, timeout=0.1)
        except pexpect.TIMEOUT:
            return b""
        asked += data
        if QUESTION.encode() in data:
            child.send("\x1bP>|kitty(0.41.1)\x1b\\\x1b_Gi=31;OK\x1b\\\x1b[6;20;10t\x1b[?62;c")
        child.send(WELL * data.count(STATUS.encode()))
        terminal.feed(data)
        return data

    deadline = time.monotonic() + 60
    while len(terminal.shown()) < 12:  # six images: as many projections and patches
        assert time.monotonic() < deadline, "\n".join(terminal.screen.display)
        while read():
            pass

    channel = Explorer(**options).channel("conv5:0")
    for rank, column in enumerate((76, 91)):  # the first two of the patches
        number, line, across = terminal.placeholder(3, column)
        patch = patch_tile(channel.block.units[rank], channel.block.side, channel.block.side)
        rows, columns = terminal.placed[number]
        expected = patch if patch.height < rows * 20 else enlarged(np.asarray(patch), rows * 20, columns * 10)
        assert (line, across) == (0, 0)
        np.testing.assert_array_equal(np.asarray(terminal.images[number]), np.asarray(expected))
    child.send("q")
    with suppress(pexpect.EOF):
        while True:
            read()
    child.close()
    assert asked.count(QUESTION.encode()) == 1
    assert set(terminal.transmitted.values()) == {1}
    assert terminal.images == {}
    assert terminal.errors == []
