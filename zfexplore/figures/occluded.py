"""An occlusion with what it hides: the channel's projection on the picture, and what else excites it.

ZF figure 7 shows both beside the maps (its column c). The row of this file stands above the maps of
``figures.occlusion``: what the network saw, the projection of the channel's strongest unit there, and the
channel's strongest exemplars on the images explored, as projections and as what the units saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PIL import Image

from zfexplore.figures.blocks import SHOWN, BlockUnit, ChannelBlock, patch_tile, projection_tile
from zfexplore.figures.channel import image_tile
from zfexplore.figures.grid import ROWS, checked_tile
from zfexplore.figures.occlusion import TILE, Panel, caption, occlusion_figure
from zfexplore.figures.text import EMPTY, PAPER

GAP = 2  # pixels between the nine pictures of a panel


def occluded_figure(
    found: Any, own: ChannelBlock, exemplars: ChannelBlock, *,
    tile: int = TILE, title: str | None = None, subtitle: str | None = None,
) -> Image.Image:  # fmt: skip
    """Draw ``found``, an OcclusionResult, below the channel's unit on the picture and its ``exemplars``.

    ``own`` has one unit, the channel's strongest on the picture. ``tile`` is the edge of one picture in
    pixels. Raises ExploreError for a tile or a page that is too small or too large.
    """
    tile = checked_tile(tile)
    (unit,) = own.units
    above = [*_on_the_picture(unit, own.side, tile), *_on_others(exemplars, tile)]
    return occlusion_figure(found, above=above, tile=tile, title=title, subtitle=subtitle)


def _on_the_picture(unit: BlockUnit, side: int, tile: int) -> list[Panel]:
    everywhere = (unit.window.height, unit.window.width) == unit.image.shape[:2]
    where = f"in the box what row {unit.y}, column {unit.x} sees"
    saw = caption("the unit sees all of it" if everywhere else where, tile)
    silent = f"{unit.value:.4g}: silent here"
    bright = f"{unit.value:.4g}, full brightness at {unit.scale:.3g}"
    words = caption(bright if unit.value > 0 else silent, tile)
    return [
        Panel("what the network saw", image_tile(unit, tile), saw, 1),
        Panel("projection of the strongest unit", projection_tile(unit, side, tile), words, 1),
    ]


def _on_others(block: ChannelBlock, tile: int) -> list[Panel]:
    """Show the strongest exemplars: nine projections, and what their units saw."""
    told = f"the strongest {block.strongest:.4g}" if block.units else f"none: {block.silence}"
    edge = (tile - (ROWS - 1) * GAP) // ROWS
    projections = [projection_tile(unit, block.side, edge) for unit in block.units[:SHOWN]]
    patches = [patch_tile(unit, block.side, edge) for unit in block.units[:SHOWN]]
    return [
        Panel("its projections on its strongest images", _nine(projections, tile), caption(told, tile), 1),
        Panel("what the units saw there", _nine(patches, tile)),
    ]


def _nine(tiles: Sequence[Image.Image], tile: int) -> Image.Image:
    """Put up to nine pictures into one; places without a picture stay empty."""
    edge = (tile - (ROWS - 1) * GAP) // ROWS
    picture = Image.new("RGB", (tile, tile), PAPER)
    for place in range(SHOWN):
        row, column = divmod(place, ROWS)
        left, top = column * (edge + GAP), row * (edge + GAP)
        one = tiles[place] if place < len(tiles) else Image.new("RGB", (edge, edge), EMPTY)
        picture.paste(one, (left, top))
    return picture
