"""The tree figure: which channels of a layer fire on the same images, and the patch that each likes best."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from zfexplore.arguments import shown, text_or_none
from zfexplore.atlas.select import select_channels
from zfexplore.errors import ExploreError
from zfexplore.figures.captions import images_in_words
from zfexplore.figures.figure import Made
from zfexplore.figures.tree import TILE as TREE_TILE
from zfexplore.figures.tree import Branch, Group, Leaf, TreeFigure, tree_page
from zfexplore.images.sources import UnreadableImage
from zfexplore.plain import finite
from zfexplore.progress import Finished, Meter, Progress, Skipped
from zfexplore.settings import Command, other_than
from zfexplore.studies.company import Tree, tree
from zfexplore.units import Unit

if TYPE_CHECKING:
    from zfexplore.explorer import Explorer


def draw_tree(
    explorer: Explorer, layer: str, channels: str = "all", *, likeness: float = 0.3, tile: int = TREE_TILE,
    title: str | None = None, seed: int = 0,
) -> Iterator[Progress | Skipped | Finished[TreeFigure]]:  # fmt: skip
    """Draw which channels of a layer fire on the same images: groups as trees, and each channel's best patch.

    ``channels`` are chosen as the option ``--channels`` does. Groups are those whose parts correlate by
    ``likeness`` or more in the mean.
    """
    layer, title = explorer.stage(layer), text_or_none(title, "a title")
    made = tree_made(explorer, layer, channels, likeness=likeness, tile=tile, title=title, seed=seed)
    found = tree(explorer.atlas, layer, select_channels(explorer.atlas, layer, channels, seed))
    if not found.channels:
        raise ExploreError(f"no channel of {layer} tells these images apart: there is no tree to draw")
    leaves: dict[int, Leaf] = {}
    meter = Meter("drawing the tree", len(found.channels), unit="channels")
    for channel in found.channels:
        patch, skipped = _best_patch(explorer, Unit(layer, channel))
        leaves[channel] = Leaf(str(channel), patch, _told(explorer, Unit(layer, channel)))
        if skipped is not None:
            yield skipped
        if event := meter.tick():
            yield event
    groups = found.groups(likeness)
    company = sum(found.size(group) > 1 for group in groups)
    alone = sum(found.size(group) == 1 for group in groups)
    caption = (
        f"{company:,} group{'' if company == 1 else 's'} of channels that are strong on the same images, and "
        f"{alone:,} {'channel that is' if alone == 1 else 'channels that are'} like no other · branches meet "
        f"at the mean correlation r of image maxima over {found.images:,} images · beside each channel the "
        f"patch that excites it most, of {images_in_words(explorer.origin)}"
    )
    if found.silent:
        caption += f" · left out, for they never tell images apart: {', '.join(map(str, found.silent))}"
    drawn = [_group(found, group, leaves) for group in groups]
    image = tree_page(drawn, likeness, tile=tile, title=made.title, subtitle=caption)
    about = {"layer": layer, "images": found.images, "likeness": likeness, "silent": list(found.silent)}
    yield Finished(TreeFigure(image, made, {}, _tree_rows(explorer, found, groups), about))


def tree_made(
    explorer: Explorer, layer: str, channels: str, *, likeness: float, tile: int, title: str | None, seed: int
) -> Made:
    """Give the origin and the command of the page that ``draw_tree`` draws; checks ``likeness``."""
    if (cut := finite(likeness)) is None or not 0 <= cut < 1:
        raise ExploreError(f"a likeness is at least 0 and below 1, not {shown(likeness)}", usage=True)
    options = {
        "--channels": other_than(channels, "all"), "--likeness": other_than(likeness, 0.3),
        "--tile": other_than(tile, TREE_TILE), "--title": title, "--out": None, "--seed": other_than(seed, 0),
        **explorer.settings.options(),
    }  # fmt: skip
    heading = title or f"{layer}: channels that fire on the same images"
    return Made(explorer.origin, Command(("export", "tree", layer), options), heading, f"{layer}-tree.png")


def _best_patch(explorer: Explorer, channel: Unit) -> tuple[np.ndarray | None, Skipped | None]:
    """Give the patch that excites a channel most; what cannot be read is told."""
    place = explorer.atlas.top(channel.stage, channel.channel)[0]
    size = explorer.checkpoint.metadata.input.size
    window = explorer.checkpoint.net.window(channel.stage, place.y, place.x, (size, size))
    try:
        pixels = explorer.look(place.image).pixels
    except UnreadableImage as error:
        return None, Skipped(error.name, error.reason)
    return pixels[window.y0 : window.y1, window.x0 : window.x1], None


def _told(explorer: Explorer, channel: Unit) -> str:
    """Give the class that a channel stands for, or is strongest for."""
    known = explorer.known(channel)
    return known.get("stands_for") or known["best_class"] or ""


def _group(found: Tree, group: int, leaves: Mapping[int, Leaf]) -> Group:
    """Give a group as it is drawn: its leaves from top to bottom, and its joins from right to left."""
    order = found.leaves(group)
    number = {found.channels.index(channel): place for place, channel in enumerate(order)}
    branches = []
    for join, one in enumerate(found.joins, start=len(found.channels)):
        if one.left in number and one.right in number:
            branches.append(Branch(number[one.left], number[one.right], one.likeness))
            number[join] = len(order) + len(branches) - 1
            if one.size == len(order):
                break
    return Group(tuple(leaves[channel] for channel in order), tuple(branches))


def _tree_rows(explorer: Explorer, found: Tree, groups: Sequence[int]) -> list[dict[str, object]]:
    """Give a row for each channel in the order of the figure: its group, and its most alike channel."""
    rows = []
    for number, group in enumerate(groups, start=1):
        for channel in found.leaves(group):
            nearest = found.nearest[channel]
            rows.append(
                {
                    "channel": str(Unit(found.stage, channel)),
                    "group": number,
                    "size": found.size(group),
                    "most_alike": None if nearest is None else str(nearest.unit),
                    "r": None if nearest is None else nearest.correlation,
                    "n": found.images,
                    "class": _told(explorer, Unit(found.stage, channel)) or None,
                }
            )
    return rows
