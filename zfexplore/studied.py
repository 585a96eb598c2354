"""What is opened together, and the studies of it: further questions, answered in plain records."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PIL import Image

from zfexplore.arguments import shown, whole
from zfexplore.choices import SHIPPED_NET, Method
from zfexplore.deconv.project import project
from zfexplore.deconv.request import Projection
from zfexplore.errors import ExploreError
from zfexplore.exemplars.seen import open_picture, see
from zfexplore.images.remarks import remarks
from zfexplore.nets.checkpoint import Checkpoint
from zfexplore.open_settings import open_checkpoint
from zfexplore.opened import Opened, Picture
from zfexplore.progress import Finished, Note, Progress
from zfexplore.showing import Records, alike_table, watch
from zfexplore.studies.architecture import FilterReport, cap_of, filter_reports
from zfexplore.studies.company import Company, Tree, alike, tree
from zfexplore.studies.comparison import compare, most_alike
from zfexplore.studies.correspondence import Correspondence, correspond, parts_of, read_parts
from zfexplore.studies.evolution import Evolution, evolve, weights_in
from zfexplore.studies.feeds import feeds_from
from zfexplore.studies.ideal import Ascent, Ideal, ideals
from zfexplore.studies.occlusion import OcclusionResult, occlude
from zfexplore.studies.ranking import rank_channels
from zfexplore.studies.records import Comparison, Feeds, Match, RankedChannel, Transfer
from zfexplore.studies.transfer import transfer
from zfexplore.training.data import Joined
from zfexplore.units import Unit

if TYPE_CHECKING:
    from zfexplore.explorer import Explorer
    from zfexplore.studies.starts import Beginnings


class Studied(Opened):
    """A net on images, asked what ``studies`` ask; the pictures of it are ``Explorer``'s."""

    # -- one picture: a file, an RGB image, or one of the images by its number ---------------------

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

    # -- the images, their classes, and the net's own filters --------------------------------------

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

    # -- weights of a training before these --------------------------------------------------------

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

    # -- what a channel would like best, and its company -------------------------------------------

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

    def _check_comparable(self, other: Explorer) -> None:
        if not isinstance(other, Studied):
            raise ExploreError(f"compare with another zfexplore.Explorer, not {shown(other)}", usage=True)
        for each in (self, other):
            each._check_weights()
            if each.atlas.sample is None:
                watch(each.index(again=True))


def _collected(events: Iterator[Progress | Ideal | Finished[int]]) -> Iterator[Progress | Finished]:
    """Pass progress on, and give all ideals with the last event."""
    found = []
    for event in events:
        if isinstance(event, Ideal):
            found.append(event)
        elif isinstance(event, Progress):
            yield event
    yield Finished(found)
