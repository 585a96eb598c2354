"""An exemplar: one of a channel's strongest units, with its projection and its patch (ZF figure 2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zfexplore.atlas.records import Place
from zfexplore.units import Unit, Window


@dataclass(frozen=True, eq=False, repr=False)
class Exemplar:
    """One of a channel's strongest units, with what a figure shows of it.

    ``crop [3, window.height, window.width]`` float32 is the unit's signed projection inside its
    ``window``; outside, the projection is zero. ``image [h, w, 3]`` uint8 is what the network saw, and
    ``patch`` the part of it inside the window. ``activation`` is the recomputed activation, and
    ``place.value`` the one in the atlas.
    """

    channel: Unit
    place: Place
    crop: NDArray[np.float32]
    window: Window
    image: NDArray[np.uint8]
    activation: float

    @property
    def rank(self) -> int:
        """The exemplar's rank in its channel, 0 for the strongest."""
        return self.place.rank

    @property
    def unit(self) -> Unit:
        """The channel with the unit's row and column."""
        return Unit(self.channel.stage, self.channel.channel, self.place.y, self.place.x)

    @property
    def patch(self) -> NDArray[np.uint8]:
        """The image inside the window, uint8 ``[window.height, window.width, 3]``."""
        return self.image[self.window.y0 : self.window.y1, self.window.x0 : self.window.x1]

    @property
    def pixels(self) -> NDArray[np.float32]:
        """The projection at the size of the image, float32 ``[3, h, w]``, in a new array."""
        whole = np.zeros((3, *self.image.shape[:2]), np.float32)
        whole[:, self.window.y0 : self.window.y1, self.window.x0 : self.window.x1] = self.crop
        return whole

    def __repr__(self) -> str:
        return f"<Exemplar {self.unit} on {self.place.name}, activation {self.activation:.4g}>"

    def _repr_png_(self) -> bytes:
        """Show the projection and the patch side by side in a notebook."""
        from zfexplore.figures.inline import png_of

        return png_of([self.crop, self.patch])


@dataclass(frozen=True, eq=False)
class ChannelExemplars:
    """A channel and its exemplars, the strongest first; none if it never fires.

    ``unreadable`` counts those that are left out because their images cannot be read.
    """

    channel: Unit
    exemplars: tuple[Exemplar, ...]
    unreadable: int = 0

    def __repr__(self) -> str:
        return f"<ChannelExemplars {self.channel}: {len(self.exemplars)} exemplars>"
