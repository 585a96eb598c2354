"""What excites a channel: its strongest places, each with its projection and its patch (ZF figure 2).

For each place in the atlas the image is read again, the very unit brought back to pixels, and the
activation found compared with the one stored, so that no projection is ever shown beside an image
that it does not belong to. The places come one by one, the strongest first, or a few at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from zfexplore.atlas.store import Atlas, Place
from zfexplore.deconv.project import project
from zfexplore.deconv.request import Projection
from zfexplore.errors import ExploreError
from zfexplore.images.sources import Source
from zfexplore.images.transforms import normalise, prepare
from zfexplore.nets.checkpoint import Checkpoint
from zfexplore.units import Unit, Window

Projector = Callable[..., Projection]

# How far a recomputed activation may be from the stored one, relative. The first allows for another
# device's order of additions; bfloat16 keeps 8 bits and may even rank other places first.
TOLERANCE = {"float32": 1e-3, "bfloat16": 5e-2}
# Below this share of the layer's strongest activation, rounding in the sums exceeds any relative limit.
NEARLY_SILENT = 1e-3


@dataclass(frozen=True, eq=False)
class Exemplar:
    """One of a channel's strongest places, with what the figure shows of it.

    ``pixels [3, h, w]`` float32 is the unit's whole projection, signed, zero outside ``window``;
    ``image [h, w, 3]`` uint8 is what the network saw, ``patch`` its part inside the window.
    ``activation`` is the recomputed one, ``place.value`` the stored.
    """

    place: Place
    pixels: np.ndarray
    window: Window
    image: np.ndarray
    activation: float

    @property
    def rank(self) -> int:
        """0 for the strongest."""
        return self.place.rank

    @property
    def patch(self) -> np.ndarray:
        """The image inside the window, uint8 ``[window.height, window.width, 3]``."""
        return self.image[self.window.y0 : self.window.y1, self.window.x0 : self.window.x1]

    @property
    def crop(self) -> np.ndarray:
        """The projection inside the window, float32 ``[3, window.height, window.width]``."""
        return self.pixels[:, self.window.y0 : self.window.y1, self.window.x0 : self.window.x1]


def exemplars(
    checkpoint: Checkpoint,
    source: Source,
    atlas: Atlas,
    stage: str,
    channel: int,
    *,
    projector: Projector = project,
    batch_size: int = 1,
    tolerance: float | None = None,
) -> Iterator[Exemplar]:
    """Give a channel's strongest places one by one in order of rank, projected ``batch_size`` at a time.

    A place where the channel is silent (zero, or a logit below) has no projection and is left out.
    ``projector`` is called as ``project(trunk, images, stage, channel, positions)``. ``tolerance`` is the
    relative difference allowed between the activation found and the stored one, by default 1e-3
    (5e-2 for an atlas made in bfloat16). Raises ExploreError where it is exceeded, because the atlas
    is then of other weights or images, and UnreadableImage where an image can no longer be read.
    """
    allowed = TOLERANCE[atlas.header["precision"]] if tolerance is None else tolerance
    weakest = NEARLY_SILENT * float(atlas.stage(stage).max.max())
    places = [place for place in atlas.top(stage, channel) if place.value > 0]
    for start in range(0, len(places), batch_size):
        some = places[start : start + batch_size]
        fit = atlas.header["fit"]
        images = [prepare(source[place.image].image, checkpoint.metadata.input, fit) for place in some]
        for exemplar in _project(checkpoint, images, stage, channel, some, projector):
            _check(exemplar, Unit(stage, channel), allowed * max(exemplar.place.value, weakest))
            yield exemplar


def _project(
    checkpoint: Checkpoint,
    images: list[np.ndarray],
    stage: str,
    channel: int,
    places: list[Place],
    projector: Projector,
) -> list[Exemplar]:
    trunk = checkpoint.trunk
    batch = normalise(torch.from_numpy(np.stack(images)).to(trunk.device), checkpoint.metadata.input)
    projection = projector(trunk, batch, stage, channel, [(place.y, place.x) for place in places])
    pixels = projection.pixels.float().cpu().numpy()
    return [
        Exemplar(
            place=place,
            pixels=pixels[row],
            window=Window(*projection.window[row].tolist()),
            image=images[row],
            activation=float(projection.activation[row]),
        )
        for row, place in enumerate(places)
    ]


def _check(exemplar: Exemplar, channel: Unit, allowed: float) -> None:
    place = exemplar.place
    # Written so that a NaN fails.
    if not abs(exemplar.activation - place.value) <= allowed:
        raise ExploreError(
            f"the atlas does not belong to this checkpoint and these images: {channel}@{place.y},{place.x} "
            f"is {exemplar.activation:.6g} on {place.name}, and {place.value:.6g} in the atlas; "
            "index the images again"
        )
