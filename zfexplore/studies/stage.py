"""Many channels' strongest places, of whole stages or of several: each image is prepared only once.

Channel by channel, a whole stage would read, prepare and run up every image some seven times, because
an image is among the strongest of many channels. Here all units wanted of an image are brought back
together. The images come in the order in which the channels need them, so that a channel is given as
soon as its own are done: the first after nine images, most of the last ones at once.

Projections wait for their channel cut to their windows, and what may wait is bounded: where channels
would hold more than ``MEMORY`` together they go in shares, one after the other. Over the specimens all
256 channels of ZFNet's conv5 are one share, of which 0.25 GB wait at most; all 1,632 of conv1 to conv5
and pool5 are three.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from zfexplore.atlas.records import Place
from zfexplore.atlas.store import Atlas
from zfexplore.deconv.one_image import image_projector
from zfexplore.images.sources import Source
from zfexplore.nets.checkpoint import Checkpoint
from zfexplore.progress import Finished, Meter, Progress
from zfexplore.studies.channel import Exemplar, Projector, check_activation, exemplar_of, firing_places
from zfexplore.studies.picture import see
from zfexplore.units import Unit

MEMORY = 768 * 2**20  # bytes of projections and images that may wait for their channels
ROWS_AT_ONCE = 64  # whole projections of one image held together, 0.6 MB each at 224 pixels
BYTES_A_PIXEL = 3 * 4  # of a projection: three colours in float32

Places = dict[Unit, list[Place]]  # channels and where each is to be brought back


@dataclass(frozen=True, eq=False)
class ChannelExemplars:
    """A channel and its strongest places, the strongest first; none where it never fires."""

    channel: Unit
    exemplars: tuple[Exemplar, ...]


def channels_exemplars(
    checkpoint: Checkpoint,
    source: Source,
    atlas: Atlas,
    channels: Sequence[Unit],
    *,
    projector: Projector | None = None,
    tolerance: float | None = None,
    memory: int = MEMORY,
) -> Iterator[Progress | ChannelExemplars | Finished[int]]:
    """Give the exemplars of each of ``channels``, in their order, each as soon as it is complete.

    They are those of ``channel.exemplars``, checked against the atlas in the same way and raising the same
    errors. ``projector``, where given, is called as ``projector(trunk, image, stage, channels, positions)``
    for each image and stage. At most ``memory`` bytes wait, unless one channel alone holds more. The last
    event carries the number of projections; closed early, the generator has given what was complete.
    """
    places = {channel: firing_places(atlas, channel) for channel in channels}
    meter = Meter("projecting", sum(map(len, places.values())), unit="projections")
    for share in _shares(checkpoint, places, memory):
        wanted = _by_image(share)
        found: dict[Unit, list[Exemplar]] = {channel: [] for channel in share}
        for channel, its_places in share.items():
            for image in (place.image for place in its_places if place.image in wanted):
                for one, exemplar in _of_image(checkpoint, source, atlas, wanted.pop(image), projector):
                    check_activation(exemplar, one, atlas, tolerance)
                    found[one].append(exemplar)
                    if event := meter.tick():
                        yield event
            complete = sorted(found.pop(channel), key=lambda exemplar: exemplar.rank)
            yield ChannelExemplars(channel, tuple(complete))
    yield Finished(meter.done)


def _shares(checkpoint: Checkpoint, places: Places, memory: int) -> Iterator[Places]:
    """Cut the channels, in their order, into shares whose projections and images fit into ``memory``."""
    size = checkpoint.metadata.input.size
    share: Places = {}
    images: set[int] = set()
    crops = 0  # bytes
    for channel, its_places in places.items():
        more = sum(_crop_bytes(checkpoint, channel, place) for place in its_places)
        those = {place.image for place in its_places}
        if share and crops + more + 3 * size * size * len(images | those) > memory:
            yield share
            share, images, crops = {}, set(), 0
        share[channel] = its_places
        images |= those
        crops += more
    if share:
        yield share


def _crop_bytes(checkpoint: Checkpoint, channel: Unit, place: Place) -> int:
    size = checkpoint.metadata.input.size
    window = checkpoint.trunk.window(channel.stage, place.y, place.x, (size, size))
    return BYTES_A_PIXEL * window.height * window.width


def _by_image(share: Places) -> dict[int, list[tuple[Unit, Place]]]:
    """Give what is wanted of each image: channels, in their order, and places."""
    wanted: dict[int, list[tuple[Unit, Place]]] = {}
    for channel, places in share.items():
        for place in places:
            wanted.setdefault(place.image, []).append((channel, place))
    return wanted


def _of_image(
    checkpoint: Checkpoint,
    source: Source,
    atlas: Atlas,
    wanted: Sequence[tuple[Unit, Place]],
    projector: Projector | None,
) -> Iterator[tuple[Unit, Exemplar]]:
    """Bring back all that is ``wanted`` of one image; gives each exemplar with its channel."""
    by_stage: dict[str, list[tuple[Unit, Place]]] = {}
    for channel, place in wanted:
        by_stage.setdefault(channel.stage, []).append((channel, place))
    seen = see(checkpoint, source[wanted[0][1].image].image, atlas.header["fit"])
    if projector is None:
        places = {stage: [(place.y, place.x) for _, place in units] for stage, units in by_stage.items()}
        bring_back = image_projector(checkpoint.trunk, seen.batch, places)
    else:
        bring_back = partial(projector, checkpoint.trunk, seen.batch)
    for stage, units in by_stage.items():
        for start in range(0, len(units), ROWS_AT_ONCE):
            some = units[start : start + ROWS_AT_ONCE]
            numbers, positions = [one.channel for one, _ in some], [(place.y, place.x) for _, place in some]
            projection = bring_back(stage, numbers, positions)
            for row, (channel, place) in enumerate(some):
                yield channel, exemplar_of(projection, row, place, seen.pixels)
