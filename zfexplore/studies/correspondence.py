"""Whether a net relates the same part of different images (ZF section 4.4, table 1).

A part, such as a nose, is hidden in each image, and the features of a stage change by ``eps = x - x~``. If
hiding noses changes features alike in all images, the signs of eps agree. Between two images that is the
Hamming distance of the signs, and the study gives its mean over all pairs of images: the lower, the more the
net treats the parts as one thing. The same with random parts of the same sizes says what would be low.

**Normalisation.** ZF give the sum over pairs and do not say how it is brought to their numbers, .067 to
.107. Here a distance is the ``share`` of features whose signs differ, in [0, 1], where a sign is -1, 0 or 1.
With "all" it is of all of a stage's features. Those that are silent with and without the part have the sign 0
and agree, so this counts how many features a part touches, as well as how alike: numbers like the paper's.
With "changed" it is of the features that change in either of the two images, which asks only how alike.
Stages do not compare with one another: a part compares with the random parts of its stage.
A change below a hundred-thousandth of the image's strongest feature is rounding and counts as 0.

The standard error is that of the mean over the pairs, as if they were independent. They share images, so it
is too small. The draws of random parts need no such assumption: their standard deviation is the standard
error of one draw, and ``above`` counts those that lie above the part.

A hidden pixel has the mean colour, as in the study of occlusion. A random part lies anywhere in the input,
or ``within`` another part (ZF: "random object regions"); it may overlap the true one.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from zfexplore.arguments import path_text, shown, whole
from zfexplore.choices import Fit, Share
from zfexplore.errors import ExploreError
from zfexplore.exemplars.seen import see
from zfexplore.images.transforms import box_seen
from zfexplore.nets.checkpoint import Checkpoint
from zfexplore.nets.device import exact_arithmetic
from zfexplore.nets.net import Net
from zfexplore.opening import read_text
from zfexplore.plain import UNFIT, mapping, number, parse
from zfexplore.progress import Finished, Meter, Progress
from zfexplore.units import Window

NORMALISATIONS: dict[Share, str] = {
    "all": "distance: of all features of a layer, the share whose sign of change (-1, 0, 1) differs "
    "between two images",
    "changed": "distance: of the features of a layer that change in either of two images, the share whose "
    "sign of change (-1, 0, 1) differs",
}
DRAWS = 20  # of random parts, by default
ROUNDING = 1e-5  # of an image's strongest feature in a stage
HAIR = 1e-6  # of a pixel, by which a box may reach into the next one
BATCH = {"cpu": 8, "cuda": 64}  # images per forward pass

Box = tuple[float, float, float, float]  # left, top, right, bottom in an image's own pixels
Parts = Mapping[str, Mapping[str, Box]]  # by image, by part
Signs = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class PartDistance:
    """How alike hiding ``part`` changes a ``stage`` in ``images`` images; distances lie in [0, 1].

    ``distance`` is the mean over ``pairs`` of images and ``error`` its standard error, None for one pair.
    ``random`` is the mean over the draws of random parts of the same sizes, ``random_error`` the standard
    deviation of one draw (None for a single one), and ``above`` of so many ``draws`` lie above the part.
    """

    stage: str
    part: str
    images: int
    pairs: int
    distance: float
    error: float | None
    random: float
    random_error: float | None
    above: int
    draws: int


@dataclass(frozen=True, eq=False)
class MarkedPicture:
    """What the net saw of a picture, uint8 ``[size, size, 3]``, and its parts, in pixels of that."""

    name: str
    pixels: NDArray[np.uint8]
    parts: Mapping[str, Window]
    within: Window


@dataclass(frozen=True, eq=False)
class Correspondence:
    """The distances, stage by stage and part by part, and the pictures; ``within`` names a part or None.

    ``share`` is how the distances are normalised, in words ``NORMALISATIONS``.
    """

    rows: tuple[PartDistance, ...]
    pictures: tuple[MarkedPicture, ...]
    within: str | None
    share: Share = "all"


Event = Progress | Finished[Correspondence]


def read_parts(path: str | os.PathLike[str]) -> dict[str, dict[str, Box]]:
    """Read the parts of images from a JSON file: image, part, box.

    ::

        {"Faces/image_0002.webp": {"nose": {"left": 131, "top": 134, "right": 167, "bottom": 170}}}

    A box is in the upright image's own pixels. Raises ExploreError, which names the image and the part.
    """
    file = os.path.expanduser(path_text(path, "the file of parts"))
    try:
        return parts_of(parse(read_text(file)), file)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ExploreError(f"{file} cannot be read: {reason}") from error


def parts_of(values: Any, what: str) -> dict[str, dict[str, Box]]:
    """Give the parts of images from plain values as a JSON file holds them; ``what`` names them."""
    where = what
    try:
        found: dict[str, dict[str, Box]] = {}
        for image, parts in mapping({"it": values}, "it").items():
            where = f"{what}: {image}"
            found[image] = {}
            for part, box in mapping({"parts": parts}, "parts").items():
                where = f"{what}: {part} of {image}"
                left, top, right, bottom = (number(box, side) for side in ("left", "top", "right", "bottom"))
                if not (left < right and top < bottom):
                    raise ValueError("left must be below right, and top below bottom")
                found[image][part] = (left, top, right, bottom)
    except UNFIT as error:
        raise ExploreError(f"{where}: {error}") from error
    return found


def correspond(
    checkpoint: Checkpoint,
    images: Mapping[str, Image.Image],
    parts: Parts,
    stages: Sequence[str] | None = None,
    *,
    share: Share = "all",
    within: str | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    fit: Fit = "crop",
) -> Iterator[Event]:
    """Hide each part in each RGB image and compare the changes; ``Finished`` carries the ``Correspondence``.

    ``images`` and ``parts`` have the same keys. ``stages`` are by default the last convolution and the last
    fully connected stage below the logits (ZF: 5 and 7). ``share`` is the normalisation. ``within`` names a
    part inside which the ``draws`` random parts lie, drawn by ``seed``; it is none of those compared. A part
    takes part in those images that have it. The generator may be closed at any time.

    Raises ExploreError for a stage that is not there, for a part that fewer than two images have or that the
    net does not see whole, and for one larger than what it is ``within``.
    """
    net = checkpoint.net
    if share not in NORMALISATIONS:
        raise ExploreError(
            f"a distance is the share of all or of changed features, not {shown(share)}", usage=True
        )
    draws, seed = whole(draws, "the draws", least=1), whole(seed, "the seed", least=0)
    names = [net.stage(name).name for name in (_usual(net) if stages is None else dict.fromkeys(stages))]
    seen = {name: see(checkpoint, image, fit) for name, image in images.items()}
    marked = [
        _marked(checkpoint, name, images[name].size, seen[name].pixels, parts[name], within, fit)
        for name in images
    ]
    every = list(dict.fromkeys(part for one in marked for part in one.parts))
    members = {part: [at for at, one in enumerate(marked) if part in one.parts] for part in every}
    _check(members, marked, within)

    batch = torch.cat([seen[one.name].batch for one in marked])  # [n, c, size, size]
    intact = _features(net, batch, names)
    random = np.random.default_rng(seed)
    meter = Meter("hiding parts", (1 + draws) * sum(map(len, members.values())), unit="passes")
    distances: dict[tuple[str, str], NDArray[np.float64]] = {}
    drawn: dict[tuple[str, str], list[float]] = {(stage, part): [] for stage in names for part in every}
    for draw in range(1 + draws):
        for part, at in members.items():
            windows = [marked[one].parts[part] for one in at]
            if draw:
                bounds = [marked[one].within for one in at]
                windows = [_elsewhere(*each, random) for each in zip(windows, bounds, strict=True)]
            changed = _features(net, _hidden(batch[at], windows), names)
            for stage in names:
                found = pair_distances(signs_of(intact[stage][at], changed[stage]), share)
                if draw:
                    drawn[stage, part].append(float(found.mean()))
                else:
                    distances[stage, part] = found
            if (event := meter.tick(len(at))) is not None:
                yield event
    rows = [
        _row(stage, part, len(members[part]), distances[stage, part], np.array(drawn[stage, part]))
        for stage in names
        for part in every
    ]
    yield Finished(Correspondence(tuple(rows), tuple(marked), within, share))


def signs_of(intact: Tensor, changed: Tensor) -> Signs:
    """Give the signs, -1, 0 or 1, of ``intact - changed``, both ``[n, features]``; rounding has sign 0."""
    change = intact - changed
    least = ROUNDING * intact.abs().amax(dim=1, keepdim=True)  # [n, 1]
    signs: Signs = (change.sign() * (change.abs() > least)).to(torch.int8).cpu().numpy()
    return signs


def pair_distances(signs: Signs, share: Share = "all") -> NDArray[np.float64]:
    """Give for every pair of rows of ``signs [n, features]`` the share of features in which they differ.

    It is of all features, or of those ``changed`` in either row (0 where there are none).
    """
    found = []
    for one, other in combinations(signs, 2):
        among = one.size if share == "all" else np.count_nonzero((one != 0) | (other != 0))
        found.append(np.count_nonzero(one != other) / max(among, 1))
    return np.array(found)


def described(found: Correspondence) -> dict[str, Any]:
    """Give everything but the pictures as plain values."""
    return {
        "normalisation": NORMALISATIONS[found.share],
        "within": found.within,
        "hidden": {
            one.name: {part: asdict(window) for part, window in one.parts.items()} for one in found.pictures
        },
    }


def _usual(net: Net) -> list[str]:
    convolutions = [name for name in net.watched if net.stage(name).kind == "conv"]
    return [*convolutions[-1:], *(head.name for head in net.heads[:-1][-1:])]


def _marked(
    checkpoint: Checkpoint, name: str, size: tuple[int, int], pixels: NDArray[np.uint8],
    parts: Mapping[str, Box], within: str | None, fit: Fit,
) -> MarkedPicture:  # fmt: skip
    """Bring a picture's boxes into the pixels of the input, rounded outwards."""
    convention = checkpoint.metadata.input
    edge = convention.size
    found, inside = {}, Window(0, 0, edge, edge)
    for part, box in parts.items():
        if box[0] < 0 or box[1] < 0 or box[2] > size[0] or box[3] > size[1]:
            raise ExploreError(
                f"{part} of {name} reaches out of the picture, which has {size[0]} x {size[1]} pixels"
            )
        x0, y0, x1, y1 = box_seen(box, size, convention, fit)
        left, top = math.floor(x0 + HAIR), math.floor(y0 + HAIR)
        right, bottom = math.ceil(x1 - HAIR), math.ceil(y1 - HAIR)
        window = Window(max(top, 0), max(left, 0), min(bottom, edge), min(right, edge))
        if part == within:
            inside = window
        elif (left, top, right, bottom) != (window.x0, window.y0, window.x1, window.y1):
            raise ExploreError(
                f"the net does not see all of {part} in {name}: draw another box"
                + ("" if fit == "whole" else ", or see whole images with --fit whole")
            )
        else:
            found[part] = window
    if within is not None and within not in parts:
        raise ExploreError(f"{name} has no part {within!r} for random parts to lie within", usage=True)
    return MarkedPicture(name, pixels, found, inside)


def _check(members: Mapping[str, Sequence[int]], marked: Sequence[MarkedPicture], within: str | None) -> None:
    if not members:
        raise ExploreError("there is no part to hide: give boxes, as in {image: {part: box}}", usage=True)
    for part, at in members.items():
        if len(at) < 2:
            raise ExploreError(f"only {marked[at[0]].name} has a part {part!r}: it takes two images or more")
        for one in (marked[each] for each in at):
            window = one.parts[part]
            if window.height > one.within.height or window.width > one.within.width:
                raise ExploreError(
                    f"{part} of {one.name} is larger than {within}, within which random parts are to lie"
                )


def _elsewhere(window: Window, within: Window, random: np.random.Generator) -> Window:
    """Draw a place for a window of the same size, each as likely as any other."""
    y = int(random.integers(within.y0, within.y1 - window.height, endpoint=True))
    x = int(random.integers(within.x0, within.x1 - window.width, endpoint=True))
    return Window(y, x, y + window.height, x + window.width)


def _hidden(batch: Tensor, windows: Sequence[Window]) -> Tensor:
    """Copy ``batch [n, c, h, w]`` with one window of each at the mean, which is zero."""
    hidden = batch.clone()
    for row, window in enumerate(windows):
        hidden[row, :, window.y0 : window.y1, window.x0 : window.x1] = 0
    return hidden


def _features(net: Net, batch: Tensor, stages: Sequence[str]) -> dict[str, Tensor]:
    """Run ``batch [n, c, h, w]`` and give the features of each stage, float32 ``[n, features]``."""
    step = BATCH.get(net.device.type, BATCH["cpu"])
    parts: dict[str, list[Tensor]] = {name: [] for name in stages}
    with exact_arithmetic(net.device):
        for start in range(0, len(batch), step):
            maps = net.maps(batch[start : start + step].contiguous(memory_format=torch.channels_last), stages)
            for name in stages:
                parts[name].append(maps[name].float().flatten(1))
    return {name: torch.cat(found) for name, found in parts.items()}


def _row(
    stage: str, part: str, images: int, found: NDArray[np.float64], drawn: NDArray[np.float64]
) -> PartDistance:
    pairs, draws = len(found), len(drawn)
    return PartDistance(
        stage, part, images, pairs,
        distance=float(found.mean()),
        error=float(found.std(ddof=1) / math.sqrt(pairs)) if pairs > 1 else None,
        random=float(drawn.mean()),
        random_error=float(drawn.std(ddof=1)) if draws > 1 else None,
        above=int((drawn > found.mean()).sum()),
        draws=draws,
    )  # fmt: skip
