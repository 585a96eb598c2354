"""What the studies find, as plain records: they can be read, sent and shown without torch or numpy."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import mean, median, stdev
from typing import Any

from zfexplore.units import Unit, Window

INPUT = "input"  # the stage below conv1: channels 0, 1, 2 are the picture's red, green and blue


@dataclass(frozen=True, slots=True)
class Feed:
    """One channel of the stage below: ``unit`` is its place that counts most, where to dive to.

    ``contribution`` is in units of the pre-activation and signed; ``share`` is it divided by the sum of
    all contributions' sizes, in [-1, 1]; ``activation`` is that place's own, as its stage counts it.
    """

    unit: Unit
    contribution: float
    share: float
    activation: float


@dataclass(frozen=True, slots=True)
class Feeds:
    """What a unit is fed from: ``feeds`` from the strongest driver down to the strongest inhibitor.

    ``preactivation`` = ``bias`` + the sum of all contributions; ``activation`` is that after the ReLU.
    A pool has no bias, and one feed. Channels that the unit has no weights for (of another group) are
    not listed.
    """

    unit: Unit
    activation: float
    preactivation: float
    bias: float
    feeds: tuple[Feed, ...]


@dataclass(frozen=True, slots=True)
class RankedChannel:
    """A channel's response to a picture: its strongest ``unit``, with place, and how that compares.

    Percentiles are per cent of the atlas's images, in [0, 100]: exact where ``lowest`` equals
    ``highest``. ``strength`` is the activation divided by the strongest in the atlas (infinite for a
    channel that fires on this picture and on none of the atlas's). ``rank`` is the picture's place among
    the atlas's strongest, 1 before the first; None below the last one kept, and for a silent channel.
    ``window`` is what the unit sees of the picture; None for fully connected stages, which see all of it.
    ``name`` is the class that the channel stands for, empty where it stands for none.
    """

    unit: Unit
    activation: float
    percentile: float
    lowest: float
    highest: float
    strength: float
    rank: int | None
    window: Window | None
    name: str = ""


@dataclass(frozen=True, slots=True)
class ClassProbability:
    """A class, by number and ``name``, and the ``probability`` in [0, 1] that a net gives it on a picture."""

    index: int
    name: str
    probability: float


@dataclass(frozen=True, slots=True)
class PictureRanking:
    """What a net makes of a picture: its most probable ``classes`` first, and the ``channels`` it excites.

    Convolutional channels come before fully connected ones, each group with the highest percentile first.
    ``classes`` is empty for a net without named classes.
    """

    classes: tuple[ClassProbability, ...]
    channels: tuple[RankedChannel, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """A channel of one net and one of another, and how alike they answer to the same images.

    ``correlation`` is Pearson's, of their image maxima, in [-1, 1].
    """

    unit: Unit
    other: Unit
    correlation: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """A stage of net A beside one of net B, over ``images`` images that both have seen.

    ``matches``, the most alike first: channels each of which is the other's most alike, above ``chance``.
    ``unmatched_a`` and ``unmatched_b`` are the others that fire, with the channel of the other net that is
    most alike all the same, in the order of their numbers. ``dead_a`` and ``dead_b`` answer to all images
    alike, mostly with nothing, and take no part.

    ``chance`` is what only one channel in a hundred reaches with its most alike if B's images are shuffled.
    """

    stage: str
    other_stage: str
    images: int
    chance: float
    matches: tuple[Match, ...]
    unmatched_a: tuple[Match, ...]
    unmatched_b: tuple[Match, ...]
    dead_a: tuple[Unit, ...]
    dead_b: tuple[Unit, ...]

    @property
    def median(self) -> float | None:
        """The median correlation of the matches; None if there is none."""
        return median(match.correlation for match in self.matches) if self.matches else None


@dataclass(frozen=True, slots=True)
class Response:
    """What a net answers to a picture: one channel's ``total`` (its map summed, ZF) and ``peak`` (maximum).

    ``probability`` in [0, 1] is that of the class asked about, ``best_class`` the most probable class;
    both None for a net without classes.
    """

    total: float
    peak: float
    probability: float | None
    best_class: int | None


@dataclass(frozen=True, slots=True)
class StageTransfer:
    """What a linear classifier on ``values`` features of a stage scored, with ``per_class`` training images.

    ``accuracies`` in [0, 1] are means over the classes, one a split, and ``strengths`` the penalties that
    were chosen. ``paper`` is ZF's, on Caltech-101 and of a net trained on ImageNet, where they give one.
    """

    stage: str
    values: int
    per_class: int
    accuracies: tuple[float, ...]
    strengths: tuple[float, ...]
    paper: float | None = None

    @property
    def mean(self) -> float:
        """The mean over the splits."""
        return mean(self.accuracies)

    @property
    def spread(self) -> float | None:
        """The standard deviation over the splits; None of a single one."""
        return stdev(self.accuracies) if len(self.accuracies) > 1 else None


@dataclass(frozen=True, slots=True)
class Transfer:
    """How well a net's stages tell ``classes`` classes of ``images`` apart, from a few of each.

    ``tested`` counts the test images of a split, by the number of training images a class. ``scores`` are in
    the order of the stages.
    """

    images: str
    classes: int
    splits: int
    seed: int
    tested: dict[int, int]
    scores: tuple[StageTransfer, ...]

    @property
    def chance(self) -> float:
        """What guessing scores."""
        return 1 / self.classes

    def rows(self) -> list[dict[str, Any]]:
        """Give a row a stage and number of training images, as the CSV has them; accuracies in [0, 1]."""
        return [
            {
                "stage": one.stage, "features": one.values, "per_class": one.per_class, "mean": one.mean,
                "spread": one.spread, "paper": one.paper,
                **{f"split_{number}": accuracy for number, accuracy in enumerate(one.accuracies)},
                **{f"penalty_{number}": strength for number, strength in enumerate(one.strengths)},
            }
            for one in self.scores
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Alike:
    """A channel beside another: ``correlation`` r in [-1, 1], and on how many images ``both`` fire."""

    unit: Unit
    correlation: float
    both: int


@dataclass(frozen=True, slots=True)
class Company:
    """All that a channel may be like, the most alike first, over ``images`` images; on ``fires`` it fires."""

    unit: Unit
    images: int
    fires: int
    others: tuple[Alike, ...]
