"""The state from which an interrupted training continues exactly.

One file holds weights, momentum, position and all random states, so that it is never half new. It is
written atomically, and nothing is pickled.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.files import atomic_path
from zfexplore.nets.checkpoint import read_input
from zfexplore.nets.fitting import is_numbers
from zfexplore.nets.tensors import UNREADABLE, opened_tensors
from zfexplore.plain import (
    entry,
    is_whole,
    listed,
    mapping,
    maybe,
    number,
    one_of,
    parse,
    text,
    whole,
)
from zfexplore.training.folder import FORMAT

_KEY = "zfexplore-training"
_MEAN_IMAGE = "input.mean"
_CUDA = "random.cuda."
_WORDS = 624  # of the state of a Mersenne twister


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
    """What ``load_state`` found at ``path``: tensors by name, the position, and the random states.

    ``python`` and ``numpy`` are as their ``setstate`` and ``set_state`` take them.
    """

    path: Path
    tensors: dict[str, Tensor]
    position: Position
    convention: InputConvention
    python: tuple[Any, ...] = field(repr=False)
    numpy: dict[str, Any] = field(repr=False)


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
            tensors[f"{_CUDA}{number}"] = cuda_state
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
        with opened_tensors(path, "pt") as opened:
            described = parse(text(opened.metadata() or {}, _KEY))
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        if entry(described, "format") != FORMAT:
            raise ValueError("another format")
        position = _position(mapping(described, "position"))
        convention = read_input(mapping(described, "convention"), tensors.get(_MEAN_IMAGE))
        python, numpy = _python_state(described), _numpy_state(described)
        torch.Generator().set_state(entry(tensors, "random.torch"))
    except UNREADABLE as error:
        raise _unreadable(path, str(error)) from error
    return State(path, tensors, position, convention, python, numpy)


def check_state(state: State, expected: Mapping[str, Tensor]) -> None:
    """Raise ExploreError unless a state has the weights and the momentum of a net of ``expected`` tensors."""
    own = {f"net.{name}" for name in expected}
    known = own | {f"momentum.{name}" for name in expected} | {_MEAN_IMAGE, "random.torch"}
    if missing := sorted(own - state.tensors.keys()):
        raise _unreadable(state.path, f"{missing[0]} is missing")
    for name, tensor in state.tensors.items():
        if name not in known and not name.startswith(_CUDA):
            raise _unreadable(state.path, f"{name} is no part of it")
        wanted = expected.get(name.partition(".")[2]) if name not in ("random.torch", _MEAN_IMAGE) else None
        if wanted is None or name.startswith(_CUDA):
            continue
        alike = tensor.shape == wanted.shape and tensor.dtype == wanted.dtype
        if not alike or not is_numbers(tensor, counts=not wanted.is_floating_point()):
            raise _unreadable(state.path, f"{name} is not {tuple(wanted.shape)} finite numbers")


def restore(state: State, net: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """Restore weights, momentum and random states; raises ExploreError where they are not of this net."""
    check_state(state, net.state_dict())
    net.load_state_dict({name[4:]: value for name, value in state.tensors.items() if name.startswith("net.")})
    for name, parameter in net.named_parameters():
        if (momentum := state.tensors.get(f"momentum.{name}")) is not None:
            laid_out = torch.empty_like(parameter)  # channels_last if the weight is
            optimiser.state[parameter]["momentum_buffer"] = laid_out.copy_(momentum).detach()
    torch.set_rng_state(state.tensors["random.torch"])
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            if (cuda_state := state.tensors.get(f"{_CUDA}{number}")) is not None:
                try:
                    torch.cuda.set_rng_state(cuda_state, number)
                except (RuntimeError, TypeError) as error:
                    raise _unreadable(state.path, f"{_CUDA}{number}: {error}") from error
    random.setstate(state.python)
    np.random.set_state(state.numpy)


def _position(values: dict[str, Any]) -> Position:
    if unknown := sorted(set(values) - {field.name for field in fields(Position)}):
        raise ValueError(f"unknown entries {unknown[:3]} in its position")
    return Position(
        epoch=whole(values, "epoch"),
        step=whole(values, "step"),
        loss_sum=number(values, "loss_sum"),
        images=whole(values, "images"),
        seconds=number(values, "seconds", least=0),
        waited=number(values, "waited", least=0),
        best=maybe(number, values, "best"),
        epochs_since_best=whole(values, "epochs_since_best"),
        rate_factor=number(values, "rate_factor", least=0, most=1),
        first_loss=maybe(number, values, "first_loss"),
    )


def _python_state(described: dict[str, Any]) -> tuple[Any, ...]:
    """Give the state of Python's own generator, tried on one that nobody uses."""
    version, words, gauss = listed(described, "python")
    found = (version, tuple(words), gauss)
    if gauss is not None:
        number({"gauss": gauss}, "gauss")
    random.Random().setstate(found)
    return found


def _numpy_state(described: dict[str, Any]) -> dict[str, Any]:
    """Give the state of numpy's generator. It is checked here, for numpy takes any place in it for good."""
    values = mapping(described, "numpy")
    inner = mapping(values, "state")
    words = listed(inner, "key")
    if len(words) != _WORDS or not all(is_whole(word) and 0 <= word < 2**32 for word in words):
        raise ValueError("the random state of numpy is damaged")
    return {
        "bit_generator": one_of(values, "bit_generator", ("MT19937",)),
        "state": {"key": np.array(words, dtype=np.uint32), "pos": whole(inner, "pos", most=_WORDS)},
        "has_gauss": whole(values, "has_gauss", most=1),
        "gauss": number(values, "gauss"),
    }


def _unreadable(path: Path, why: str) -> ExploreError:
    return ExploreError(f"{path} cannot be read ({why}): start anew in another folder")


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)
