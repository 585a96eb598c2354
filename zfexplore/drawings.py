"""The figures of many channels, begun: which channels, which page, which caption, which command.

Each function chooses the channels, lays out the page and gives a ``Drawing``, which projects and draws
as its events are taken. The paper's figure is ZF figure 2; the sheet of all layers is the replication's
figure 3.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from zfexplore.arguments import shown, whole
from zfexplore.atlas.select import select_channels
from zfexplore.choices import Method
from zfexplore.errors import ExploreError
from zfexplore.exemplars.records import ChannelExemplars
from zfexplore.figures.blocks import ChannelBlock
from zfexplore.figures.captions import filters_caption, images_in_words, in_the_papers, stage_caption
from zfexplore.figures.figure import Drawing, Made
from zfexplore.figures.grid import Page
from zfexplore.figures.sheet import check_sheet, kernel_sheet, sheet
from zfexplore.figures.tables import keep_arrays
from zfexplore.progress import Progress
from zfexplore.settings import Command, other_than
from zfexplore.units import Unit

if TYPE_CHECKING:
    from zfexplore.explorer import Explorer

FILTERS_SHOWN = "top9"  # on the sheet of all layers, as in the replication
SHEET_TITLE = "What the strongest units look for, layer by layer"


def draw_grid(
    explorer: Explorer, layer: str, channels: str = "top9", *, tile: int = 112, columns: int | None = None,
    title: str | None = None, arrays: str | os.PathLike[str] | None = None, seed: int = 0,
    method: Method = "auto",
) -> Drawing:  # fmt: skip
    """Begin the figure of a layer: nine projections of each channel, and beside them what they saw.

    ``channels`` are chosen as the option ``--channels`` does, ``tile`` is the edge of one picture,
    ``columns`` the channels in a row. ``arrays`` is an ``.npz`` file for the raw arrays.
    """
    layer = explorer.stage(layer)
    title, seed = _text(title), whole(seed, "seed")
    chosen = select_channels(explorer.atlas, layer, channels, seed)
    there = explorer.atlas.stage(layer).channels
    caption = stage_caption(layer, channels, len(chosen), there, explorer.origin)
    page = Page(len(chosen), tile=tile, columns=columns, title=title or layer, subtitle=caption)
    blocks = _blocks(explorer, [Unit(layer, channel) for channel in chosen], method=method)
    if arrays is not None:
        blocks = keep_arrays(blocks, arrays)
    options = {
        "--layer": layer, "--channels": other_than(channels, "top9"), "--tile": other_than(tile, 112),
        "--columns": columns, "--title": title, "--out": None, "--npz": arrays is not None,
        "--seed": other_than(seed, 0), **explorer.settings.options(), "--dense": method == "dense",
    }  # fmt: skip
    made = Made(explorer.origin, Command(("export", "grid"), options), title or layer, f"{layer}.png")
    return Drawing({layer: page}, blocks, made)


def draw_layers(
    explorer: Explorer, channels: str = "top4", *, tile: int = 96, title: str | None = None, seed: int = 0,
    method: Method = "auto",
) -> Drawing:  # fmt: skip
    """Begin the sheet of all layers, as the papers draw it; if conv1 comes first, with nine filters of it."""
    kernels = None if explorer.checkpoint.net.first_filters() is None else explorer.kernels()
    title, seed = _text(title), whole(seed, "seed")
    tile = whole(tile, "a tile")
    origin, heading = explorer.origin, title or SHEET_TITLE
    names = [record.name for record in explorer.atlas.stages.values() if record.kind != "fc"]
    chosen = {name: select_channels(explorer.atlas, name, channels, seed) for name in names}
    if kernels is not None:
        chosen[names[0]] = select_channels(explorer.atlas, names[0], FILTERS_SHOWN, seed)
    pages: dict[str, Page] = {}
    for name in names:
        first = kernels is not None and name == names[0]
        # Nine small blocks of filters take the room of four blocks of projections.
        pages[name] = Page(
            len(chosen[name]), tile=max(tile * 2 // 3, 16) if first else tile,
            columns=3 if first else 2, title=name, subtitle=in_the_papers(name, origin.architecture),
        )  # fmt: skip
        check_sheet(list(pages.values()))
    units = [Unit(name, channel) for name in names for channel in chosen[name]]
    caption = f"each channel with its strongest of {images_in_words(origin)}"
    options = {
        "--channels": other_than(channels, "top4"), "--tile": other_than(tile, 96), "--title": title,
        "--out": None, "--seed": other_than(seed, 0), **explorer.settings.options(),
        "--dense": method == "dense",
    }  # fmt: skip

    def compose(pages: Sequence[Page]) -> Image.Image:
        return sheet([page.image for page in pages], title=heading, subtitle=caption)

    made = Made(origin, Command(("export", "figure"), options), heading, "figure.png")
    return Drawing(pages, _blocks(explorer, units, kernels, method=method), made, compose)


def draw_filters(
    explorer: Explorer, channels: str = "top9", *, tile: int = 63, title: str | None = None, seed: int = 0,
    method: Method = "auto",
) -> Drawing:  # fmt: skip
    """Begin the page of the first layer: all its filters, then the chosen ones with what they saw."""
    title, seed, tile = _text(title), whole(seed, "seed"), whole(tile, "a tile")
    layer, kernels = explorer.checkpoint.net.watched[0], explorer.kernels()
    chosen = select_channels(explorer.atlas, layer, channels, seed)
    page = Page(len(chosen), tile=tile)
    heading = title or f"The filters of {layer}"
    caption = filters_caption(layer, channels, len(chosen), len(kernels), explorer.origin)
    options = {
        "--channels": other_than(channels, "top9"), "--tile": other_than(tile, 63), "--title": title,
        "--out": None, "--seed": other_than(seed, 0), **explorer.settings.options(),
        "--dense": method == "dense",
    }  # fmt: skip

    def compose(pages: Sequence[Page]) -> Image.Image:
        below = pages[0].image
        parts = [kernel_sheet(kernels, below.width), below]
        return sheet(parts, columns=1, title=heading, subtitle=caption)

    blocks = _blocks(explorer, [Unit(layer, channel) for channel in chosen], kernels, method=method)
    made = Made(explorer.origin, Command(("export", "filters"), options), heading, "filters.png")
    return Drawing({layer: page}, blocks, made, compose)


def _text(title: str | None) -> str | None:
    if not isinstance(title, str | None):
        raise ExploreError(f"a title must be text, not {shown(title)}", usage=True)
    return title


def _blocks(
    explorer: Explorer, channels: Sequence[Unit], kernels: np.ndarray | None = None, *, method: Method
) -> Iterator[Progress | ChannelBlock]:
    """Project the strongest units of ``channels``; give each one's block in their order, and progress."""
    for event in explorer.exemplars(channels, method=method):
        if isinstance(event, Progress):
            yield event
        elif isinstance(event, ChannelExemplars):
            yield explorer.block(event, kernels)
