"""What excites a channel: its strongest places, each with its projection and its patch (ZF figure 2).

For each place in the atlas the image is read again, the very unit brought back to pixels, and the
activation found compared with the one stored, so that no projection is ever shown beside an image
that it does not belong to. The places come one by one, the strongest first, or a few at a time;
``stage.py`` does the same for many channels, image by image.
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
from zfexplore.nets.checkpoint import Checkpoint
from zfexplore.studies.picture import Seen, see
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

    ``crop [3, window.height, window.width]`` float32 is the unit's projection inside its ``window``,
    signed; it is zero outside. ``image [h, w, 3]`` uint8 is what the network saw, ``patch`` its part
    inside the window. ``activation`` is the recomputed one, ``place.value`` the stored.
    """

    place: Place
    crop: np.ndarray
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
    def pixels(self) -> np.ndarray:
        """The whole projection, float32 ``[3, h, w]``, laid out anew."""
        whole = np.zeros((3, *self.image.shape[:2]), np.float32)
        whole[:, self.window.y0 : self.window.y1, self.window.x0 : self.window.x1] = self.crop
        return whole


def exemplars(
    checkpoint: Checkpoint,
    source: Source,
    atlas: Atlas,
    stage: str,
    channel: int,
    *,
    projector: Projector = project,
    look: Callable[[int], Seen] | None = None,
    batch_size: int = 1,
    tolerance: float | None = None,
) -> Iterator[Exemplar]:
    """Give a channel's strongest places one by one in order of rank, projected ``batch_size`` at a time.

    A place where the channel is silent (zero, or a logit below) has no projection and is left out.
    ``projector`` is called as ``project(trunk, images, stage, channel, positions)``; ``look`` gives what the
    net sees of an image by its number, for who remembers it: otherwise it is read. ``tolerance`` is the
    relative difference allowed between the activation found and the stored one, by default 1e-3
    (5e-2 for an atlas made in bfloat16). Raises ExploreError where it is exceeded, because the atlas
    is then of other weights or images, and UnreadableImage where an image can no longer be read.
    """
    places = firing_places(atlas, Unit(stage, channel))
    for start in range(0, len(places), batch_size):
        some = places[start : start + batch_size]
        if look is not None:
            seen = [look(place.image) for place in some]
        else:
            seen = [see(checkpoint, source[place.image].image, atlas.header["fit"]) for place in some]
        batch, positions = torch.cat([one.batch for one in seen]), [(place.y, place.x) for place in some]
        projection = projector(checkpoint.trunk, batch, stage, channel, positions)
        for row, place in enumerate(some):
            exemplar = exemplar_of(projection, row, place, seen[row].pixels)
            check_activation(exemplar, Unit(stage, channel), atlas, tolerance)
            yield exemplar


def firing_places(atlas: Atlas, channel: Unit) -> list[Place]:
    """Give a channel's places in the atlas that fire at all, the strongest first."""
    return [place for place in atlas.top(channel.stage, channel.channel) if place.value > 0]


def exemplar_of(projection: Projection, row: int, place: Place, image: np.ndarray) -> Exemplar:
    """Take the row of ``projection`` that is ``place`` on ``image``, keeping what lies in its window."""
    window = Window(*projection.window[row].tolist())
    inside = projection.pixels[row, :, window.y0 : window.y1, window.x0 : window.x1]
    # A copy: a view would keep the whole batch of whole projections in memory.
    crop = np.array(inside.float().cpu().numpy(), order="C")
    return Exemplar(place, crop, window, image, float(projection.activation[row]))


def check_activation(exemplar: Exemplar, channel: Unit, atlas: Atlas, tolerance: float | None = None) -> None:
    """Refuse an activation that is not the one stored, by more than ``exemplars`` says."""
    place = exemplar.place
    allowed = TOLERANCE[atlas.header["precision"]] if tolerance is None else tolerance
    weakest = NEARLY_SILENT * float(atlas.stage(channel.stage).max.max())
    # Written so that a NaN fails.
    if not abs(exemplar.activation - place.value) <= allowed * max(place.value, weakest):
        raise ExploreError(
            f"the atlas does not belong to this checkpoint and these images: {channel}@{place.y},{place.x} "
            f"is {exemplar.activation:.6g} on {place.name}, and {place.value:.6g} in the atlas; "
            "build the index anew with `zfexplore index --again`"
        )
