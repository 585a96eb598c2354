"""Weights, images and their atlas, opened together: what commands, terminal explorer and notebooks share.

    explorer = zfexplore.Explorer(images="album/")
    explorer.figure("conv5", "top16").save("conv5.png")

The commands and this class use one cache, so nothing is indexed twice. Every figure knows the command
that makes the same file.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from PIL import Image
from torch import nn

from zfexplore.arguments import path_text, shown, whole, whole_or_none
from zfexplore.atlas.build import Event, Partial
from zfexplore.atlas.lost import LostImages, Spot, find_lost, note_spot
from zfexplore.atlas.open import open_or_build
from zfexplore.atlas.select import check_choice, ranked
from zfexplore.atlas.store import Atlas
from zfexplore.atlas.tables import channel_row, place_rows, write_atlas
from zfexplore.channel import Channel
from zfexplore.choices import DEFAULT_IMAGES, SHIPPED_NET, AtlasFormat, Fit, Method, Move, RankedBy, Rule
from zfexplore.convention import InputConvention
from zfexplore.deconv.project import project
from zfexplore.deconv.request import Projection
from zfexplore.deconv.rules import check_rule
from zfexplore.drawings import (
    draw_filters,
    draw_grid,
    draw_ideals,
    draw_layers,
    draw_pairs,
    draw_tree,
    transfer_made,
)
from zfexplore.errors import ExploreError
from zfexplore.exemplars.exemplars import exemplars
from zfexplore.exemplars.records import ChannelExemplars, Exemplar
from zfexplore.exemplars.seen import Seen, as_picture, open_picture, see, seen_of
from zfexplore.explained import Explained, explain, explain_all
from zfexplore.figures.blocks import ChannelBlock, block_from
from zfexplore.figures.display import in_colours
from zfexplore.figures.evolution import EvolutionFigure
from zfexplore.figures.figure import Figure, Made
from zfexplore.figures.ideal import IdealBlock, IdealFigure
from zfexplore.figures.provenance import Origin
from zfexplore.figures.transfer import TransferFigure
from zfexplore.figures.tree import TreeFigure
from zfexplore.gallery import Gallery, make_gallery
from zfexplore.images.open import open_images
from zfexplore.images.pictures import OwnPicture, own_pictures
from zfexplore.images.remarks import depth_remark, remarks
from zfexplore.images.sources import NoImages, Source
from zfexplore.images.transforms import prepare
from zfexplore.nets.checkpoint import Checkpoint
from zfexplore.nets.device import find_device
from zfexplore.nets.fingerprint import weights_in_use
from zfexplore.nets.open import open_module, open_net
from zfexplore.occluded import Occluded, occlude_picture
from zfexplore.on_pictures import OnPictures, bring_back, name_of
from zfexplore.progress import Finished, Note, Progress, Skipped
from zfexplore.settings import Command, Settings
from zfexplore.showing import Records, alike_table, channel_table, place_table, watch
from zfexplore.studies.architecture import FilterReport, cap_of, filter_reports
from zfexplore.studies.company import Company, Tree, alike, tree
from zfexplore.studies.comparison import compare, most_alike
from zfexplore.studies.correspondence import Correspondence, correspond, parts_of, read_parts
from zfexplore.studies.evolution import Evolution, evolve, in_order, weights_in
from zfexplore.studies.feeds import feeds_from
from zfexplore.studies.ideal import Ascent, Ideal, ideals
from zfexplore.studies.occlusion import OcclusionResult, occlude
from zfexplore.studies.ranking import rank_channels
from zfexplore.studies.records import Comparison, Feeds, Match, RankedChannel, Transfer
from zfexplore.studies.transfer import transfer
from zfexplore.study_figures import draw_evolution
from zfexplore.training.data import Joined
from zfexplore.units import Unit
from zfexplore.varied import Varied, class_in_source, vary_pictures

if TYPE_CHECKING:
    from zfexplore.studies.starts import Beginnings

Picture = str | os.PathLike[str] | Image.Image | np.ndarray | int

SEEN_KEPT = 400  # images as the net sees them: 60 MB at 224 pixels


class Explorer:
    """A net, images, and for every channel the places on the images where it fires most.

    ``net`` is an ``nn.Module``, which stays as it is, or what ``--net`` takes; without it, ``checkpoint``
    is explored (None: the shipped one). ``input`` is what a module expects of its input (by default
    ImageNet's), and ``classes`` are the names of its logits. The others mean the same as the commands'
    options. Opens the atlas in the cache or builds it, with a progress bar in a terminal and plain lines
    elsewhere. Raises ExploreError if net, weights or images do not exist. Of images that were indexed and
    are gone by now, all numbers are given and nothing can be drawn.
    """

    checkpoint: Checkpoint
    source: Source
    settings: Settings

    def __init__(
        self,
        net: nn.Module | str | None = None,
        *,
        images: str | os.PathLike[str] = DEFAULT_IMAGES,
        checkpoint: str | os.PathLike[str] | None = None,
        weights: str | os.PathLike[str] | None = None,
        input: InputConvention | None = None,
        classes: Sequence[str] = (),
        stages: Sequence[str] = (),
        rule: Rule = "deconv",
        limit: int | None = None,
        fit: Fit = "crop",
        device: str = "auto",
        download: bool = False,
        labels: str | os.PathLike[str] | None = None,
    ) -> None:
        name = f"<{type(net).__name__} from Python>" if isinstance(net, nn.Module) else net
        settings = Settings(
            path_text(images, "images"), _path(checkpoint, "the checkpoint"), limit, fit, str(device),
            download, _path(labels, "the labels"), name, _path(weights, "the weights"), tuple(stages), rule,
        )  # fmt: skip
        if isinstance(net, nn.Module):
            where = None if device == "auto" else find_device(device)
            opened = open_module(net, input, classes=classes, stages=stages, device=where)
            check_rule(opened.net, rule)
        elif input is not None or classes:
            raise ExploreError("input and classes are those of a module: give it as net", usage=True)
        else:
            opened = open_checkpoint(settings)
        self._set(settings, opened, open_source(settings, opened))
        watch(self.index())

    @classmethod
    def open(
        cls, settings: Settings, layer: str | None = None, channels: str = "all", *, pixels: bool = False
    ) -> Explorer:
        """Open what ``settings`` say; ``layer`` and ``channels`` are checked before anything takes long.

        With ``pixels``, images that are gone are an error; without, their index will do.
        """
        explorer = cls.of(settings, *open_settings(settings, layer, channels, pixels=pixels))
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
        self._seen_from: tuple[object, object, object] = (source, checkpoint.metadata.input, settings.fit)

    def __repr__(self) -> str:
        net, count = self.checkpoint.metadata.architecture, len(self.source)
        return f"<Explorer of {net} on {count:,} images of {self.source.name}>"

    # -- the atlas ---------------------------------------------------------------------------------

    def index(self, **options: Any) -> Iterator[Event]:
        """Open the atlas in the cache or build it; ``Finished`` carries it.

        Notes come first that say how the net was opened, what of the images was left out, and which have
        no class.
        ``options`` are those of ``atlas.open.open_or_build``. During a build, the explorer already works on
        the partial atlas that its ``Partial`` events carry.
        """
        if options.get("again") and isinstance(self.source, LostImages):
            raise ExploreError(f"the images of {self.source.path} are gone: their index cannot be built anew")
        yield from (Note(line) for line in (*self.checkpoint.notes, *remarks(self.source)))
        events: Any = open_or_build(self.checkpoint, self.source, fit=self.settings.fit, **options)
        with closing(events):  # if closed early, the build saves what it needs to go on
            for event in events:
                if isinstance(event, Partial):
                    self._atlas = event.atlas
                elif isinstance(event, Finished):
                    self._atlas = event.result
                    if (told := depth_remark(self.source)) is not None:
                        yield Note(told)
                    if not isinstance(self.source, LostImages):
                        note_spot(_spot(self.settings), event.result.header["images"])
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
            metadata.architecture, atlas.header["weights"], atlas.fingerprint,
            atlas.header.get("images", ""), atlas.count, self.settings.rule,
        )  # fmt: skip

    def save_atlas(self, path: str | os.PathLike[str], form: AtlasFormat | None = None) -> Path:
        """Write the atlas as csv, json or npz (by default by the ending of ``path``), as ``export atlas``."""
        self._check_weights()
        path = path_text(path, "the atlas's file")
        chosen: Any = form or Path(path).suffix.lower().lstrip(".")
        if chosen not in get_args(AtlasFormat):
            raise ExploreError(f"an atlas is written as csv, json or npz, not {chosen!r}", usage=True)
        write_atlas(self.atlas, self.checkpoint.net, path, chosen)
        return Path(path)

    def _check_weights(self) -> None:
        """Raise ExploreError if the net's weights were changed after the images were indexed."""
        if self.atlas.header["weights"] != weights_in_use(self.checkpoint):
            raise ExploreError(
                "the weights have changed since the images were indexed: "
                "index them again with zfexplore.progress.finish(explorer.index())"
            )

    # -- channels ----------------------------------------------------------------------------------

    def stage(self, name: str) -> str:
        """Give a stage's own name; a module's ``layer3.1`` may be another name of ``layer3.1.conv2``."""
        return self.checkpoint.net.stage(name).name

    def unit(self, unit: str | Unit) -> Unit:
        """Read a channel or a unit, with its stage's own name."""
        unit = _unit_of(unit)
        return replace(unit, stage=self.stage(unit.stage))

    def known(self, channel: str | Unit) -> dict[str, Any]:
        """Give what the atlas knows about a channel, and the class that it stands for, if any."""
        channel = self.unit(channel)
        row = channel_row(self.atlas, channel.stage, channel.channel)
        names = self.checkpoint.class_names(channel.stage)
        return row | ({"stands_for": names[channel.channel]} if names else {})

    def top(self, what: str | Unit, *, by: RankedBy = "mean", count: int = 20) -> Records:
        """List the ``count`` highest channels of a stage, or the strongest places of a channel (conv5:130).

        ``by`` is mean or max of the image maxima, selectivity, rarity or striking (``atlas.striking``), which
        the rows then have too. The records are plain values and print as a table.
        """
        self._check_weights()
        count = whole(count, "count", least=0)
        if not isinstance(what, str) or ":" in what:
            unit = self.unit(what)
            rows = place_rows(self.atlas, self.checkpoint.net, unit.stage, unit.channel)
            return Records(rows, _places_title(self.known(unit), self.atlas.count), place_table)
        stage = self.stage(what)
        rows = [self.known(Unit(stage, number)) for number in ranked(self.atlas, stage, by)[:count]]
        channels = self.atlas.stage(stage).channels
        if by == "striking" and (striking := self.atlas.stage(stage).striking) is not None:
            for row in rows:
                row["striking"] = float(striking[Unit.parse(row["channel"]).channel])
        return Records(rows, f"{stage}: {len(rows)} of {channels} channels, by {by}", channel_table)

    def exemplars(
        self, channels: Iterable[str | Unit], *, method: Method = "auto", most: int | None = None
    ) -> Iterator[Progress | Skipped | Exemplar | ChannelExemplars | Finished[int]]:
        """Give the exemplars of one channel or many, as ``exemplars.exemplars.exemplars`` does."""
        units = [self.unit(channel) for channel in channels]
        return exemplars(
            self.checkpoint, self.source, self.atlas, [Unit(unit.stage, unit.channel) for unit in units],
            method=method, rule=self.settings.rule, look=self.look, most=most,
        )  # fmt: skip

    def channel(self, channel: str | Unit, *, method: Method = "auto") -> Channel:
        """Project a channel's strongest units: exemplars, table and figure, as ``export channel``."""
        return watch(self.projecting(self.unit(channel), method=method))

    def projecting(
        self, channel: Unit, *, method: Method = "auto"
    ) -> Iterator[Progress | Skipped | Finished[Channel]]:
        """Do the same as ``channel``, as events; the last one carries the ``Channel``."""
        for event in self.exemplars([Unit(channel.stage, channel.channel)], method=method):
            if isinstance(event, Progress | Skipped):
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
            "--tile": None, "--title": None, "--ideal": None, "--out": None, "--npz": None,
            **self.settings.options(), "--dense": method == "dense",
        }  # fmt: skip
        command = Command(("export", "channel", str(channel)), options)
        return Made(self.origin, command, str(channel), f"{channel.slug}.png")

    def block(self, found: ChannelExemplars, kernels: np.ndarray | None = None) -> ChannelBlock:
        """Give what a figure draws of a channel; ``kernels [n, 3, k, k]`` adds a filter in conv1."""
        net, channel = self.checkpoint.net, found.channel
        first = channel.stage == net.watched[0]
        names = self.checkpoint.class_names(channel.stage)
        return block_from(
            channel,
            found.exemplars,
            net.receptive_field(channel.stage),
            classes=self.atlas.classes,
            kernel=kernels[channel.channel] if kernels is not None and first else None,
            class_name=names[channel.channel] if names else None,
            unreadable=found.unreadable,
        )

    def look(self, image: int) -> Seen:
        """Give what the net sees of image number ``image``; the last ``SEEN_KEPT`` images are cached."""
        source = (self.source, self.checkpoint.metadata.input, self.settings.fit)
        if any(one is not other for one, other in zip(source, self._seen_from, strict=True)):
            self._seen, self._seen_from = OrderedDict(), source
        pixels = self._seen.pop(image, None)  # taken out and put in last: threads may look side by side
        if pixels is None:
            pixels = prepare(self.image(image), self.checkpoint.metadata.input, self.settings.fit)
        self._seen[image] = pixels
        if len(self._seen) > SEEN_KEPT:
            self._seen.popitem(last=False)
        return seen_of(self.checkpoint, pixels.copy())  # the caller may draw on it

    # -- one picture: a file, an RGB image, or one of the images by its number ----------------------

    def image(self, picture: Picture) -> Image.Image:
        """Open a picture in RGB: a file, an image of Pillow's, an array, or one of the images by its number.

        An array is uint8 ``[h, w, 3]``, or grey ``[h, w]`` (``seen.as_picture``). Raises ExploreError, naming
        the file or the number, where there is none or where it cannot be read.
        """
        if isinstance(picture, Image.Image | np.ndarray):
            return as_picture(picture)
        if isinstance(picture, str | os.PathLike):
            return open_picture(picture)
        number = whole_or_none(picture)
        if number is None:
            raise ExploreError(
                "a picture is a file, a number, an image of Pillow's, or a uint8 array [h, w, 3], "
                f"not {shown(picture)}",
                usage=True,
            )
        try:
            if number >= 0:
                return self.source[number].image
        except IndexError:
            pass
        last = len(self.source) - 1
        raise ExploreError(f"there is no image {number}: {self.source.name} has 0-{last}", usage=True)

    def project(self, picture: Picture, unit: str | Unit, *, method: Method = "auto") -> Projection:
        """Bring one unit back to pixels on a picture.

        For a channel (``conv5:130``) this is its strongest unit on that picture; for ``conv5:130@6,7`` it is
        the unit at that row and column.
        """
        unit = self.unit(unit)
        batch = see(self.checkpoint, self.image(picture), self.settings.fit).batch
        place = None if unit.y is None or unit.x is None else [(unit.y, unit.x)]
        return project(
            self.checkpoint.net,
            batch,
            unit.stage,
            unit.channel,
            place,
            method=method,
            rule=self.settings.rule,
        )

    def on(self, unit: str | Unit, *pictures: Picture, method: Method = "auto") -> OnPictures:
        """Draw a unit on pictures of one's own, a row each, as ``export unit`` does.

        Of a channel it is each picture's strongest unit, as ``export channel --on`` draws it.
        """
        self._check_weights()
        return bring_back(self, self.unit(unit), pictures, method=method)

    def explain(self, picture: Picture, layer: str | None = None, count: int = 20) -> Explained:
        """Give a picture's classes and the ``count`` channels that it excites most unusually.

        The channels are those of ``layer``; None is all layers but pools, convolutional ones first. It prints
        as ``zfexplore explain`` does.
        """
        self._check_weights()
        stage = None if layer is None else self.stage(layer)
        return explain(self, self.image(picture), name_of(self, picture), stage, count)

    def explaining(
        self,
        pictures: Iterable[OwnPicture | str | os.PathLike[str]] | str | os.PathLike[str],
        layer: str | None = None,
        count: int = 20,
    ) -> Iterator[Progress | Note | Skipped | Explained | Finished[int]]:
        """Explain many pictures one by one: files, and all of a folder, an archive or a named set.

        Unreadable ones are skipped. ``images.pictures.OwnPictures`` also tells what it leaves out.
        """
        self._check_weights()
        stage = None if layer is None else self.stage(layer)
        return explain_all(self, own_pictures(pictures), stage, count)

    def rank(self, picture: Picture, layer: str | None = None) -> list[RankedChannel]:
        """Rank the channels of ``layer`` (None: all but pools) by how unusually a picture excites them."""
        stage = None if layer is None else self.stage(layer)
        return rank_channels(self.checkpoint, self.atlas, self.image(picture), stage=stage)

    def feeds(self, picture: Picture, unit: str | Unit) -> Feeds:
        """Give what drives a unit on a picture: each channel of the stage below with its share."""
        return feeds_from(self.checkpoint, self.image(picture), self.unit(unit), fit=self.settings.fit)

    def occlude(self, picture: Picture, channel: str | Unit, **options: Any) -> OcclusionResult:
        """Move a grey square over a picture and watch a channel; ``options`` as for ``occlusion.occlude``."""
        unit, fit = self.unit(channel), self.settings.fit
        image = self.image(picture)
        return watch(occlude(self.checkpoint, image, unit.stage, unit.channel, fit=fit, **options))

    def occluded(
        self, picture: Picture, channel: str | Unit | None = None, *, label: int | str | None = None,
        square: int | None = None, stride: int | None = None,
    ) -> Occluded:  # fmt: skip
        """Do the same, with the channel's projections beside the maps, as ``export occlusion``.

        Without a ``channel`` it is the strongest of the last convolution; the others are those of
        ``occlusion.occlude``.
        """
        self._check_weights()
        unit = None if channel is None else self.unit(channel)
        named = None if unit is None else Unit(unit.stage, unit.channel)
        image = self.image(picture)
        return watch(occlude_picture(self, image, name_of(self, picture), named, label, square, stride))

    def vary(
        self, *pictures: Picture, labels: Sequence[int | str | None] | None = None,
        layers: Sequence[str] | None = None, amounts: Mapping[Move, Sequence[float]] | None = None,
    ) -> Varied:  # fmt: skip
        """Shift, enlarge and turn pictures, and see what stays the same, as ``export invariance``.

        ``labels`` are the true classes, one for all or one for each picture. Without them it is the class of
        a picture that is one of the images, where the net has that class, else the most probable class.
        ``layers`` and ``amounts`` are those of ``invariance.vary``.
        """
        self._check_weights()
        named = [(name_of(self, picture), self.image(picture)) for picture in pictures]
        if labels is None:
            numbers = [whole_or_none(picture) for picture in pictures]
            labels = [None if one is None else class_in_source(self, self.source, one) for one in numbers]
        return watch(vary_pictures(self, named, labels or None, layers, amounts))

    # -- other classes -----------------------------------------------------------------------------

    def transfer(
        self,
        per_class: Sequence[int] = (15, 30),
        *,
        splits: int = 5,
        seed: int = 0,
        exclude: Iterable[str] = (),
    ) -> Transfer:
        """Train a linear classifier on each indexed stage's features of the images (ZF table 7).

        Their classes are told apart from ``per_class`` images of each, drawn ``splits`` times; ``exclude``
        names classes to leave out. ``studies.transfer`` has the protocol.
        """
        return watch(self.transferring(per_class, splits=splits, seed=seed, exclude=exclude))

    def transferring(
        self,
        per_class: Sequence[int] = (15, 30),
        *,
        splits: int = 5,
        seed: int = 0,
        exclude: Iterable[str] = (),
    ) -> Iterator[Any]:
        """Do the same as ``transfer``, as events; the last one carries the ``Transfer``."""
        yield from (Note(line) for line in (*self.checkpoint.notes, *remarks(self.source)))
        images = Joined([self.source], exclude)
        yield from transfer(self.checkpoint, images, per_class=per_class, splits=splits, seed=seed)

    def transfer_figure(self, *, title: str | None = None, **options: Any) -> TransferFigure:
        """Draw what ``transfer`` finds, with its table; ``options`` are those of ``transfer``."""
        return TransferFigure.draw(self.transfer(**options), transfer_made(self, title=title, **options))

    def filter_reports(self, *, cap: float | None = None) -> tuple[FilterReport, ...]:
        """Report on each convolution's filters and dead channels, as ``info --filters`` does.

        ``cap`` is the root mean square to which filters are renormalised, by default the recipe's.
        """
        self._check_weights()
        return filter_reports(
            self.checkpoint.net,
            self.atlas,
            cap=cap_of(self.checkpoint.metadata.recipe) if cap is None else cap,
        )

    def gradients(self, **options: Any) -> Beginnings:
        """Train new nets on the images from several starts and keep their gradients (``gradients``).

        Those starts are not taken again that an earlier call has completed.
        """
        from zfexplore.studies.initialisation import gradients

        return watch(gradients(self.source, **{"device": self.settings.device, "keep": True, **options}))

    # -- weights of a training before these ---------------------------------------------------------

    def evolution(self, *earlier: str | os.PathLike[str], channels: Iterable[str | Unit]) -> Evolution:
        """Follow channels through ``earlier`` weights of the same training to these (ZF figure 4).

        ``earlier`` are files, or the folder of a run: what it kept before these weights. The images are
        indexed by each of them. Also gives how early the filters of each stage settle.
        """
        return watch(self.evolving(*earlier, channels=channels))

    def evolving(self, *earlier: str | os.PathLike[str], channels: Iterable[str | Unit]) -> Iterator[Any]:
        """Do the same as ``evolution``, as events; the last one carries the ``Evolution``."""
        self._check_weights()
        units = [self.unit(channel) for channel in channels]
        return evolve(
            self._before(earlier), self.checkpoint, self.atlas, self.source,
            [Unit(unit.stage, unit.channel) for unit in units], name=self.settings.checkpoint or SHIPPED_NET,
            load=self._load, fit=self.settings.fit, rule=self.settings.rule,
        )  # fmt: skip

    def evolution_figure(
        self, *earlier: str | os.PathLike[str], channels: str = "random6", **options: Any
    ) -> EvolutionFigure:
        """Draw channels epoch by epoch, as ``export evolution``; ``options`` as for ``draw_evolution``."""
        self._check_weights()
        moments = in_order(self._before(earlier), self._load)
        return watch(draw_evolution(self, moments, channels, **options).events())

    def _before(self, earlier: Iterable[str | os.PathLike[str]]) -> list[str]:
        return weights_in(earlier, before=self.checkpoint.metadata.epochs)

    def _load(self, name: str) -> Checkpoint:
        """Load other weights as the explorer's own are."""
        return open_checkpoint(replace(self.settings, checkpoint=name, net=None, weights=None))

    # -- parts of several images -------------------------------------------------------------------

    def correspond(
        self, parts: str | os.PathLike[str] | Mapping[str, Any], stages: Sequence[str] | None = None,
        **options: Any,
    ) -> Correspondence:  # fmt: skip
        """Hide the same part in several images and compare the changes (ZF table 1).

        ``parts`` is a JSON file, or what it holds: ``{image: {part: {"left": ..., "top": ..., "right": ...,
        "bottom": ...}}}`` in the image's own pixels. An image is one of the explorer's by its name, or a
        file, as seen from the JSON's folder. ``stages`` and ``options`` are those of
        ``correspondence.correspond``. Needs no index.
        """
        if isinstance(parts, Mapping):
            boxes, folder = parts_of(dict(parts), "the parts"), ""
        else:
            boxes, folder = read_parts(parts), os.path.dirname(os.path.expanduser(os.fspath(parts)))
        names = map(self.source.image_name, range(len(self.source)))
        numbers = {name: number for number, name in enumerate(names) if name in boxes}
        images = {name: self._called(name, numbers.get(name), folder) for name in boxes}
        return watch(correspond(self.checkpoint, images, boxes, stages, fit=self.settings.fit, **options))

    def _called(self, name: str, number: int | None, folder: str) -> Image.Image:
        """Give one of the images by its number, or else a file by its name."""
        if number is not None:
            return self.image(number)
        if not os.path.exists(path := os.path.join(folder, os.path.expanduser(name))):
            raise ExploreError(f"{name} is neither one of {self.source.name} nor a file: {path} is not there")
        return open_picture(path)

    # -- what a channel would like best, and its company ---------------------------------------------

    def ideal(self, channel: str | Unit, *, ascent: Ascent | None = None) -> Ideal:
        """Make the pictures that a channel, unit or class would like best, by ascent (``studies.ideal``)."""
        (found,) = watch(_collected(self.ideals([channel], ascent=ascent)))
        return found

    def ideals(
        self, channels: Iterable[str | Unit], *, ascent: Ascent | None = None
    ) -> Iterator[Progress | Ideal | Finished[int]]:
        """Do the same for many, as events: an ``Ideal`` for each, in their order."""
        self._check_weights()
        return ideals(self.checkpoint, [self.unit(channel) for channel in channels], ascent)

    def ideal_block(self, found: Ideal) -> IdealBlock:
        """Give what a figure draws of an ``Ideal``."""
        unit = found.unit
        names = self.checkpoint.class_names(unit.stage)
        strongest = float(self.atlas.record_of(unit.stage, unit.channel).max[unit.channel])
        name = names[unit.channel] if names else None
        activations = [float(one) for one in found.activations]
        return IdealBlock(str(unit), found.images, activations, strongest, name)

    def ideal_figure(self, *channels: str | Unit, **options: Any) -> IdealFigure:
        """Draw what channels would like best (``export ideal``); ``options`` are those of ``draw_ideals``."""
        self._check_weights()
        return watch(draw_ideals(self, channels, **options))

    def alike(self, channel: str | Unit) -> Company:
        """Give the other channels of a layer, by how alike they fire to this one (``studies.company``)."""
        self._check_weights()
        unit = self.unit(channel)
        return alike(self.atlas, unit.stage, unit.channel)

    def top_alike(self, channel: str | Unit, *, count: int = 20) -> Records:
        """List the ``count`` channels that are most alike, as ``zfexplore top conv5:130 --alike``."""
        count = whole(count, "count", least=0)
        found = self.alike(channel)
        rows = [
            {"channel": str(one.unit), "r": one.correlation, "n": found.images, "both_fire": one.both}
            | {name: self.known(one.unit).get(name) for name in ("stands_for", "best_class")}
            for one in found.others[:count]
        ]
        title = f"{found.unit}: channels that fire on the same images; it fires on {found.fires:,}"
        return Records(rows, title, alike_table)

    def tree(self, layer: str, channels: Sequence[int] | None = None) -> Tree:
        """Join the channels of a layer, or some of them, to a tree, by what they fire on together."""
        self._check_weights()
        return tree(self.atlas, self.stage(layer), channels)

    def tree_figure(self, layer: str, channels: str = "all", **options: Any) -> TreeFigure:
        """Draw that tree (``export tree``); ``options`` are those of ``draw_tree``."""
        self._check_weights()
        return watch(draw_tree(self, layer, channels, **options))

    # -- another net -------------------------------------------------------------------------------

    def compare(self, other: Explorer, layer: str, *, other_layer: str | None = None) -> Comparison:
        """Match the channels of a layer with those of another net on the same images (``compare``).

        ``other_layer`` is the other net's, by default the one of the same name. An index of an older version,
        which kept too little to compare, is built again.
        """
        self._check_comparable(other)
        names = self.stage(layer), other.stage(other_layer or layer)
        return compare(self.atlas, other.atlas, names[0], other_stage=names[1])

    def most_alike(self, other: Explorer, channel: str | Unit, *, other_layer: str | None = None) -> Match:
        """Give the channel of another net that answers to the images most as ``channel`` does."""
        self._check_comparable(other)
        unit = self.unit(channel)
        name = other.stage(other_layer or unit.stage)
        return most_alike(self.atlas, other.atlas, unit.stage, unit.channel, other_stage=name)

    def pairs(self, other: Explorer, layer: str, *, other_layer: str | None = None, **options: Any) -> Figure:
        """Draw the channels of two nets that answer most alike; ``options`` are those of ``draw_pairs``."""
        found = self.compare(other, layer, other_layer=other_layer)
        return watch(draw_pairs(self, other, found, **options).events())

    def _check_comparable(self, other: Explorer) -> None:
        if not isinstance(other, Explorer):
            raise ExploreError(f"compare with another zfexplore.Explorer, not {shown(other)}", usage=True)
        for each in (self, other):
            each._check_weights()
            if each.atlas.sample is None:
                watch(each.index(again=True))

    # -- figures -----------------------------------------------------------------------------------

    def figure(self, layer: str, channels: str = "top9", **options: Any) -> Figure:
        """Draw the paper's figure of a layer (``export grid``); ``options`` are those of ``draw_grid``."""
        self._check_weights()
        return watch(draw_grid(self, layer, channels, **options).events())

    def layers(self, channels: str = "top4", **options: Any) -> Figure:
        """Draw all layers on one sheet (``export figure``); ``options`` are those of ``draw_layers``."""
        self._check_weights()
        return watch(draw_layers(self, channels, **options).events())

    def filters(self, channels: str = "top9", **options: Any) -> Figure:
        """Draw the first layer's filters (``export filters``); ``options`` are those of ``draw_filters``."""
        self._check_weights()
        return watch(draw_filters(self, channels, **options).events())

    def gallery(
        self, path: str | os.PathLike[str] | None = None, channels: str = "all", **options: Any
    ) -> Gallery:
        """Write the page of every channel (``export gallery``); ``options`` are those of ``make_gallery``."""
        self._check_weights()
        return watch(make_gallery(self, path, channels, **options))

    def kernels(self) -> np.ndarray:
        """Give the first convolution's filters, float32 ``[n, 3, k, k]``.

        Raises ExploreError for a net whose first stage is no convolution over the image.
        """
        net = self.checkpoint.net
        filters = net.first_filters()
        if filters is None:
            raise ExploreError(f"this net has no filters to show: its first layer is {net.names[0]}")
        return in_colours(filters.detach().float().cpu().numpy())


def open_settings(
    settings: Settings, layer: str | None = None, channels: str = "all", *, pixels: bool = False
) -> tuple[Checkpoint, Source]:
    """Load the weights and open the images; check early that ``layer`` and ``channels`` exist.

    Images that were indexed and are gone by now are a source without pixels (``LostImages``), or an error
    with ``pixels``. Raises ExploreError if one of these does not exist.
    """
    checkpoint = open_checkpoint(settings)
    if layer is not None:
        stage, watched = checkpoint.net.stage(layer), checkpoint.net.watched
        if stage.name not in watched:
            raise ExploreError(
                f"{layer} is not indexed: choose {', '.join(watched)}, or add --stage {layer}", usage=True
            )
        check_choice(channels, stage.channels)
    return checkpoint, open_source(settings, checkpoint, pixels=pixels)


def open_checkpoint(settings: Settings) -> Checkpoint:
    """Load the net that ``settings`` name; raises ExploreError if it does not exist or cannot be explored."""
    opened = open_net(
        settings.checkpoint, settings.net, settings.weights, stages=settings.stages,
        device=find_device(settings.device),
    )  # fmt: skip
    check_rule(opened.net, settings.rule)
    return opened


def open_source(settings: Settings, checkpoint: Checkpoint, *, pixels: bool = False) -> Source:
    """Open the images; where they are gone, give those of the newest index of this net, without pixels.

    Raises NoImages where there is no such index, and ExploreError with ``pixels``.
    """
    try:
        return open_images(
            settings.images, limit=settings.limit, download=settings.download, labels=settings.labels
        )
    except NoImages:
        lost = find_lost(_spot(settings), checkpoint, settings.fit)
        if lost is None:
            raise
    if pixels:
        raise ExploreError(
            f"the images of {lost.path} are gone: they can be neither indexed nor drawn; "
            "`zfexplore top` and `export atlas` still give the numbers of its index"
        )
    return lost


def _collected(events: Iterator[Progress | Ideal | Finished[int]]) -> Iterator[Progress | Finished]:
    """Pass progress on, and give all ideals with the last event."""
    found = []
    for event in events:
        if isinstance(event, Ideal):
            found.append(event)
        elif isinstance(event, Progress):
            yield event
    yield Finished(found)


def _unit_of(unit: str | Unit) -> Unit:
    """Read a unit; raises ExploreError for one whose numbers are none, and for half a place."""
    if not isinstance(unit, Unit):
        return Unit.parse(unit)
    if not isinstance(unit.stage, str):
        raise ExploreError(f"a unit's layer must be a name, not {shown(unit.stage)}", usage=True)
    channel = whole(unit.channel, "a unit's channel")
    if unit.y is None and unit.x is None:
        return Unit(unit.stage, channel)
    return Unit(unit.stage, channel, whole(unit.y, "a unit's row"), whole(unit.x, "a unit's column"))


def _path(path: str | os.PathLike[str] | None, what: str) -> str | None:
    return None if path is None else path_text(path, what)


def _spot(settings: Settings) -> Spot:
    return Spot(settings.images, settings.limit, settings.labels)


def _places_title(known: dict[str, Any], count: int) -> str:
    name = f"{known['channel']} {known.get('stands_for', '')}".rstrip()
    firing = f"fires on {known['share_firing']:.0%} of {count:,} images"
    if known["dead"]:
        firing = f"is dead: it fires on none of {count:,} images"
        if known["max"] == 0:
            return f"{name} {firing}"
    return f"{name} {firing}, mean of image maxima {known['mean']:.4g}"
