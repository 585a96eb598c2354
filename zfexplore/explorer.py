"""Weights, images and their atlas, opened together: what commands, terminal explorer and notebooks share.

    explorer = zfexplore.Explorer(images="album/")
    explorer.figure("conv5", "top16").save("conv5.png")

The commands and this class use one cache, so nothing is indexed twice. Every figure knows the command
that makes the same file.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, get_args

import numpy as np
from PIL import Image

from zfexplore.atlas.build import Event, Partial
from zfexplore.atlas.open import open_or_build
from zfexplore.atlas.select import check_choice, ranked
from zfexplore.atlas.store import Atlas, watched_stages
from zfexplore.atlas.tables import channel_row, place_rows, write_atlas
from zfexplore.channel import Channel
from zfexplore.choices import DEFAULT_IMAGES, AtlasFormat, Fit, Method, RankedBy
from zfexplore.deconv.project import project
from zfexplore.deconv.request import Projection
from zfexplore.drawings import draw_filters, draw_grid, draw_layers
from zfexplore.errors import ExploreError
from zfexplore.exemplars.exemplars import exemplars
from zfexplore.exemplars.records import ChannelExemplars, Exemplar
from zfexplore.exemplars.seen import Seen, open_picture, see, seen_of
from zfexplore.figures.blocks import ChannelBlock, block_from
from zfexplore.figures.figure import Figure, Made
from zfexplore.figures.provenance import Origin
from zfexplore.images.open import open_images
from zfexplore.images.remarks import depth_remark, remarks
from zfexplore.images.sources import Source
from zfexplore.images.transforms import prepare
from zfexplore.nets.checkpoint import Checkpoint, load_checkpoint
from zfexplore.nets.device import find_device
from zfexplore.progress import Finished, Note, Progress
from zfexplore.settings import Command, Settings
from zfexplore.showing import Records, channel_table, place_table, watch
from zfexplore.studies.feeds import feeds_from
from zfexplore.studies.occlusion import OcclusionResult, occlude
from zfexplore.studies.ranking import rank_channels
from zfexplore.studies.records import Feeds, RankedChannel
from zfexplore.units import Unit

Picture = str | os.PathLike[str] | Image.Image | int

SEEN_KEPT = 400  # images as the net sees them: 60 MB at 224 pixels


class Explorer:
    """A net, images, and for every channel the places on the images where it fires most.

    ``checkpoint`` (None: the shipped one), ``images``, ``limit``, ``fit``, ``device``, ``download`` and
    ``labels`` mean the same as the commands' options. Opens the atlas in the cache or builds it, with a
    progress bar in a terminal and plain lines elsewhere. Raises ExploreError if weights or images do not
    exist.
    """

    checkpoint: Checkpoint
    source: Source
    settings: Settings

    def __init__(
        self,
        images: str | os.PathLike[str] = DEFAULT_IMAGES,
        checkpoint: str | os.PathLike[str] | None = None,
        *,
        limit: int | None = None,
        fit: Fit = "crop",
        device: str = "auto",
        download: bool = False,
        labels: str | os.PathLike[str] | None = None,
    ) -> None:
        weights = None if checkpoint is None else os.fspath(checkpoint)
        classes = None if labels is None else os.fspath(labels)
        settings = Settings(os.fspath(images), weights, limit, fit, device, download, classes)
        self._set(settings, *open_settings(settings))
        watch(self.index())

    @classmethod
    def open(cls, settings: Settings, layer: str | None = None, channels: str = "all") -> Explorer:
        """Open what ``settings`` say; ``layer`` and ``channels`` are checked before anything takes long."""
        explorer = cls.of(settings, *open_settings(settings, layer, channels))
        watch(explorer.index())
        return explorer

    @classmethod
    def of(cls, settings: Settings, checkpoint: Checkpoint, source: Source) -> Explorer:
        """Give an explorer of weights and images that are already open; ``index`` is still to be run."""
        explorer = cls.__new__(cls)
        explorer._set(settings, checkpoint, source)
        return explorer

    def _set(self, settings: Settings, checkpoint: Checkpoint, source: Source) -> None:
        self.settings, self.checkpoint, self.source = settings, checkpoint, source
        self._atlas: Atlas | None = None
        self._seen: OrderedDict[int, np.ndarray] = OrderedDict()

    def __repr__(self) -> str:
        net, count = self.checkpoint.metadata.architecture, len(self.source)
        return f"<Explorer of {net} on {count:,} images of {self.source.name}>"

    # -- the atlas ---------------------------------------------------------------------------------

    def index(self, **options: Any) -> Iterator[Event]:
        """Open the atlas in the cache or build it; ``Finished`` carries it.

        Notes come first that say what of the images was left out, and which have no class.
        ``options`` are those of ``atlas.open.open_or_build``. During a build, the explorer already works on
        the partial atlas that its ``Partial`` events carry.
        """
        yield from (Note(line) for line in remarks(self.source))
        events: Any = open_or_build(self.checkpoint, self.source, fit=self.settings.fit, **options)
        with closing(events):  # if closed early, the build saves what it needs to go on
            for event in events:
                if isinstance(event, Partial):
                    self._atlas = event.atlas
                elif isinstance(event, Finished):
                    self._atlas = event.result
                    if (told := depth_remark(self.source)) is not None:
                        yield Note(told)
                yield event

    @property
    def indexed(self) -> bool:
        """Whether there is an atlas, whole or partial."""
        return self._atlas is not None

    @property
    def atlas(self) -> Atlas:
        """The atlas; raises ExploreError before there is one."""
        if self._atlas is None:
            raise ExploreError("the images are not indexed yet")
        return self._atlas

    @property
    def origin(self) -> Origin:
        """The origin of the figures: net, weights and images."""
        metadata, atlas = self.checkpoint.metadata, self.atlas
        return Origin(
            metadata.architecture, metadata.weights_fingerprint, atlas.fingerprint,
            atlas.header.get("images", ""), atlas.count,
        )  # fmt: skip

    def save_atlas(self, path: str | os.PathLike[str], form: AtlasFormat | None = None) -> Path:
        """Write the atlas as csv, json or npz (by default by the ending of ``path``), as ``export atlas``."""
        chosen: Any = form or Path(path).suffix.lower().lstrip(".")
        if chosen not in get_args(AtlasFormat):
            raise ExploreError(f"an atlas is written as csv, json or npz, not {chosen!r}", usage=True)
        write_atlas(self.atlas, self.checkpoint.trunk, path, chosen)
        return Path(path)

    # -- channels ----------------------------------------------------------------------------------

    def known(self, channel: Unit) -> dict[str, Any]:
        """Give what the atlas knows about a channel, and the class that it stands for, if any."""
        row = channel_row(self.atlas, channel.stage, channel.channel)
        names = self.checkpoint.class_names(channel.stage)
        return row | ({"stands_for": names[channel.channel]} if names else {})

    def top(self, what: str | Unit, *, by: RankedBy = "mean", count: int = 20) -> Records:
        """List the ``count`` highest channels of a stage, or the strongest places of a channel (conv5:130).

        ``by`` is mean or max of the image maxima, selectivity or rarity. The records are plain values and
        print as a table.
        """
        unit = what if isinstance(what, Unit) else Unit.parse(what) if ":" in what else None
        if unit is not None:
            rows = place_rows(self.atlas, self.checkpoint.trunk, unit.stage, unit.channel)
            return Records(rows, _places_title(self.known(unit), self.atlas.count), place_table)
        numbers = ranked(self.atlas, str(what), by)[:count]
        rows = [self.known(Unit(str(what), number)) for number in numbers]
        channels = self.atlas.stage(str(what)).channels
        return Records(rows, f"{what}: {len(rows)} of {channels} channels, by {by}", channel_table)

    def exemplars(
        self, channels: Iterable[Unit], *, method: Method = "auto"
    ) -> Iterator[Progress | Exemplar | ChannelExemplars | Finished[int]]:
        """Give the exemplars of one channel or many, as ``exemplars.exemplars.exemplars`` does."""
        return exemplars(
            self.checkpoint, self.source, self.atlas, list(channels), method=method, look=self.look
        )

    def channel(self, channel: str | Unit, *, method: Method = "auto") -> Channel:
        """Project a channel's strongest units: exemplars, table and figure, as ``export channel``."""
        return watch(self.projecting(_channel_of(channel), method=method))

    def projecting(self, channel: Unit, *, method: Method = "auto") -> Iterator[Progress | Finished[Channel]]:
        """Do the same as ``channel``, as events; the last one carries the ``Channel``."""
        for event in self.exemplars([channel], method=method):
            if isinstance(event, Progress):
                yield event
            elif isinstance(event, ChannelExemplars):
                yield Finished(self.channel_of(event, method=method))

    def channel_of(self, found: ChannelExemplars, *, method: Method = "auto") -> Channel:
        """Give a channel from exemplars that were already found."""
        channel = found.channel
        return Channel(
            channel, found.exemplars, self.known(channel), self.top(channel), self.block(found),
            self.made(channel, method=method),
        )  # fmt: skip

    def made(self, channel: Unit, *, method: Method = "auto") -> Made:
        """Give the origin and the command of a channel's figure."""
        options = {
            "--tile": None, "--title": None, "--out": None, "--npz": None,
            **self.settings.options(), "--dense": method == "dense",
        }  # fmt: skip
        command = Command(("export", "channel", str(channel)), options)
        return Made(self.origin, command, str(channel), f"{channel.slug}.png")

    def block(self, found: ChannelExemplars, kernels: np.ndarray | None = None) -> ChannelBlock:
        """Give what a figure draws of a channel; ``kernels [n, 3, k, k]`` adds a filter in conv1."""
        trunk, channel = self.checkpoint.trunk, found.channel
        first = channel.stage == trunk.names[0]
        names = self.checkpoint.class_names(channel.stage)
        return block_from(
            channel,
            found.exemplars,
            trunk.receptive_field(channel.stage),
            classes=self.atlas.classes,
            kernel=kernels[channel.channel] if kernels is not None and first else None,
            class_name=names[channel.channel] if names else None,
        )

    def look(self, image: int) -> Seen:
        """Give what the net sees of image number ``image``; the last ``SEEN_KEPT`` images are cached."""
        pixels = self._seen.get(image)
        if pixels is None:
            pixels = prepare(self.source[image].image, self.checkpoint.metadata.input, self.settings.fit)
        self._seen[image] = pixels
        self._seen.move_to_end(image)
        if len(self._seen) > SEEN_KEPT:
            self._seen.popitem(last=False)
        return seen_of(self.checkpoint, pixels)

    # -- one picture: a file, an RGB image, or one of the images by its number ----------------------

    def image(self, picture: Picture) -> Image.Image:
        """Open a picture in RGB; raises ExploreError, naming the file, where it cannot be read."""
        if isinstance(picture, Image.Image):
            return picture.convert("RGB")
        if isinstance(picture, int | np.integer):
            return self.source[int(picture)].image
        return open_picture(picture)

    def project(self, picture: Picture, unit: str | Unit, *, method: Method = "auto") -> Projection:
        """Bring one unit back to pixels on a picture.

        For a channel (``conv5:130``) this is its strongest unit on that picture; for ``conv5:130@6,7`` it is
        the unit at that row and column.
        """
        unit = _unit_of(unit)
        batch = see(self.checkpoint, self.image(picture), self.settings.fit).batch
        place = None if unit.y is None or unit.x is None else [(unit.y, unit.x)]
        return project(self.checkpoint.trunk, batch, unit.stage, unit.channel, place, method=method)

    def rank(self, picture: Picture, layer: str | None = None) -> list[RankedChannel]:
        """Rank the channels of ``layer`` (None: all but pools) by how unusually a picture excites them."""
        return rank_channels(self.checkpoint, self.atlas, self.image(picture), stage=layer)

    def feeds(self, picture: Picture, unit: str | Unit) -> Feeds:
        """Give what drives a unit on a picture: each channel of the stage below with its share."""
        return feeds_from(self.checkpoint, self.image(picture), _unit_of(unit), fit=self.settings.fit)

    def occlude(self, picture: Picture, channel: str | Unit, **options: Any) -> OcclusionResult:
        """Move a grey square over a picture and watch a channel; ``options`` as for ``occlusion.occlude``."""
        unit, fit = _unit_of(channel), self.settings.fit
        image = self.image(picture)
        return watch(occlude(self.checkpoint, image, unit.stage, unit.channel, fit=fit, **options))

    # -- figures -----------------------------------------------------------------------------------

    def figure(self, layer: str, channels: str = "top9", **options: Any) -> Figure:
        """Draw the paper's figure of a layer (``export grid``); ``options`` are those of ``draw_grid``."""
        return watch(draw_grid(self, layer, channels, **options).events())

    def layers(self, channels: str = "top4", **options: Any) -> Figure:
        """Draw all layers on one sheet (``export figure``); ``options`` are those of ``draw_layers``."""
        return watch(draw_layers(self, channels, **options).events())

    def filters(self, channels: str = "top9", **options: Any) -> Figure:
        """Draw the first layer's filters (``export filters``); ``options`` are those of ``draw_filters``."""
        return watch(draw_filters(self, channels, **options).events())

    def kernels(self) -> np.ndarray:
        """Give the first convolution's filters, float32 ``[n, 3, k, k]``."""
        step = next(step for step in self.checkpoint.trunk.steps if step.kind == "conv")
        weight: Any = step.module.weight
        return weight.detach().float().cpu().numpy()


def open_settings(
    settings: Settings, layer: str | None = None, channels: str = "all"
) -> tuple[Checkpoint, Source]:
    """Load the weights and open the images; check early that ``layer`` and ``channels`` exist.

    Raises ExploreError if one of these does not exist.
    """
    checkpoint = load_checkpoint(settings.checkpoint, find_device(settings.device))
    if layer is not None:
        stage, watched = checkpoint.trunk.stage(layer), watched_stages(checkpoint.trunk)
        if layer not in watched:
            raise ExploreError(f"{layer} is not indexed: choose {', '.join(watched)}", usage=True)
        check_choice(channels, stage.channels)
    source = open_images(
        settings.images, limit=settings.limit, download=settings.download, labels=settings.labels
    )
    return checkpoint, source


def _unit_of(unit: str | Unit) -> Unit:
    return unit if isinstance(unit, Unit) else Unit.parse(unit)


def _channel_of(channel: str | Unit) -> Unit:
    unit = _unit_of(channel)
    return Unit(unit.stage, unit.channel)


def _places_title(known: dict[str, Any], count: int) -> str:
    firing = f"fires on {known['share_firing']:.0%} of {count:,} images"
    name = f"{known['channel']} {known.get('stands_for', '')}".rstrip()
    return f"{name} {firing}, mean of image maxima {known['mean']:.4g}"
