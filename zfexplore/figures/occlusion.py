"""What an occlusion found, laid over the picture (ZF figure 7): response, probability, best class.

The scale is viridis. Its lightness rises from end to end, so it reads the same in print and to
colour-blind readers. Classes are distinguished by Okabe and Ito's colours and by numbers. Each map runs
from its own lowest to its own highest value. Both stand below it, with the value of the intact picture
marked: a lively map may span only two per cent, and then the numbers say so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from zfexplore.figures.blocks import enlarged
from zfexplore.figures.channel import boxed
from zfexplore.figures.grid import FRAME, blank_page, paste_framed
from zfexplore.figures.paper import Paper
from zfexplore.figures.text import (
    EMPTY,
    FAINT,
    INK,
    MARGIN,
    Colour,
    Heading,
    font,
    shorten,
    width,
    write,
)

Floats = NDArray[np.floating]
Pixels = NDArray[np.uint8]

VIRIDIS: tuple[Colour, ...] = (
    (68, 1, 84), (72, 40, 120), (62, 73, 137), (49, 104, 142), (38, 130, 142),
    (31, 158, 137), (53, 183, 121), (110, 206, 88), (181, 222, 43), (253, 231, 37),
)  # fmt: skip
OKABE_ITO: tuple[Colour, ...] = (
    (0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167),
    (213, 94, 0), (86, 180, 233), (240, 228, 66),
)  # fmt: skip
OTHER: Colour = (150, 150, 150)  # for further classes
STRENGTH = 0.7  # the opacity of a colour over the picture, which is shown in grey

TILE = 280
BETWEEN = 26
LETTERS = 13
LINE = 19
HEADING_ROOM = 24
BAR = 12  # height of a scale
SMALLEST_NUMBERED = 14  # pixels; a class's number does not fit in a smaller cell


@dataclass(frozen=True)
class Panel:
    """One picture of the figure: heading, pixels, and a function that draws what is below, at (left, top)."""

    heading: str
    picture: Image.Image
    legend: Callable[[Image.Image, int, int], None] = lambda canvas, left, top: None
    lines: int = 0


def occlusion_figure(
    found: Any, *, above: Sequence[Panel] = (), tile: int = TILE, title: str | None = None,
    subtitle: str | None = None,
) -> Image.Image:  # fmt: skip
    """Draw the picture with the square that weakens the channel most, and the maps beside it.

    ``found`` is an OcclusionResult of ``studies.occlusion``, possibly a partial one; only its arrays are
    read. ``above`` are further pictures, a row over these. ``tile`` is the edge of one picture in pixels.
    """
    rows = [row for row in (above, _panels(found, tile)) if row]
    heading = Heading(title, subtitle, max(map(len, rows)) * (tile + BETWEEN) - BETWEEN)
    heights = [HEADING_ROOM + tile + 2 * FRAME + max(panel.lines for panel in row) * LINE for row in rows]
    size = (heading.room + 2 * MARGIN, heading.height + sum(heights) + (len(rows) - 1) * BETWEEN + MARGIN)
    canvas = blank_page(size, f"{sum(map(len, rows))} pictures", tile, "another picture")
    draw = ImageDraw.Draw(canvas)
    heading.draw(draw)
    top = heading.height + HEADING_ROOM
    for row, height in zip(rows, heights, strict=True):
        for place, panel in enumerate(row):
            left = MARGIN + place * (tile + BETWEEN)
            write(draw, (left, top - 8), shorten(panel.heading, LETTERS + 1, tile), LETTERS + 1)
            paste_framed(canvas, panel.picture, left, top, tile)
            panel.legend(canvas, left, top + tile + 2 * FRAME + 8)
        top += height + BETWEEN
    return canvas


def overlay(
    image: Pixels, values: Floats, stride: int, *, low: float | None = None, high: float | None = None,
    edge: int | None = None,
) -> Pixels:  # fmt: skip
    """Lay a map ``[rows, columns]`` over a square ``image [size, size, 3]``: uint8 ``[edge, edge, 3]``.

    Each value covers a square of ``stride`` pixels of the image; the border cuts off the last ones. The
    scale runs from ``low`` to ``high``, by default the lowest and highest value. A place that is not known
    yet (NaN) takes the value of the nearest known one. If none is known, the picture stays as it is.
    ``edge`` is by default the image's size.
    """
    if not np.isfinite(values).any():
        return np.asarray(enlarged(image, edge or len(image), edge or len(image)))
    return _covered(image, heat(nearest_known(values), low=low, high=high), stride, edge or len(image))


def heat(values: Floats, *, low: float | None = None, high: float | None = None) -> Pixels:
    """Colour ``values [...]`` from dark blue (``low``) to yellow (``high``): uint8 ``[..., 3]``.

    By default the ends are the lowest and highest finite value. NaN becomes a pale grey.
    """
    known = np.isfinite(values)
    if not known.any():
        return np.broadcast_to(np.array(EMPTY, np.uint8), (*values.shape, 3)).copy()
    low = float(values[known].min()) if low is None else low
    high = float(values[known].max()) if high is None else high
    position = np.where(known, (values - low) / ((high - low) or 1.0), 0.0).clip(0, 1) * (len(VIRIDIS) - 1)
    table = np.array(VIRIDIS, np.float64)
    below = np.minimum(position.astype(int), len(VIRIDIS) - 2)
    share = (position - below)[..., None]
    colours = (1 - share) * table[below] + share * table[below + 1]
    return np.where(known[..., None], np.rint(colours), EMPTY).astype(np.uint8)


def nearest_known(values: Floats) -> Floats:
    """Fill each unknown place (NaN) of ``values [rows, columns]`` with the value of the nearest known one.

    Distance is counted in steps along rows and columns. If none is known, the values stay as they are.
    """
    if not np.isfinite(values).any():
        return values
    while np.isnan(values).any():
        around = np.pad(values, 1, constant_values=np.nan)
        for neighbour in (around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:]):
            values = np.where(np.isnan(values), neighbour, values)
    return values


def _panels(found: Any, tile: int) -> list[Panel]:
    panels = [_picture(found, tile)]
    panels.append(
        _map(found, found.total, found.intact.total, f"{found.unit}, sum of its map", "{:.3g}", tile)
    )
    if found.probability is not None:
        heading = f"probability of {found.class_name}"
        panels.append(_map(found, found.probability, found.intact.probability, heading, "{:.1%}", tile))
        panels.append(_classes(found, tile))
    return panels


def _picture(found: Any, tile: int) -> Panel:
    """Show the square that weakens the channel most; before the first result, only the picture."""
    place = found.most_needed()
    if place is None:
        return Panel("what the network saw", enlarged(found.image, tile, tile))
    hidden = enlarged(found.with_square(*place), tile, tile)
    framed = boxed(hidden, found.grid.window(*place), tile / len(found.image))
    grid = found.grid
    words = f"square {grid.square}, stride {grid.stride}, of {grid.size} pixels"
    return Panel("weakest with the square here", framed, caption(words, tile), 1)


def caption(text: str, tile: int) -> Callable[[Image.Image, int, int], None]:
    """Give the legend that is one line of text."""

    def legend(canvas: Image.Image, left: int, top: int) -> None:
        place = (left, top + LETTERS)
        write(ImageDraw.Draw(canvas), place, shorten(text, LETTERS, tile), LETTERS, colour=FAINT)

    return legend


def _map(found: Any, values: Floats, intact: float, heading: str, form: str, tile: int) -> Panel:
    every = np.append(values[np.isfinite(values)], intact)
    low, high = float(every.min()), float(every.max())
    picture = overlay(found.image, values, found.grid.stride, low=low, high=high, edge=tile)

    def legend(canvas: Image.Image, left: int, top: int) -> None:
        draw = ImageDraw.Draw(canvas)
        # The colours over a medium grey, as they look over the picture.
        scale = _blend(heat(np.linspace(0, 1, tile)[None]), np.full((1, tile, 1), 128.0))
        canvas.paste(Image.fromarray(scale).resize((tile, BAR), Image.Resampling.NEAREST), (left, top))
        at = left + round((tile - 1) * (intact - low) / ((high - low) or 1.0))
        draw.line((at, top - 3, at, top + BAR + 2), fill=INK, width=2)
        numbers = top + BAR + LETTERS + 4
        write(draw, (left, numbers), form.format(low), LETTERS, colour=FAINT)
        write(draw, (left + tile, numbers), form.format(high), LETTERS, colour=FAINT, anchor="rs")
        told = f"intact {form.format(intact)}"
        half = width(told, LETTERS) / 2
        middle = min(max(at, left + half), left + tile - half)
        write(draw, (middle, numbers + LINE), told, LETTERS, anchor="ms")

    return Panel(heading, Image.fromarray(picture), legend, 3)


def _classes(found: Any, tile: int) -> Panel:
    """Colour each place by its most probable class; the legend lists the most common class first."""
    visited = found.best_class >= 0
    counted = Counter(found.best_class[visited].tolist()).most_common()
    shown = [label for label, _ in counted[: len(OKABE_ITO)]]
    everywhere = nearest_known(np.where(visited, found.best_class, np.nan))  # NaN before the first result
    colours = np.full((*everywhere.shape, 3), EMPTY if not counted else OTHER, np.uint8)
    for label, colour in zip(shown, OKABE_ITO, strict=False):
        colours[everywhere == label] = colour
    picture = Paper((tile, tile))
    picture.paste(Image.fromarray(_covered(found.image, colours, found.grid.stride, tile)), (0, 0))
    _number_cells(picture, found, shown, tile)
    entries = [
        (colour, f"{number}  {found.name_of(label)}", count)
        for number, (colour, (label, count)) in enumerate(zip(OKABE_ITO, counted, strict=False), start=1)
    ]
    if others := sum(count for _, count in counted[len(shown) :]):
        entries.append((OTHER, "others", others))

    def legend(canvas: Image.Image, left: int, top: int) -> None:
        draw = ImageDraw.Draw(canvas)
        for line, (colour, name, count) in enumerate(entries):
            y = top + line * LINE
            draw.rectangle((left, y, left + BAR, y + BAR), fill=colour)
            share = f"{count / max(visited.sum(), 1):.0%} of places"
            room = tile - BAR - 16 - width(share, LETTERS)
            write(draw, (left + BAR + 6, y + LETTERS - 2), shorten(name, LETTERS, room), LETTERS)
            write(draw, (left + tile, y + LETTERS - 2), share, LETTERS, colour=FAINT, anchor="rs")

    return Panel("most probable class", picture, legend, max(len(entries), 1))


def _number_cells(picture: Image.Image, found: Any, shown: list[int], tile: int) -> None:
    """Write the class's number in the legend into each cell whose class is not the most common."""
    scale = tile / len(found.image)
    if found.grid.stride * scale < SMALLEST_NUMBERED:
        return
    draw = ImageDraw.Draw(picture)
    for number, label in enumerate(shown[1:], start=2):
        for row, column in np.argwhere(found.best_class == label).tolist():
            cell = found.grid.cell(row, column)
            middle = ((cell.x0 + cell.x1) / 2 * scale, (cell.y0 + cell.y1) / 2 * scale)
            draw.text(middle, str(number), font=font(LETTERS - 2), fill=INK, anchor="mm")


def _covered(image: Pixels, colours: Pixels, stride: int, edge: int) -> Pixels:
    """Cover a square picture, enlarged to ``edge`` pixels, with the colours of its cells."""
    below = np.asarray(enlarged(image, edge, edge).convert("L"), np.float64)[..., None]
    # The cell under the centre of each pixel.
    cell = ((np.arange(edge) + 0.5) * len(image) / edge / stride).astype(int)
    return _blend(colours[cell[:, None], cell[None, :]], below)


def _blend(colours: Pixels, grey: Floats) -> Pixels:
    return np.rint(STRENGTH * colours + (1 - STRENGTH) * grey).astype(np.uint8)
