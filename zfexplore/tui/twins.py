"""Which layer of another net stands for a layer of this one: by name, else by kind and depth."""

from __future__ import annotations

from collections.abc import Sequence

from zfexplore.tui.messages import Stage


def twin_of(stage: Stage, here: Sequence[Stage], there: Sequence[Stage]) -> Stage | None:
    """Give the layer of that name, else the one of the kind that lies as far up; None if there is no such.

    ``here`` are the layers of the net that ``stage`` is of, ``there`` those of the other one.
    """
    for other in there:
        if other.name == stage.name:
            return other
    ours = [other.name for other in here if other.kind == stage.kind]
    theirs = [other for other in there if other.kind == stage.kind]
    if stage.name not in ours or not theirs:
        return None
    height = ours.index(stage.name) / max(len(ours) - 1, 1)
    return theirs[round(height * (len(theirs) - 1))]
