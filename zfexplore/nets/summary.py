"""A net as a table: each stage's size, what its units see, and how many parameters it has."""

from __future__ import annotations

from dataclasses import dataclass

from zfexplore.nets.steps import Pair
from zfexplore.nets.trunk import ReceptiveField, Trunk


@dataclass(frozen=True)
class StageSummary:
    """One stage: its channels, map size, receptive field and parameters.

    ``map_size`` is (height, width) for the input asked about. ``field`` is None for fully connected
    stages, which see the whole input. ``parameters`` counts the weights and biases of the layers after
    the previous stage.
    """

    name: str
    kind: str
    channels: int
    map_size: Pair
    field: ReceptiveField | None
    parameters: int


def summarise(trunk: Trunk, size: Pair) -> list[StageSummary]:
    """Describe every stage of ``trunk`` from the input upwards, for an input of ``size`` (height, width)."""
    stages, start = [], 0
    for stage in (*trunk.stages, *trunk.heads):
        modules = [step.module for step in trunk.steps[start : stage.end]]
        stages.append(
            StageSummary(
                name=stage.name,
                kind=stage.kind,
                channels=stage.channels,
                map_size=trunk.map_size(stage.name, size),
                field=None if stage.kind == "fc" else trunk.receptive_field(stage.name),
                parameters=sum(tensor.numel() for module in modules for tensor in module.parameters()),
            )
        )
        start = stage.end
    return stages
