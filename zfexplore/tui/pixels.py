"""Real pixels in the large view, on terminals that have kitty's graphics or sixel.

Through ``textual-image``, the optional extra ``pixels``. Its import asks the terminal what it can do and
reads the answer from stdin, so it must come before the app starts, and only where there is a terminal.
"""

from __future__ import annotations

import logging
import os
import sys
from importlib.util import find_spec
from typing import Any

from textual.app import ComposeResult
from textual.containers import Center
from textual.reactive import reactive
from textual.widget import Widget

from zfexplore.tui.messages import Bitmap

DEAF = ("dumb", "linux", "screen", "tmux")  # terminals, by the first word of TERM, that need not be asked

log = logging.getLogger("zfexplore.tui")


def find_pixels() -> type[Widget] | None:
    """Give the widget that draws pixels here; None without the extra, or where the terminal has none."""
    if find_spec("textual_image") is None or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    if os.environ.get("NO_COLOR") or os.environ.get("TERM", "").split("-")[0] in DEAF:
        return None
    try:
        from textual_image.renderable import Image, SixelImage, TGPImage
        from textual_image.widget import Image as ImageWidget
    except Exception:  # what a terminal may answer is without end, and glyphs do as well
        log.exception("the terminal could not be asked for pixels")
        return None
    return ImageWidget if Image in (SixelImage, TGPImage) else None


class PixelPicture(Center):
    """Draws ``bitmap``, square, in the middle, with a widget of the kind that ``find_pixels`` gives."""

    DEFAULT_CSS = "PixelPicture { height: 1fr; width: 1fr; align: center middle; }"

    bitmap: reactive[Bitmap | None] = reactive(None)
    mode = ""  # as of a LargePicture; pixels have none

    def __init__(self, kind: type[Widget], cell: tuple[int, int], *, id: str) -> None:
        super().__init__(id=id)
        self._cell = cell  # width and height of a cell in pixels
        self._image: Any = kind()

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
        wide, high = self._cell
        side = min(self.size.width * wide, self.size.height * high)
        if self.bitmap is None or side < high:
            return
        self._image.styles.width, self._image.styles.height = side // wide, side // high
        self._image.image = enlarged_square(self.bitmap, side)


def cell_size() -> tuple[int, int]:
    """Give the width and height of a cell in pixels, as the terminal told when it was asked."""
    from textual_image._terminal import get_cell_size

    size = get_cell_size()
    return size.width, size.height


def enlarged_square(bitmap: Bitmap, side: int) -> Any:
    """Give a square picture ``side`` pixels wide, a PIL image; signed values on their own scale."""
    from zfexplore.figures.blocks import enlarged
    from zfexplore.figures.display import to_rgb

    pixels = to_rgb(bitmap.pixels)[0] if bitmap.pixels.dtype.kind == "f" else bitmap.pixels
    return enlarged(pixels, side, side)
