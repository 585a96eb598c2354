"""Which of a file's tensors are ZFNet's: told by their shapes, and by their names where shapes are equal.

ZFNet has no names outside this program: they differ from one replication to the next
(``features.0.weight``, ``conv1.0.weight``, ``layer0.0.weight`` and ``fc1.weight``). Their order is no
help either: a safetensors file has its names sorted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cmp_to_key

from torch import Tensor

from zfexplore.nets import zoo
from zfexplore.nets.fit import PROFILED, Fit, Misfit, other_shape, some


def fit_zfnet(tensors: Mapping[str, Tensor]) -> Fit | Misfit:
    """Give each tensor the one place that its shape has; names decide only between equal shapes."""
    matrices = [tensor for tensor in tensors.values() if tensor.ndim == 2]
    fc = next((tensor.shape[0] for tensor in matrices if tensor.shape[1] == 256 * 6 * 6), 4096)
    others = [tensor.shape[0] for tensor in matrices if tensor.shape[1] == fc]
    classes = next((count for count in others if count != fc), fc if len(others) > 1 else 1000)
    with zoo.weightless():
        net = zoo.make_net("zfnet", {"classes": classes, "fc": fc})
    expected = {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}
    places: dict[tuple[int, ...], list[str]] = {}
    for name, shape in expected.items():
        places.setdefault(shape, []).append(name)
    kept = {name: tensor for name, tensor in tensors.items() if name.rpartition(".")[2] not in PROFILED}
    theirs: dict[tuple[int, ...], list[str]] = {}
    for name, tensor in kept.items():
        theirs.setdefault(tuple(tensor.shape), []).append(name)
    fitting = sum(min(len(theirs.get(shape, ())), len(names)) for shape, names in places.items())
    if len(kept) != len(expected):
        count = f"it has {len(kept)} tensors where eight layers have {len(expected)}"
        # A file of another size shares a few shapes with it by chance.
        return Misfit("zfnet", fitting if fitting > len(expected) // 2 else 0, len(expected), (count,))
    if complaints := _wrong_shapes(places, theirs):
        return Misfit("zfnet", fitting, len(expected), tuple(complaints))
    taken: dict[str, str] = {}
    try:
        for shape, names in places.items():
            if len(shape) > 1:
                taken |= dict(zip(names, _by_number(theirs[shape], names), strict=True))
        for shape, names in places.items():
            if len(shape) == 1:
                taken |= _biases(names, theirs[shape], taken)
    except _Ambiguous as error:
        return Misfit("zfnet", fitting, len(expected), (str(error),))
    profiled = [name for name in tensors if name not in kept]
    notes = (f"left out: {some(profiled)}: counts of a profiler",) if profiled else ()
    arguments = {"classes": classes, "fc": fc, "norm": "replication", "dropout": 0.5}
    values = {name: tensors[taken[name]] for name in expected}
    return Fit("zfnet", arguments, values, taken, notes=notes)


def _wrong_shapes(
    places: Mapping[tuple[int, ...], list[str]], theirs: Mapping[tuple[int, ...], list[str]]
) -> list[str]:
    empty = [(name, shape) for shape, names in places.items() for name in names[len(theirs.get(shape, ())) :]]
    spare = [(name, shape) for shape, names in theirs.items() for name in names[len(places.get(shape, ())) :]]
    complaints = []
    for ours, wanted in empty:
        # Of the tensors too many, the one that most resembles what is missing.
        name, shape = min(spare, key=lambda each: (len(each[1]) != len(wanted), _distance(each[1], wanted)))
        complaints.append(other_shape(name, shape, ours, wanted))
    return complaints


def _distance(shape: tuple[int, ...], other: tuple[int, ...]) -> int:
    return sum(a != b for a, b in zip(shape, other, strict=False))


def _biases(names: list[str], theirs: list[str], taken: Mapping[str, str]) -> dict[str, str]:
    """Pair biases with their weights by name; those whose names say nothing go by their numbers."""
    paired: dict[str, str] = {}
    for name in names:
        weight = taken[name.replace(".bias", ".weight")]
        beside = f"{weight.removesuffix('weight')}bias" if weight.endswith("weight") else None
        if beside in theirs:
            paired[name] = str(beside)
    ours = [name for name in names if name not in paired]
    left = [name for name in theirs if name not in paired.values()]
    return paired | dict(zip(ours, _by_number(left, ours), strict=True))


class _Ambiguous(Exception):
    """Two tensors that could change places."""


def _by_number(theirs: list[str], ours: list[str]) -> list[str]:
    """Put names in order by the first number in which they differ; raises _Ambiguous where it is a word."""

    def order(name: str, other: str) -> int:
        for piece, against in zip(re.split(r"(\d+)", name), re.split(r"(\d+)", other), strict=False):
            if piece != against:
                if not (piece.isdigit() and against.isdigit()):
                    break
                # Not read as numbers: Python reads none of more than 4,300 digits.
                first, second = piece.lstrip("0"), against.lstrip("0")
                return -1 if (len(first), first) < (len(second), second) else 1
        raise _Ambiguous(
            f"{name} and {other} have the same shape, and their names do not say which "
            f"is {ours[0]} and which {ours[1]}: rename them so that they differ in a number"
        )

    return sorted(theirs, key=cmp_to_key(order))
