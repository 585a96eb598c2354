"""A run's folder, and the state from which an interrupted training continues exactly.

::

    RUN/run.json                what was asked for: images, split, recipe, seed
    RUN/state.safetensors       weights, momentum, position, all random states; one file, so never half new
    RUN/log.jsonl               one line an epoch
    RUN/checkpoint.safetensors  the net after the last whole epoch, for load_checkpoint
    RUN/snapshots/epoch-005.safetensors  the trunk alone, fp16

Everything is written atomically, and nothing is pickled.
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
from zfexplore.files import atomic_path, write_text

FORMAT = 1
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


class RunFolder:
    """The files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings = path / "run.json"
        self.state = path / "state.safetensors"
        self.log = path / "log.jsonl"
        self.checkpoint = path / "checkpoint.safetensors"

    def snapshot(self, epoch: int) -> Path:
        """Give the file of the trunk after ``epoch`` (from 1)."""
        return self.path / "snapshots" / f"epoch-{epoch:03}.safetensors"

    def begin(self, settings: dict[str, Any]) -> None:
        """Start a run; raises ExploreError if the folder already holds one, or is a file."""
        if self.path.exists() and not self.path.is_dir():
            raise ExploreError(f"{self.path} is a file: a run needs a folder of its own", usage=True)
        if self.settings.exists() or self.state.exists() or self.checkpoint.exists():
            raise ExploreError(
                f"{self.path} already holds a run: go on with `zfexplore train --resume --out {self.path}`, "
                "or choose another folder",
                usage=True,
            )
        self.write_settings(settings)

    def write_settings(self, settings: dict[str, Any]) -> None:
        """Write the settings that the run was started with."""
        write_text(self.settings, json.dumps(settings, indent=2) + "\n")

    def read_settings(self) -> dict[str, Any]:
        """Give the settings that the run was started with.

        Raises ExploreError if there is no run or its settings cannot be read.
        """
        try:
            settings = json.loads(self.settings.read_text(encoding="utf-8"))
            if not isinstance(settings, dict) or settings["format"] != FORMAT:
                raise ValueError("another format")
        except FileNotFoundError:
            raise ExploreError(f"there is no run to resume in {self.path}", usage=True) from None
        except (OSError, ValueError, KeyError) as error:
            raise ExploreError(f"{self.settings} cannot be read: {error}") from error
        return settings

    def records(self) -> list[dict[str, Any]]:
        """Give the epochs logged so far."""
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    def write_records(self, records: list[dict[str, Any]]) -> None:
        """Write the whole log anew."""
        write_text(self.log, "".join(json.dumps(record) + "\n" for record in records))


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
