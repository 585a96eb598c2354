"""Which net a file's tensors are the weights of, by their names and shapes.

Around a net's own names stand those of what wrapped it in training (``module.``, ``model.``,
``_orig_mod.``, ``backbone.``): the prefix is taken under which most tensors fit. Then every tensor of
the net must be there, in its shape, and none besides, except for what is named here. A head may have
any width. ZFNet has no names of its own outside this program: its layers are told by their shapes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cmp_to_key
from typing import Any

import torch
from torch import Tensor, nn

from zfexplore.errors import ExploreError
from zfexplore.files import printable
from zfexplore.nets import zoo

WEIGHT_TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
COUNT_TYPES = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool)
# A tensor that all nets of a family have, and no others; only those nets are tried.
MARKS = {
    "features.0.weight": ("alexnet", "vgg"),
    "features.3.squeeze.weight": ("squeezenet",),
    "features.conv0.weight": ("densenet",),
    "features.1.conv.0.0.weight": ("mobilenet_v2",),
    "features.1.block.0.0.weight": ("mobilenet_v3",),
    "inception3a.branch1.conv.weight": ("googlenet",),
    "Mixed_5b.branch1x1.conv.weight": ("inception_v3",),
    "layer1.0.conv1.weight": ("resnet", "resnext", "wide_resnet"),
    "stage2.0.branch1.0.weight": ("shufflenet",),
    "layers.0.weight": ("mnasnet",),
    "stem.0.weight": ("regnet",),
}
_WRAPPERS = ("module", "_orig_mod")  # what torch's own wrappers put into names, at any place
_COUNTED = "num_batches_tracked"  # batch normalisation's counter; old files have none
_PROFILED = ("total_ops", "total_params")  # what the program thop leaves behind
# Densenet's layers were called norm.1 where they are norm1 now; torchvision's own files are as old.
_OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.(\d\.)")


@dataclass(frozen=True)
class Fit:
    """A net that a file fits: the arguments that make it, and its ``tensors`` by the net's own names.

    ``theirs`` gives each tensor's name in the file, ``counts`` those that are whole numbers in the net.
    ``notes`` say what was left out, or taken for what.
    """

    architecture: str
    arguments: dict[str, Any]
    tensors: dict[str, Tensor]
    theirs: dict[str, str]
    counts: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Misfit:
    """A net that a file does not fit: how many tensors do, out of how many, and what is wrong, in words."""

    architecture: str
    fitting: int
    count: int
    complaints: tuple[str, ...] = field(default=())

    def share(self, tensors: int) -> float:
        """Give which share fits, of the net's tensors and of the file's, whichever are more."""
        return self.fitting / max(self.count, tensors)

    def __str__(self) -> str:
        more = f" (and {len(self.complaints) - 2} more)" if len(self.complaints) > 2 else ""
        return f"{'; '.join(self.complaints[:2])}{more}"


def find_net(tensors: Mapping[str, Tensor], file: object) -> Fit:
    """Find the net of the zoo that ``tensors`` fit, of which there is one at most: no two are alike.

    Raises ExploreError, which names the nearest and what differs.
    """
    misfits: list[Misfit] = []
    for name in _candidates(tensors):
        tried = fit_named(name, tensors)
        if isinstance(tried, Fit):
            return tried
        misfits.append(tried)
    nearest = max(misfits, key=lambda each: each.share(len(tensors)))
    own = "give --net package.module:factory for a net of your own"
    if not nearest.fitting:
        count = f"its {len(tensors)} tensors have" if len(tensors) > 1 else "its 1 tensor has"
        first = next(iter(tensors))
        raise ExploreError(
            f"{file} fits no net that zfexplore knows: {count} other names or shapes "
            f"({printable(first)} is {tuple(tensors[first].shape)}); {own}"
        )
    raise ExploreError(
        f"{file} fits no net that zfexplore knows; the nearest is {nearest.architecture} "
        f"({nearest.fitting} of {nearest.count} tensors): {nearest}; {own}"
    )


def fit_named(name: str, tensors: Mapping[str, Tensor]) -> Fit | Misfit:
    """Hold ``tensors`` against a net of the zoo, with a head as wide as theirs."""
    if name == "zfnet":
        return _fit_zfnet(tensors)
    expected = expected_of(name)
    head = [key for key in expected if key.endswith(".weight")][-1].removesuffix(".weight")
    return _fit(
        name, expected, tensors, head=head, left_out=zoo.AUXILIARY if name in zoo.TURNING_INPUT else ()
    )


def fit_module(spec: str, module: nn.Module, tensors: Mapping[str, Tensor]) -> Fit | Misfit:
    """Hold ``tensors`` against a module that somebody else made."""
    return _fit(spec, module.state_dict(), tensors)


def fitted(file: object, fit: Fit | Misfit) -> Fit:
    """Give a fit whose values are finite numbers; raises ExploreError, one line, for anything else."""
    if isinstance(fit, Misfit):
        raise ExploreError(f"{file} does not fit {fit.architecture}: {fit}")
    for name, tensor in fit.tensors.items():
        if not is_numbers(tensor, counts=name in fit.counts):
            theirs = printable(fit.theirs[name])
            raise ExploreError(f"{file}: {theirs} holds {tensor.dtype} values that are not finite numbers")
    return fit


def put_into(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Give a module its tensors, whose names and shapes are known to fit: float32, and counts as they are.

    The module's old tensors are replaced, so that it may have been made without memory.
    """
    state = module.state_dict()  # with the layers' versions, without which some take it for an old file
    for name, old in state.items():
        new = tensors[name]
        state[name] = new.to(torch.float32 if old.is_floating_point() else old.dtype).contiguous()
    module.load_state_dict(state, assign=True)


def is_numbers(tensor: Tensor, *, counts: bool = False) -> bool:
    """Whether every value is a finite number, of a floating-point type, or with ``counts`` of any other."""
    if tensor.layout != torch.strided or tensor.is_meta:
        return False
    if counts and tensor.dtype in COUNT_TYPES:
        return True
    return tensor.dtype in WEIGHT_TYPES and bool(torch.isfinite(tensor).all())


@cache
def expected_of(name: str) -> dict[str, Tensor]:
    """Give the tensors of a net of the zoo as it is by default, without their values."""
    with zoo.weightless():
        return dict(zoo.make_net(name, {}).state_dict())


def _candidates(tensors: Mapping[str, Tensor]) -> list[str]:
    names = {part for name in _cleaned(tensors, {}) for part in _endings(name)}
    starts = tuple(start for mark, family in MARKS.items() if mark in names for start in family)
    return ["zfnet", *(name for name in zoo.PRETRAINED if name.startswith(starts))] if starts else ["zfnet"]


def _endings(name: str) -> list[str]:
    """``a.b.c`` gives itself, ``b.c`` and ``c``."""
    parts = name.split(".")
    return [".".join(parts[start:]) for start in range(len(parts))]


def _cleaned(tensors: Mapping[str, Tensor], expected: Mapping[str, Any]) -> dict[str, str]:
    """Give each name without what torch's wrappers put into it, and the name as it is in the file."""
    own = {part for name in expected for part in name.split(".")}
    cleaned: dict[str, str] = {}
    for name in tensors:
        parts = [part for part in name.split(".") if part in own or part not in _WRAPPERS]
        short = _OLD_DENSENET.sub(r"\1\2", ".".join(parts))
        cleaned[name if short in cleaned else short] = name
    return cleaned


def _fit(
    architecture: str,
    state: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    *,
    head: str | None = None,
    left_out: tuple[str, ...] = (),
) -> Fit | Misfit:
    wanted = {name: tuple(tensor.shape) for name, tensor in state.items()}
    names = _cleaned(tensors, wanted)
    prefix = _prefix(names, tensors, wanted)
    inside = {name.removeprefix(prefix): theirs for name, theirs in names.items() if name.startswith(prefix)}
    outside = [theirs for name, theirs in names.items() if not name.startswith(prefix)]
    notes: list[str] = []
    if head is not None:
        notes += _take_head(head, wanted, inside, tensors)
    surplus = [name for name in inside if name not in wanted]
    dropped = [name for name in surplus if name.startswith(left_out)] if left_out else []
    profiled = [name for name in surplus if name.rpartition(".")[2] in _PROFILED]
    counted = [name for name in surplus if name.rpartition(".")[2] == _COUNTED]
    complaints = [
        _other_shape(inside[name], tuple(tensors[inside[name]].shape), name, shape)
        for name, shape in wanted.items()
        if name in inside and tuple(tensors[inside[name]].shape) != shape
    ]
    wrong = len(complaints)
    missing = [name for name in wanted if name not in inside]
    complaints += [f"{name} is missing" for name in missing if not name.endswith(_COUNTED)]
    complaints += [
        f"{printable(inside[name])} is no part of it"
        for name in surplus
        if name not in (*dropped, *profiled, *counted)
    ]
    if complaints:
        fitting = len(wanted) - len(missing) - wrong
        return Misfit(architecture, fitting, len(wanted), tuple(complaints))
    if dropped:
        notes.append(
            f"left out: {_some([inside[name] for name in dropped])}: classifiers that only training uses"
        )
    if profiled:
        notes.append(f"left out: {_some([inside[name] for name in profiled])}: counts of a profiler")
    if outside:
        notes.append(f"left out: {_some(outside)}: no part of {architecture}")
    found = {name: inside[name] for name in wanted if name in inside}
    values = {name: tensors[found[name]] if name in found else torch.tensor(0) for name in wanted}
    classes = {} if head is None else {"num_classes": wanted[f"{head}.weight"][0]}
    counts = frozenset(name for name, tensor in state.items() if not tensor.is_floating_point())
    return Fit(architecture, classes, values, found, counts, tuple(notes))


def _other_shape(theirs: str, shape: tuple[int, ...], ours: str, wanted: tuple[int, ...]) -> str:
    where = f"and not {wanted}" if theirs == ours else f"where {ours} is {wanted}"
    return f"{printable(theirs)} is {shape} {where}"


def _prefix(
    names: Mapping[str, str], tensors: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]]
) -> str:
    """Find what stands before the net's own names: what most of its tensors stand behind, the shortest."""
    counts: Counter[str] = Counter()
    for name, theirs in names.items():
        for ending in _endings(name):
            if ending in expected:
                # A name in the right shape counts far more than a name alone.
                counts[name.removesuffix(ending)] += (
                    1000 if tuple(tensors[theirs].shape) == expected[ending] else 1
                )
    return max(counts, key=lambda prefix: (counts[prefix], -len(prefix)), default="")


def _take_head(
    head: str, wanted: dict[str, tuple[int, ...]], inside: dict[str, str], tensors: Mapping[str, Tensor]
) -> list[str]:
    """Make the head as wide as the file's; a last layer put in its place or inside it is taken for it."""
    notes = []
    weight, bias = f"{head}.weight", f"{head}.bias"
    if weight not in inside:
        owner = head.rpartition(".")[0]
        around = [name for name in inside if name.startswith(f"{owner}." if owner else f"{head}.")]
        spare = [name for name in around if name not in wanted]
        layer = spare[0].rpartition(".")[0] if spare else ""
        same = len(spare) == 2 and set(spare) == {f"{layer}.weight", f"{layer}.bias"}
        if same and tensors[inside[f"{layer}.weight"]].shape[1:] == wanted[weight][1:]:
            inside[weight], inside[bias] = inside.pop(f"{layer}.weight"), inside.pop(f"{layer}.bias")
            notes.append(
                f"{printable(inside[weight]).removesuffix('.weight')} is taken for the last layer, {head}"
            )
    if weight in inside and tensors[inside[weight]].ndim == len(wanted[weight]):
        classes = tensors[inside[weight]].shape[0]
        wanted[weight] = (classes, *wanted[weight][1:])
        wanted[bias] = (classes,)
    return notes


# -- ZFNet, by shape --------------------------------------------------------------------------------------


def _fit_zfnet(tensors: Mapping[str, Tensor]) -> Fit | Misfit:
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
    kept = {name: tensor for name, tensor in tensors.items() if name.rpartition(".")[2] not in _PROFILED}
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
    notes = (f"left out: {_some(profiled)}: counts of a profiler",) if profiled else ()
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
        complaints.append(_other_shape(name, shape, ours, wanted))
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
                return int(piece) - int(against)
        raise _Ambiguous(
            f"{printable(name)} and {printable(other)} have the same shape, and their names do not say which "
            f"is {ours[0]} and which {ours[1]}: rename them so that they differ in a number"
        )

    return sorted(theirs, key=cmp_to_key(order))


def _some(names: list[str]) -> str:
    shown = ", ".join(printable(name) for name in names[:2])
    return f"{shown} (and {len(names) - 2} more)" if len(names) > 2 else shown
