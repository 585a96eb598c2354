"""What the export commands work on: weights, images and the atlas of both, opened together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from zfexplore.atlas.store import Atlas
    from zfexplore.choices import Fit
    from zfexplore.deconv.request import Projection
    from zfexplore.figures.blocks import ChannelBlock
    from zfexplore.images.sources import Source
    from zfexplore.nets.checkpoint import Checkpoint
    from zfexplore.progress import Progress
    from zfexplore.studies.channel import Exemplar
    from zfexplore.units import Unit


@dataclass(frozen=True)
class Opened:
    """A checkpoint, the images, and where on them every channel fired most.

    ``projector`` is the deconvnet asked for, None for whichever is faster.
    """

    checkpoint: Checkpoint
    source: Source
    atlas: Atlas
    projector: Callable[..., Projection] | None = None


def open_all(
    checkpoint: str | None,
    images: str,
    *,
    limit: int | None,
    fit: Fit,
    device: str,
    download: bool,
    layer: str | None = None,
    channels: str = "all",
    dense: bool = False,
) -> Opened:
    """Load the weights, open the images, and open the atlas of both or build it, showing progress.

    ``layer`` and ``channels`` are checked before anything takes long; raises ExploreError for what is
    not there. With ``dense`` the reference deconvnet is to project.
    """
    from zfexplore.atlas.open import open_or_build
    from zfexplore.cli.show import watch
    from zfexplore.deconv.dense import project as project_densely
    from zfexplore.images.open import open_images
    from zfexplore.nets.checkpoint import load_checkpoint
    from zfexplore.training.machine import find_device

    loaded = load_checkpoint(checkpoint, find_device(device))
    if layer is not None:
        _check(loaded, layer, channels)
    source = open_images(images, limit=limit, download=download)
    atlas = watch(open_or_build(loaded, source, fit=fit))
    return Opened(loaded, source, atlas, project_densely if dense else None)


def _check(checkpoint: Checkpoint, layer: str, channels: str) -> None:
    from zfexplore.atlas.select import check_choice
    from zfexplore.atlas.store import watched_stages
    from zfexplore.errors import ExploreError

    stage, watched = checkpoint.trunk.stage(layer), watched_stages(checkpoint.trunk)
    if layer not in watched:
        raise ExploreError(f"{layer} is not indexed: choose {', '.join(watched)}", usage=True)
    check_choice(channels, stage.channels)


def channel_blocks(
    opened: Opened, channels: Iterable[Unit], *, kernels: np.ndarray | None = None
) -> Iterator[Progress | ChannelBlock]:
    """Project the strongest units of ``channels``; give each one's block, in their order, and progress.

    With ``kernels [n, 3, k, k]`` the blocks of the first layer carry their channel's own filter.
    """
    from zfexplore.progress import Progress
    from zfexplore.studies.stage import ChannelExemplars, channels_exemplars

    events = channels_exemplars(
        opened.checkpoint, opened.source, opened.atlas, list(channels), projector=opened.projector
    )
    for event in events:
        if isinstance(event, Progress):
            yield event
        elif isinstance(event, ChannelExemplars):
            yield _block(opened, event.channel, event.exemplars, kernels)


def next_blocks(blocks: Iterator[Progress | ChannelBlock], count: int) -> Iterator[Progress | ChannelBlock]:
    """Take the next ``count`` blocks from a longer stream, with the progress told before them."""
    from zfexplore.progress import Progress

    while count:
        block = next(blocks)
        count -= not isinstance(block, Progress)
        yield block


def project_channel(opened: Opened, channel: Unit) -> Iterator[Any]:
    """Project one channel's strongest units one by one; the last event carries the block."""
    from zfexplore.deconv.project import project
    from zfexplore.figures.blocks import SHOWN
    from zfexplore.progress import Finished, Meter
    from zfexplore.studies.channel import exemplars, firing_places

    firing = firing_places(opened.atlas, channel)
    meter = Meter(f"projecting {channel}", min(SHOWN, len(firing)))
    one_by_one = exemplars(
        opened.checkpoint, opened.source, opened.atlas, channel.stage, channel.channel,
        projector=opened.projector or project,
    )  # fmt: skip
    found = []
    for exemplar in islice(one_by_one, SHOWN):
        found.append(exemplar)
        if event := meter.tick():
            yield event
    yield Finished(_block(opened, channel, found))


def _block(
    opened: Opened, channel: Unit, found: Iterable[Exemplar], kernels: np.ndarray | None = None
) -> ChannelBlock:
    from zfexplore.figures.blocks import block_from

    trunk = opened.checkpoint.trunk
    kernel = None
    if kernels is not None and channel.stage == trunk.names[0]:
        kernel = kernels[channel.channel]
    names = opened.checkpoint.class_names(channel.stage)
    return block_from(
        channel, found, trunk.receptive_field(channel.stage), classes=opened.atlas.classes, kernel=kernel,
        class_name=names[channel.channel] if names else None,
    )  # fmt: skip


def first_filters(opened: Opened) -> np.ndarray:
    """Give the first convolution's kernels, float32 ``[n, 3, k, k]``."""
    step = next(step for step in opened.checkpoint.trunk.steps if step.kind == "conv")
    weight: Any = step.module.weight
    return weight.detach().float().cpu().numpy()
