"""Which channels of a layer fire on the same images: a channel's synonyms, and the tree of all.

Two channels are alike as far as they are strong on the same images: by Pearson's correlation r of their image
maxima. An atlas keeps those of up to 1,024 images, so nothing is run again; over so many, r is off by about
(1 - r^2) / 32. Channels that answer to all images alike, mostly with nothing, have no r and take no part.

The tree joins the two groups that are most alike, again and again. Groups are as alike as their channels are
in the mean, over all pairs of one and the other (average linkage, UPGMA: Sokal & Michener 1958). It is found
along chains of nearest neighbours, in the square of the channels' number (Murtagh 1983).

Alike in this sense says nothing of what two channels see: a wheel and a bonnet fire on the same photographs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zfexplore.errors import ExploreError
from zfexplore.studies.comparison import FEWEST_IMAGES, Responses, standardised
from zfexplore.studies.records import Alike, Company
from zfexplore.units import Unit

if TYPE_CHECKING:
    from zfexplore.atlas.store import Atlas

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Join:
    """Two groups that become one of ``size`` channels, and how alike they are, r in [-1, 1].

    A group is a number: below the number of leaves ``tree.channels[group]`` alone, above them a join.
    """

    left: int
    right: int
    likeness: float
    size: int


@dataclass(frozen=True, slots=True)
class Tree:
    """The tree of a stage's ``channels``, over ``images`` images.

    ``joins`` are in the order of their likeness, the most alike first: join ``i`` is group
    ``len(channels) + i``. ``silent`` are the channels that answer to all images alike. ``nearest`` has for
    each channel the one that is most like it; None for a channel without company.
    """

    stage: str
    images: int
    channels: tuple[int, ...]
    joins: tuple[Join, ...]
    silent: tuple[int, ...]
    nearest: Mapping[int, Alike | None]

    def groups(self, likeness: float) -> tuple[int, ...]:
        """Cut the tree: the largest groups whose parts are all at least so alike, the largest first."""
        kept = [join for join in self.joins if join.likeness >= likeness]
        inside = {side for join in kept for side in (join.left, join.right)}
        whole = [group for group in range(len(self.channels)) if group not in inside]
        for number, join in enumerate(self.joins, start=len(self.channels)):
            if join.likeness >= likeness and number not in inside:
                whole.append(number)
        return tuple(sorted(whole, key=lambda group: (-self.size(group), self.leaves(group))))

    def size(self, group: int) -> int:
        """Count the channels of a group."""
        return 1 if group < len(self.channels) else self.joins[group - len(self.channels)].size

    def leaves(self, group: int) -> tuple[int, ...]:
        """Give the channels of a group, those joined first beside each other."""
        found, open_groups = [], [group]
        while open_groups:
            one = open_groups.pop()
            if one < len(self.channels):
                found.append(self.channels[one])
            else:
                join = self.joins[one - len(self.channels)]
                open_groups += [join.right, join.left]
        return tuple(found)


def alike(atlas: Atlas, stage_name: str, channel: int) -> Company:
    """Give the other channels of a stage, by how alike they fire to ``channel``.

    Raises ExploreError for an unknown stage or channel, for one that answers to all images alike, and for an
    atlas that does not keep what is needed.
    """
    atlas.record_of(stage_name, channel)
    response, every = _kept(atlas, stage_name)
    if not every.answers[channel]:
        raise ExploreError(f"{stage_name}:{channel} answers to all images alike: nothing can be like it")
    found = (every.rows @ every.rows[channel]).clip(-1, 1)
    fires = response > 0
    both = (fires & fires[channel]).sum(axis=1)
    order = [int(one) for one in np.argsort(-found, kind="stable") if every.answers[one] and one != channel]
    others = tuple(Alike(Unit(stage_name, one), float(found[one]), int(both[one])) for one in order)
    return Company(Unit(stage_name, channel), every.images, int(fires[channel].sum()), others)


def tree(atlas: Atlas, stage_name: str, channels: Sequence[int] | None = None) -> Tree:
    """Join the channels of a stage, or some ``channels`` of it, to a tree; raises ExploreError as ``alike``.

    At 1,024 channels it takes half a second.
    """
    record = atlas.stage(stage_name)
    chosen = list(range(record.channels)) if channels is None else list(dict.fromkeys(channels))
    for channel in chosen:
        atlas.record_of(stage_name, channel)
    response, every = _kept(atlas, stage_name)
    live = [channel for channel in chosen if every.answers[channel]]
    rows = every.rows[live].astype(np.float64)
    likeness = (rows @ rows.T).clip(-1, 1)
    silent = tuple(channel for channel in chosen if not every.answers[channel])
    nearest = _nearest(stage_name, live, likeness, response[live] > 0)
    return Tree(stage_name, every.images, tuple(live), average_linkage(likeness), silent, nearest)


def average_linkage(likeness: Floats) -> tuple[Join, ...]:
    """Join ``n`` things to a tree by their symmetric ``likeness [n, n]``: ``n - 1`` joins, highest first."""
    count = len(likeness)
    near = np.array(likeness, np.float64)  # row ``a`` is that of the group whose first thing is ``a``
    np.fill_diagonal(near, -np.inf)
    sizes, level = np.ones(count), np.ones(count)
    joined: list[tuple[int, int, float]] = []
    chain: list[int] = []
    while len(joined) < count - 1:
        if not chain:
            chain.append(int(np.argmax(near.max(axis=1))))
        a = chain[-1]
        b = int(near[a].argmax())
        if len(chain) == 1 or near[a, chain[-2]] < near[a, b]:
            chain.append(b)
            continue
        b = chain[-2]  # each is the other's nearest: no later join can come between them
        del chain[-2:]
        level[a] = min(near[a, b], level[a], level[b])  # rounding may put it above the joins that it joins
        joined.append((a, b, float(level[a])))
        row = (sizes[a] * near[a] + sizes[b] * near[b]) / (sizes[a] + sizes[b])
        near[a], near[:, a] = row, row
        near[b], near[:, b] = -np.inf, -np.inf
        near[a, a] = -np.inf
        sizes[a] += sizes[b]
    return _numbered(joined, count)


def _numbered(joined: Sequence[tuple[int, int, float]], count: int) -> tuple[Join, ...]:
    """Sort joins of things to joins of groups; the one with the lower number stands left."""
    group_of = list(range(count))  # by a group's first thing, the number that it has now
    sizes = [1] * count
    joins = []
    for a, b, likeness in sorted(joined, key=lambda one: -one[2]):
        left, right = sorted((group_of[a], group_of[b]))
        sizes.append(sizes[left] + sizes[right])
        joins.append(Join(left, right, likeness, sizes[-1]))
        group_of[a] = len(sizes) - 1
    return tuple(joins)


def _nearest(
    stage: str, channels: Sequence[int], likeness: Floats, fires: NDArray[np.bool_]
) -> dict[int, Alike | None]:
    """Give each channel's most alike, by rows and columns of ``likeness [n, n]``."""
    if len(channels) < 2:
        return dict.fromkeys(channels)
    others = likeness.copy()
    np.fill_diagonal(others, -np.inf)
    found: dict[int, Alike | None] = {}
    for row, (channel, best) in enumerate(zip(channels, others.argmax(axis=1), strict=True)):
        both = int((fires[row] & fires[best]).sum())
        found[channel] = Alike(Unit(stage, channels[best]), float(others[row, best]), both)
    return found


def _kept(atlas: Atlas, stage_name: str) -> tuple[NDArray[np.float16], Responses]:
    """Give a stage's image maxima ``[c, n]`` as the atlas keeps them, and standardised."""
    record = atlas.stage(stage_name)
    if atlas.sample is None or record.response is None:
        raise ExploreError(
            "this index is of an older version, which kept too little to tell what fires together: "
            "build it anew with `zfexplore index --again`"
        )
    if (images := record.response.shape[1]) < FEWEST_IMAGES:
        raise ExploreError(
            f"the index has {images} images: to tell what fires together takes {FEWEST_IMAGES} or more"
        )
    return record.response, standardised(stage_name, record.response)
