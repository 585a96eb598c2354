"""A net by what the user gave: a checkpoint, a net by name with weights, or a module from Python."""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.nets import zoo
from zfexplore.nets.checkpoint import Checkpoint, Metadata, current_versions, fingerprint, load_checkpoint
from zfexplore.nets.stages import net_over, unwrapped, watch


def open_net(
    checkpoint: str | os.PathLike[str] | None = None,
    net: str | None = None,
    weights: str | os.PathLike[str] | None = None,
    *,
    stages: Sequence[str] = (),
    device: str | torch.device = "cpu",
) -> Checkpoint:
    """Open a checkpoint, or the net called ``net`` with its ``weights``; ``stages`` are those to watch.

    ``net`` is a name of the zoo, ``timm:NAME`` or ``package.module:factory``; ``weights`` a file of
    weights, ``torchvision``, or None for random ones. Raises ExploreError, one line, for what does not
    exist or does not fit together.
    """
    if net is None and weights is not None:
        raise ExploreError("--weights go with --net; a checkpoint alone is --checkpoint FILE", usage=True)
    if net is not None and checkpoint is not None:
        raise ExploreError(
            "give --checkpoint or --net, not both; weights for --net are --weights", usage=True
        )
    if net is None:
        opened = load_checkpoint(checkpoint, device)
    else:
        named = zoo.open_named(net, None if weights is None else os.fspath(weights))
        metadata = Metadata(named.architecture, {}, named.classes, named.input, versions=current_versions())
        opened = _over(named.module, metadata, device, named.notes)
    watch(opened.net, stages)
    return opened


def open_module(
    module: nn.Module,
    convention: InputConvention | None = None,
    *,
    classes: Sequence[str] = (),
    stages: Sequence[str] = (),
    device: str | torch.device | None = None,
) -> Checkpoint:
    """Open a module from Python, which stays as it is: a half or double one is copied to float32.

    ``convention`` is by default ImageNet's, or plain 0..1 for a net that does not take colour. ``device``
    None leaves the module where it is. Raises ExploreError for what is no module, or cannot be explored.
    """
    if not isinstance(module, nn.Module):
        raise ExploreError(
            f"a net is an nn.Module, a name or a file; not {type(module).__name__}", usage=True
        )
    module, notes = unwrapped(module), list[str]()
    if any(tensor.dtype in (torch.float16, torch.bfloat16, torch.float64) for tensor in module.parameters()):
        module = copy.deepcopy(module).float()
        notes.append(f"{type(module).__name__} is explored in float32, which its weights are not in")
    convention = convention or _convention_of(module)
    return _over(
        module, Metadata(type(module).__name__, {}, tuple(classes), convention), device, notes, stages
    )


def _over(
    module: nn.Module, metadata: Metadata, device: Any, notes: Sequence[str], stages: Sequence[str] = ()
) -> Checkpoint:
    if device is not None:
        module.to(device)
    net = net_over(module, metadata.input)
    watch(net, stages)
    metadata = replace(metadata, weights_fingerprint=fingerprint(module.state_dict()))
    return Checkpoint(module, net, metadata, tuple(notes))


def _convention_of(module: nn.Module) -> InputConvention:
    first = next((part for part in module.modules() if isinstance(part, nn.Conv2d)), None)
    channels = 3 if first is None else first.in_channels
    if channels == 3:
        return zoo.IMAGENET_INPUT
    return InputConvention(scale=1.0, mean=(0.0,) * channels, std=(1.0,) * channels)
