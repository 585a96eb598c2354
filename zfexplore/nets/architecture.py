"""The architectures of ZF figure 6 and table 3 as arguments of ``ZFNet``, readable without torch."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, get_args

from zfexplore.arguments import shown
from zfexplore.choices import FirstLayer
from zfexplore.plain import is_whole

WIDTHS = (96, 256, 384, 384, 256)  # the channels of conv1 to conv5
MAY_BE_LEFT_OUT = (3, 4, 6, 7)  # layers, by the paper's numbers


def other_architecture(
    first: FirstLayer = "7x7/2", widths: Sequence[int] = WIDTHS, without: Collection[int] = ()
) -> dict[str, Any]:
    """Give those arguments that are not the paper's net's, as plain values that a checkpoint can hold.

    Raises ValueError for what no ZFNet can be made with, of whatever kind.
    """
    if first not in get_args(FirstLayer):
        raise ValueError(f"first must be one of {', '.join(get_args(FirstLayer))}, not {first!r}")
    channels, missing = _wholes(widths), _wholes(without)
    if channels is None or len(channels) != len(WIDTHS) or min(channels) < 1:
        told = shown(widths) if channels is None else channels
        raise ValueError(f"widths must be {len(WIDTHS)} numbers above 0, of conv1 to conv5, not {told}")
    if missing is None:
        raise ValueError(f"without must be numbers of layers, not {shown(without)}")
    if wrong := sorted(set(missing) - set(MAY_BE_LEFT_OUT)):
        raise ValueError(f"layer {wrong[0]} cannot be left out: only 3, 4, 6 and 7 can")
    given = {"first": first, "widths": channels, "without": sorted(set(missing))}
    papers = {"first": "7x7/2", "widths": list(WIDTHS), "without": []}
    return {name: value for name, value in given.items() if value != papers[name]}


def _wholes(values: Any) -> list[int] | None:
    """Give several whole numbers as a list; None for anything else."""
    if isinstance(values, str) or not isinstance(values, Collection):
        return None
    return list(values) if all(map(is_whole, values)) else None
