"""What a file of weights is, which net it fits, and the command to go on with."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from zfexplore.errors import ExploreError
from zfexplore.nets.checkpoint import convert_command, is_checkpoint, read_checkpoint
from zfexplore.nets.fitting import find_net
from zfexplore.nets.foreign import FOREIGN, TENSORS, kind_of, read_weights


@dataclass(frozen=True)
class WeightsFile:
    """What there is to say of a file: its ``kind`` in words, its tensors, the net, and how to go on.

    ``first`` and ``last`` are two of its tensors' names with their shapes. ``net`` is None where no net
    of the zoo fits, and ``why`` says what differs. ``go_on`` is a command, or what to do.
    """

    kind: str
    tensors: int = 0
    values: int = 0
    first: str = ""
    last: str = ""
    net: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    why: str = ""
    notes: tuple[str, ...] = ()
    go_on: str = ""


def describe_file(file: Path) -> WeightsFile:
    """Say what ``file`` is; nothing in it is run.

    Raises ExploreError, one line, for a file that is missing, damaged, or nothing of the kind.
    """
    if is_checkpoint(file):
        return _checkpoint(file)
    kind = kind_of(file)
    if kind.name in FOREIGN:
        return WeightsFile(kind.words, go_on=kind.do)
    if kind.name not in TENSORS:
        raise ExploreError(f"{file} is {kind.words}; {kind.do}")
    weights = read_weights(file)
    words = f"{kind.words}: a state dict"
    try:
        fit = find_net(weights.tensors, file)
    except ExploreError as error:
        why = str(error).removeprefix(f"{file} ")
        command = convert_command(file, own_code=True)
        return WeightsFile(words, **_counted(weights.tensors), why=why, notes=weights.notes, go_on=command)
    return WeightsFile(
        words,
        **_counted(weights.tensors),
        net=fit.architecture,
        arguments=fit.arguments,
        notes=(*weights.notes, *fit.notes),
        go_on=convert_command(file),
    )


def _checkpoint(file: Path) -> WeightsFile:
    tensors, metadata = read_checkpoint(file)
    net = metadata.architecture
    go_on = f"zfexplore tui --checkpoint {shlex.quote(str(file))}"
    if ":" in net:
        go_on = f"zfexplore tui --net {shlex.quote(net)} --weights {shlex.quote(str(file))}"
    return WeightsFile(
        "a zfexplore checkpoint", **_counted(tensors), net=net, arguments=metadata.arguments, go_on=go_on
    )


def _counted(tensors: dict[str, Tensor]) -> dict[str, Any]:
    shown = [f"{name} {tuple(tensor.shape)}" for name, tensor in tensors.items()]
    values = sum(tensor.numel() for tensor in tensors.values())
    return {"tensors": len(tensors), "values": values, "first": shown[0], "last": shown[-1]}
