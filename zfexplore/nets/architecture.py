"""The architectures of ZF figure 6 and table 3 as arguments of ``ZFNet``, readable without torch."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, get_args

from zfexplore.choices import FirstLayer

WIDTHS = (96, 256, 384, 384, 256)  # the channels of conv1 to conv5
MAY_BE_LEFT_OUT = (3, 4, 6, 7)  # layers, by the paper's numbers


def other_architecture(
    first: FirstLayer = "7x7/2", widths: Sequence[int] = WIDTHS, without: Collection[int] = ()
) -> dict[str, Any]:
    """Give those arguments that are not the paper's net's, as plain values that a checkpoint can hold.

    Raises ValueError for what no ZFNet can be made with.
    """
    if first not in get_args(FirstLayer):
        raise ValueError(f"first must be one of {', '.join(get_args(FirstLayer))}, not {first!r}")
    if len(widths) != len(WIDTHS) or min(widths) < 1:
        raise ValueError(
            f"widths must be {len(WIDTHS)} numbers above 0, of conv1 to conv5, not {list(widths)}"
        )
    if wrong := sorted(set(without) - set(MAY_BE_LEFT_OUT)):
        raise ValueError(f"layer {wrong[0]} cannot be left out: only 3, 4, 6 and 7 can")
    given = {"first": first, "widths": list(widths), "without": sorted(set(without))}
    papers = {"first": "7x7/2", "widths": list(WIDTHS), "without": []}
    return {name: value for name, value in given.items() if value != papers[name]}
