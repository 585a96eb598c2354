"""Which channels of two nets answer alike: the correlation of their image maxima over the same images.

Two trainings put the same detector at different channel numbers (Yosinski et al., "Convergent learning",
2015). Both atlases have seen the same images, so nothing is run again. An atlas keeps every channel's
maximum on up to 1,024 images, spread evenly over all: a correlation r over so many is off by about
(1 - r^2) / 32, and over fewer images it is exact up to the rounding of float16.

A channel matches another if each is the other's most alike: at most one to one, and no order of choosing
decides. Of two channels of A that answer like one of B, the more alike is matched, and the other is
listed without a match. A match must also surpass chance: B's images are shuffled, which makes every
likeness an accident, and the best one that each channel then finds is noted; one in a hundred surpasses
the limit.

Correlations are taken some rows at a time, so that memory stays at a few copies of the maxima.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zfexplore.errors import ExploreError
from zfexplore.studies.records import Comparison, Match
from zfexplore.units import Unit

if TYPE_CHECKING:
    from zfexplore.atlas.store import Atlas

Floats = NDArray[np.float32]

ROWS = 512  # channels whose correlations are in memory at once: 8 MB for 4,096 others
CHANCE = 99.0  # the percentile of what shuffled images reach, above which a match counts
FEWEST_IMAGES = 3  # over two images every correlation is 1 or -1


def most_alike(
    atlas_a: Atlas, atlas_b: Atlas, stage_name: str, channel: int, *, other_stage: str | None = None
) -> Match:
    """Give the channel of a stage of B that answers most like ``channel`` of A's ``stage_name``.

    ``other_stage`` is B's, by default the one of the same name. One product of a vector and a matrix.
    Raises ExploreError for an unknown stage or channel, for a channel that answers to all images alike,
    for atlases of different images, and for one that does not keep what is needed.
    """
    atlas_a.record_of(stage_name, channel)
    a, b = _responses(atlas_a, atlas_b, stage_name, other_stage or stage_name)
    if not a.answers[channel]:
        raise ExploreError(f"{stage_name}:{channel} answers to all images alike: nothing can be like it")
    if not b.answers.any():
        raise ExploreError(f"no channel of the other net's {b.stage} fires on these images")
    found = b.rows @ a.rows[channel]  # [c']
    return _match(a.stage, channel, b.stage, _best(np.where(b.answers, found, -np.inf)), found)


def compare(
    atlas_a: Atlas, atlas_b: Atlas, stage_name: str, *, other_stage: str | None = None, seed: int = 0
) -> Comparison:
    """Match the channels of a stage of A with those of one of B, by default of the same name.

    ``seed`` fixes how B's images are shuffled. Raises ExploreError as ``most_alike`` does.
    """
    a, b = _responses(atlas_a, atlas_b, stage_name, other_stage or stage_name)
    live_a, live_b = np.flatnonzero(a.answers), np.flatnonzero(b.answers)
    rows_a, rows_b = a.rows[live_a], b.rows[live_b]
    if not len(live_a) or not len(live_b):
        return Comparison(a.stage, b.stage, a.images, 1.0, (), (), (), _silent(a), _silent(b))
    (best_a, alike_a), (best_b, alike_b) = _bests(rows_a, rows_b)
    shuffled = np.random.default_rng(seed).permutation(a.images)
    (_, accident), _ = _bests(rows_a, rows_b[:, shuffled])
    chance = float(np.percentile(accident, CHANCE))

    mutual = (best_b[best_a] == np.arange(len(live_a))) & (alike_a > chance)
    taken = np.zeros(len(live_b), bool)
    taken[best_a[mutual]] = True
    of_a = [
        Match(Unit(a.stage, int(live_a[i])), Unit(b.stage, int(live_b[best_a[i]])), _bounded(alike_a[i]))
        for i in range(len(live_a))
    ]
    of_b = [
        Match(Unit(b.stage, int(live_b[j])), Unit(a.stage, int(live_a[best_b[j]])), _bounded(alike_b[j]))
        for j in range(len(live_b))
    ]
    matches = [match for match, both in zip(of_a, mutual, strict=True) if both]
    return Comparison(
        stage=a.stage,
        other_stage=b.stage,
        images=a.images,
        chance=chance,
        matches=tuple(sorted(matches, key=lambda match: (-match.correlation, match.unit.channel))),
        unmatched_a=tuple(match for match, both in zip(of_a, mutual, strict=True) if not both),
        unmatched_b=tuple(match for match, both in zip(of_b, taken, strict=True) if not both),
        dead_a=_silent(a),
        dead_b=_silent(b),
    )


@dataclass(frozen=True, eq=False)
class Responses:
    """A stage's maxima ``rows [c, n]``, each less its mean and of length 1; 0 where one never changes."""

    stage: str
    rows: Floats
    answers: NDArray[np.bool_]

    @property
    def images(self) -> int:
        """The number of images."""
        return self.rows.shape[1]


def _responses(atlas_a: Atlas, atlas_b: Atlas, stage: str, other: str) -> tuple[Responses, Responses]:
    """Give both stages' responses over the images that both atlases keep, in the same order."""
    records = atlas_a.stage(stage), atlas_b.stage(other)
    if atlas_a.header["images"] != atlas_b.header["images"]:
        raise ExploreError(
            f"the two nets were indexed over different images ({_images(atlas_a)} and {_images(atlas_b)}): "
            "index both over the same"
        )
    kept = []
    for atlas, record in zip((atlas_a, atlas_b), records, strict=True):
        if atlas.sample is None or record.response is None:
            raise ExploreError(
                f"the index of {atlas.header['architecture']} is of an older version, which kept too little "
                "to compare: build it anew with `zfexplore index --again`"
            )
        kept.append((atlas.sample, record.response))
    (sample_a, response_a), (sample_b, response_b) = kept
    both, from_a, from_b = np.intersect1d(sample_a, sample_b, assume_unique=True, return_indices=True)
    if len(both) < FEWEST_IMAGES:
        raise ExploreError(
            f"the two nets have {len(both)} images in common: to compare takes {FEWEST_IMAGES} or more"
        )
    return standardised(stage, response_a[:, from_a]), standardised(other, response_b[:, from_b])


def standardised(stage: str, response: NDArray[np.float16]) -> Responses:
    """Give a stage's ``response [c, n]`` as rows whose products are correlations."""
    rows = response.astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    length = np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
    # The largest maximum is 1 in size, so what is far below float16's step there is rounding, not an answer.
    answers = length > 1e-4
    return Responses(stage, np.where(answers, rows / np.where(answers, length, 1), 0), answers[:, 0])


def _bests(a: Floats, b: Floats) -> tuple[tuple[NDArray[np.int64], Floats], tuple[NDArray[np.int64], Floats]]:
    """Give, for every row of ``a [c, n]``, the most alike row of ``b [c', n]`` and how alike; and back."""
    best_a, alike_a = np.zeros(len(a), np.int64), np.full(len(a), -np.inf, np.float32)
    best_b, alike_b = np.zeros(len(b), np.int64), np.full(len(b), -np.inf, np.float32)
    for part in _parts(len(a)):
        found = a[part] @ b.T  # [rows, c']
        best_a[part] = found.argmax(axis=1)
        alike_a[part] = found.max(axis=1)
        highest = found.max(axis=0)
        better = highest > alike_b
        best_b[better] = part.start + found.argmax(axis=0)[better]
        alike_b[better] = highest[better]
    return (best_a, alike_a), (best_b, alike_b)


def _parts(count: int) -> Iterator[slice]:
    return (slice(start, min(start + ROWS, count)) for start in range(0, count, ROWS))


def _best(correlations: NDArray[np.floating]) -> int:
    return int(correlations.argmax())


def _match(stage: str, channel: int, other: str, best: int, correlations: Floats) -> Match:
    return Match(Unit(stage, channel), Unit(other, best), _bounded(correlations[best]))


def _bounded(correlation: np.floating) -> float:
    """Take off what rounding adds beyond 1."""
    return max(-1.0, min(1.0, float(correlation)))


def _silent(responses: Responses) -> tuple[Unit, ...]:
    return tuple(Unit(responses.stage, int(channel)) for channel in np.flatnonzero(~responses.answers))


def _images(atlas: Atlas) -> str:
    return f"{len(atlas.image_names):,} of {atlas.header['images_name']}"
