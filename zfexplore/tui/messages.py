"""What the explorer and its engine say to each other: requests go down, messages come up.

Requests are plain records put into the engine's inbox by the event loop. Messages are Textual
messages that the engine posts from its thread. Neither holds a tensor, so no pane knows torch.
Arrays are typed ``Any``: numpy must not be imported before the first frame is up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textual.message import Message

from zfexplore.choices import DEFAULT_IMAGES, Fit
from zfexplore.settings import Command, Settings
from zfexplore.units import Unit

SHOWN = 9  # units of a channel, three by three


@dataclass(frozen=True)
class Setup:
    """What to explore, as the command line gave it. ``checkpoint`` None is the shipped one."""

    images: str = DEFAULT_IMAGES
    checkpoint: str | None = None
    out: Path = Path("out")
    device: str = "auto"
    limit: int | None = None
    fit: Fit = "crop"

    @property
    def settings(self) -> Settings:
        """What is explored, without where figures go."""
        return Settings(self.images, self.checkpoint, self.limit, self.fit, self.device)

    def export_command(self, stage: str, channel: int) -> str:
        """Give the command that writes the channel's figure, with options that are not defaults."""
        out = None if self.out == Path("out") else self.out / f"{stage}-{channel}.png"
        words = ("export", "channel", f"{stage}:{channel}")
        return str(Command(words, {"--out": out, **self.settings.options()}))

    def explore_command(self) -> str:
        """Give the command that opens the same explorer."""
        out = None if self.out == Path("out") else self.out
        return str(Command(("tui",), {"--out": out, **self.settings.options()}))


# -- requests ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ShowChannel:
    """Project the nine strongest units of a channel; a newer ``generation`` replaces an older one.

    ``ahead`` are the channels that may be wanted next, the likeliest first.
    """

    stage: str
    channel: int
    generation: int
    ahead: tuple[int, ...] = ()


@dataclass(frozen=True)
class SaveChannel:
    """Write the channel's figure below the output folder, or that of its one unit ``shown``."""

    stage: str
    channel: int
    overwrite: bool = False
    shown: Shown | None = None

    @property
    def unit(self) -> Unit:
        """What the figure shows: the channel, or one unit of it."""
        place = (None, None) if self.shown is None else self.shown.place
        return Unit(self.stage, self.channel, *place)


@dataclass(frozen=True)
class TileSize:
    """How a grid draws its thumbnails, so that the engine can do it before they are asked for.

    ``kind`` is the picture of a ``Shown`` that the ``grid`` of that name shows.
    """

    grid: str
    kind: str
    rows: int
    columns: int
    mode: str


# -- records -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
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
class Bitmap:
    """A picture, equal only to itself, so that drawings of it can be kept.

    ``pixels`` [h, w, 3] are colours (uint8), or a projection's signed values (float32), which are
    scaled when they are drawn. A ``box`` (y0, x0, y1, x1) is drawn around that part of them, on what is
    shown and not on the pixels: at the size of a thumbnail a thin line would be lost. ``drawings`` are its
    strips by rows, columns and mode.
    """

    pixels: Any
    box: tuple[int, int, int, int] | None = None
    drawings: dict[tuple[int, int, str], list[Any]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, eq=False)
class Shown:
    """One of a channel's strongest units: where it fired, and how that looks.

    ``projection`` and ``patch`` are squares of the same pixels; ``whole`` is all that the net saw, a
    box around the part that the unit sees, ``window`` (y0, x0, y1, x1). ``scale`` is the value drawn at
    full brightness in the figure, ``image`` the number of the image among those explored. A unit of a
    fully connected layer has no place: ``y`` and ``x`` are -1.
    """

    rank: int
    value: float
    name: str
    label: str
    y: int
    x: int
    window: tuple[int, int, int, int]
    scale: float
    projection: Bitmap
    patch: Bitmap
    whole: Bitmap
    image: int = -1

    @property
    def place(self) -> tuple[int, int] | tuple[None, None]:
        """Row and column in the layer's map, as a ``Unit`` has them."""
        return (self.y, self.x) if self.y >= 0 else (None, None)


@dataclass(frozen=True)
class TopRow:
    """A line of the table of top activations, known before anything is projected; -1 for no place."""

    rank: int
    value: float
    name: str
    label: str
    y: int
    x: int


@dataclass(frozen=True)
class StageStatistics:
    """What the images seen so far say of each channel of a layer, one number a channel.

    ``best_class`` is empty where the images have no labels.
    """

    maximum: Sequence[float]
    mean: Sequence[float]
    firing: Sequence[float]
    selectivity: Sequence[float] = ()
    rarity: Sequence[float] = ()
    best_class: Sequence[str] = ()


@dataclass(frozen=True)
class Job:
    """Work under way, for the job bar: ``done`` of ``total`` (None where unknown), rate, seconds left."""

    task: str
    done: int = 0
    total: int | None = None
    rate: float = 0.0
    seconds_left: float | None = None
    unit: str = "images"


# -- messages ----------------------------------------------------------------------------------------


@dataclass(eq=False)
class NetLoaded(Message):
    """The checkpoint is loaded: its layers and a title."""

    title: str
    stages: tuple[Layer, ...]
    device: str


@dataclass(eq=False)
class ImagesOpened(Message):
    """The source is open."""

    name: str
    count: int


@dataclass(eq=False)
class AtlasChanged(Message):
    """Statistics of all layers over ``images`` images; more will come unless ``complete``."""

    statistics: dict[str, StageStatistics]
    images: int
    complete: bool


@dataclass(eq=False)
class JobChanged(Message):
    """What is being worked on; None when the engine rests."""

    job: Job | None


@dataclass(eq=False)
class TopListed(Message):
    """The channel's strongest places, before their projections."""

    stage: str
    channel: int
    generation: int
    rows: tuple[TopRow, ...]


@dataclass(eq=False)
class PictureArrived(Message):
    """One of the nine; they come in order of rank."""

    generation: int
    shown: Shown


@dataclass(eq=False)
class ChannelShown(Message):
    """All of the channel's pictures have come: ``count`` of them, fewer than nine where it seldom fires."""

    stage: str
    channel: int
    generation: int
    count: int


@dataclass(eq=False)
class FigureSaved(Message):
    """The channel's figure is on the disk."""

    path: Path


@dataclass(eq=False)
class OverwriteAsked(Message):
    """The file is there and of another origin: nothing was written yet."""

    request: SaveChannel
    path: Path
    reason: str


@dataclass(eq=False)
class Noted(Message):
    """A line worth showing."""

    text: str


@dataclass(eq=False)
class Failed(Message):
    """Something did not work; ``fatal`` when nothing can be shown without it.

    ``generation`` is that of the channel which was to be shown, -1 where it was something else.
    """

    text: str
    fatal: bool = False
    generation: int = -1
