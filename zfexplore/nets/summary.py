"""A net as a table: each stage's size, what its units see, and how many parameters it has."""

from __future__ import annotations

from dataclasses import dataclass

from zfexplore.nets.net import Net, ReceptiveField
from zfexplore.nets.steps import Pair


@dataclass(frozen=True)
class StageSummary:
    """One stage: its channels, map size, receptive field and parameters.

    ``map_size`` is (height, width) for the input asked about. ``field`` is None for fully connected
    stages, which see the whole input. ``parameters`` counts the weights and biases of its layers.
    """

    name: str
    kind: str
    channels: int
    map_size: Pair
    field: ReceptiveField | None
    parameters: int


def summarise(net: Net, size: Pair) -> list[StageSummary]:
    """Describe every stage of ``net`` from the input upwards, for an input of ``size`` (height, width)."""
    return [
        StageSummary(
            name=stage.name,
            kind=stage.kind,
            channels=stage.channels,
            map_size=net.map_size(stage.name, size),
            field=None if stage.kind == "fc" else net.receptive_field(stage.name),
            parameters=net.parameters(stage.name),
        )
        for stage in (*net.stages, *net.heads)
    ]
