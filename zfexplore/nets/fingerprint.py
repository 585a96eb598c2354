"""Whether a net still has the weights that were loaded: what an atlas of it must be filed under.

A checkpoint's fingerprint is that of its file. Weights can be changed after they are loaded, so the
fingerprint is made again from the net, in the type that the file must have had. Nothing is remembered:
hashing takes 25 ms for the shipped weights.
"""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from zfexplore.nets.checkpoint import MEAN_IMAGE, Checkpoint, fingerprint_of

# The narrowest first: most weights do not fit into it, and the first tensor shows that.
STORED_TYPES = (torch.bfloat16, torch.float16, torch.float32, torch.float64)


def weights_in_use(checkpoint: Checkpoint) -> str:
    """Give the checkpoint's fingerprint, or another one if the net's weights are not those of its file."""
    loaded = checkpoint.metadata.weights_fingerprint
    weights = {name: tensor.detach() for name, tensor in checkpoint.module.state_dict().items()}
    as_they_are = fingerprint_of(weights)
    if as_they_are == loaded or any(
        _as_stored(checkpoint, weights, dtype) == loaded for dtype in STORED_TYPES
    ):
        return loaded
    return hashlib.sha256(f"{loaded} {as_they_are}".encode()).hexdigest()


def of_no_training(checkpoint: Checkpoint, weights: str) -> bool:
    """Whether ``weights``, a fingerprint, is that of weights drawn at random, and not of changed ones."""
    return checkpoint.random and weights == checkpoint.metadata.weights_fingerprint


def _as_stored(checkpoint: Checkpoint, weights: dict[str, Tensor], dtype: torch.dtype) -> str | None:
    """Give the fingerprint of a file that holds the weights in ``dtype``; None if they do not fit into it."""
    if not all(_fits(tensor, dtype) for tensor in weights.values()):
        return None
    stored = {name: tensor.to(dtype) for name, tensor in weights.items()}
    mean_image = checkpoint.metadata.input.mean_image
    return fingerprint_of(
        stored if mean_image is None else stored | {MEAN_IMAGE: torch.as_tensor(mean_image)}
    )


def _fits(tensor: Tensor, dtype: torch.dtype) -> bool:
    return torch.equal(tensor.to(dtype).to(tensor.dtype), tensor)
