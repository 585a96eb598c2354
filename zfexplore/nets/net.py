"""What the program needs of a network: named stages, their maps, and the pixels that their units see.

``trunk.Trunk`` is a plain stack, whose geometry is exact. ``anynet.AnyNet`` is any other module.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Self

import torch
from torch import Tensor, nn

from zfexplore.errors import ExploreError
from zfexplore.nets.device import move
from zfexplore.units import Window

Pair = tuple[int, int]


@dataclass(frozen=True)
class Stage:
    """A named map of ``channels`` channels. In a trunk, it is the one after the first ``end`` steps.

    ``rectified`` means that its values come through a ReLU, so that none is negative.
    """

    name: str
    kind: Literal["conv", "pool", "fc"]
    channels: int
    end: int = 0
    rectified: bool = True


@dataclass(frozen=True)
class ReceptiveField:
    """What a unit reads, in input pixels, each as (rows, columns).

    ``size`` is the extent of a unit away from borders, ``jump`` the distance between neighbouring units,
    and ``start`` the first pixel of unit (0, 0), which is negative where padding is read.
    """

    size: Pair
    jump: Pair
    start: Pair


class Net(ABC):
    """A module as named stages. ``stages`` are maps, ``heads`` vectors; the last head may be logits.

    ``watched`` names the stages that an atlas covers.
    """

    module: nn.Module
    stages: tuple[Stage, ...]
    heads: tuple[Stage, ...]
    watched: tuple[str, ...]

    @abstractmethod
    def check(self) -> None:
        """Raise ExploreError if the module's layers were exchanged since its stages were read."""

    @property
    def names(self) -> tuple[str, ...]:
        """Give every stage's name, from the input upwards; those of heads come last."""
        return tuple(stage.name for stage in (*self.stages, *self.heads))

    @property
    @abstractmethod
    def structure(self) -> str:
        """Give a text that differs between nets of equal weights that compute different things."""

    @property
    @abstractmethod
    def rectifies(self) -> bool:
        """Tell whether the net has a ReLU at all."""

    @property
    @abstractmethod
    def input_channels(self) -> int:
        """Give the channels of the images that the net takes, 3 for colour."""

    @property
    def device(self) -> torch.device:
        """Give the device of the weights."""
        return self._weight.device

    @property
    def dtype(self) -> torch.dtype:
        """Give the type of the weights."""
        return self._weight.dtype

    def to(self, device: torch.device | str) -> Self:
        """Move the module, and with it the net, to a device; raises ExploreError if there is none such."""
        move(self.module, device)
        return self

    def stage(self, name: str) -> Stage:
        """Give the stage called ``name``; raises ExploreError, naming the stages that there are."""
        for stage in (*self.stages, *self.heads):
            if stage.name == name:
                return stage
        raise ExploreError(f"there is no layer {name!r}: this net has {self._named()}", usage=True)

    @abstractmethod
    def maps(self, images: Tensor, names: Iterable[str] | None = None) -> dict[str, Tensor]:
        """Run ``images [n, c, h, w]`` forward and give the maps of the named stages (all by default).

        A map is ``[n, channels, h, w]``, or ``[n, channels]`` for a head.
        """

    @abstractmethod
    def map_size(self, name: str, size: Pair) -> Pair:
        """Give the (height, width) of a stage's map for an input of ``size``; (1, 1) for heads.

        Raises ExploreError where the net does not take an input of that size.
        """

    @abstractmethod
    def receptive_field(self, name: str) -> ReceptiveField:
        """Give size, jump and start of a stage's units."""

    @abstractmethod
    def window(self, name: str, y: int, x: int, size: Pair) -> Window:
        """Give the input pixels that unit (y, x) of a stage reads, for an input of ``size``.

        Clipped at the border; for heads, the whole input. Raises ExploreError for a place outside the map.
        """

    @abstractmethod
    def first_filters(self) -> Tensor | None:
        """Give the weights ``[n, c, k, k]`` of a first convolution whose stage is the first, or None."""

    @abstractmethod
    def parameters(self, name: str) -> int:
        """Count the weights and biases of a stage's layers."""

    def _check_place(self, name: str, y: int, x: int, size: Pair) -> None:
        rows, columns = self.map_size(name, size)
        if not (0 <= y < rows and 0 <= x < columns):
            raise ExploreError(
                f"{name} has no unit at row {y}, column {x}: its map is {rows} x {columns} "
                f"for an input of {size[0]} x {size[1]}",
                usage=True,
            )

    def _named(self) -> str:
        """Name the stages that there are, for an error."""
        return ", ".join(self.names)

    @property
    @abstractmethod
    def _weight(self) -> Tensor:
        """Give one of the weights, which tells device and type of them all."""
