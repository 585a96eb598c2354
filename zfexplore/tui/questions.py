"""Questions about one picture, and their answers: what it excites, what matters in it, what feeds a unit.

Requests go into the engine's inbox like all others; each carries the ``number`` of who asks, and every
answer is an ``Answered`` with that number. A newer question ends the one that is being worked on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from zfexplore.progress import Progress
from zfexplore.tui.drawing.bitmap import Bitmap, Box
from zfexplore.units import Unit

INPUT = "input"  # what conv1 reads, as in studies/feeds.py: there is nothing to dive into


@dataclass(frozen=True)
class Chosen:
    """A picture to ask about: number ``image`` of the images explored, or the user's own file ``path``.

    ``label`` is the name of its class, empty where it has none.
    """

    name: str
    label: str = ""
    image: int = -1
    path: str = ""


# -- requests ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RankPicture:
    """Rank all channels by what they make of a picture."""

    number: int
    chosen: Chosen


@dataclass(frozen=True)
class Occlude:
    """Move a grey square over a picture, and watch a channel and a class."""

    number: int
    chosen: Chosen
    stage: str
    channel: int


@dataclass(frozen=True)
class SaveOcclusion:
    """Write the figure of the occlusion that was asked for with this number."""

    number: int
    overwrite: bool = False


@dataclass(frozen=True)
class FeedsFrom:
    """Ask what drives a unit on a picture; without a place, the channel's strongest is meant."""

    number: int
    chosen: Chosen
    unit: Unit


@dataclass(frozen=True)
class GiveUp:
    """Stop working on a question, if it is still worked on."""

    number: int


Question = RankPicture | Occlude | SaveOcclusion | FeedsFrom | GiveUp


# -- answers -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RankedRow:
    """One channel's response to the picture: its strongest unit, and the per cent of images below it.

    ``lowest`` and ``highest`` bound the percentile; ``rank`` is the place among the atlas's nine, 1 for
    more than any image of the atlas, None below the ninth. ``window`` is what the unit sees of the picture,
    None where it sees all of it, as those of fully connected layers do.
    """

    unit: Unit
    activation: float
    percentile: float
    lowest: float
    highest: float
    rank: int | None
    window: Box | None = None


@dataclass(frozen=True, eq=False)
class Ranking:
    """All channels, the highest percentile first, against ``images`` images (so far, unless ``complete``)."""

    picture: Bitmap
    rows: tuple[RankedRow, ...]
    images: int
    complete: bool


@dataclass(frozen=True, eq=False)
class Occlusion:
    """The maps as far as they are known: ``[row][column]`` of the places of the square, NaN and -1 elsewhere.

    ``total`` is the channel's map summed, ``probability`` that of the class named ``label`` and ``best``
    the most probable class, whose names are in ``names``; both empty for a net without classes, as are
    the two beside ``response``, which is ``total`` laid over the picture. ``windows`` are what the square
    hides; ``weakest`` is the place that the channel needs most. ``job`` is None once all is known.
    """

    label: str
    response: Bitmap
    likelihood: Bitmap | None
    total: Sequence[Sequence[float]]
    probability: Sequence[Sequence[float]]
    best: Sequence[Sequence[int]]
    names: Mapping[int, str]
    intact_total: float
    intact_probability: float | None
    intact_best: int | None
    windows: Sequence[Sequence[Box]]
    weakest: tuple[int, int] | None
    job: Progress | None

    def stopped(self) -> Occlusion:
        """Give the same maps, no longer growing."""
        return replace(self, job=None)


@dataclass(frozen=True)
class FeedRow:
    """One channel of the stage below and its ``contribution``; ``share`` is of all their sizes, in [-1, 1].

    ``shown`` is the channel of the explorer that comes nearest: pools that are not explored have their
    convolution's. None where there is no such, as for the input.
    """

    unit: Unit
    contribution: float
    share: float
    activation: float
    shown: Unit | None


@dataclass(frozen=True)
class Fed:
    """What a unit is fed from, the strongest driver first.

    ``bias`` and all contributions sum to ``preactivation``; ``activation`` is that after a ReLU.
    """

    unit: Unit
    activation: float
    preactivation: float
    bias: float
    rows: tuple[FeedRow, ...]


@dataclass(frozen=True)
class Overwrite:
    """The file is there and of another origin: nothing was written yet."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Refused:
    """The question cannot be answered, and why."""

    text: str


Answer = Ranking | Occlusion | Fed | Overwrite | Refused


@dataclass(frozen=True)
class Answered:
    """An answer, or for an occlusion as much of it as is known."""

    number: int
    answer: Answer
