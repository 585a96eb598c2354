"""The state from which an interrupted training continues exactly.

One file holds weights, momentum, position and all random states, so that it is never half new. It is
written atomically, and nothing is pickled.
"""

from __future__ import annotations

import json
import random
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.files import atomic_path
from zfexplore.opening import check_plain
from zfexplore.training.folder import FORMAT

_KEY = "zfexplore-training"
_MEAN_IMAGE = "input.mean"


@dataclass
class Position:
    """Where a training stands: ``step`` batches of ``epoch`` (both from 0) are done.

    ``loss_sum`` and ``images`` count this epoch so far; ``seconds`` is its time and ``waited`` the part of
    it spent waiting for data. ``best``, ``epochs_since_best`` and ``rate_factor`` belong to the plateau
    schedule. ``first_loss`` is the loss of the first step of all.
    """

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    images: int = 0
    seconds: float = 0.0
    waited: float = 0.0
    best: float | None = None
    epochs_since_best: int = 0
    rate_factor: float = 1.0
    first_loss: float | None = None

    def next_epoch(self) -> None:
        """Begin the next epoch."""
        self.epoch, self.step = self.epoch + 1, 0
        self.loss_sum, self.images, self.seconds, self.waited = 0.0, 0, 0.0, 0.0


@dataclass(frozen=True)
class State:
    """What ``load_state`` found: tensors by name, the position, and the random states."""

    tensors: dict[str, Tensor]
    position: Position
    convention: InputConvention
    randomness: dict[str, Any] = field(repr=False)


def save_state(
    path: Path,
    net: nn.Module,
    optimiser: torch.optim.Optimizer,
    position: Position,
    convention: InputConvention,
) -> None:
    """Write everything that the next step depends on."""
    tensors = {f"net.{name}": value for name, value in net.state_dict().items()}
    for name, parameter in net.named_parameters():
        momentum = optimiser.state.get(parameter, {}).get("momentum_buffer")
        if momentum is not None:
            tensors[f"momentum.{name}"] = momentum
    if convention.mean_image is not None:
        tensors[_MEAN_IMAGE] = convention.mean_image
    tensors["random.torch"] = torch.get_rng_state()
    if torch.cuda.is_available():
        for number, cuda_state in enumerate(torch.cuda.get_rng_state_all()):
            tensors[f"random.cuda.{number}"] = cuda_state
    described = {
        "format": FORMAT,
        "position": asdict(position),
        "convention": convention.to_json(),
        "python": random.getstate(),
        "numpy": np.random.get_state(legacy=False),
    }
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_path(path) as temporary:
        save_file(contiguous, temporary, metadata={_KEY: json.dumps(described, default=_plain)})


def load_state(path: Path) -> State:
    """Read what ``save_state`` wrote; raises ExploreError if the file holds something else."""
    try:
        check_plain(path)
        with safe_open(path, framework="pt") as opened:
            described = json.loads((opened.metadata() or {})[_KEY])
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        if described["format"] != FORMAT:
            raise ValueError(f"format {described['format']}")
        position = Position(**described["position"])
        convention = InputConvention.from_json(described["convention"], tensors.get(_MEAN_IMAGE))
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise ExploreError(f"{path} cannot be read ({error}): start anew in another folder") from error
    return State(tensors, position, convention, described)


def restore(state: State, net: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """Restore weights, momentum and random states."""
    net.load_state_dict({name[4:]: value for name, value in state.tensors.items() if name.startswith("net.")})
    for name, parameter in net.named_parameters():
        if (momentum := state.tensors.get(f"momentum.{name}")) is not None:
            laid_out = torch.empty_like(parameter)  # channels_last if the weight is
            optimiser.state[parameter]["momentum_buffer"] = laid_out.copy_(momentum).detach()
    torch.set_rng_state(state.tensors["random.torch"])
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            if (cuda_state := state.tensors.get(f"random.cuda.{number}")) is not None:
                torch.cuda.set_rng_state(cuda_state, number)
    version, words, gauss = state.randomness["python"]
    random.setstate((version, tuple(words), gauss))
    numpy_state = dict(state.randomness["numpy"])
    numpy_state["state"] = {
        **numpy_state["state"],
        "key": np.array(numpy_state["state"]["key"], dtype=np.uint32),
    }
    np.random.set_state(numpy_state)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)
