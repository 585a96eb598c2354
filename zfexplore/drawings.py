"""The figures of many channels, begun: which channels, which page, which caption, which command.

Each function chooses the channels, lays out the page and gives a ``Drawing``, which projects and draws
as its events are taken. The paper's figure is ZF figure 2; the sheet of all layers is the replication's
figure 3.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from zfexplore.arguments import text_or_none, whole
from zfexplore.atlas.select import select_channels
from zfexplore.choices import SHIPPED_NET, Method, RankedBy
from zfexplore.errors import ExploreError
from zfexplore.exemplars.records import ChannelExemplars
from zfexplore.figures.blocks import ChannelBlock
from zfexplore.figures.captions import filters_caption, images_in_words, in_the_papers, stage_caption
from zfexplore.figures.figure import Drawing, Made
from zfexplore.figures.grid import Page
from zfexplore.figures.provenance import Origin
from zfexplore.figures.sheet import check_sheet, kernel_sheet, paragraph, sheet
from zfexplore.figures.tables import keep_arrays
from zfexplore.progress import Progress, Skipped
from zfexplore.settings import Command, Settings, other_than
from zfexplore.studies.records import Comparison, Match
from zfexplore.units import Unit

if TYPE_CHECKING:
    from zfexplore.explorer import Explorer

FILTERS_SHOWN = "top9"  # on the sheet of all layers, as in the replication
SHEET_TITLE = "What the strongest units look for, layer by layer"


def draw_grid(
    explorer: Explorer, layer: str, channels: str = "top9", *, tile: int = 112, columns: int | None = None,
    title: str | None = None, arrays: str | os.PathLike[str] | None = None, seed: int = 0,
    method: Method = "auto", by: RankedBy = "mean",
) -> Drawing:  # fmt: skip
    """Begin the figure of a layer: nine projections of each channel, and beside them what they saw.

    ``channels`` are chosen as the option ``--channels`` does, the highest ones ``by`` what ``Explorer.top``
    ranks by. ``tile`` is the edge of one picture, ``columns`` the channels in a row. ``arrays`` is an
    ``.npz`` file for the raw arrays.
    """
    layer = explorer.stage(layer)
    title, seed = text_or_none(title, "a title"), whole(seed, "seed")
    chosen = select_channels(explorer.atlas, layer, channels, seed, by)
    there = explorer.atlas.stage(layer).channels
    caption = stage_caption(layer, channels, len(chosen), there, explorer.origin, by)
    page = Page(len(chosen), tile=tile, columns=columns, title=title or layer, subtitle=caption)
    blocks = _blocks(explorer, [Unit(layer, channel) for channel in chosen], method=method)
    if arrays is not None:
        blocks = keep_arrays(blocks, arrays)
    options = {
        "--layer": layer, "--channels": other_than(channels, "top9"), "--by": other_than(by, "mean"),
        "--tile": other_than(tile, 112),
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
    title, seed = text_or_none(title, "a title"), whole(seed, "seed")
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
    title, seed, tile = text_or_none(title, "a title"), whole(seed, "seed"), whole(tile, "a tile")
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


def draw_pairs(
    explorer: Explorer, other: Explorer, found: Comparison, *, count: int = 12, tile: int = 80,
    title: str | None = None,
) -> Drawing:  # fmt: skip
    """Begin the figure of two nets: the ``count`` most alike pairs of channels of ``found``, side by side.

    ``explorer`` is A and ``other`` is B. Below, the channels without a match are listed. Raises ExploreError
    if no channel has a match.
    """
    title, count = text_or_none(title, "a title"), whole(count, "the pairs", least=1)
    shown = found.matches[:count]
    if not shown:
        raise ExploreError(f"no channel of {found.stage} has a match: there is no pair to draw")
    a, b = (_net_name(each.settings) for each in (explorer, other))
    stages = found.stage if found.stage == found.other_stage else f"{found.stage} and {found.other_stage}"
    heading = title or f"{stages}: channels of two nets that answer alike"
    caption = (
        f"A is {_net_in_words(explorer)}, B is {_net_in_words(other)} · "
        f"{len(shown):,} of {len(found.matches):,} pairs, the most alike first, "
        f"by the correlation of image maxima over {found.images:,} images · "
        "of each left the projections of its strongest units, right what they saw"
    )
    page = Page(
        2 * len(shown), tile=tile, columns=_columns_of_pairs(len(shown)), title=heading, subtitle=caption
    )
    options = {
        "--layer": found.stage, "--other-layer": other_than(found.other_stage, found.stage),
        "--count": other_than(count, 12), "--tile": other_than(tile, 80), "--title": title, "--out": None,
        **{**explorer.settings.options(), "--checkpoint": None, "--net": None, "--weights": None},
    }  # fmt: skip
    first, second = explorer.origin, other.origin
    both = Origin(
        f"{first.architecture} {second.architecture}", f"{first.weights} {second.weights}",
        f"{first.atlas} {second.atlas}", first.images, first.count, first.rule,
    )  # fmt: skip
    below = [
        _listed(f"{found.stage} of A", "B", found.unmatched_a, found.dead_a),
        _listed(f"{found.other_stage} of B", "A", found.unmatched_b, found.dead_b),
    ]

    def compose(pages: Sequence[Page]) -> Image.Image:
        width = pages[0].image.width
        return sheet([pages[0].image, *(paragraph(text, width) for text in below)], columns=1)

    made = Made(both, Command(("compare", a, b), options), heading, f"{found.stage}-pairs.png")
    return Drawing({found.stage: page}, _pairs(explorer, other, shown), made, compose)


def _columns_of_pairs(count: int) -> int:
    """Give an even number of columns, so that the two of a pair stand side by side, for a page near 3:2."""
    return 2 * max(1, round((count / 2.6) ** 0.5))


def _pairs(explorer: Explorer, other: Explorer, matches: Sequence[Match]) -> Iterator[Skipped | ChannelBlock]:
    """Give the blocks of A and B in turn; their names carry the net, and their captions the correlation."""
    of_a = _blocks(explorer, [match.unit for match in matches], method="auto")
    of_b = _blocks(other, [match.other for match in matches], method="auto")
    named: set[str] = set()  # both nets see the same images
    for match in matches:
        for net, stream in (("A", of_a), ("B", of_b)):
            while not isinstance(block := next(stream), ChannelBlock):
                if isinstance(block, Skipped) and block.name not in named:
                    named.add(block.name)
                    yield block
            told = f"alike {match.correlation:.2f}" if net == "B" else None
            yield replace(block, name=f"{net} {block.name}", class_name=told or block.class_name)


def _listed(of: str, other: str, alone: Sequence[Match], dead: Sequence[Unit]) -> str:
    """Name the channels of a stage that have no match."""
    channels = "channel" if len(alone) == 1 else "channels"
    parts = [f"{of}: {len(alone):,} {channels} without a match in {other}"]
    if alone:
        parts[0] += ": " + ", ".join(str(match.unit.channel) for match in alone)
    if dead:
        parts.append(f"{len(dead):,} that never fire: {', '.join(str(unit.channel) for unit in dead)}")
    return ". ".join(parts)


def _net_in_words(explorer: Explorer) -> str:
    random = " with random weights" if explorer.origin.random else ""
    return f"{Path(_net_name(explorer.settings)).name}{random}"


def _net_name(settings: Settings) -> str:
    """Give what a command calls the net that is explored."""
    return settings.net or settings.checkpoint or SHIPPED_NET


def _blocks(
    explorer: Explorer, channels: Sequence[Unit], kernels: np.ndarray | None = None, *, method: Method
) -> Iterator[Progress | Skipped | ChannelBlock]:
    """Project the strongest units of ``channels``; give each one's block in their order, and other events."""
    for event in explorer.exemplars(channels, method=method):
        if isinstance(event, Progress | Skipped):
            yield event
        elif isinstance(event, ChannelExemplars):
            yield explorer.block(event, kernels)
