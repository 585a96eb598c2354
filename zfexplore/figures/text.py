"""Type and colours shared by every figure.

The font is the one inside Pillow, so no file has to be found or shipped. It has little more than ASCII;
other characters are written without their accents, or as ``?``. ``use_font`` takes another one, for all
figures that this process draws from then on.
"""

from __future__ import annotations

import io
import os
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from PIL import ImageDraw, ImageFont

from zfexplore.errors import ExploreError
from zfexplore.figures.paper import PAPER as PAPER
from zfexplore.figures.paper import Colour
from zfexplore.opening import open_plain
from zfexplore.printable import printable

INK: Colour = (24, 24, 27)
FAINT: Colour = (113, 113, 122)  # captions; 4.8 to 1 on the paper, so still easy to read
RULE: Colour = (212, 212, 216)
EMPTY: Colour = (236, 236, 238)  # a place with no picture, and whatever lies outside the photograph

MARGIN = 28  # pixels around a figure
BELOW_HEADING = 12

KNOWN = frozenset("·…“”‘’")
LARGEST_FONT = 64 * 2**20  # bytes


@dataclass(frozen=True)
class Typeface:
    """A font: the file's content and the ending of its name. ``own`` is one that the user gave."""

    content: bytes
    ending: str = ".ttf"
    own: bool = False

    @lru_cache(maxsize=64)  # noqa: B019 - there are one or two typefaces, for good
    def at(self, size: float) -> ImageFont.FreeTypeFont:
        """Give it at ``size`` pixels."""
        # The basic layout everywhere, whether a library for another is there or not: the same pixels.
        return ImageFont.truetype(io.BytesIO(self.content), size, layout_engine=ImageFont.Layout.BASIC)

    def length(self, text: str, size: float) -> float:
        """Measure ``text`` in pixels."""
        return self.at(size).getlength(text)

    @lru_cache(maxsize=4096)  # noqa: B019
    def has(self, character: str) -> bool:
        """Whether it draws ``character`` otherwise than what it has not."""
        letter, missing = (self.at(32).getmask(one) for one in (character, "\U0010fffe"))
        return letter.size != missing.size or bytes(letter) != bytes(missing)


_used: list[Typeface] = []  # the one that ``use_font`` took last


def use_font(path: str | os.PathLike[str] | None) -> None:
    """Draw all text in the font of a file (TrueType or OpenType) from now on; None is Pillow's own again.

    Raises ExploreError if there is no such file, or if it is no font.
    """
    _used.clear()
    if path is None:
        return
    try:
        with open_plain(path) as file:
            chosen = Typeface(file.read(LARGEST_FONT), _ending(path), own=True)
        chosen.at(16)
    except OSError as error:
        why = error.strerror if error.errno is not None else "it is no TrueType or OpenType font"
        raise ExploreError(f"the font {os.fspath(path)} cannot be used: {why}", usage=True) from error
    _used.append(chosen)


def typeface() -> Typeface:
    """Give the font that text is drawn in."""
    return _used[0] if _used else _pillows()


@lru_cache(maxsize=1)
def _pillows() -> Typeface:
    own = cast(ImageFont.FreeTypeFont, ImageFont.load_default(16))
    return Typeface(cast(io.BytesIO, own.path).getvalue())


def _ending(path: str | os.PathLike[str]) -> str:
    ending = os.path.splitext(os.fspath(path))[1].lower()
    return ending if ending in (".ttf", ".otf", ".ttc", ".otc") else ".ttf"


def font(size: int) -> ImageFont.FreeTypeFont:
    """Give the font at ``size`` pixels."""
    return typeface().at(size)


def plain(text: str) -> str:
    """Give ``text`` with only the characters that the font has; a line break becomes an escape."""
    return "".join(_plain_character(character) for character in printable(text))


def width(text: str, size: int) -> int:
    """Measure ``text`` in pixels."""
    return round(font(size).getlength(plain(text)))


def shorten(text: str, size: int, room: int) -> str:
    """Shorten ``text`` to fit ``room`` pixels; keep both ends, since file names differ at the end."""
    text = plain(text)
    if width(text, size) <= room:
        return text

    def cut(kept: int) -> str:
        return f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"

    # The number of lengths, from two characters on, that fit: a longer text is wider.
    fitting = bisect_right(range(2, len(text)), room, key=lambda kept: width(cut(kept), size))
    return cut(fitting + 1) if fitting else ""


def _wrap(text: str, size: int, room: int) -> list[str]:
    """Break ``text`` between words into lines of at most ``room`` pixels; a longer word is shortened."""
    lines: list[str] = []
    for word in map(plain, text.split()):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width(longer, size) <= room:
            lines[-1] = longer
        else:
            lines.append(shorten(word, size, room))
    return lines


def write(
    draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, size: int, *,
    colour: Colour = INK, anchor: str = "ls",
) -> None:  # fmt: skip
    """Write ``text`` at ``place``; ``anchor`` as in Pillow, by default the left end of the baseline."""
    draw.text(place, plain(text), font=font(size), fill=colour, anchor=anchor)


@dataclass(frozen=True)
class Heading:
    """A title and the lines below it, wrapped to ``room`` pixels, in a figure's upper left corner."""

    title: str | None
    subtitle: str | None
    room: int

    @property
    def height(self) -> int:
        """The distance in pixels from the top of the page to what follows the heading."""
        lines = self._lines()
        return MARGIN + sum(step for _, _, _, step in lines) + (BELOW_HEADING if lines else 0)

    def draw(self, draw: ImageDraw.ImageDraw) -> None:
        """Write the heading into the upper left corner of a page."""
        y = MARGIN
        for text, size, colour, step in self._lines():
            write(draw, (MARGIN, y + round(0.8 * size)), text, size, colour=colour)
            y += step

    def _lines(self) -> list[tuple[str, int, Colour, int]]:
        """Give (text, size, colour, pixels to the next line) for each line."""
        title = [(line, 24, INK, 32) for line in _wrap(self.title or "", 24, self.room)]
        below = [(line, 14, FAINT, 20) for line in _wrap(self.subtitle or "", 14, self.room)]
        return title + below


def _plain_character(character: str) -> str:
    if " " <= character <= "~" or character in KNOWN or (_used and typeface().has(character)):
        return character
    bare = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return bare or {"–": "-", "—": "-", "×": "x"}.get(character, "?")
