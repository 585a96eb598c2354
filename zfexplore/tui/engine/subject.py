"""What is being explored, in the explorer's own records: net, images, atlas, one channel's pictures.

Everything heavy is imported inside, so that a wrong path is told before torch is loaded.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zfexplore.errors import ExploreError
from zfexplore.tui import messages as say
from zfexplore.tui.drawing.bitmap import Bitmap
from zfexplore.units import Unit

if TYPE_CHECKING:
    import numpy as np

    from zfexplore.atlas.store import Atlas, StageRecord
    from zfexplore.images.sources import Source
    from zfexplore.nets.checkpoint import Checkpoint
    from zfexplore.studies.picture import Seen

SEEN_KEPT = 400  # images as the net sees them: 60 MB at 224 pixels


@dataclass
class Subject:
    """A loaded net, the images it is shown, and, once it is built, the atlas of both."""

    setup: say.Setup
    checkpoint: Checkpoint
    source: Source
    atlas: Atlas | None = None
    _seen: OrderedDict[int, np.ndarray] = field(default_factory=OrderedDict, repr=False)

    # -- descriptions ------------------------------------------------------------------------------

    def top_rows(self, stage: str, channel: int) -> tuple[say.TopRow, ...]:
        """List a channel's strongest places that fire at all."""
        assert self.atlas is not None
        return tuple(
            say.TopRow(
                place.rank,
                place.value,
                place.name,
                self._class_name(place.label),
                *self._shown_place(stage, place.y, place.x),
            )
            for place in self.atlas.top(stage, channel)
            if place.value > 0
        )

    def pictures(self, stage: str, channel: int) -> Iterator[tuple[Any, say.Shown]]:
        """Project a channel's strongest units one by one; give each exemplar and how it is shown."""
        from zfexplore.studies.channel import exemplars

        assert self.atlas is not None
        found = exemplars(self.checkpoint, self.source, self.atlas, stage, channel, look=self._look)
        for rank, exemplar in enumerate(found):
            yield exemplar, self._shown(stage, rank, exemplar)

    def foreign(self, request: say.SaveChannel) -> str | None:
        """Say of what other origin the file of that name is, or that a table is there without its figure."""
        from zfexplore.figures.provenance import foreign, provenance_of

        path, command = self.setup.figure_path(request), self.command(request.stage, request.channel)
        if request.shown is None and not path.exists():
            tables = [path.with_suffix(suffix) for suffix in (".csv", ".json")]
            there = " and ".join(table.name for table in tables if table.exists())
            return f"would replace {there} as well, which it did not come with" if there else None
        ours = provenance_of(self.checkpoint, self.atlas, command=command, title=str(request.unit))
        return foreign(path, ours.chunks())

    def save_figure(self, request: say.SaveChannel, found: list[Any]) -> Path:
        """Write the figure that ``zfexplore export channel`` writes, from its exemplars, or one unit's.

        Raises ExploreError where the unit is no longer one of the channel's strongest.
        """
        from zfexplore.figures.blocks import block_from
        from zfexplore.figures.channel import save_channel
        from zfexplore.figures.unit import save_unit

        assert self.atlas is not None
        stage, channel = request.stage, request.channel
        path, command = self.setup.figure_path(request), self.command(stage, channel)
        field = self.checkpoint.trunk.receptive_field(stage)
        block = block_from(Unit(stage, channel), found, field, classes=self.atlas.classes)
        origin: dict[str, Any] = {"checkpoint": self.checkpoint, "atlas": self.atlas, "command": command}
        if request.shown is None:
            return save_channel(block, path, **origin)[0]
        shown = request.shown
        for cell in block.cells:
            place = self._shown_place(stage, cell.y, cell.x)
            if (cell.name, *place) == (shown.name, shown.y, shown.x):
                return save_unit(cell, block.side, path, unit=request.unit, **origin)
        raise ExploreError(f"{request.unit} on {shown.name} is no longer among the channel's strongest")

    def command(self, stage: str, channel: int) -> str:
        """Give the command that makes the same figure."""
        return self.setup.export_command(stage, channel)

    # -- pieces ------------------------------------------------------------------------------------

    def _look(self, number: int) -> Seen:
        """Give what the net sees of an image, read only if it has not been for a while."""
        from zfexplore.images.transforms import prepare
        from zfexplore.studies.picture import seen_of

        assert self.atlas is not None
        pixels = self._seen.get(number)
        if pixels is None:
            image = self.source[number].image
            pixels = prepare(image, self.checkpoint.metadata.input, self.atlas.header["fit"])
        self._seen[number] = pixels
        self._seen.move_to_end(number)
        if len(self._seen) > SEEN_KEPT:
            self._seen.popitem(last=False)
        return seen_of(self.checkpoint, pixels)

    def _shown_place(self, stage: str, y: int, x: int) -> tuple[int, int]:
        """Give where a unit is said to be; one of a fully connected layer is nowhere, which is -1, -1."""
        return (-1, -1) if self.checkpoint.trunk.stage(stage).kind == "fc" else (y, x)

    def _shown(self, stage: str, rank: int, exemplar: Any) -> say.Shown:
        import numpy as np

        from zfexplore.figures.blocks import block_from, patch_tile

        assert self.atlas is not None
        place = exemplar.place
        field = self.checkpoint.trunk.receptive_field(stage)
        block = block_from(Unit(stage, 0), [exemplar], field, classes=self.atlas.classes)
        (cell,) = block.cells
        edge = max(block.side, 1)
        y, x = self._shown_place(stage, cell.y, cell.x)
        values = np.zeros((edge, edge, 3), np.float32)
        bottom, right = cell.top + cell.window.height, cell.left + cell.window.width
        values[cell.top : bottom, cell.left : right] = cell.projection.transpose(1, 2, 0)
        return say.Shown(
            rank=rank,
            value=cell.value,
            name=cell.name,
            label=self._class_name(place.label),
            y=y,
            x=x,
            window=tuple(cell.window),
            scale=cell.scale,
            projection=Bitmap(values),
            patch=Bitmap(np.asarray(patch_tile(cell, edge, edge))),
            whole=Bitmap(cell.image, box=tuple(cell.window)),
            image=place.image,
        )

    def _class_name(self, label: int | None) -> str:
        assert self.atlas is not None
        return self.atlas.class_name(label) or ""


def open_source(setup: say.Setup) -> Source:
    """Open the images, for which torch is not needed; raises ExploreError."""
    from zfexplore.images.sources import open_images

    return open_images(setup.images, limit=setup.limit)


def open_subject(setup: say.Setup, source: Source) -> Subject:
    """Load the net to be shown the images; raises ExploreError."""
    from zfexplore.nets.checkpoint import load_checkpoint
    from zfexplore.training.machine import find_device

    return Subject(setup, load_checkpoint(setup.checkpoint, find_device(setup.device)), source)


def net_loaded(checkpoint: Checkpoint, watched: tuple[str, ...]) -> say.NetLoaded:
    """Describe a net and those of its layers that the atlas watches."""
    from zfexplore.nets.summary import summarise

    metadata = checkpoint.metadata
    size = metadata.input.size
    stages = summarise(checkpoint.trunk, (size, size))
    layers = tuple(
        say.Layer(
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
    title, device = f"{metadata.architecture}{classes}", str(checkpoint.trunk.device)
    return say.NetLoaded(title, layers, device)


def statistics(atlas: Atlas) -> dict[str, say.StageStatistics]:
    """Read every layer's statistics off the atlas, as plain lists that the panes index."""
    return {name: _of_stage(record, atlas.classes) for name, record in atlas.stages.items()}


def _of_stage(record: StageRecord, classes: tuple[str, ...]) -> say.StageStatistics:
    selectivity, best = record.selectivity, record.best_class
    return say.StageStatistics(
        maximum=record.max.tolist(),
        mean=record.mean.tolist(),
        firing=record.share_firing.tolist(),
        selectivity=() if selectivity is None else selectivity.tolist(),
        rarity=record.rarity.tolist(),
        best_class=()
        if best is None
        else ["" if silent else classes[number] for number, silent in zip(best, record.dead, strict=True)],
    )
