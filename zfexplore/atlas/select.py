"""Channels of a stage, chosen by what the atlas knows about them: ranked lists, and ``top16``.

A channel that fired on no image comes last in every ranking: it is not rare but dead.
"""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, get_args

import numpy as np

from zfexplore.choices import RankedBy
from zfexplore.errors import ExploreError
from zfexplore.units import parse_channels

if TYPE_CHECKING:
    from zfexplore.atlas.store import Atlas

_COUNTED = re.compile(r"(?P<how>top|random)(?P<count>\d{1,18})")


def ranked(atlas: Atlas, stage: str, by: RankedBy = "mean") -> list[int]:
    """Give the numbers of a stage's channels, the highest first and dead ones last.

    Ties and dead channels are ordered by number. ``mean`` and ``max`` are those of the image maxima; the
    replication takes ``mean``. Raises ExploreError for another ``by``, for selectivity with fewer than two
    classes, and for striking in an atlas of an older version.
    """
    record = atlas.stage(stage)
    if by not in get_args(RankedBy):
        raise ExploreError(
            f"channels are ranked by {', '.join(get_args(RankedBy))}; not by {by!r}", usage=True
        )
    values: np.ndarray | None = getattr(record, by)
    if values is None and by == "striking":
        raise ExploreError(
            "this index is of an older version, which kept too little to tell what is striking: "
            "build it anew with `zfexplore index --again`"
        )
    if values is None:
        raise ExploreError(
            "selectivity compares classes: it needs images of at least two, in one folder each", usage=True
        )
    order = np.lexsort((np.arange(record.channels), -values, record.dead))
    return [int(channel) for channel in order]


def check_choice(text: str, channels: int) -> None:
    """Raise the ExploreError that ``select_channels`` would for ``channels`` channels; needs no atlas."""
    match = _COUNTED.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        parse_channels(text, channels)
    elif int(match["count"]) == 0:
        raise ExploreError(f"{text!r} chooses no channel", usage=True)


def select_channels(atlas: Atlas, stage: str, text: str, seed: int = 0, by: RankedBy = "mean") -> list[int]:
    """Read a choice of channels: ``top16``, ``random16``, or a list as ``units.parse_channels`` takes it.

    ``top16`` gives the 16 highest ``by`` what ``ranked`` knows, in that order. ``random16`` draws 16 by
    ``seed``, in the order of their numbers. A stage with fewer channels gives all it has. Raises ExploreError
    for other text, and for a ``by`` where nothing is ranked.
    """
    channels = atlas.stage(stage).channels
    check_choice(text, channels)
    match = _COUNTED.fullmatch(text.strip())
    if by != "mean" and (match is None or match["how"] != "top"):
        raise ExploreError(f"by {by} is for the highest, such as top16, not for {text!r}", usage=True)
    if match is None:
        return parse_channels(text, channels)
    count = min(int(match["count"]), channels)
    if match["how"] == "top":
        return ranked(atlas, stage, by)[:count]
    return sorted(random.Random(seed).sample(range(channels), count))
