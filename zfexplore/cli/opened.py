"""What the export commands work on: weights, images and the atlas of both, opened together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from zfexplore.atlas.store import Atlas
    from zfexplore.cli.options import Fit
    from zfexplore.figures.blocks import ChannelBlock
    from zfexplore.images.sources import Source
    from zfexplore.nets.checkpoint import Checkpoint


@dataclass(frozen=True)
class Opened:
    """A checkpoint, the images, and where on them every channel fired most."""

    checkpoint: Checkpoint
    source: Source
    atlas: Atlas


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
) -> Opened:
    """Load the weights, open the images, and open the atlas of both or build it, showing progress.

    ``layer`` and ``channels`` are checked before anything takes long; raises ExploreError for what is
    not there.
    """
    from zfexplore.atlas.open import open_or_build
    from zfexplore.cli.show import watch
    from zfexplore.images.sources import open_images
    from zfexplore.nets.checkpoint import load_checkpoint
    from zfexplore.training.machine import find_device

    loaded = load_checkpoint(checkpoint, find_device(device))
    if layer is not None:
        _check(loaded, layer, channels)
    source = open_images(images, limit=limit, download=download)
    return Opened(loaded, source, watch(open_or_build(loaded, source, fit=fit.value)))  # type: ignore[arg-type]


def _check(checkpoint: Checkpoint, layer: str, channels: str) -> None:
    from zfexplore.atlas.store import watched_stages
    from zfexplore.errors import ExploreError
    from zfexplore.units import parse_channels

    stage, watched = checkpoint.trunk.stage(layer), watched_stages(checkpoint.trunk)
    if layer not in watched:
        raise ExploreError(f"{layer} is not indexed: choose {', '.join(watched)}", usage=True)
    if not channels.strip().startswith(("top", "random")):
        parse_channels(channels, stage.channels)


def channel_blocks(
    opened: Opened, layer: str, channels: Sequence[int], *, kernels: np.ndarray | None = None
) -> Iterator[ChannelBlock]:
    """Project the strongest units of each channel as the blocks are asked for.

    With ``kernels [n, 3, k, k]`` each block carries its channel's own filter.
    """
    from zfexplore.progress import finish

    for channel in channels:
        kernel = None if kernels is None else kernels[channel]
        yield finish(project_channel(opened, layer, channel, kernel=kernel))


def project_channel(
    opened: Opened, layer: str, channel: int, *, kernel: np.ndarray | None = None
) -> Iterator[Any]:
    """Project one channel's strongest units one by one; the last event carries the block."""
    from zfexplore.figures.blocks import SHOWN, block_from
    from zfexplore.progress import Finished, Meter
    from zfexplore.studies.channel import exemplars
    from zfexplore.units import Unit

    unit, found = Unit(layer, channel), []
    firing = sum(place.value > 0 for place in opened.atlas.top(layer, channel))
    meter = Meter(f"projecting {unit}", min(SHOWN, firing))
    for exemplar in islice(exemplars(opened.checkpoint, opened.source, opened.atlas, layer, channel), SHOWN):
        found.append(exemplar)
        if event := meter.tick():
            yield event
    field = opened.checkpoint.trunk.receptive_field(layer)
    yield Finished(block_from(unit, found, field, classes=opened.atlas.classes, kernel=kernel))


def first_filters(opened: Opened) -> np.ndarray:
    """Give the first convolution's kernels, float32 ``[n, 3, k, k]``."""
    step = next(step for step in opened.checkpoint.trunk.steps if step.kind == "conv")
    weight: Any = step.module.weight
    return weight.detach().float().cpu().numpy()
