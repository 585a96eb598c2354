"""The tree of a layer's channels: which fire on the same images, group by group, each with its best patch.

A group is a small tree, read from the right: two branches meet at the correlation that they have in the mean.
Left is what is less alike. Channels that are like no other stand alone, at the end.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from zfexplore.figures.blocks import enlarged
from zfexplore.figures.figure import Figure
from zfexplore.figures.grid import FRAME, PROPORTION, blank_page, checked_tile, paste_framed
from zfexplore.figures.provenance import ATLAS, CHECKPOINT, COMMAND
from zfexplore.figures.tables import write_tables
from zfexplore.figures.text import FAINT, INK, MARGIN, RULE, Heading, shorten, write

TILE = 48
LETTERS = 12
BRANCHES = 110  # pixels from the cut to correlation 1
NAME = 104  # pixels right of a patch
BETWEEN = 26  # two columns
GROUP_GAP = 12
SCALE_ROOM = 20


@dataclass(frozen=True, eq=False)
class Leaf:
    """A channel: its ``name``, the ``patch [h, w, 3]`` uint8 that excites it most or None, and a remark."""

    name: str
    patch: NDArray[np.uint8] | None
    told: str = ""


@dataclass(frozen=True, slots=True)
class Branch:
    """Two groups that meet at ``likeness``: leaves by their place in the group, or earlier branches.

    Below the number of leaves ``left`` and ``right`` are leaves; ``leaves + i`` is branch ``i``.
    """

    left: int
    right: int
    likeness: float


@dataclass(frozen=True, eq=False)
class Group:
    """Leaves from top to bottom, and the branches that join them, the most alike first."""

    leaves: tuple[Leaf, ...]
    branches: tuple[Branch, ...]


def tree_page(
    groups: Sequence[Group], cut: float, *, tile: int = TILE, title: str | None = None,
    subtitle: str | None = None,
) -> Image.Image:  # fmt: skip
    """Draw ``groups`` in columns, for a page near 3 : 2; correlations run from ``cut``, left, to 1.

    Raises ExploreError for a tile or a page that is too small or too large.
    """
    tile = checked_tile(tile)
    step = tile + 2 * FRAME + 2
    heights = [len(group.leaves) * step + (GROUP_GAP if group.branches else 0) for group in groups]
    across = BRANCHES + 8 + step + NAME
    tall = max(max(heights), math.sqrt(sum(heights) * (across + BETWEEN) / PROPORTION))
    columns = _filled(heights, tall)
    heading = Heading(title, subtitle, len(columns) * (across + BETWEEN) - BETWEEN)
    tallest = max(sum(heights[one] for one in column) for column in columns)
    size = (heading.room + 2 * MARGIN, heading.height + SCALE_ROOM + tallest + MARGIN)
    leaves = sum(len(group.leaves) for group in groups)
    canvas = blank_page(size, f"{leaves:,} channels", tile, "fewer channels")
    draw = ImageDraw.Draw(canvas)
    heading.draw(draw)
    for number, column in enumerate(columns):
        left, top = MARGIN + number * (across + BETWEEN), heading.height + SCALE_ROOM
        if any(groups[one].branches for one in column):
            _scale(draw, cut, left, top - 6)
        for one in column:
            _group(canvas, groups[one], cut, left, top, tile, step)
            top += heights[one]
    return canvas


@dataclass(frozen=True, eq=False, repr=False)
class TreeFigure(Figure):
    """The tree of a layer; saved with a row for each channel as CSV, and that with ``about`` as JSON."""

    rows: list[dict[str, Any]]
    about: Mapping[str, Any]

    def save(self, path: str | os.PathLike[str] | None = None) -> list[Path]:
        """Write the figure, the CSV and the JSON; give the files written."""
        (path,) = super().save(path)
        chunks = self.chunks(path)
        origin = {key: chunks[key] for key in (COMMAND, CHECKPOINT, ATLAS)}
        return [path, *write_tables(path, self.rows, {**self.about, **origin})]


def _filled(heights: Sequence[int], tall: float) -> list[list[int]]:
    """Share groups out to columns of about this height, in their order."""
    columns: list[list[int]] = [[]]
    height = 0
    for one, high in enumerate(heights):
        if columns[-1] and height + high > tall:
            columns.append([])
            height = 0
        columns[-1].append(one)
        height += high
    return columns


def _scale(draw: ImageDraw.ImageDraw, cut: float, left: int, baseline: int) -> None:
    for value in (cut, 1.0):
        anchor = "ls" if value == cut else "rs"
        place = (left + _across(value, cut), baseline)
        write(draw, place, f"r {value:.2g}", LETTERS, colour=FAINT, anchor=anchor)


def _across(likeness: float, cut: float) -> float:
    return BRANCHES * (min(likeness, 1.0) - cut) / (1 - cut)


def _group(canvas: Image.Image, group: Group, cut: float, left: int, top: int, tile: int, step: int) -> None:
    draw = ImageDraw.Draw(canvas)
    ends: list[tuple[float, float]] = []  # where each leaf and each branch ends on the left: x, y
    for place, leaf in enumerate(group.leaves):
        y = top + place * step
        x = left + BRANCHES + 8
        picture = None if leaf.patch is None else enlarged(leaf.patch, tile, tile)
        paste_framed(canvas, picture, x, y, tile)
        middle = y + step // 2
        write(draw, (x + step + 4, middle - (2 if leaf.told else -4)), leaf.name, LETTERS, colour=INK)
        if leaf.told:
            told = shorten(leaf.told, LETTERS - 1, NAME - 6)
            write(draw, (x + step + 4, middle + 13), told, LETTERS - 1, colour=FAINT)
        draw.line((left + BRANCHES, middle, x - 1, middle), fill=INK if group.branches else RULE)
        ends.append((left + BRANCHES, middle))
    for branch in group.branches:
        meet = left + _across(branch.likeness, cut)
        (x0, y0), (x1, y1) = ends[branch.left], ends[branch.right]
        draw.line((meet, y0, x0, y0), fill=INK)
        draw.line((meet, y1, x1, y1), fill=INK)
        draw.line((meet, y0, meet, y1), fill=INK)
        ends.append((meet, (y0 + y1) / 2))
