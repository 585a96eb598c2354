"""Weights, images and their atlas, opened together: what an ``Explorer`` has before it is asked anything."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, get_args

import numpy as np
from PIL import Image
from torch import nn

from zfexplore.arguments import path_text, shown, whole, whole_or_none
from zfexplore.atlas.build import Event, Partial
from zfexplore.atlas.lost import LostImages, note_spot
from zfexplore.atlas.open import open_or_build
from zfexplore.atlas.store import Atlas
from zfexplore.atlas.tables import channel_row, write_atlas
from zfexplore.choices import DEFAULT_IMAGES, AtlasFormat, Fit, Rule
from zfexplore.convention import InputConvention
from zfexplore.deconv.rules import check_rule
from zfexplore.errors import ExploreError
from zfexplore.exemplars.seen import Seen, as_picture, open_picture, seen_of
from zfexplore.figures.provenance import Origin
from zfexplore.images.remarks import depth_remark, remarks
from zfexplore.images.sources import Source
from zfexplore.images.transforms import prepare
from zfexplore.nets.checkpoint import Checkpoint
from zfexplore.nets.device import find_device
from zfexplore.nets.fingerprint import of_no_training, weights_in_use
from zfexplore.nets.open import open_module
from zfexplore.open_settings import open_checkpoint, open_settings, open_source, spot_of
from zfexplore.progress import Finished, Note
from zfexplore.settings import Settings
from zfexplore.showing import watch
from zfexplore.units import Unit

Picture = str | os.PathLike[str] | Image.Image | np.ndarray | int

SEEN_KEPT = 400  # images as the net sees them: 60 MB at 224 pixels


class Opened:
    """A net, images and their atlas; ``Explorer``, which has all of this, tells the arguments."""

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
    ) -> Self:
        """Open what ``settings`` say; ``layer`` and ``channels`` are checked before anything takes long.

        With ``pixels``, images that are gone are an error; without, their index will do.
        """
        explorer = cls.of(settings, *open_settings(settings, layer, channels, pixels=pixels))
        watch(explorer.index())
        return explorer

    @classmethod
    def of(cls, settings: Settings, checkpoint: Checkpoint, source: Source) -> Self:
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
        return f"<{type(self).__name__} of {net} on {count:,} images of {self.source.name}>"

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
                        note_spot(spot_of(self.settings), event.result.header["images"])
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
            random=of_no_training(self.checkpoint, atlas.header["weights"]),
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

    # -- channels and images by name ---------------------------------------------------------------

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
