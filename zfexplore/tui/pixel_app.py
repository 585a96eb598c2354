"""The part of the app that knows the terminal: what it draws, and what it has been sent to draw.

The terminal is asked after the first frame, and its answer changes how pictures are drawn whenever it
comes. Where it draws pixels as text, tiles are sent to it in small steps; see ``drawing/tiles.py``.
"""

from __future__ import annotations

import os
import struct
import sys
import time
from contextlib import suppress
from random import randrange
from typing import TYPE_CHECKING, Any

from textual.app import App
from textual.message import Message
from textual.timer import Timer

from zfexplore.choices import Drawn
from zfexplore.tui.drawing.kitty import through_tmux
from zfexplore.tui.drawing.tiles import NUMBERS, Tiles
from zfexplore.tui.identity import (
    ATTRIBUTES,
    QUESTION,
    SAFE,
    Terminal,
    asked,
    asked_of_tmux,
    may_be_asked,
)
from zfexplore.tui.listening import STATUS, WELL, Ear, listening
from zfexplore.tui.study_screens import StudyApp
from zfexplore.tui.terminal import speaks_utf8

if TYPE_CHECKING:
    from zfexplore.tui.widgets.large import LargePicture
    from zfexplore.tui.widgets.pictures import PictureGrid

SECONDS_BETWEEN_STEPS = 1 / 60
PATIENCE = 1.0  # seconds; a terminal that has not said by then that it is well is not waited for again
A_CELL = (10, 20)  # pixels, where nobody knows


class PixelApp(StudyApp):
    """Asks the terminal, keeps ``known`` of it, and sends it the ``tiles`` that the panes want.

    ``wish`` is how the user wants pictures drawn, nothing for the finest that is known. ``mode`` are the
    glyphs, and ``sharp`` tells whether the panes show pixels where they have come.
    """

    class Said(Message):
        """The terminal answered, or tmux did in its place."""

        def __init__(self, said: str | Terminal) -> None:
            super().__init__()
            self.said = said

    def __init__(self, wish: str = "", *, forced: bool = False) -> None:
        self._ear = Ear(lambda answer: self.post_message(self.Said(answer)))
        super().__init__()
        self.wish, self.forced = wish, forced
        self.known = Terminal()
        self.mode: str = SAFE if wish in ("", "pixels") else wish
        self.sharp = False
        self.tiles = Tiles()
        self._answer = ""
        self._waiting_since: float | None = None  # for the terminal to say that it is well
        self._says_so = True
        self._sending: Timer | None = None

    def get_driver_class(self) -> type[Any]:
        """Give Textual's driver, with an ear for answers."""
        return listening(super().get_driver_class(), self._ear)

    # -- who the terminal is -----------------------------------------------------------------------

    def ask_terminal(self) -> None:
        """Ask the terminal, or tmux, who it is; nobody waits for the answer."""
        self.app_resume_signal.subscribe(self, self._send_anew)
        if not self.is_headless and speaks_utf8():
            if os.environ.get("TMUX"):
                self.run_worker(lambda: self.post_message(self.Said(asked_of_tmux())), thread=True)
            elif may_be_asked():
                self._ear.awaited = True
                self._write(QUESTION)
        if self.wish == "pixels" and self.forced:
            self.draw_as("pixels")

    def on_pixel_app_said(self, event: Said) -> None:
        """Read what the terminal answered; its last words are its attributes."""
        if isinstance(event.said, Terminal):
            self._know(event.said)
        elif event.said == WELL:
            self._waiting_since = None
            self._ear.awaited = False
        else:
            self._answer += event.said
            if ATTRIBUTES.search(self._answer):
                self._ear.awaited = False
                self._know(asked(self._answer))
                self._answer = ""

    def _know(self, terminal: Terminal) -> None:
        self.known = terminal
        if self.wish in ("", "pixels"):
            self.draw_as("pixels" if terminal.tiles or self.sharp else terminal.finest)

    # -- how pictures are drawn --------------------------------------------------------------------

    @property
    def drawn(self) -> Drawn:
        """How the panes' pictures are drawn now."""
        return "pixels" if self.sharp else self.mode  # type: ignore[return-value]

    @property
    def can_pixels(self) -> bool:
        """Whether the panes may show pixels: the terminal is known to, or the user said so."""
        return (
            (self.known.tiles or self.forced) and self.console.color_system == "truecolor" and speaks_utf8()
        )

    def draw_as(self, drawn: str) -> None:
        """Draw the panes' pictures in pixels, or with those glyphs."""
        if drawn == "pixels" and not self.can_pixels:
            if self.forced:
                self.notify("pixels need UTF-8 and 24 bits of colour, which this terminal has not told of")
            drawn = self.known.finest
        was, self.sharp = self.sharp, drawn == "pixels"
        tmux = self.known.tmux or bool(os.environ.get("TMUX"))
        self.mode = self.known.finest if self.sharp else drawn
        if self.sharp and not was:
            self.tiles = Tiles(randrange(1, NUMBERS), through_tmux if tmux else str)
            self.tiles.wake = self._wake
        if was and not self.sharp:
            self._write(self.tiles.free())
        self.panes.set_mode(self.mode)
        for picture in self._pictures():
            self._lend(picture)

    def on_large_picture_came(self, event: LargePicture.Came) -> None:
        """Let a screen that has been opened show pixels too."""
        self._lend(event.picture)

    def _pictures(self) -> list[PictureGrid | LargePicture]:
        """Give all that may show pixels: the panes, and the pictures of the screens above them."""
        found: list[PictureGrid | LargePicture] = [*self.panes.all_grids]
        if len(self.screen_stack) > 1:
            from zfexplore.tui.widgets.large import LargePicture

            found += [picture for screen in self.screen_stack[1:] for picture in screen.query(LargePicture)]
        return found

    def _lend(self, picture: PictureGrid | LargePicture) -> None:
        """Give what shows a picture the terminal's tiles, and the size of its cells."""
        # tmux goes a column back for each combining character, which misleads it in the last column.
        tmux = self.known.tmux or bool(os.environ.get("TMUX"))
        picture.tiles, picture.spare = self.tiles, int(tmux and self.sharp)
        picture.cell = cell_in_pixels(self.known.cell) if self.sharp else (0, 0)

    def on_resize(self) -> None:
        """Draw tiles for the cells as they are, after the window or its font has changed."""
        if self.sharp:
            for picture in self._pictures():
                picture.cell = cell_in_pixels(self.known.cell)

    # -- what is sent ------------------------------------------------------------------------------

    def _wake(self) -> None:
        if self._sending is None:
            self._sending = self.set_interval(SECONDS_BETWEEN_STEPS, self._send)
        else:
            self._sending.resume()

    def _send(self) -> None:
        """Send the next step, unless the one before is still on its way."""
        if self._waiting_since is not None:
            if time.monotonic() < self._waiting_since + PATIENCE:
                return
            self._waiting_since, self._says_so = None, False
        if not self.tiles.busy:
            if self._sending is not None:
                self._sending.pause()
            return
        text, complete = self.tiles.step()
        self._write(text + STATUS if self._says_so else text)
        if self._says_so:
            self._waiting_since, self._ear.awaited = time.monotonic(), True
        for picture in self._pictures():
            picture.redraw(complete)

    def push_screen(self, screen: Any, *args: Any, **options: Any) -> Any:
        """Push a screen; before one that sends images of its own, the image that has been begun is ended."""
        if self.sharp:
            from zfexplore.tui.screens.zoom import ZoomScreen

            if isinstance(screen, ZoomScreen):
                text, _ = self.tiles.finish()
                self._write(text)
        return super().push_screen(screen, *args, **options)

    def free_tiles(self) -> None:
        """Make the terminal forget the tiles."""
        if self.sharp:
            self._write(self.tiles.free())

    def _send_anew(self, _: App[Any]) -> None:
        """After ``fg``: the terminal may have forgotten all, or some, while another program had it."""
        self._waiting_since = None
        self._write(self.tiles.free())
        for picture in self._pictures():
            picture.want()
            picture.refresh()

    def _write(self, text: str) -> None:
        if text and self._driver is not None and not self.is_headless:
            self._driver.write(text)
            self._driver.flush()


def cell_in_pixels(told: tuple[int, int]) -> tuple[int, int]:
    """Give the width and height of a cell: as the system knows it, else as ``told``, else a usual one."""
    with suppress(ImportError, OSError, AttributeError):
        import fcntl
        import termios

        size = fcntl.ioctl(sys.__stdin__.fileno(), termios.TIOCGWINSZ, bytes(8))  # type: ignore[union-attr]
        rows, columns, width, height = struct.unpack("HHHH", size)
        if rows and columns and width >= columns and height >= rows:
            return width // columns, height // rows
    return told if all(told) else A_CELL


def following(drawn: Drawn, words: tuple[Drawn, ...], *, pixels: bool) -> Drawn:
    """Give the next of the ``words`` after ``drawn``, without pixels where there are none."""
    words = tuple(word for word in words if pixels or word != "pixels")
    return words[(words.index(drawn) + 1) % len(words)]
