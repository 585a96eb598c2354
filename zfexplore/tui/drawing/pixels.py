"""Real pixels in the large view, on terminals that have sixel or kitty's graphics.

Through ``textual-image``, the optional extra ``pixels``, imported when the first picture is enlarged. It
would ask the terminal then, whose answer Textual would take for keys; but what the terminal can do is known
by now (``identity.py``).
"""

from __future__ import annotations

import io
import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.containers import Center
from textual.reactive import reactive
from textual.widget import Widget

from zfexplore.tui.drawing.bitmap import Bitmap
from zfexplore.tui.identity import Terminal

if TYPE_CHECKING:
    from PIL import Image

log = logging.getLogger("zfexplore.tui")


def pixel_widget(terminal: Terminal) -> type[Widget] | None:
    """Give the widget that draws pixels there; None without the extra, or where the terminal has none."""
    if not terminal.graphics or find_spec("textual_image") is None:
        return None
    try:
        with _unasked():
            from textual_image import widget

        if all(terminal.cell):
            _remember_cell(*terminal.cell)
        return sixel_widget() if terminal.graphics == "sixel" else widget.TGPImage
    except Exception:  # glyphs do as well
        log.exception("no pixels in the large view")
        return None


@contextmanager
def _unasked() -> Iterator[None]:
    """Let textual-image be imported without asking: it does so only where this is a terminal."""
    before = sys.__stdout__
    sys.__stdout__ = io.StringIO()  # type: ignore[misc, assignment]
    try:
        yield
    finally:
        sys.__stdout__ = before  # type: ignore[misc]


def sixel_widget() -> type[Widget]:
    """Give textual-image's widget for sixel, made to tell all colours before the first is used.

    It tells each where it is first used, and xterm (379) then draws some rows in wrong colours.
    """
    from textual_image.widget.sixel import Image, _ImageSixelImpl

    class Sixels(_ImageSixelImpl):  # type: ignore[misc]
        def _image_to_sixels(self, *args: Any, **options: Any) -> str:
            return colours_first(super()._image_to_sixels(*args, **options))

    class SixelPicture(Image, Renderable=Image._Renderable):  # type: ignore[call-arg, misc]
        def compose(self) -> ComposeResult:
            yield Sixels(self.image, self._sixel_options)

    return SixelPicture


def colours_first(sixels: str) -> str:
    """Move the definitions of all colours before the drawing; the picture is the same."""
    header = re.match(r'\x1bP[\d;]*q(?:"[\d;]*)?', sixels)
    if header is None:
        return sixels
    definition = re.compile(r"(#\d+);2;\d+;\d+;\d+")
    drawing = sixels[header.end() :]
    definitions = "".join(found[0] for found in definition.finditer(drawing))
    return header[0] + definitions + definition.sub(r"\1", drawing)


class PixelPicture(Center):
    """Draws ``bitmap``, square, in the middle, with a widget of the kind that ``pixel_widget`` gives."""

    DEFAULT_CSS = "PixelPicture { height: 1fr; width: 1fr; align: center middle; }"

    bitmap: reactive[Bitmap | None] = reactive(None)
    mode = ""  # as of a LargePicture; pixels have none

    def __init__(self, kind: type[Widget], cell: Callable[[], tuple[int, int]], *, id: str) -> None:
        super().__init__(id=id)
        self._cell = cell  # width and height of a cell in pixels, which change with the font
        self._image: Any = kind()
        self._drawn: tuple[object, ...] = ()  # what the picture was made of

    def compose(self) -> ComposeResult:
        """The one picture."""
        yield self._image

    def watch_bitmap(self) -> None:
        """Show another picture."""
        self._fit()

    def on_resize(self) -> None:
        """Draw as large as there is room."""
        self._fit()

    def _fit(self) -> None:
        wide, high = self._cell()
        # A row is to spare: terminals scroll if a sixel's last strip of six reaches past the last row.
        side = min(self.size.width * wide, (self.size.height - 1) * high)
        made_of = (self.bitmap, side, wide, high)
        if self.bitmap is None or side < high or made_of == self._drawn:
            return
        self._drawn = made_of
        columns, rows = -(-side // wide), -(-side // high)
        self._image.styles.width, self._image.styles.height = columns, rows
        picture = enlarged_square(self.bitmap, side)
        self._image.image = framed(picture, columns * wide, rows * high, self.background_colors[1].rgb)


def cell_size() -> tuple[int, int]:
    """Give the width and height of a cell in pixels, of the system where it knows, else as was answered."""
    from textual_image._terminal import get_cell_size, get_tiocgwinsz

    with suppress(OSError, NotImplementedError):
        rows, columns, width, height = get_tiocgwinsz()
        if rows and columns and width >= columns and height >= rows:
            _remember_cell(width // columns, height // rows)
    size = get_cell_size()
    return size.width, size.height


def _remember_cell(width: int, height: int) -> None:
    """Tell textual-image, which looks only once, when it is imported."""
    from textual_image import _terminal

    remembering: Any = _terminal.get_cell_size
    remembering._result = _terminal.CellSize(width, height)


def enlarged_square(bitmap: Bitmap, side: int) -> Image.Image:
    """Give a square PIL image ``side`` pixels wide, the box on it; signed values on their own scale."""
    from zfexplore.figures.blocks import enlarged
    from zfexplore.figures.channel import boxed
    from zfexplore.figures.display import to_rgb

    pixels = to_rgb(bitmap.pixels)[0] if bitmap.pixels.dtype.kind == "f" else bitmap.pixels
    picture = enlarged(pixels, side, side)
    return picture if bitmap.box is None else boxed(picture, bitmap.box, side / len(pixels))


def framed(picture: Image.Image, width: int, height: int, colour: tuple[int, int, int]) -> Image.Image:
    """Put ``picture`` in the middle of whole cells; the terminal would stretch it to fill them."""
    from PIL import Image

    frame = Image.new("RGB", (width, height), colour)
    frame.paste(picture, ((width - picture.width) // 2, (height - picture.height) // 2))
    return frame
