"""What the explorer and its engine say to each other: requests go down, messages come up.

Both are plain records, for they go through a pipe. What is heavy stays away from here: the engine
needs no Textual, and the explorer neither torch nor, for most of what it shows, numpy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from zfexplore.printable import file_safe
from zfexplore.progress import Progress
from zfexplore.settings import Command, Settings
from zfexplore.tui.drawing.bitmap import Bitmap, Cut, Size, Tile
from zfexplore.tui.naming import name_of, names_of
from zfexplore.units import Unit, Window


@dataclass(frozen=True)
class Setup(Settings):
    """What to explore, as the command line gave it, and the folder where figures go.

    ``checkpoints`` are those of all nets that the user swaps between, of which ``checkpoint`` is one; none
    where there is one net only. ``follow`` is the folder of a run whose weights are explored, one after the
    other.
    """

    out: Path = Path("out")
    checkpoints: tuple[str, ...] = ()
    follow: str | None = None

    @property
    def nets(self) -> tuple[Setup, ...]:
        """The setups of all nets in play, in the order in which they were given."""
        return tuple(replace(self, checkpoint=each) for each in self.checkpoints) or (self,)

    @property
    def name(self) -> str:
        """The net's short name, which no other net in play has."""
        names = names_of(self.checkpoints)
        return names.get(self.checkpoint or "") or name_of(self.checkpoint, self.net)

    @property
    def mark(self) -> str:
        """What file names end with, so that figures of the nets in play differ; empty for one net."""
        return f"-{file_safe(self.name)}" if len(self.checkpoints) > 1 or self.follow else ""

    def export_command(self, stage_name: str, channel: int) -> str:
        """Give the command that writes the channel's figure, with options that are not defaults."""
        usual = self.out == Path("out") and not self.mark
        out = None if usual else self.out / f"{stage_name}-{channel}{self.mark}.png"
        words = ("export", "channel", f"{stage_name}:{channel}")
        return str(Command(words, {"--out": out, **self.options()}))

    def explore_command(self) -> str:
        """Give the command that opens the same explorer."""
        out = None if self.out == Path("out") else self.out
        several = {"--checkpoint": self.checkpoints} if self.checkpoints else {}
        return str(Command(("tui",), {"--out": out, **self.options(), **several}))

    def figure_path(self, request: SaveChannel) -> Path:
        """Give the file of a channel's or a unit's figure.

        Two units at one place, on different images, and those without a place, are told apart by rank, and
        the nets in play by name.
        """
        rank = "" if request.shown is None else f"-rank{request.shown.rank + 1}"
        return self.out / f"{request.unit.slug}{rank}{self.mark}.png"


# -- requests ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ShowChannel:
    """Project the nine strongest units of a channel; a newer ``generation`` replaces an older one.

    ``ahead`` are the channels that may be wanted next, the likeliest first. ``setup`` is the net that is
    meant: nothing is shown if another one is explored by then (None: whichever is). ``beside`` is another
    net, of which the channel of the same number is shown afterwards, or ``beside_unit``.
    """

    stage_name: str
    channel: int
    generation: int
    ahead: tuple[int, ...] = ()
    setup: Setup | None = None
    beside: Setup | None = None
    beside_unit: Unit | None = None


@dataclass(frozen=True)
class Save:
    """The kind of request that writes a figure. ``Settled`` follows it, unless the engine ends before it can.

    It ends no question, and no newer request ends it. It replaces a file of another origin if ``overwrite``.
    """

    overwrite: bool = field(default=False, kw_only=True)

    def called(self, setup: Setup) -> str:
        """Name what is to be written, in a line about it; ``setup`` is that of the engine."""
        raise TypeError(f"{type(self).__name__} has no name")


@dataclass(frozen=True)
class SaveChannel(Save):
    """Write the channel's figure below the output folder, or that of its one unit ``shown``.

    ``setup`` is the net that is meant (None: the one explored).
    """

    stage_name: str
    channel: int
    shown: PlaceRow | None = None
    setup: Setup | None = None

    @property
    def unit(self) -> Unit:
        """What the figure shows: the channel, or one unit of it."""
        place = (None, None) if self.shown is None else self.shown.place
        return Unit(self.stage_name, self.channel, *place)

    def called(self, setup: Setup) -> str:
        """Name its file."""
        return str((self.setup or setup).figure_path(self))


@dataclass(frozen=True)
class Explore:
    """Explore another net from now on. ``NetLoaded`` answers it, or ``Failed``, and then nothing changes."""

    setup: Setup


@dataclass(frozen=True)
class FindAlike:
    """Find the channel of another net, ``other``, that answers most like this one of the net ``setup``."""

    setup: Setup
    stage_name: str
    channel: int
    other: Setup


@dataclass(frozen=True)
class TileSize:
    """How a grid draws its thumbnails, so that the engine can do it before they are asked for.

    ``kind`` is the picture of a ``ShownUnit`` that the ``grid`` of that name shows. Where the terminal
    draws pixels too, ``cell`` is the width and height of one of its cells.
    """

    grid: str
    kind: str
    rows: int
    columns: int
    mode: str
    cell: tuple[int, int] = (0, 0)

    @property
    def size(self) -> Size:
        """The size of its drawings."""
        return self.rows, self.columns, self.mode

    @property
    def cut(self) -> Cut:
        """The cells of its tiles."""
        return self.rows, self.columns, self.cell


@dataclass(frozen=True)
class Cancel:
    """Give up the channel that is asked for."""


@dataclass(frozen=True)
class Stop:
    """End, once the figures asked for are saved, as far as they can be."""


# -- records -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stage:
    """One layer: its map, and what a unit of it sees, both (rows, columns).

    ``names`` are those of its channels, where each stands for a class.
    """

    name: str
    kind: str
    channels: int
    map_size: tuple[int, ...]
    field_size: tuple[int, int] | None
    names: tuple[str, ...] = ()

    def called(self, channel: int) -> str:
        """Give a channel as it is written, with its name if it has one: ``fc8:40 hat``."""
        return f"{self.name}:{channel}" + (f" {self.names[channel]}" if self.names else "")


@dataclass(frozen=True, eq=False)
class ShownUnit:
    """One of a channel's strongest units: where it fired, and how that looks.

    ``projection`` and ``patch`` are squares of the same pixels; ``whole`` is all that the net saw, a
    box around the ``window`` that the unit sees. ``scale`` is the value drawn at
    full brightness in the figure, ``image`` the number of the image among those explored. A unit of a
    fully connected layer has no place: ``y`` and ``x`` are -1.
    """

    rank: int
    value: float
    name: str
    label: str
    y: int
    x: int
    window: Window
    scale: float
    projection: Bitmap
    patch: Bitmap
    whole: Bitmap
    image: int = -1

    @property
    def row(self) -> PlaceRow:
        """Its line of the table, by which the engine knows it again."""
        return PlaceRow(self.rank, self.value, self.name, self.label, self.y, self.x)

    @property
    def place(self) -> tuple[int, int] | tuple[None, None]:
        """Row and column in the layer's map, as a ``Unit`` has them."""
        return self.row.place


@dataclass(frozen=True)
class PlaceRow:
    """A line of the table of top activations, known before anything is projected; -1 for no place."""

    rank: int
    value: float
    name: str
    label: str
    y: int
    x: int

    @property
    def place(self) -> tuple[int, int] | tuple[None, None]:
        """Row and column in the layer's map, as a ``Unit`` has them."""
        return (self.y, self.x) if self.y >= 0 else (None, None)


@dataclass(frozen=True)
class StageStatistics:
    """What the images seen so far say of each channel of a layer, one number a channel.

    ``best_class`` is empty where the images have no labels. ``striking`` is at best 1, and empty in an atlas
    of an older version.
    """

    maximum: Sequence[float]
    mean: Sequence[float]
    firing: Sequence[float]
    selectivity: Sequence[float] = ()
    rarity: Sequence[float] = ()
    best_class: Sequence[str] = ()
    striking: Sequence[float] = ()


# -- messages ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NetLoaded:
    """The checkpoint is loaded: its layers and a title. All that comes from now on is about this net.

    ``name`` is its short name, which no other net in play has, and ``setup`` what was opened. If it is
    ``indexed``, an ``AtlasChanged`` comes next.
    ``nearest`` names for each stage of the net the one that the explorer shows in its place: itself, or
    for a pool its convolution. Stages without such a one are left out.
    """

    title: str
    stages: tuple[Stage, ...]
    device: str
    nearest: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    setup: Setup | None = None
    indexed: bool = False


@dataclass(frozen=True)
class ImagesOpened:
    """The source is open."""

    name: str
    count: int


@dataclass(frozen=True)
class AtlasChanged:
    """Statistics of all layers over ``images`` images; more will come unless ``complete``."""

    statistics: dict[str, StageStatistics]
    images: int
    complete: bool


@dataclass(frozen=True)
class JobChanged:
    """What is being worked on; None when the engine rests."""

    job: Progress | None


@dataclass(frozen=True)
class TopListed:
    """The channel's strongest places, before their projections."""

    stage_name: str
    channel: int
    generation: int
    rows: tuple[PlaceRow, ...]


@dataclass(frozen=True)
class PictureArrived:
    """One of the nine; they come in order of rank."""

    generation: int
    shown: ShownUnit


@dataclass(frozen=True)
class TileDrawn:
    """A picture that has arrived before, now in pixels: the ``kind`` of the unit of that rank.

    It is one of the other net's if it is ``beside``.
    """

    generation: int
    rank: int
    kind: str
    tile: Tile
    beside: bool = False


@dataclass(frozen=True)
class ChannelShown:
    """All of the channel's pictures have come: ``count`` of them, fewer than nine where it seldom fires."""

    stage_name: str
    channel: int
    generation: int
    count: int


@dataclass(frozen=True)
class BesideListed:
    """What the net called ``net`` has at the channel shown, before its pictures come.

    ``unit`` is its channel, None where it has none, and ``called`` the same with its name. ``notice`` says
    why there will be no pictures.
    """

    generation: int
    net: str
    unit: Unit | None
    called: str = ""
    notice: str = ""


@dataclass(frozen=True)
class BesideArrived:
    """One of the other net's nine pictures."""

    generation: int
    shown: ShownUnit


@dataclass(frozen=True)
class BesideShown:
    """All of the other net's pictures have come: ``count`` of them."""

    generation: int
    count: int


@dataclass(frozen=True)
class AlikeFound:
    """The channel ``found`` of the net ``other`` answers most like ``unit`` of ``setup``."""

    setup: Setup
    unit: Unit
    other: Setup
    found: Unit
    correlation: float


@dataclass(frozen=True)
class ImagesGone:
    """The channel has no pictures: the images are gone, and only the numbers of their index are left."""

    generation: int


@dataclass(frozen=True)
class FigureSaved:
    """A figure is on the disk."""

    path: Path


@dataclass(frozen=True)
class OverwriteAsked:
    """The file is there and of another origin: nothing was written yet."""

    request: Save
    path: Path
    reason: str


@dataclass(frozen=True)
class Settled:
    """What came of a request to save has been told: it is saved, asked about, or has failed."""

    request: Save


@dataclass(frozen=True)
class Noted:
    """A line worth showing."""

    text: str


@dataclass(frozen=True)
class Failed:
    """Something did not work; ``fatal`` when nothing can be shown without it.

    ``generation`` is that of the channel which was to be shown, -1 where it was something else, and
    ``setup`` the net that cannot be explored.
    """

    text: str
    fatal: bool = False
    generation: int = -1
    setup: Setup | None = None


@dataclass(frozen=True)
class EngineDied:
    """The engine's process has ended although nobody told it to; ``reason`` says why, if that is known."""

    reason: str
