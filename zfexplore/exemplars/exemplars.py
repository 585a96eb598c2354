"""The exemplars of one channel or of many, reading each image once for all of them.

For each of a channel's strongest places, the image is read again, the unit is projected back to pixels,
and its activation is compared with the one in the atlas. So no projection is ever shown beside an image
that it does not belong to.

An image is among the strongest of many channels. Going channel by channel, a whole stage would read,
prepare and run every image about seven times. Here all units needed of an image are projected together.
The images come in the order in which the channels need them, and a channel is given as soon as its own
images are done: the first after nine images, most of the last ones at once. On a GPU many images are read
side by side, go up together and share the batches of the way back (``deconv/many_images.py``).

Projections wait, cropped to their windows, until their channel is complete. The memory for this is
bounded: channels that would need more than ``MEMORY`` together are processed in shares, one after the
other; each share runs its images through the net anew, so who only draws what comes keeps it at ``half`` the
size. Over the specimens, all 256 channels of ZFNet's conv5 are one share, with at most 0.25 GB waiting;
all 1,632 of conv1 to conv5 and pool5 are three.
"""

from __future__ import annotations

from collections.abc import Container, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import islice

import numpy as np

from zfexplore.atlas.records import Place
from zfexplore.atlas.store import Atlas
from zfexplore.choices import Method, Rule
from zfexplore.deconv.many_images import Wanted, crops
from zfexplore.deconv.one_image import image_projector
from zfexplore.deconv.project import project
from zfexplore.deconv.request import Projection
from zfexplore.errors import ExploreError
from zfexplore.exemplars.records import ChannelExemplars, Exemplar
from zfexplore.exemplars.seen import Look, Seen, batch_of, look_at, see
from zfexplore.figures.display import in_colours
from zfexplore.images.sources import Source, UnreadableImage
from zfexplore.nets.checkpoint import Checkpoint
from zfexplore.nets.net import Net
from zfexplore.nets.trunk import Trunk
from zfexplore.progress import Finished, Meter, Progress, Skipped
from zfexplore.units import Unit, Window

MEMORY = 768 * 2**20  # bytes of projections and images that may wait for their channels
IMAGES_AT_ONCE = {"cuda": 64}  # images that go up together; elsewhere one by one
ROWS_AT_ONCE = 64  # full-size projections of one image held together, 0.6 MB each at 224 pixels
NOT_IN_ATLAS = -1  # the number of a picture of one's own
BYTES_A_PIXEL = 3 * 4  # of a projection: three colours in float32

# The relative difference allowed between a recomputed activation and the one in the atlas. In float32
# another device may add in another order; bfloat16 keeps 8 bits and may even rank other places first.
TOLERANCE = {"float32": 1e-3, "bfloat16": 5e-2}
# Below this share of the stage's strongest activation, rounding in the sums exceeds any relative limit.
NEARLY_SILENT = 1e-3

Event = Progress | Skipped | Exemplar | ChannelExemplars | Finished[int]
Places = dict[Unit, list[Place]]  # channels, and the places of each to project


def exemplars(
    checkpoint: Checkpoint,
    source: Source,
    atlas: Atlas,
    channels: Sequence[Unit],
    *,
    method: Method = "auto",
    rule: Rule = "deconv",
    look: Look | None = None,
    tolerance: float | None = None,
    memory: int = MEMORY,
    most: int | None = None,
    half: bool = False,
) -> Iterator[Event]:
    """Give the exemplars of ``channels``: each one as it is found, and each channel once it is complete.

    ``ChannelExemplars`` come in the order of ``channels``, with their exemplars in order of rank. The
    ``Exemplar`` events of a single channel come in order of rank too. A place where the channel is silent
    (zero, or below zero for a logit) has no projection and is left out. The last event carries the number
    of projections. If the generator is closed early, it has given every channel that was complete.

    ``method`` and ``rule`` are those of ``project``. ``look`` gives what the net sees of an image by its
    number, for callers that cache it; by default the image is read. ``tolerance`` is the relative
    difference allowed between the recomputed activation and the one in the atlas, by default 1e-3 (5e-2
    for an atlas made in bfloat16). At most ``memory`` bytes wait, unless one channel alone holds more.
    ``most`` is how many of a channel's places are projected, the strongest; by default all. With ``half`` the
    crops in ``ChannelExemplars`` are float16, each divided by its largest magnitude: enough to draw them.

    Raises ExploreError for a channel that is not in the atlas. Raises it too if the tolerance is exceeded,
    because the atlas is then of other weights or images.

    An image that can no longer be read is ``Skipped``, once, and its exemplars are left out; no other takes
    their place. Raises UnreadableImage if that leaves nothing at all.
    """
    places = {channel: firing_places(atlas, channel)[:most] for channel in channels}
    task = f"projecting {channels[0]}" if len(channels) == 1 else "projecting"
    meter = Meter(task, sum(map(len, places.values())), unit="projections")
    look = look or partial(_read, checkpoint, source, atlas)
    at_once = _images_at_once(checkpoint.net, method, rule)
    damaged: dict[int, UnreadableImage] = {}
    for share in _shares(checkpoint, places, memory, BYTES_A_PIXEL // 2 if half else BYTES_A_PIXEL):
        wanted = _by_image(share)
        found: dict[Unit, list[Exemplar]] = {channel: [] for channel in share}
        with closing(look_at(list(wanted), look, at_once)) as looked:
            for channel, its_places in share.items():
                while any(place.image in wanted for place in its_places):
                    units, seen = yield from _next(looked, at_once, wanted, damaged, meter)
                    for exemplar in _of_images(checkpoint, seen, units, method, rule, together=at_once > 1):
                        _check_activation(exemplar, atlas, tolerance)
                        found[exemplar.channel].append(_halved(exemplar) if half else exemplar)
                        yield exemplar
                        if event := meter.tick():
                            yield event
                complete = sorted(found.pop(channel), key=lambda exemplar: exemplar.rank)
                if damaged and not complete and not any(_readable(places, damaged)):
                    raise next(iter(damaged.values()))
                unreadable = sum(place.image in damaged for place in its_places)
                yield ChannelExemplars(channel, tuple(complete), unreadable)
    yield Finished(meter.done)


def of_picture(
    checkpoint: Checkpoint, seen: Seen, units: Sequence[Unit], name: str, *,
    method: Method = "auto", rule: Rule = "deconv",
) -> list[Exemplar]:  # fmt: skip
    """Bring ``units`` of a picture that is none of the atlas's back to pixels, in the order given.

    A fully connected unit needs no place. ``name`` is the picture's; its number is ``NOT_IN_ATLAS``. A unit
    that is silent there has a projection of zeros. Raises ExploreError as ``project`` does.
    """
    wanted = [
        (Unit(unit.stage, unit.channel), Place(0, 0.0, NOT_IN_ATLAS, name, None, unit.y or 0, unit.x or 0))
        for unit in units
    ]
    found = {
        (one.channel, one.place.y, one.place.x): replace(one, place=replace(one.place, value=one.activation))
        for one in _of_image(checkpoint, seen, wanted, method, rule)
    }
    return [found[channel, place.y, place.x] for channel, place in wanted]


def firing_places(atlas: Atlas, channel: Unit) -> list[Place]:
    """Give a channel's places in the atlas where it fires, the strongest first."""
    return [place for place in atlas.top(channel.stage, channel.channel) if place.value > 0]


def _readable(places: Places, damaged: Container[int]) -> Iterator[Place]:
    """Give the places whose images are not known to be damaged."""
    return (place for some in places.values() for place in some if place.image not in damaged)


def _check_activation(exemplar: Exemplar, atlas: Atlas, tolerance: float | None) -> None:
    """Raise ExploreError if the activation is further from the one in the atlas than allowed."""
    place = exemplar.place
    allowed = TOLERANCE[atlas.header["precision"]] if tolerance is None else tolerance
    weakest = NEARLY_SILENT * float(atlas.stage(exemplar.channel.stage).max.max())
    # Written so that a NaN fails.
    if not abs(exemplar.activation - place.value) <= allowed * max(place.value, weakest):
        raise ExploreError(
            f"the atlas does not belong to this checkpoint and these images: {exemplar.unit} "
            f"is {exemplar.activation:.6g} on {place.name}, and {place.value:.6g} in the atlas; "
            "build the index anew with `zfexplore index --again`"
        )


def _read(checkpoint: Checkpoint, source: Source, atlas: Atlas, image: int) -> Seen:
    return see(checkpoint, source[image].image, atlas.header["fit"])


def _images_at_once(net: Net, method: Method, rule: Rule) -> int:
    """Tell how many images are projected together: several where a GPU can, and one where a CPU does it."""
    if not isinstance(net, Trunk) or method != "auto" or rule != "deconv":
        return 1
    return IMAGES_AT_ONCE.get(net.device.type, 1)


def _next(
    looked: Iterator[tuple[int, Seen | UnreadableImage]],
    at_once: int,
    wanted: dict[int, list[tuple[Unit, Place]]],
    damaged: dict[int, UnreadableImage],
    meter: Meter,
) -> Generator[Progress | Skipped, None, tuple[dict[int, list[tuple[Unit, Place]]], dict[int, Seen]]]:
    """Take the next images, which are those that the next channels want; give their units and what was seen.

    Those that cannot be read are told, and put among the ``damaged``.
    """
    units, seen = {}, {}
    for image, one in islice(looked, at_once):
        units[image] = wanted.pop(image)
        if isinstance(one, Seen):
            seen[image] = one
            continue
        if image not in damaged:
            yield Skipped(one.name, one.reason)
        damaged[image] = one
        if event := meter.tick(len(units[image])):
            yield event
    return units, seen


def _halved(exemplar: Exemplar) -> Exemplar:
    """Keep the crop in half the room; divided by its largest value it is within float16's range."""
    crop = exemplar.crop
    largest = max(float(crop.max(initial=0.0)), -float(crop.min(initial=0.0))) or 1.0
    return replace(exemplar, crop=(crop / np.float32(largest)).astype(np.float16))


def _shares(checkpoint: Checkpoint, places: Places, memory: int, bytes_a_pixel: int) -> Iterator[Places]:
    """Cut the channels, in their order, into shares whose projections and images fit into ``memory``."""
    size = checkpoint.metadata.input.size
    share: Places = {}
    images: set[int] = set()
    crops = 0  # bytes
    for channel, its_places in places.items():
        more = sum(bytes_a_pixel * _crop_size(checkpoint, channel, place) for place in its_places)
        those = {place.image for place in its_places}
        if share and crops + more + 3 * size * size * len(images | those) > memory:
            yield share
            share, images, crops = {}, set(), 0
        share[channel] = its_places
        images |= those
        crops += more
    if share:
        yield share


def _crop_size(checkpoint: Checkpoint, channel: Unit, place: Place) -> int:
    size = checkpoint.metadata.input.size
    window = checkpoint.net.window(channel.stage, place.y, place.x, (size, size))
    return window.height * window.width


def _by_image(share: Places) -> dict[int, list[tuple[Unit, Place]]]:
    """Give what is needed of each image: the channels, in their order, and their places."""
    wanted: dict[int, list[tuple[Unit, Place]]] = {}
    for channel, places in share.items():
        for place in places:
            wanted.setdefault(place.image, []).append((channel, place))
    return wanted


def _of_image(
    checkpoint: Checkpoint, seen: Seen, wanted: Sequence[tuple[Unit, Place]], method: Method, rule: Rule
) -> Iterator[Exemplar]:
    """Project all units ``wanted`` of one image."""
    by_stage: dict[str, list[tuple[Unit, Place]]] = {}
    for channel, place in wanted:
        by_stage.setdefault(channel.stage, []).append((channel, place))
    net = checkpoint.net
    if method == "auto" and rule == "deconv" and isinstance(net, Trunk):
        places = {name: [(place.y, place.x) for _, place in units] for name, units in by_stage.items()}
        bring_back = image_projector(net, seen.batch, places)
    else:
        bring_back = partial(project, net, seen.batch, method=method, rule=rule)
    for name, units in by_stage.items():
        for start in range(0, len(units), ROWS_AT_ONCE):
            some = units[start : start + ROWS_AT_ONCE]
            numbers, positions = [one.channel for one, _ in some], [(place.y, place.x) for _, place in some]
            projection = bring_back(name, numbers, positions)
            for row, (channel, place) in enumerate(some):
                yield _exemplar(projection, row, channel, place, seen.pixels)


def _of_images(
    checkpoint: Checkpoint,
    seen: dict[int, Seen],
    wanted: Mapping[int, Sequence[tuple[Unit, Place]]],
    method: Method,
    rule: Rule,
    *,
    together: bool,
) -> Iterator[Exemplar]:
    """Project all units ``wanted`` of the images ``seen``: image by image, or all ``together``."""
    if not together:
        for image, one in seen.items():
            yield from _of_image(checkpoint, one, wanted[image], method, rule)
        return
    if not seen:
        return
    numbers = {image: number for number, image in enumerate(seen)}
    by_stage: dict[str, list[tuple[Unit, Place]]] = {}
    for image in seen:
        for channel, place in wanted[image]:
            by_stage.setdefault(channel.stage, []).append((channel, place))
    rows = {
        stage: [Wanted(numbers[place.image], channel.channel, place.y, place.x) for channel, place in units]
        for stage, units in by_stage.items()
    }
    batch = batch_of(checkpoint, [one.pixels for one in seen.values()])
    net = checkpoint.net
    assert isinstance(net, Trunk), "images go together for the deconvnet alone"
    for crop in crops(net, batch, rows):
        channel, place = by_stage[crop.stage][crop.row]
        pixels = in_colours(crop.pixels)
        yield Exemplar(channel, place, pixels, crop.window, seen[place.image].pixels, crop.activation)


def _exemplar(projection: Projection, row: int, channel: Unit, place: Place, image: np.ndarray) -> Exemplar:
    """Make an exemplar of one row of ``projection``, keeping the part inside its window."""
    window = Window(*projection.window[row].tolist())
    inside = projection.pixels[row, :, window.y0 : window.y1, window.x0 : window.x1]
    # A copy: a view would keep the whole batch of whole projections in memory.
    crop = np.array(in_colours(inside.float().cpu().numpy()), order="C")
    return Exemplar(channel, place, crop, window, image, float(projection.activation[row]))
