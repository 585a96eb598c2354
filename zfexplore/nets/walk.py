"""One run of a module's forward, written down: which maps it makes, their names, and where they come from.

Hooks tell of every module's call, and a ``TorchFunctionMode`` of every function's. Each tensor is followed
by its identity: which layer made it, and whether it came through a ReLU. In-place work keeps both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from zfexplore.nets.net import Pair
from zfexplore.nets.relu import is_relu
from zfexplore.nets.taps import Tap, left_as_found, run

Kind = Literal["conv", "pool", "fc"]

_WEIGHTED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
_POOLS = (nn.MaxPool2d, nn.AvgPool2d)
_NORMS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm, nn.modules.instancenorm._InstanceNorm)
_SUMS = ("add", "add_", "__add__", "__iadd__", "__radd__")
# What changes neither which values are zero nor which of them are negative.
_KEEPS_SIGN = (
    "max_pool2d", "max_pool2d_with_indices", "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d",
    "dropout", "dropout2d", "dropout_", "flatten", "reshape", "view", "mean", "contiguous", "clone",
    "squeeze",
)  # fmt: skip


@dataclass(frozen=True)
class Found:
    """A map that the forward makes, with the name and the tap of its stage.

    ``rectified`` means that no value is negative, ``relu`` that it is the very output of a ReLU call.
    ``blocks`` are the modules with a forward of their own around it, the outermost first. ``aliases`` are
    the other modules that give the same map.
    """

    name: str
    kind: Kind
    channels: int
    map_size: Pair
    rectified: bool
    relu: bool
    tap: Tap
    blocks: tuple[str, ...]
    aliases: tuple[str, ...] = ()


def walk(module: nn.Module, image: Tensor) -> list[Found]:
    """Run ``image [1, c, h, w]`` forward and give the maps in the order in which they are made.

    Raises ExploreError where the module does not run on it.
    """
    diary = _Diary(module)
    with ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        stack.enter_context(left_as_found(module))
        for name, part in module.named_modules():
            before = part.register_forward_pre_hook(lambda _part, _inputs, name=name: diary.enter(name))
            stack.callback(before.remove)
            after = part.register_forward_hook(
                lambda part, inputs, output, name=name: diary.leave(name, part, inputs, output)
            )
            stack.callback(after.remove)
        stack.enter_context(_Watcher(diary))
        run(module, image)
    return list(diary.found())


@dataclass
class _Origin:
    """What is known of a tensor: the layer whose output it is, or the sum of it, and its signs.

    ``plain`` means that nothing but a normalisation came after the layer. ``entry`` is where it stands in
    the diary. ``depth`` counts the layers on the way to it: of a sum's two, the deeper one gives the name.
    """

    layer: str | None = None
    depth: int = 0
    plain: bool = False
    rectified: bool = False
    entry: int | None = None


@dataclass
class _Entry:
    name: str
    tensor: Tensor
    tap: Tap
    blocks: tuple[str, ...]
    kind: Kind
    rectified: bool = False
    relu: bool = False
    aliases: list[str] = field(default_factory=list)


class _Diary:
    """What happened in the run so far. Tensors are kept, so that no two have the same identity."""

    def __init__(self, module: nn.Module) -> None:
        self._parts = dict(module.named_modules())
        self._inside: list[str] = []
        self._calls: dict[str | None, int] = {}
        self._origins: dict[int, _Origin] = {}
        self._kept: list[Tensor] = []
        self._entries: list[_Entry] = []
        self._entry_of_layer: dict[str, int] = {}

    def enter(self, name: str) -> None:
        self._inside.append(name)

    def leave(self, name: str, part: nn.Module, inputs: Any, output: Any) -> None:
        self._inside.pop()
        call = self._calls[name] = self._calls.get(name, -1) + 1
        if not isinstance(output, Tensor) or output.ndim not in (2, 4) or len(output) != 1:
            return
        tap, origin = Tap(name, call), self._origin(output)
        below = self._origin(inputs[0]) if inputs and isinstance(inputs[0], Tensor) else _Origin()
        if isinstance(part, _WEIGHTED):
            self._layer(name, output, tap, below.depth + 1)
        elif isinstance(part, _NORMS):
            if below.layer is not None and below.plain:
                self._set(output, replace(below, rectified=False))
            else:
                self._layer(name, output, tap, below.depth)
        elif origin.entry is not None:
            self._alias(name, self._entries[origin.entry])
        elif isinstance(part, _POOLS) or (_is_block(part) if name else not self._are_known_logits(output)):
            kind: Kind = "pool" if isinstance(part, _POOLS) else "fc" if output.ndim == 2 else "conv"
            self._inside.append(name)  # a block's output belongs to the block
            self._note(name or "output", output, tap, kind, rectified=origin.rectified)
            self._inside.pop()

    def rectify(self, before: Any, output: Tensor) -> None:
        """Note a ReLU's output: it is the map of the layer that it follows, or one of its own."""
        call = self._calls[None] = self._calls.get(None, -1) + 1
        if output.ndim not in (2, 4) or len(output) != 1:
            return
        origin = before if isinstance(before, _Origin) else _Origin()
        entry = None if origin.layer is None else self._entries[self._entry_of_layer[origin.layer]]
        if entry is not None and not entry.relu and entry.tensor.shape[1] == output.shape[1]:
            # From now on the layer's map is this one, and it comes at this place in the order.
            self._entries.remove(entry)
            self._renumber()
            name = entry.name
        else:
            name = self._inside[-1] if self._inside and self._inside[-1] else "relu"
        self._note(
            name,
            output,
            Tap(None, call),
            "fc" if output.ndim == 2 else "conv",
            rectified=True,
            relu=True,
            depth=origin.depth,
        )
        if entry is not None and name == entry.name:
            self._entry_of_layer[name] = len(self._entries) - 1

    def origin(self, tensor: Any) -> _Origin:
        return replace(self._origin(tensor)) if isinstance(tensor, Tensor) else _Origin()

    def keep_signs(self, tensor: Any, output: Any) -> None:
        if isinstance(tensor, Tensor) and isinstance(output, Tensor) and output is not tensor:
            below = self._origin(tensor)
            self._set(output, _Origin(rectified=below.rectified, depth=below.depth))

    def join(self, tensors: Any, output: Tensor) -> None:
        origins = [self._origin(tensor) for tensor in tensors]
        rectified = all(origin.rectified for origin in origins)
        self._set(output, _Origin(rectified=rectified, depth=max(origin.depth for origin in origins)))

    def add(self, first: _Origin, second: _Origin, output: Tensor) -> None:
        named = [origin for origin in (first, second) if origin.layer is not None]
        deeper = max(named, key=lambda origin: origin.depth, default=_Origin())
        rectified, depth = first.rectified and second.rectified, max(first.depth, second.depth)
        self._set(output, _Origin(layer=deeper.layer, depth=depth, rectified=rectified))

    def deepen(self, tensors: Iterable[Any], output: Any) -> None:
        """Note how deep the output of any other function lies."""
        depth = max(
            (self._origin(tensor).depth for tensor in tensors if isinstance(tensor, Tensor)), default=0
        )
        if isinstance(output, Tensor) and depth and self._origin(output) == _Origin():
            self._set(output, _Origin(depth=depth))

    def found(self) -> Iterator[Found]:
        for entry in self._entries:
            size = (1, 1) if entry.tensor.ndim == 2 else (entry.tensor.shape[2], entry.tensor.shape[3])
            yield Found(
                entry.name, entry.kind, entry.tensor.shape[1], size, entry.rectified, entry.relu, entry.tap,
                entry.blocks, tuple(alias for alias in entry.aliases if alias not in self._names()),
            )  # fmt: skip

    def _layer(self, name: str, output: Tensor, tap: Tap, depth: int) -> None:
        self._note(name, output, tap, "fc" if output.ndim == 2 else "conv")
        entry = len(self._entries) - 1
        self._entry_of_layer[self._entries[entry].name] = entry
        self._set(output, _Origin(self._entries[entry].name, depth, plain=True, entry=entry))

    def _note(
        self,
        name: str,
        output: Tensor,
        tap: Tap,
        kind: Kind,
        *,
        rectified: bool = False,
        relu: bool = False,
        depth: int = 0,
    ) -> None:
        if name in self._names():  # a layer that is used again
            name = next(
                again for number in range(2, 10_000) if (again := f"{name}#{number}") not in self._names()
            )
        self._entries.append(_Entry(name, output, tap, self._blocks(), kind, rectified, relu))
        depth = max(depth, self._origin(output).depth)
        self._set(output, _Origin(depth=depth, rectified=rectified, entry=len(self._entries) - 1))

    def _are_known_logits(self, output: Tensor) -> bool:
        """Whether what the whole net gives is only made of the logits, as by a softmax."""
        heads = [entry for entry in self._entries if entry.kind == "fc"]
        return output.ndim == 2 and bool(heads) and heads[-1].tensor.shape[1] == output.shape[1]

    def _alias(self, name: str, entry: _Entry) -> None:
        if name and name != entry.name:
            entry.aliases.append(name)

    def _blocks(self) -> tuple[str, ...]:
        return tuple(name for name in self._inside if name and _is_block(self._parts[name]))

    def _names(self) -> set[str]:
        return {entry.name for entry in self._entries}

    def _origin(self, tensor: Tensor) -> _Origin:
        return self._origins.get(id(tensor), _Origin())

    def _set(self, tensor: Tensor, origin: _Origin) -> None:
        self._kept.append(tensor)
        self._origins[id(tensor)] = origin

    def _renumber(self) -> None:
        """Let layers and tensors point to where their entries stand now that one was taken out."""
        place = {entry.name: number for number, entry in enumerate(self._entries)}
        self._entry_of_layer = {name: place[name] for name in self._entry_of_layer if name in place}
        tensors = {id(entry.tensor): number for number, entry in enumerate(self._entries)}
        for tensor, origin in self._origins.items():
            origin.entry = tensors.get(tensor)


class _Watcher(TorchFunctionMode):
    def __init__(self, diary: _Diary) -> None:
        super().__init__()
        self._diary = diary

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, diary = kwargs or {}, self._diary
        first = args[0] if args else kwargs.get("input")
        before = diary.origin(first)  # in-place work changes what is known of the tensor
        name = getattr(func, "__name__", "")
        output = func(*args, **kwargs)
        if is_relu(func, args, kwargs):
            diary.rectify(before, output)
        elif name in _SUMS and isinstance(output, Tensor):
            other = args[1] if len(args) > 1 else kwargs.get("other")
            diary.add(before, diary.origin(other), output)
        elif name in ("cat", "concat") and isinstance(output, Tensor):
            diary.join(first if first is not None else kwargs.get("tensors", ()), output)
        elif name in _KEEPS_SIGN:
            diary.keep_signs(first, output)
        else:
            diary.deepen((*args, *kwargs.values()), output)
        return output


def _is_block(part: nn.Module) -> bool:
    """Whether a module has parts and a forward of its own."""
    return bool(list(part.children())) and type(part).forward is not nn.Sequential.forward
