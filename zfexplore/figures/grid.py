"""The paper's figure (ZF figure 2, replication figure 3): what the strongest units of channels look for.

Each channel is a 3 x 3 block of projections and, right beside it, a 3 x 3 block of the same windows of
the images, in the same order. The paper and the replication put all projections on one half of the page
and all patches on the other; side by side, they are easier to compare. Blocks are drawn into a page one
by one as they are computed, so an unfinished page can be saved at any moment.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from PIL import Image, ImageDraw

from zfexplore.arguments import whole
from zfexplore.errors import ExploreError
from zfexplore.figures.blocks import SHOWN, ChannelBlock, kernel_tile, patch_tile, projection_tile
from zfexplore.figures.paper import Paper
from zfexplore.figures.text import EMPTY, FAINT, INK, MARGIN, Heading, shorten, width, write
from zfexplore.progress import Finished, Meter, Progress, Skipped

ROWS = 3
TILE = 112
SMALLEST_TILE, LARGEST_TILE = 16, 512
# Patches can be black or white, so lines alone or gaps alone would not separate them.
FRAME = 1  # the dark line around each tile
GAP = 2  # between two frames
BETWEEN_HALVES = 10
BETWEEN_BLOCKS = 30
PROPORTION = 1.5  # the width to height that a page aims at
MOST_PIXELS = 150_000_000  # a larger page is slow to open in any program


def checked_tile(tile: Any) -> int:
    """Give the edge of one picture in pixels; raises ExploreError if it is none, too small or too large."""
    tile = whole(tile, "a tile")
    if not SMALLEST_TILE <= tile <= LARGEST_TILE:
        raise ExploreError(
            f"a tile of {tile} pixels cannot be drawn: give {SMALLEST_TILE} to {LARGEST_TILE}", usage=True
        )
    return tile


def blank_page(size: tuple[int, int], what: str, tile: int, fewer: str) -> Image.Image:
    """Make a page of ``size`` for ``what``; raises ExploreError, advising ``fewer``, if it is too large."""
    if size[0] * size[1] > MOST_PIXELS:
        raise ExploreError(
            f"{what} at {tile} pixels a tile make a page of {size[0]:,} x {size[1]:,}: "
            f"choose {fewer} or a smaller --tile",
            usage=True,
        )
    return Paper(size)


class Page:
    """A page for ``count`` channels; ``add`` draws the next one.

    ``tile`` is the edge of one picture in pixels. ``columns`` is the number of channels per row; by default
    it brings the page near 3 : 2. ``size`` is the whole page's (width, height). ``tables`` holds the tables
    of the channels drawn, by name. Raises ExploreError for a tile or page that is too small or too large.
    """

    def __init__(
        self, count: int, *, tile: int = TILE, columns: int | None = None,
        title: str | None = None, subtitle: str | None = None,
    ) -> None:  # fmt: skip
        tile = checked_tile(tile)
        columns = None if columns is None else whole(columns, "the columns", least=1)
        self.count, self.tile, self.drawn = count, tile, 0
        self.text = min(max(tile // 8, 11), 18)
        self.half = ROWS * step_of(tile) - GAP
        self.block_width = 2 * self.half + BETWEEN_HALVES
        self.block_height = self.half + 2 * self.text
        self.columns = min(columns or self._tidy_columns(), max(count, 1))
        self.heading = Heading(title, subtitle, self._width() - 2 * MARGIN)
        self.tables: dict[str, list[dict[str, Any]]] = {}
        self.size = self._size(count)
        self._image = blank_page(self.size, f"{count:,} channels", tile, "fewer channels")
        self._draw = ImageDraw.Draw(self._image)
        self.heading.draw(self._draw)

    @property
    def image(self) -> Image.Image:
        """The page so far, cropped below the last row that was begun."""
        if self.drawn == max(self.count, 1):  # no copy: a page may take half a gigabyte
            return self._image
        return self._image.crop((0, 0, *self._size(max(self.drawn, 1))))

    def add(self, block: ChannelBlock) -> None:
        """Draw the next channel."""
        row, column = divmod(self.drawn, self.columns)
        x = MARGIN + column * (self.block_width + BETWEEN_BLOCKS)
        y = self.heading.height + row * (self.block_height + BETWEEN_BLOCKS)
        self._caption(block, x, y)
        y += self.block_height - self.half
        self._left_half(block, x, y)
        self._nine([patch_tile(unit, block.side, self.tile) for unit in block.units],
                   x + self.half + BETWEEN_HALVES, y)  # fmt: skip
        self.tables[block.name] = block.rows()
        self.drawn += 1

    def fill(
        self, blocks: Iterable[ChannelBlock | Progress | Skipped], task: str = "drawing"
    ) -> Iterator[Progress | Skipped | Finished]:
        """Draw each of ``blocks`` as it is computed; ``Finished`` carries the page's image.

        Other events among ``blocks`` are passed on.
        """
        meter = Meter(task, self.count, unit="channels")
        for block in blocks:
            if isinstance(block, Progress | Skipped):
                yield block
                continue
            self.add(block)
            if event := meter.tick(note=block.name):
                yield event
        yield Finished(self.image)

    def _caption(self, block: ChannelBlock, x: int, y: int) -> None:
        baseline = y + round(1.35 * self.text)
        write(self._draw, (x, baseline), block.name, self.text, colour=INK)
        room = self.block_width - width(block.name, self.text) - self.text
        right = f"max {block.strongest:.4g}" if block.units else block.silence
        if width(right, self.text) < room:
            write(self._draw, (x + self.block_width, baseline), right, self.text, colour=FAINT, anchor="rs")
            room -= width(right, self.text) + self.text
        if block.class_name is not None:
            left = x + width(f"{block.name}  ", self.text)
            write(self._draw, (left, baseline), shorten(block.class_name, self.text, room), self.text)

    def _left_half(self, block: ChannelBlock, x: int, y: int) -> None:
        if block.kernel is None:
            self._nine([projection_tile(unit, block.side, self.tile) for unit in block.units], x, y)
            return
        paste_framed(
            self._image, kernel_tile(block.kernel, self.half - 2 * FRAME), x, y, self.half - 2 * FRAME
        )

    def _nine(self, tiles: list[Image.Image], x: int, y: int) -> None:
        """Paste up to nine tiles row by row; the remaining places stay empty."""
        for position in range(SHOWN):
            row, column = divmod(position, ROWS)
            tile = tiles[position] if position < len(tiles) else None
            left, top = x + column * step_of(self.tile), y + row * step_of(self.tile)
            paste_framed(self._image, tile, left, top, self.tile)

    def _width(self) -> int:
        return 2 * MARGIN + self.columns * (self.block_width + BETWEEN_BLOCKS) - BETWEEN_BLOCKS

    def _size(self, count: int) -> tuple[int, int]:
        """Give the (width, height) of the page with ``count`` channels on it."""
        rows = math.ceil(count / self.columns)
        return (
            self._width(),
            self.heading.height + rows * (self.block_height + BETWEEN_BLOCKS) - BETWEEN_BLOCKS + MARGIN,
        )

    def _tidy_columns(self) -> int:
        def untidiness(columns: int) -> float:
            rows = math.ceil(self.count / columns)
            proportion = columns * self.block_width / (rows * self.block_height)
            return abs(math.log(proportion / PROPORTION)) + (columns * rows - self.count) / self.count

        return min(range(1, max(self.count, 1) + 1), key=untidiness) if self.count else 1


def step_of(tile: int) -> int:
    """Give the distance in pixels from one tile's frame to the next one's."""
    return tile + 2 * FRAME + GAP


def paste_framed(canvas: Image.Image, picture: Image.Image | None, x: int, y: int, tile: int) -> None:
    """Draw a frame with its corner at (x, y) and the picture inside; None leaves the place empty."""
    outer = tile + 2 * FRAME
    ImageDraw.Draw(canvas).rectangle(
        (x, y, x + outer - 1, y + outer - 1), fill=EMPTY, outline=INK, width=FRAME
    )
    if picture is not None:
        canvas.paste(picture, (x + FRAME, y + FRAME))
