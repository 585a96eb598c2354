"""A module's layers in the order in which its forward runs them, or the reason why there is no such order.

An ``nn.Sequential`` runs its layers as it lists them. Any other module's forward is followed
symbolically (torch.fx: nothing is computed), so that layers used twice count twice. Whatever else the
forward does besides calling layers (a sum, a function in place of a module) is refused, not overlooked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import fx, nn

from zfexplore.errors import ExploreError

# What a forward may do to the signal besides calling layers: flatten it, or drop out in training.
_FLATTENING = ("flatten", "view", "reshape", "dropout")
_ASKING = ("size", "getattr", "getitem")


def layers_in_order(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield each layer's name and module; raises ExploreError where the signal branches."""
    if _runs_as_listed(module):
        yield from _listed(module, type(module).__name__)
        return
    for name in _called(module):
        yield from _listed(module.get_submodule(name), type(module).__name__, name)


def refusal(name: str, layer: nn.Module, what: str) -> ExploreError:
    """Say that ``layer`` cannot be part of a trunk, and why."""
    return _refused(f"{name} ({type(layer).__name__}) is {what}")


def _refused(why: str) -> ExploreError:
    return ExploreError(
        f"this net cannot be explored: {why}; a trunk is a plain stack of Conv2d, ReLU, MaxPool2d and LRN"
    )


def _runs_as_listed(module: nn.Module) -> bool:
    return not list(module.children()) or type(module).forward is nn.Sequential.forward


def _listed(module: nn.Module, root: str, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    children = list(module.named_children())
    if not children:
        yield name or type(module).__name__, module
        return
    if not _runs_as_listed(module):
        raise refusal(name, module, f"a part of {root} with a forward of its own, which may branch")
    for child, layer in children:
        yield from _listed(layer, root, f"{name}.{child}" if name else child)


class _Follower(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return True


def _called(module: nn.Module) -> Iterator[str]:
    """Yield the names of the parts that ``module`` calls, each on the output of the one before it."""
    root = type(module).__name__
    signal, last = None, "its input"
    for node in _nodes(module, root):
        if node.op == "placeholder":
            signal = signal or node
        elif node.op == "call_module" and node.args[:1] == (signal,):
            signal, last = node, str(node.target)
            yield last
        elif node.op == "call_module":
            raise _refused(f"{node.target} in {root} does not take what the layer before it gives")
        elif node.op == "output":
            if node.args[0] is not signal:
                raise _refused(f"{root} gives something else than what its last layer, {last}, gives")
        elif _name(node) in _FLATTENING and node.args[:1] == (signal,):
            signal = node
        elif _name(node) not in _ASKING or (_name(node) == "getitem" and node.args[0] is signal):
            raise _refused(f"behind {last} the forward of {root} uses {_name(node)}, which is no layer")


def _nodes(module: nn.Module, root: str) -> list[fx.Node]:
    try:
        return list(_Follower().trace(module).nodes)
    except Exception as error:  # whatever a forward does with a symbol in place of a tensor
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise _refused(f"the forward of {root} cannot be followed ({reason})") from error


def _name(node: fx.Node) -> str:
    target: Any = node.target
    return target if isinstance(target, str) else target.__name__
