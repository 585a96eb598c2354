"""Which net a file's tensors are the weights of, by their names and shapes.

Around a net's own names stand those of what wrapped it in training (``module.``, ``model.``,
``_orig_mod.``, ``backbone.``): the prefix is taken under which most tensors fit. Then every tensor of
the net must be there, in its shape, and none besides, except for what is named here. A head may have
any width.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from zfexplore.errors import ExploreError
from zfexplore.nets import zoo
from zfexplore.nets.fit import PROFILED, Fit, Misfit, other_shape, some
from zfexplore.nets.zfnet_fitting import fit_zfnet

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
# Densenet's layers were called norm.1 where they are norm1 now; torchvision's own files are as old.
_OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.(\d\.)")


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
            f"({first} is {tuple(tensors[first].shape)}); {own}"
        )
    raise ExploreError(
        f"{file} fits no net that zfexplore knows; the nearest is {nearest.architecture} "
        f"({nearest.fitting} of {nearest.count} tensors): {nearest}; {own}"
    )


def fit_named(name: str, tensors: Mapping[str, Tensor]) -> Fit | Misfit:
    """Hold ``tensors`` against a net of the zoo, with a head as wide as theirs."""
    if name == "zfnet":
        return fit_zfnet(tensors)
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
            theirs = fit.theirs[name]
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
    profiled = [name for name in surplus if name.rpartition(".")[2] in PROFILED]
    counted = [name for name in surplus if name.rpartition(".")[2] == _COUNTED]
    complaints = [
        other_shape(inside[name], tuple(tensors[inside[name]].shape), name, shape)
        for name, shape in wanted.items()
        if name in inside and tuple(tensors[inside[name]].shape) != shape
    ]
    wrong = len(complaints)
    missing = [name for name in wanted if name not in inside]
    complaints += [f"{name} is missing" for name in missing if not name.endswith(_COUNTED)]
    complaints += [
        f"{inside[name]} is no part of it" for name in surplus if name not in (*dropped, *profiled, *counted)
    ]
    if complaints:
        fitting = len(wanted) - len(missing) - wrong
        return Misfit(architecture, fitting, len(wanted), tuple(complaints))
    if dropped:
        notes.append(
            f"left out: {some([inside[name] for name in dropped])}: classifiers that only training uses"
        )
    if profiled:
        notes.append(f"left out: {some([inside[name] for name in profiled])}: counts of a profiler")
    if outside:
        notes.append(f"left out: {some(outside)}: no part of {architecture}")
    found = {name: inside[name] for name in wanted if name in inside}
    values = {name: tensors[found[name]] if name in found else torch.tensor(0) for name in wanted}
    classes = {} if head is None else {"num_classes": wanted[f"{head}.weight"][0]}
    counts = frozenset(name for name, tensor in state.items() if not tensor.is_floating_point())
    return Fit(architecture, classes, values, found, counts, tuple(notes))


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
            notes.append(f"{inside[weight].removesuffix('.weight')} is taken for the last layer, {head}")
    if weight in inside and tensors[inside[weight]].ndim == len(wanted[weight]):
        classes = tensors[inside[weight]].shape[0]
        wanted[weight] = (classes, *wanted[weight][1:])
        wanted[bias] = (classes,)
    return notes
