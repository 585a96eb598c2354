"""A net as a table: each stage's size, what its units see, and how many parameters it has."""

from __future__ import annotations

from dataclasses import dataclass

from zfexplore.nets.net import Net, ReceptiveField, Stage
from zfexplore.nets.steps import Pair
from zfexplore.nets.trunk import Trunk


@dataclass(frozen=True)
class StageSummary:
    """One stage: its channels, map size, receptive field and parameters.

    ``map_size`` is (height, width) for the input asked about. ``watched`` tells whether an atlas covers it.
    ``field`` is None for fully connected stages, which see the whole input, and for stages of any net that
    are not watched, whose fields would take long to measure. ``parameters`` counts the weights and biases
    of its layers.
    """

    name: str
    kind: str
    channels: int
    map_size: Pair
    field: ReceptiveField | None
    parameters: int
    watched: bool = True


def summarise(net: Net, size: Pair) -> list[StageSummary]:
    """Describe every stage of ``net`` from the input upwards, for an input of ``size`` (height, width)."""
    return [
        StageSummary(
            name=stage.name,
            kind=stage.kind,
            channels=stage.channels,
            map_size=net.map_size(stage.name, size),
            field=_field(net, stage),
            parameters=net.parameters(stage.name),
            watched=stage.name in net.watched,
        )
        for stage in (*net.stages, *net.heads)
    ]


def _field(net: Net, stage: Stage) -> ReceptiveField | None:
    known = isinstance(net, Trunk) or stage.name in net.watched
    return net.receptive_field(stage.name) if known and stage.kind != "fc" else None
