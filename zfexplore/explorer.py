"""Weights, images and their atlas, opened together: what commands, terminal explorer and notebooks share.

    explorer = zfexplore.Explorer(images="album/")
    explorer.figure("conv5", "top16").save("conv5.png")

The commands and this class use one cache, so nothing is indexed twice. Every figure knows the command
that makes the same file.

How they are opened is in ``opened.py``, and what is asked of them in ``studied.py``, which answers
in plain records. Here is what shows itself: channels, pictures and figures.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from zfexplore.arguments import whole, whole_or_none
from zfexplore.atlas.select import ranked
from zfexplore.atlas.tables import place_rows
from zfexplore.channel import Channel
from zfexplore.choices import Method, Move, RankedBy
from zfexplore.drawings import draw_filters, draw_grid, draw_layers, draw_pairs
from zfexplore.errors import ExploreError
from zfexplore.exemplars.exemplars import exemplars
from zfexplore.exemplars.records import ChannelExemplars, Exemplar
from zfexplore.explained import Explained, explain, explain_all
from zfexplore.figures.blocks import ChannelBlock, block_from
from zfexplore.figures.display import in_colours
from zfexplore.figures.evolution import EvolutionFigure
from zfexplore.figures.figure import Figure, Made
from zfexplore.figures.ideal import IdealBlock, IdealFigure
from zfexplore.figures.transfer import TransferFigure
from zfexplore.figures.tree import TreeFigure
from zfexplore.gallery import Gallery, make_gallery
from zfexplore.images.pictures import OwnPicture, own_pictures
from zfexplore.occluded import Occluded, occlude_picture
from zfexplore.on_pictures import OnPictures, bring_back, name_of
from zfexplore.opened import Picture
from zfexplore.progress import Finished, Note, Progress, Skipped
from zfexplore.settings import Command
from zfexplore.showing import Records, channel_table, place_table, watch
from zfexplore.studied import Studied
from zfexplore.studies.evolution import in_order
from zfexplore.studies.ideal import Ideal
from zfexplore.study_figures import draw_evolution, draw_ideals, transfer_made
from zfexplore.tree_drawing import draw_tree
from zfexplore.units import Unit
from zfexplore.varied import Varied, class_in_source, vary_pictures


class Explorer(Studied):
    """A net, images, and for every channel the places on the images where it fires most.

    ``net`` is an ``nn.Module``, which stays as it is, or what ``--net`` takes; without it, ``checkpoint``
    is explored (None: the shipped one). ``input`` is what a module expects of its input (by default
    ImageNet's), and ``classes`` are the names of its logits. The others mean the same as the commands'
    options. Opens the atlas in the cache or builds it, with a progress bar in a terminal and plain lines
    elsewhere. Raises ExploreError if net, weights or images do not exist. Of images that were indexed and
    are gone by now, all numbers are given and nothing can be drawn.
    """

    # -- channels ----------------------------------------------------------------------------------

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

    # -- one picture: a file, an RGB image, or one of the images by its number ---------------------

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

    def occluded(
        self, picture: Picture, channel: str | Unit | None = None, *, label: int | str | None = None,
        square: int | None = None, stride: int | None = None,
    ) -> Occluded:  # fmt: skip
        """Do as ``occlude`` does, with the channel's projections beside the maps, as ``export occlusion``.

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

    # -- figures of studies ------------------------------------------------------------------------

    def transfer_figure(self, *, title: str | None = None, **options: Any) -> TransferFigure:
        """Draw what ``transfer`` finds, with its table; ``options`` are those of ``transfer``."""
        return TransferFigure.draw(self.transfer(**options), transfer_made(self, title=title, **options))

    def evolution_figure(
        self, *earlier: str | os.PathLike[str], channels: str = "random6", **options: Any
    ) -> EvolutionFigure:
        """Draw channels epoch by epoch, as ``export evolution``; ``options`` as for ``draw_evolution``."""
        self._check_weights()
        moments = in_order(self._before(earlier), self._load)
        return watch(draw_evolution(self, moments, channels, **options).events())

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

    def tree_figure(self, layer: str, channels: str = "all", **options: Any) -> TreeFigure:
        """Draw what ``tree`` gives (``export tree``); ``options`` are those of ``draw_tree``."""
        self._check_weights()
        return watch(draw_tree(self, layer, channels, **options))

    def pairs(self, other: Explorer, layer: str, *, other_layer: str | None = None, **options: Any) -> Figure:
        """Draw the channels of two nets that answer most alike; ``options`` are those of ``draw_pairs``."""
        found = self.compare(other, layer, other_layer=other_layer)
        return watch(draw_pairs(self, other, found, **options).events())


def _places_title(known: dict[str, Any], count: int) -> str:
    name = f"{known['channel']} {known.get('stands_for', '')}".rstrip()
    firing = f"fires on {known['share_firing']:.0%} of {count:,} images"
    if known["dead"]:
        firing = f"is dead: it fires on none of {count:,} images"
        if known["max"] == 0:
            return f"{name} {firing}"
    return f"{name} {firing}, mean of image maxima {known['mean']:.4g}"
