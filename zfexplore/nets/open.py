"""A net by what the user gave: a checkpoint, a net by name with weights, or a module from Python."""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence

import torch
from torch import nn

from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.nets.checkpoint import Checkpoint, Metadata, fingerprint_of, load_checkpoint
from zfexplore.nets.device import move
from zfexplore.nets.named import input_of, open_named
from zfexplore.nets.stages import net_over, unwrapped, watch
from zfexplore.nets.taps import left_as_found


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
        opened = open_named(net, None if weights is None else os.fspath(weights)).checkpoint(device)
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

    ``convention`` is by default ImageNet's, or plain 0..1 for a net that does not take colour, at a size that
    it takes. ``device``
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
    if convention is None:
        with left_as_found(module):
            convention, found = input_of(type(module).__name__, module)
        notes += found
    if device is not None:
        move(module, device)
    net = net_over(module, convention)
    watch(net, stages)
    metadata = Metadata(
        type(module).__name__, {}, tuple(classes), convention,
        weights_fingerprint=fingerprint_of(module.state_dict()),
    )  # fmt: skip
    return Checkpoint(module, net, metadata, tuple(notes))
