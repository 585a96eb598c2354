"""How like the true picture a pane's drawing is, for each kind of glyphs, in numbers.

    python -m benchmarks.likeness                            panes at 200x60 and at 120x40

The strongest exemplars of some channels of each layer are drawn as the explorer's panes draw them, in tiles
of 12 x 24 cells (a terminal of 200x60) and of 7 x 14 (120x40). The drawing as an ideal font shows it, at
12 x 24 pixels a cell, is compared with the picture itself at that size by structural similarity (SSIM, Wang
and others, 2004: luminance, Gaussian windows of sigma 1.5 pixels), once over the tile's pixels and once over
both averaged to a quarter of them, as an eye farther away sees it. One is the same picture.

The table holds the means over nine channels of each of conv1 to conv5 of the shipped weights, three
exemplars each, projection and patch, over the built-in photographs::

                 200x60  farther   120x40  farther
    octants        .785     .896     .742     .862
    sextants       .772     .872     .729     .837
    quadrants      .754     .834     .709     .791
    halves         .724     .768     .683     .726
    ascii          .636     .545     .594     .524

For ``ascii`` a glyph counts as an even grey of its density.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from benchmarks.pictures import parser, share, table
from zfexplore.atlas.select import select_channels
from zfexplore.explorer import Explorer
from zfexplore.figures.display import to_rgb
from zfexplore.tui.drawing.cells import BLOCKS, LUMINANCE, drawable, resize, to_cells, to_image
from zfexplore.units import Unit

TILES = {"200x60": (12, 24), "120x40": (7, 14)}  # rows and columns of a tile, by the size of the terminal
CELL = (24, 12)  # pixels, high and wide: every kind's blocks divide it
FARTHER = 4  # times
SIGMA, RADIUS = 1.5, 5  # of SSIM's windows, in pixels
STEADY = ((0.01 * 255) ** 2, (0.03 * 255) ** 2)  # SSIM's constants for values up to 255


def ssim(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Give the mean structural similarity of two pictures ``[h, w]`` of values in [0, 255]."""
    mean_one, mean_other = _blurred(one), _blurred(other)
    spread = _blurred(one * one) - mean_one**2 + _blurred(other * other) - mean_other**2
    shared = _blurred(one * other) - mean_one * mean_other
    light = (2 * mean_one * mean_other + STEADY[0]) / (mean_one**2 + mean_other**2 + STEADY[0])
    return float((light * (2 * shared + STEADY[1]) / (spread + STEADY[1])).mean())


def _blurred(picture: NDArray[np.floating]) -> NDArray[np.floating]:
    """Average within a Gaussian window about each place where the whole window fits."""
    weights = np.exp(-np.square(np.arange(-RADIUS, RADIUS + 1)) / (2 * SIGMA**2))
    weights = weights / weights.sum()
    for axis in (0, 1):
        windows = np.lib.stride_tricks.sliding_window_view(picture, 2 * RADIUS + 1, axis)
        picture = windows @ weights
    return picture


def likeness(pixels: NDArray[Any], rows: int, columns: int, mode: str) -> tuple[float, float]:
    """Give the SSIM of a drawing of ``pixels [h, w, 3]`` with the picture, near and farther away."""
    height, width = rows * CELL[0], columns * CELL[1]
    true = resize(to_rgb(pixels)[0] if pixels.dtype.kind == "f" else pixels, height, width)
    high, wide = BLOCKS[mode]
    drawn = to_image(to_cells(drawable(pixels, rows, columns, mode), rows, columns, mode), mode)
    drawn = drawn.repeat(CELL[0] // high, axis=0).repeat(CELL[1] // wide, axis=1).astype(np.float32)
    near = ssim(true @ LUMINANCE, drawn @ LUMINANCE)
    true, drawn = (resize(picture, height // FARTHER, width // FARTHER) for picture in (true, drawn))
    return near, ssim(true @ LUMINANCE, drawn @ LUMINANCE)


def pictures(explorer: Explorer, layers: list[str], channels: str, count: int) -> Iterator[NDArray[Any]]:
    """Yield projections, signed [h, w, 3], and patches, uint8, of the strongest exemplars."""
    for layer in layers:
        for channel in select_channels(explorer.atlas, layer, channels, 0):
            for exemplar in explorer.channel(Unit(layer, channel)).exemplars[:count]:
                yield exemplar.crop.transpose(1, 2, 0)
                yield exemplar.patch


def main() -> None:
    """Parse the options, measure, and print the table."""
    options = parser("likeness", __doc__)
    options.add_argument("--channels", default="top9", help="of each layer; default: %(default)s")
    asked = options.parse_args()
    explorer = Explorer(images=asked.images, checkpoint=asked.checkpoint, limit=asked.limit)
    layers = [record.name for record in explorer.atlas.stages.values() if record.kind == "conv"]
    found: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for pixels in pictures(explorer, layers, asked.channels, 3):
        for terminal, (rows, columns) in TILES.items():
            for mode in BLOCKS:
                found[mode, terminal].append(likeness(pixels, rows, columns, mode))
    each = len(found["ascii", "120x40"])
    columns = (f"{terminal}{far}" for terminal in TILES for far in ("", ", farther"))
    shown = table(f"SSIM with the true picture, mean of {each} pictures", ("glyphs", *columns))
    for mode in BLOCKS:
        means = [np.mean(found[mode, terminal], axis=0) for terminal in TILES]
        shown.add_row(mode, *(share(float(value)) for mean in means for value in mean))
    Console(highlight=False).print(shown)


if __name__ == "__main__":
    main()
