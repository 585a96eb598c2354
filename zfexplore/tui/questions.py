"""Questions about one picture, and their answers: what it excites, what matters in it, what feeds a unit.

Two are about a channel alone: what picture it would like best, and which others fire on the same images.

Requests go into the engine's inbox like all others; each carries the ``number`` of who asks, and every
answer is an ``Answered`` with that number. A newer question ends the one that is being worked on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from zfexplore.progress import Progress
from zfexplore.studies.courses import Invariance
from zfexplore.studies.records import ClassProbability, RankedChannel, Response
from zfexplore.tui.drawing.bitmap import Bitmap, Cut, Size
from zfexplore.tui.messages import Save, Setup, ShownUnit
from zfexplore.units import Unit, Window


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
class Question:
    """What all have: the number of who asks, and the net that is asked about (None: the one explored)."""

    number: int
    setup: Setup | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class RankPicture(Question):
    """Rank all channels by what they make of a picture, and name its classes.

    The picture is kept under the number of the question: what is asked of its units later is of the same
    pixels, whatever its file has become.
    """

    chosen: Chosen


@dataclass(frozen=True)
class SeeUnit(Question):
    """Bring a unit back to pixels on the picture that was ranked under this number.

    ``ahead`` are the units that may be wanted next: they are answered too, one by one, while nothing else
    is asked. ``sizes`` are those of the drawings to be made, and ``cuts`` those of the tiles: where there are
    any, the unit is answered once more when it has them.
    """

    chosen: Chosen
    unit: Unit
    ahead: tuple[Unit, ...] = ()
    sizes: tuple[Size, ...] = ()
    cuts: tuple[Cut, ...] = ()


@dataclass(frozen=True)
class SaveUnit(Question, Save):
    """Write the figure of a unit on the picture that was ranked under this number.

    ``moves`` tells that the file is watched, so that its figure may be of an earlier picture.
    """

    chosen: Chosen
    unit: Unit
    moves: bool = False

    def called(self, setup: Setup) -> str:
        """Name the unit and the picture; only the engine knows the file."""
        return f"the figure of {self.unit} on {self.chosen.name}"


@dataclass(frozen=True)
class Occlude(Question):
    """Move a grey square over a picture, and watch a channel and a class."""

    chosen: Chosen
    stage_name: str
    channel: int


@dataclass(frozen=True)
class SaveOcclusion(Question, Save):
    """Write the figure of the occlusion that was asked for with this number."""

    def called(self, setup: Setup) -> str:
        """Say what it is; only the engine knows the file."""
        return "the figure of the occlusion"


@dataclass(frozen=True)
class Vary(Question):
    """Shift, enlarge and turn a picture; a ``Progress`` now and then, and ``Variation`` at the end."""

    chosen: Chosen


@dataclass(frozen=True)
class SaveVaried(Question, Save):
    """Write the figure of the moved picture that was asked for with this number."""

    def called(self, setup: Setup) -> str:
        """Say what it is; only the engine knows the file."""
        return "the figure of the moved picture"


@dataclass(frozen=True)
class FeedsFrom(Question):
    """Ask what drives a unit on a picture; without a place, the channel's strongest is meant."""

    chosen: Chosen
    unit: Unit


@dataclass(frozen=True)
class SeeFeed(Question):
    """Bring a unit back to pixels on a picture; the answer is a ``ShownUnit``, and for ``cuts`` once more."""

    chosen: Chosen
    unit: Unit
    cuts: tuple[Cut, ...] = ()


@dataclass(frozen=True)
class MakeIdeal(Question):
    """Make the pictures that a channel would like best.

    ``IdealBeside`` comes first, then a ``Progress`` now and then, and ``IdealMade`` at the end. ``cuts`` are
    those of the tiles to be made.
    """

    unit: Unit
    cuts: tuple[Cut, ...] = ()


@dataclass(frozen=True)
class SaveIdeal(Question, Save):
    """Write the figure of the pictures that were made for this number."""

    def called(self, setup: Setup) -> str:
        """Say what it is; only the engine knows the file."""
        return "the figure of the ideal pictures"


@dataclass(frozen=True)
class FindCompany(Question):
    """Ask which channels of its layer fire on the same images as a channel; a ``Company`` answers it."""

    unit: Unit


@dataclass(frozen=True)
class GiveUp(Question):
    """Stop working on a question, if it is still worked on."""


# -- answers -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Ranking:
    """All channels, as ``PictureRanking`` has them, against ``images`` images (so far, if not ``complete``).

    ``classes`` are the most probable ones, none for a net without named classes.
    """

    picture: Bitmap
    channels: tuple[RankedChannel, ...]
    images: int
    complete: bool
    classes: tuple[ClassProbability, ...] = ()


@dataclass(frozen=True, eq=False)
class UnitSeen:
    """A unit of a ranking on the picture, and its channel's strongest exemplar.

    Where there is none to show, ``notice`` says why.
    """

    unit: Unit
    here: ShownUnit
    best: ShownUnit | None
    notice: str = "fires on no image"


@dataclass(frozen=True, eq=False)
class Occlusion:
    """The maps as far as they are known: ``[row][column]`` of the places of the square, NaN and -1 elsewhere.

    ``total`` is the channel's map summed, ``probability`` that of the class named ``label`` and ``best``
    the most probable class, whose names are in ``names``; both empty for a net without classes.
    ``response`` is ``total`` laid over the picture, ``likelihood`` likewise ``probability``. ``intact``
    is the response to the whole picture, ``windows`` are what the square hides, and ``weakest`` is the
    place that the channel needs most. ``job`` is None once all is known.
    """

    label: str
    response: Bitmap
    likelihood: Bitmap | None
    total: Sequence[Sequence[float]]
    probability: Sequence[Sequence[float]]
    best: Sequence[Sequence[int]]
    names: Mapping[int, str]
    intact: Response
    windows: Sequence[Sequence[Window]]
    weakest: tuple[int, int] | None
    job: Progress | None

    def stopped(self) -> Occlusion:
        """Give the same maps, no longer growing."""
        return replace(self, job=None)


@dataclass(frozen=True, eq=False)
class Variation:
    """What moving a picture does; ``told`` is whether its class was given, or is the most probable one."""

    found: Invariance
    told: bool


@dataclass(frozen=True, eq=False)
class IdealBeside:
    """What an ideal picture is held against: its channel's strongest exemplar.

    ``strongest`` is the channel's highest activation on the images. Where there is no exemplar to show,
    ``notice`` says why.
    """

    strongest: float
    best: ShownUnit | None
    notice: str = ""


@dataclass(frozen=True, eq=False)
class IdealMade:
    """What a channel would like best: a picture for each start, the strongest first, and its activations."""

    pictures: tuple[Bitmap, ...]
    activations: tuple[float, ...]


@dataclass(frozen=True)
class Refused:
    """The question cannot be answered, and why."""

    text: str


@dataclass(frozen=True)
class Answered:
    """An answer: a record from above, or the study's own; of an occlusion, as much as is known."""

    number: int
    answer: object
