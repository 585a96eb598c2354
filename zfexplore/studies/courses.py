"""What moving a picture does, as records: they can be sent and shown without torch.

The engine sends them to the terminal's explorer as they are. numpy is imported where their arrays are used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zfexplore.choices import Move

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, eq=False)
class Course:
    """What one kind of move does, by ``amounts``: pixels downwards, factors, or degrees counter-clockwise.

    ``distance [amounts, stages]`` float64 is Euclidean, between feature vectors; ``probability [amounts]``
    float64 in [0, 1] is that of the class asked about, None for a net without classes.
    """

    kind: Move
    amounts: tuple[float, ...]
    distance: np.ndarray
    probability: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Invariance:
    """What moving one picture does, a course for each kind of move.

    ``image [size, size, 3]`` uint8 is what the net saw, ``grey`` of the same shape what comes in from
    outside. ``norm [stages]`` float64 is the length of the picture's own feature vector at each of
    ``stages``; ``probability`` in [0, 1] is that of class ``label``, None for a net without classes.
    """

    image: np.ndarray
    grey: np.ndarray
    stages: tuple[str, ...]
    norm: np.ndarray
    label: int | None
    class_name: str | None
    probability: float | None
    courses: tuple[Course, ...]

    def moved(self, kind: Move, amount: float) -> np.ndarray:
        """Give the moved picture as the net saw it, uint8 ``[size, size, 3]``."""
        import numpy as np

        from zfexplore.images.moved import move

        there = move(self.image, kind, amount)
        return np.where(there.inside[..., None], there.pixels, self.grey)
