"""A page that remembers what is put on it, so that it can be written as vectors and not as pixels only.

To Pillow a ``Paper`` is an image like any other: it is drawn on with ``ImageDraw.Draw`` and pasted into, and
its pixels are the same. Beside them it keeps a list of placed things: text, lines, rectangles, curves, and
where pictures are. ``vectors.py`` writes that list as SVG or PDF, with the text as text. Things have the
coordinates of the pixels' edges: (0, 0) is the page's upper left corner, and a pixel is one wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from PIL import Image, ImageDraw, ImageFont

PAPER = (255, 255, 255)

Colour = tuple[int, int, int]
Point = tuple[float, float]


@dataclass(frozen=True)
class Text:
    """A line of text at the left end, the middle or the right end (l, m, r) of its baseline."""

    x: float
    y: float
    text: str
    size: float
    colour: Colour
    anchor: str = "l"

    def moved(self, dx: float, dy: float) -> Text:
        """Give the same elsewhere."""
        return replace(self, x=self.x + dx, y=self.y + dy)


@dataclass(frozen=True)
class Box:
    """A rectangle, filled or with an outline of ``line`` pixels inside its edges, or both."""

    x: float
    y: float
    width: float
    height: float
    fill: Colour | None = None
    outline: Colour | None = None
    line: float = 1.0

    def moved(self, dx: float, dy: float) -> Box:
        """Give the same elsewhere."""
        return replace(self, x=self.x + dx, y=self.y + dy)


@dataclass(frozen=True)
class Line:
    """A line through points, with dots of ``dot`` pixels' radius on them; of one point, the dot alone."""

    points: tuple[Point, ...]
    colour: Colour
    width: float = 1.0
    dot: float = 0.0

    def moved(self, dx: float, dy: float) -> Line:
        """Give the same elsewhere."""
        return replace(self, points=tuple((x + dx, y + dy) for x, y in self.points))

    def reduced(self, times: float) -> Line:
        """Give the same, so many times smaller."""
        points = tuple((x / times, y / times) for x, y in self.points)
        return replace(self, points=points, width=self.width / times, dot=self.dot / times)


@dataclass(frozen=True)
class Picture:
    """A part of the page whose pixels are a picture."""

    x: int
    y: int
    width: int
    height: int

    def moved(self, dx: float, dy: float) -> Picture:
        """Give the same elsewhere."""
        return replace(self, x=self.x + round(dx), y=self.y + round(dy))


Thing = Text | Box | Line | Picture


class Paper(Image.Image):
    """A white RGB page of ``size`` (width, height); ``things`` is what was put on it, in that order."""

    def __init__(self, size: tuple[int, int], colour: Colour = PAPER) -> None:
        super().__init__()
        blank = Image.new("RGB", size, colour)
        self.im, self._mode, self._size = blank.im, blank.mode, blank.size
        self.things: list[Thing] = [] if colour == PAPER else [Box(0, 0, *size, fill=colour)]

    def getdraw(self, mode: str | None = None) -> ImageDraw.ImageDraw:
        """Give what draws on the page; ``ImageDraw.Draw`` asks for it."""
        return _Pen(self, mode)

    def paste(self, im: Any, box: Any = None, mask: Any = None) -> None:
        """Paste as any image does. A page that is pasted stays text and lines, anything else a picture.

        So does the part of the page that a mask lets through; of a line, ``paste_curve`` keeps the line.
        """
        super().paste(im, box, mask)
        left, top = (0, 0) if box is None else box[:2]
        if mask is None and isinstance(im, Paper):
            self.things.append(Box(left, top, *im.size, fill=PAPER))
            self.things += [thing.moved(left, top) for thing in im.things]
        elif mask is None and isinstance(im, Image.Image):
            self.things.append(Picture(left, top, *im.size))
        elif mask is not None:
            if (inked := mask.getbbox()) is not None:
                x0, y0, x1, y1 = inked
                self.things.append(Picture(left + x0, top + y0, x1 - x0, y1 - y0))
        else:
            right, bottom = box[2:] if box is not None and len(box) == 4 else self.size
            self.things.append(Box(left, top, right - left, bottom - top, fill=im))

    def crop(self, box: tuple[float, float, float, float] | None = None) -> Image.Image:
        """Cut out as any image does; the upper part of a page stays a page."""
        if box is None or tuple(box[:3]) != (0, 0, self.width):
            return super().crop(box)
        part = Paper((self.width, int(box[3])))
        Image.Image.paste(part, super().crop(box))
        part.things = [thing for thing in self.things if _top(thing) < box[3]]
        return part


def paste_curve(
    canvas: Image.Image, colour: Colour, box: tuple[int, ...], mask: Image.Image,
    points: Sequence[Point], width: float, dot: float = 0.0,
) -> None:  # fmt: skip
    """Paste a smooth curve, drawn as a ``mask``, into ``canvas``; a page keeps it as the line that it is.

    ``points`` are in the canvas's pixels; ``dot`` is the radius of the dots on them.
    """
    Image.Image.paste(canvas, colour, cast(Any, box), mask)
    if isinstance(canvas, Paper):
        canvas.things.append(Line(tuple(points), colour, width, dot))


def paste_finer(canvas: Image.Image, drawn: Paper, corner: tuple[int, int], times: int) -> None:
    """Paste lines and dots that were ``drawn`` so many times larger; a page keeps them as what they are."""
    size = (drawn.width // times, drawn.height // times)
    Image.Image.paste(canvas, drawn.resize(size, Image.Resampling.BOX), corner)
    if isinstance(canvas, Paper):
        lines = [thing.reduced(times) for thing in drawn.things if isinstance(thing, Line)]
        canvas.things += [line.moved(*corner) for line in lines]


class _Pen(ImageDraw.ImageDraw):
    """Draws on a page, and notes text, lines, rectangles and dots; what else is drawn becomes a picture."""

    def __init__(self, page: Paper, mode: str | None = None) -> None:
        super().__init__(page, mode)
        self._page = page

    def text(  # type: ignore[override]
        self, xy: Any, text: Any, fill: Any = None, font: Any = None, anchor: Any = None, **more: Any
    ) -> None:
        super().text(xy, text, fill, font, anchor, **more)
        if not text:
            return
        font = cast(ImageFont.FreeTypeFont, font)
        across, upright = anchor or "la"
        self._page.things.append(
            Text(xy[0], xy[1] + _to_baseline(font, text, upright), text, font.size, fill, across)
        )

    def rectangle(self, xy: Any, fill: Any = None, outline: Any = None, width: int = 1) -> None:
        super().rectangle(xy, fill, outline, width)
        x0, y0, x1, y1 = _flat(xy)  # Pillow's last pixels are inside
        self._page.things.append(Box(x0, y0, x1 - x0 + 1, y1 - y0 + 1, fill, outline, width))

    def line(self, xy: Any, fill: Any = None, width: int = 1, joint: Any = None) -> None:
        super().line(xy, fill, width, joint)
        flat = _flat(xy)
        points = tuple((x + 0.5, y + 0.5) for x, y in zip(flat[::2], flat[1::2], strict=True))
        self._page.things.append(Line(points, fill, max(width, 1)))

    def ellipse(self, xy: Any, fill: Any = None, outline: Any = None, width: int = 1) -> None:
        super().ellipse(xy, fill, outline, width)
        x0, y0, x1, y1 = _flat(xy)
        if fill is not None and outline is None and x1 - x0 == y1 - y0:
            middle = ((x0 + x1 + 1) / 2, (y0 + y1 + 1) / 2)
            self._page.things.append(Line((middle,), fill, dot=(x1 - x0 + 1) / 2))
        else:
            self._picture(xy)

    def polygon(self, xy: Any, fill: Any = None, outline: Any = None, width: int = 1) -> None:
        super().polygon(xy, fill, outline, width)
        self._picture(xy)

    def _picture(self, xy: Any) -> None:
        flat = _flat(xy)
        left, top = max(int(min(flat[::2])), 0), max(int(min(flat[1::2])), 0)
        right, bottom = (min(int(max(flat[axis::2])) + 1, self._page.size[axis]) for axis in (0, 1))
        if right > left and bottom > top:
            self._page.things.append(Picture(left, top, right - left, bottom - top))


def _top(thing: Thing) -> float:
    return min(y for _, y in thing.points) if isinstance(thing, Line) else thing.y


def _flat(xy: Any) -> list[float]:
    """Give Pillow's coordinates, pairs or not, as x, y, x, y."""
    return [float(one) for each in xy for one in (each if isinstance(each, Sequence) else (each,))]


def _to_baseline(font: ImageFont.FreeTypeFont, text: str, upright: str) -> float:
    """Give how far the baseline lies below what Pillow's anchor calls a, t, m, s, b or d."""
    ascent, descent = font.getmetrics()
    if upright in "tb":
        return -font.getbbox(text, anchor="ls")[1 if upright == "t" else 3]
    return {"a": ascent, "m": (ascent - descent) / 2, "s": 0, "d": -descent}[upright]
