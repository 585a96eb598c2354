"""Choosing channels of a stage by what the atlas knows of them: ranked lists, and ``top16``.

A channel that fired on no image comes last, whatever it is ranked by: it is not rare but dead.
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

_COUNTED = re.compile(r"(?P<how>top|random)(?P<count>\d+)")


def ranked(atlas: Atlas, stage: str, by: RankedBy = "mean") -> list[int]:
    """Give a stage's channels, the highest first; ties and dead channels in their own order, dead ones last.

    ``mean`` and ``max`` are of the image maxima; ``mean`` is the replication's choice of the strongest.
    Raises ExploreError for another ``by``, and for selectivity where there are not two classes.
    """
    record = atlas.stage(stage)
    if by not in get_args(RankedBy):
        raise ExploreError(
            f"channels are ranked by {', '.join(get_args(RankedBy))}; not by {by!r}", usage=True
        )
    values: np.ndarray | None = getattr(record, by)
    if values is None:
        raise ExploreError(
            "selectivity compares classes: it needs images of at least two, in one folder each", usage=True
        )
    order = np.lexsort((np.arange(record.channels), -values, record.dead))
    return [int(channel) for channel in order]


def check_choice(text: str, channels: int) -> None:
    """Raise ExploreError where ``select_channels`` would, for a stage of so many channels; needs no atlas."""
    match = _COUNTED.fullmatch(text.strip())
    if match is None:
        parse_channels(text, channels)
    elif int(match["count"]) == 0:
        raise ExploreError(f"{text!r} chooses no channel", usage=True)


def select_channels(atlas: Atlas, stage: str, text: str, seed: int = 0) -> list[int]:
    """Read a choice of channels: ``top16``, ``random16``, or a list as ``units.parse_channels`` takes it.

    ``top16`` are the 16 highest by mean, in that order; ``random16`` a draw by ``seed``, in the order of
    their numbers. A stage with fewer channels gives all it has. Raises ExploreError otherwise.
    """
    channels = atlas.stage(stage).channels
    check_choice(text, channels)
    match = _COUNTED.fullmatch(text.strip())
    if match is None:
        return parse_channels(text, channels)
    count = min(int(match["count"]), channels)
    if match["how"] == "top":
        return ranked(atlas, stage)[:count]
    return sorted(random.Random(seed).sample(range(channels), count))
