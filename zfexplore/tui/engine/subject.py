"""What is explored, in the explorer's own records: net, images, atlas, one channel's pictures.

Everything heavy is imported inside, so that a wrong path is told before torch is loaded.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from zfexplore.errors import ExploreError
from zfexplore.progress import Skipped
from zfexplore.tui import messages as say
from zfexplore.tui.drawing.bitmap import Bitmap
from zfexplore.units import Unit, Window

if TYPE_CHECKING:
    from PIL import Image

    from zfexplore.atlas.build import Event
    from zfexplore.atlas.store import Atlas, StageRecord
    from zfexplore.exemplars.records import Exemplar
    from zfexplore.exemplars.seen import Seen
    from zfexplore.explorer import Explorer
    from zfexplore.figures.figure import Figure
    from zfexplore.images.sources import Source
    from zfexplore.nets.checkpoint import Checkpoint
    from zfexplore.nets.net import Net
    from zfexplore.on_pictures import OnPicturesFigure

log = logging.getLogger("zfexplore.tui")


@dataclass(eq=False)
class Subject:
    """What is explored, as the engine gives it to the panes: a channel's places, pictures and figures.

    ``building`` is the build of its atlas while it runs; one that is gone on with is ``quiet`` at first, for
    its remarks are known. It is ``running`` once the first images are read. ``saves`` are the figures that
    wait for the whole atlas, and ``skipped`` counts the images that cannot be read. ``damaged`` are those
    that could be read when they were indexed, by name, with the reason.
    """

    setup: say.Setup
    explorer: Explorer
    building: Iterator[Event] | None = None
    complete: bool = False
    failed: bool = False
    begun: bool = False
    quiet: bool = False
    running: bool = False
    saves: list[say.SaveChannel] = field(default_factory=list)
    skipped: int = 0
    damaged: dict[str, str] = field(default_factory=dict)

    @property
    def growing(self) -> bool:
        """Whether the atlas is not whole, but will be if it is built on."""
        return not (self.complete or self.failed)

    def build(self, **options: object) -> None:
        """Begin or go on with the atlas, unless it is whole; ``options`` are those of ``Explorer.index``."""
        if self.building is None and self.growing:
            self.skipped = 0  # those known come again
            self.begun, self.quiet, self.running = True, self.begun, False
            self.building = self.explorer.index(wait=False, **options)  # the explorer stays usable meanwhile

    def pause(self) -> None:
        """Leave the atlas so that it can be gone on with."""
        building, self.building = self.building, None
        if building is not None:
            with suppress(Exception):
                building.close()  # type: ignore[attr-defined]

    @cached_property
    def loaded(self) -> say.NetLoaded:
        """What is told of the net."""
        return net_loaded(self)

    @property
    def stages(self) -> tuple[say.Stage, ...]:
        """Its layers, as they are told."""
        return self.loaded.stages

    def stage(self, name: str) -> say.Stage:
        """One of them; raises ExploreError."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise ExploreError(f"{self.setup.name} has no layer {name}")

    @property
    def checkpoint(self) -> Checkpoint:
        """The net with its metadata."""
        return self.explorer.checkpoint

    @property
    def source(self) -> Source:
        """The images."""
        return self.explorer.source

    @property
    def gone(self) -> bool:
        """Whether the images are gone: all numbers are there, and nothing to draw."""
        from zfexplore.atlas.lost import LostImages

        return isinstance(self.source, LostImages)

    @property
    def atlas(self) -> Atlas | None:
        """The atlas as far as it is built; None before its first part."""
        return self.explorer.atlas if self.explorer.indexed else None

    def top_rows(self, stage_name: str, channel: int) -> tuple[say.PlaceRow, ...]:
        """List a channel's strongest places that fire at all."""
        from zfexplore.exemplars.exemplars import firing_places

        atlas = self.explorer.atlas
        return tuple(
            say.PlaceRow(
                place.rank,
                place.value,
                place.name,
                atlas.class_name(place.label) or "",
                *self._shown_place(stage_name, place.y, place.x),
            )
            for place in firing_places(atlas, Unit(stage_name, channel))
        )

    def pictures(self, stage_name: str, channel: int) -> Iterator[tuple[Exemplar | None, say.ShownUnit]]:
        """Project a channel's strongest units one by one; give each exemplar and how it is shown.

        Of a unit whose image can no longer be read there is no exemplar, and blank pictures keep its place.
        """
        from zfexplore.exemplars.records import Exemplar

        for event in self.explorer.exemplars([Unit(stage_name, channel)]):
            if isinstance(event, Exemplar):
                yield event, self._shown(event)
            elif isinstance(event, Skipped):
                log.warning("%s can no longer be read: %s", event.name, event.reason)
                self.damaged[event.name] = event.reason
                rows = self.top_rows(stage_name, channel)
                yield from ((None, blank(row)) for row in rows if row.name == event.name)

    def unit_on(self, seen: Seen, name: str, unit: Unit) -> say.ShownUnit:
        """Bring a unit back to pixels on what the net sees of the picture of that name."""
        from zfexplore.exemplars.exemplars import of_picture

        (found,) = of_picture(self.checkpoint, seen, [unit], name, rule=self.explorer.settings.rule)
        return self._shown(found)

    def strongest(self, channel: Unit) -> say.ShownUnit | None:
        """Project a channel's strongest exemplar; None where the channel never fires.

        Raises ExploreError where its image cannot be read.
        """
        from zfexplore.exemplars.records import Exemplar

        for event in self.explorer.exemplars([channel], most=1):
            if isinstance(event, Exemplar):
                return self._shown(event)
        return None

    def on_picture(self, image: Image.Image, name: str, unit: Unit) -> say.ShownUnit:
        """Bring a unit back to pixels on an RGB ``image`` that is none of the atlas's."""
        from zfexplore.exemplars.seen import see

        return self.unit_on(see(self.checkpoint, image, self.explorer.settings.fit), name, unit)

    def foreign(self, request: say.SaveChannel) -> str | None:
        """Say of what other origin the file of that name is, or that a table is there without its figure."""
        path = self.setup.figure_path(request)
        if request.shown is None and not path.exists():
            return _lone_tables(path)
        return self.explorer.made(Unit(request.stage_name, request.channel)).replaces(path)

    def figure_on(self, image: Image.Image, chosen: str, unit: Unit) -> tuple[OnPicturesFigure, Path]:
        """Draw a unit on an RGB ``image`` of the file ``chosen``; give the figure and its file."""
        image.filename = chosen  # type: ignore[attr-defined]  # by which the figure names it
        figure = self.explorer.on(unit, image).figure()
        return figure, self.marked(figure)

    def marked(self, figure: Figure) -> Path:
        """Give the file of a figure: the usual one, with the mark of the net."""
        name = Path(figure.made.name)
        return self.setup.out / f"{name.stem}{self.setup.mark}{name.suffix}"

    def save_figure(self, request: say.SaveChannel, found: list[Exemplar]) -> Path:
        """Write the figure that ``zfexplore export channel`` writes, from its exemplars, or one unit's.

        Raises ExploreError where the unit is no longer one of the channel's strongest.
        """
        from zfexplore.exemplars.records import ChannelExemplars

        unit, path = Unit(request.stage_name, request.channel), self.setup.figure_path(request)
        channel = self.explorer.channel_of(ChannelExemplars(unit, tuple(found)))
        if (shown := request.shown) is None:
            return channel.figure().save(path)[0]
        for exemplar in channel:
            place = exemplar.place
            where = self._shown_place(request.stage_name, place.y, place.x)
            if (place.name, *where) == (shown.name, shown.y, shown.x):
                return channel.unit_figure(exemplar.rank, request.unit).save(path)[0]
        raise ExploreError(f"{request.unit} on {shown.name} is no longer among the channel's strongest")

    def _shown_place(self, stage_name: str, y: int, x: int) -> tuple[int, int]:
        """Give where a unit is said to be; one of a fully connected layer is nowhere, which is -1, -1."""
        return (-1, -1) if self.checkpoint.net.stage(stage_name).kind == "fc" else (y, x)

    def _shown(self, exemplar: Exemplar) -> say.ShownUnit:
        import numpy as np

        from zfexplore.exemplars.records import ChannelExemplars
        from zfexplore.figures.blocks import patch_tile

        block = self.explorer.block(ChannelExemplars(exemplar.channel, (exemplar,)))
        (unit,) = block.units
        edge = max(block.side, 1)
        y, x = self._shown_place(exemplar.channel.stage, unit.y, unit.x)
        values = np.zeros((edge, edge, 3), np.float32)
        bottom, right = unit.top + unit.window.height, unit.left + unit.window.width
        values[unit.top : bottom, unit.left : right] = unit.projection.transpose(1, 2, 0)
        return say.ShownUnit(
            rank=exemplar.rank,
            value=unit.value,
            name=unit.name,
            label=self.explorer.atlas.class_name(exemplar.place.label) or "",
            y=y,
            x=x,
            window=unit.window,
            scale=unit.scale,
            projection=Bitmap(values),
            patch=Bitmap(np.asarray(patch_tile(unit, edge, edge))),
            whole=Bitmap(unit.image, box=unit.window),
            image=exemplar.place.image,
        )


def blank(row: say.PlaceRow) -> say.ShownUnit:
    """Give what is shown of a place whose image cannot be read: its numbers and a grey square."""
    import numpy as np

    from zfexplore.figures.display import GREY

    grey = np.full((8, 8, 3), GREY, np.uint8)
    return say.ShownUnit(
        rank=row.rank, value=row.value, name=row.name, label=row.label, y=row.y, x=row.x,
        window=Window(0, 0, 8, 8), scale=0.0,
        projection=Bitmap(grey), patch=Bitmap(grey), whole=Bitmap(grey),
    )  # fmt: skip


def replaced(figure: Figure, path: Path) -> str | None:
    """Say what of another origin a figure and its tables would replace."""
    return figure.made.replaces(path) if path.exists() else _lone_tables(path)


def _lone_tables(path: Path) -> str | None:
    """Say which tables of a figure are there without it."""
    tables = [path.with_suffix(suffix) for suffix in (".csv", ".json")]
    there = " and ".join(table.name for table in tables if table.exists())
    return f"would replace {there} as well, which it did not come with" if there else None


def images_of(setup: say.Setup) -> Source | None:
    """Open the images; None for those that are gone, if an index of them is left. Raises ExploreError."""
    from zfexplore.images.open import open_images
    from zfexplore.images.places import notes_on
    from zfexplore.images.sources import NoImages

    try:
        source = open_images(setup.images, limit=setup.limit, labels=setup.labels)
    except NoImages:
        if not notes_on(setup.images).exists():
            raise
        return None
    if setup.follow is None:
        return source
    from zfexplore.tui.engine.remembered import Remembered

    return Remembered(source)


def open_subject(setup: say.Setup, source: Source | None) -> Subject:
    """Load the net to be shown the images, None for those that are gone; raises ExploreError."""
    from zfexplore.explorer import Explorer
    from zfexplore.open_settings import open_checkpoint, open_source

    checkpoint = open_checkpoint(setup)
    found = open_source(setup, checkpoint) if source is None else source
    return Subject(setup, Explorer.of(setup, checkpoint, found))


def net_loaded(subject: Subject) -> say.NetLoaded:
    """Describe a net and those of its layers that the atlas watches."""
    from zfexplore.nets.summary import summarise

    checkpoint, setup = subject.checkpoint, subject.setup
    watched = checkpoint.net.watched
    metadata = checkpoint.metadata
    size = metadata.input.size
    stages = summarise(checkpoint.net, (size, size))
    layers = tuple(
        say.Stage(
            stage.name,
            stage.kind,
            stage.channels,
            () if stage.kind == "fc" else stage.map_size,
            stage.field.size if stage.field else None,
            checkpoint.class_names(stage.name),
        )
        for stage in stages
        if stage.name in watched
    )
    classes = f", {len(metadata.classes)} classes" if metadata.classes else ""
    title, device = f"{metadata.architecture}{classes}", str(checkpoint.net.device)
    nearest = nearest_shown(checkpoint.net, watched)
    return say.NetLoaded(title, layers, device, nearest, setup.name, setup)


def nearest_shown(net: Net, watched: Collection[str]) -> dict[str, str]:
    """Name for each stage the one that is shown in its place: itself, or for a pool the one it pools."""
    nearest: dict[str, str] = {}
    below = ""
    for name in net.names:
        if name in watched:
            nearest[name] = name
        elif net.stage(name).kind == "pool" and below in nearest:
            nearest[name] = nearest[below]
        below = name
    return nearest


def statistics(atlas: Atlas) -> dict[str, say.StageStatistics]:
    """Read every layer's statistics off the atlas, as plain lists that the panes index."""
    whole = atlas.count + len(atlas.skipped) == len(atlas.image_names)
    return {name: _of_stage(record, atlas.classes, whole) for name, record in atlas.stages.items()}


def _of_stage(record: StageRecord, classes: tuple[str, ...], whole: bool) -> say.StageStatistics:
    selectivity, best = record.selectivity, record.best_class
    # Of layers with thousands of channels this takes up to a second: not again and again while images come.
    striking = record.striking if whole or record.kind == "conv" else None
    return say.StageStatistics(
        maximum=record.max.tolist(),
        mean=record.mean.tolist(),
        firing=record.share_firing.tolist(),
        selectivity=() if selectivity is None else selectivity.tolist(),
        rarity=record.rarity.tolist(),
        best_class=()
        if best is None
        else ["" if silent else classes[number] for number, silent in zip(best, record.dead, strict=True)],
        striking=() if striking is None else striking.tolist(),
    )
