"""The net of named stages over a module: a trunk where it is a plain stack, any net elsewhere."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.nets.anynet import AnyNet
from zfexplore.nets.net import Net
from zfexplore.nets.trunk import Trunk


def net_over(module: nn.Module, convention: InputConvention) -> Net:
    """Cut a module into stages, for inputs of the convention's size.

    A plain stack becomes a trunk, whose projections are exact and fast; every other module is followed
    through one run. Raises ExploreError for a scripted module, and for one that does not run on such an
    input.
    """
    if any(isinstance(part, torch.jit.ScriptModule) for part in module.modules()):
        raise ExploreError(
            f"{type(module).__name__} is scripted, so its ReLUs cannot be told apart: give the module itself"
        )
    try:
        return Trunk(module)
    except ExploreError:
        return AnyNet(module, (convention.size, convention.size), convention.channels)


def unwrapped(module: nn.Module) -> nn.Module:
    """Take DataParallel, DistributedDataParallel and torch.compile's wrapper off a module."""
    while True:
        wrapper: Any = module
        if isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
            module = wrapper.module
        elif type(module).__name__ == "OptimizedModule":
            module = wrapper._orig_mod
        else:
            return module


def watch(net: Net, patterns: Sequence[str]) -> None:
    """Let an atlas watch the stages with these names, or that match patterns such as ``layer4.*``.

    Without any, it watches what it did. Raises ExploreError for a name that there is not, and for a
    pattern that nothing matches.
    """
    if not patterns:
        return
    chosen: set[str] = set()
    for pattern in patterns:
        matching = fnmatch.filter(net.names, pattern)
        chosen.update(matching or [net.stage(pattern).name])
    net.watched = tuple(name for name in net.names if name in chosen)
