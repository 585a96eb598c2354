"""Weights and images, opened as settings name them, and checked before anything takes long."""

from __future__ import annotations

from zfexplore.atlas.lost import Spot, find_lost
from zfexplore.atlas.select import check_choice
from zfexplore.deconv.rules import check_rule
from zfexplore.errors import ExploreError
from zfexplore.images.open import open_images
from zfexplore.images.sources import NoImages, Source
from zfexplore.nets.checkpoint import Checkpoint
from zfexplore.nets.device import find_device
from zfexplore.nets.open import open_net
from zfexplore.settings import Settings


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
        lost = find_lost(spot_of(settings), checkpoint, settings.fit)
        if lost is None:
            raise
    if pixels:
        raise ExploreError(
            f"the images of {lost.path} are gone: they can be neither indexed nor drawn; "
            "`zfexplore top` and `export atlas` still give the numbers of its index"
        )
    return lost


def spot_of(settings: Settings) -> Spot:
    """Give where the images are, as an index of images that are gone by now is found again."""
    return Spot(settings.images, settings.limit, settings.labels)
