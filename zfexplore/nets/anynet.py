"""Any network with ReLUs as named stages, which are read off one run of its own forward.

A stage is named by a module. ``layer3.1.conv2`` is the output of that convolution after the ReLU that
follows it, through a batch normalisation or a sum; without a ReLU it is the output itself. A block whose
output joins several rectified maps, such as ``inception3a``, is a stage too.

By default an atlas watches the last ReLU of every block and of every layer outside a block, and the
logits. A block is a module with a forward of its own; one that holds more than half of all ReLUs is the
body of the net and not a block of it.

The module runs as it is: its forward, in eval mode, with hooks that are removed afterwards. What its
units see is measured once a stage (``fields.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from zfexplore.arguments import shown
from zfexplore.errors import ExploreError
from zfexplore.nets.fields import field_window, measure_fields
from zfexplore.nets.net import Net, Pair, ReceptiveField, Stage
from zfexplore.nets.taps import tapped
from zfexplore.nets.walk import Found, walk
from zfexplore.units import Window

BODY = 0.5  # a module with more than this share of all ReLUs is no block


class AnyNet(Net):
    """A module and its stages, for inputs of ``size`` (height, width) pixels.

    ``stages`` are maps and ``heads`` vectors, in the order in which the forward makes them. ``rectifies``
    tells whether the forward has a ReLU at all. Raises ExploreError for a module that is scripted, that
    does not run on such an input, or that makes no map.
    """

    def __init__(self, module: nn.Module, size: Pair = (224, 224), channels: int | None = None) -> None:
        if not isinstance(module, nn.Module):
            raise ExploreError(f"a net is made of a torch module, not of {shown(module)}", usage=True)
        self.module = module
        self.size = size
        self._channels = _input_channels(module) if channels is None else channels
        found = walk(module, self.blank(1, size))
        self._rectifies = any(one.relu for one in found)
        self._taps = {one.name: one.tap for one in found}
        self._aliases = {alias: one.name for one in found for alias in one.aliases}
        self._sizes: dict[Pair, dict[str, Pair]] = {size: {one.name: one.map_size for one in found}}
        self._fields: dict[str, ReceptiveField] = {}
        every = [_stage_of(one) for one in found]
        self.stages = tuple(stage for stage in every if stage.kind != "fc")
        self.heads = tuple(stage for stage in every if stage.kind == "fc")
        if not self.stages:
            raise ExploreError(
                f"{type(module).__name__} makes no map [n, channels, height, width]: "
                "there is nothing to explore in it"
            )
        self.watched = _default(found, module)
        self._structure = self.structure

    def check(self) -> None:
        """Raise ExploreError if the module's layers were exchanged since its stages were read."""
        if self.structure != self._structure:
            raise ExploreError(
                f"{type(self.module).__name__} has changed since its stages were read: make another AnyNet"
            )

    @property
    def structure(self) -> str:
        """Give the module's parts as torch prints them, and its class."""
        return f"{type(self.module).__module__}.{type(self.module).__qualname__} {self.module!r}"

    def stage(self, name: str) -> Stage:
        """Give the stage called ``name``; raises ExploreError, naming stages that there are.

        Another name of the same map will do: of a block or a ReLU module that gives it.
        """
        return super().stage(self._aliases.get(name, name))

    def _named(self) -> str:
        return f"{', '.join(self.watched)}, and more, which `zfexplore info` lists"

    def maps(self, images: Tensor, names: Iterable[str] | None = None) -> dict[str, Tensor]:
        """Run ``images [n, c, h, w]`` forward and give the maps of the named stages (all by default).

        A map is ``[n, channels, h, w]``, or ``[n, channels]`` for a head. The run ends at the last of
        them. Gradients flow where they are enabled.
        """
        wanted = [self.stage(name).name for name in (self.names if names is None else names)]
        return tapped(self.module, images, {name: self._taps[name] for name in wanted})

    def map_size(self, name: str, size: Pair) -> Pair:
        """Give the (height, width) of a stage's map for an input of ``size``; (1, 1) for heads.

        Raises ExploreError where the net does not take an input of that size.
        """
        stage = self.stage(name)
        if size not in self._sizes:
            with torch.no_grad():
                maps = self.maps(self.blank(1, size))
            self._sizes[size] = {known: _map_size(values) for known, values in maps.items()}
        return self._sizes[size][stage.name]

    def receptive_field(self, name: str) -> ReceptiveField:
        """Give size, jump and start of a stage's units; all that are watched are measured
        together at the first call.

        Where units see all of the input, the size is the input's and the jump is zero.
        """
        stage = self.stage(name)
        if stage.name not in self._fields:
            if stage.kind == "fc":
                return ReceptiveField(self.size, (0, 0), (0, 0))
            together = {stage.name, *(name for name in self.watched if self.stage(name).kind != "fc")}
            self._fields |= measure_fields(self, [name for name in self.names if name in together], self.size)
        return self._fields[stage.name]

    def window(self, name: str, y: int, x: int, size: Pair) -> Window:
        """Give the input pixels that unit (y, x) of a stage can read, clipped at the border.

        Raises ExploreError for a place outside the stage's map.
        """
        self._check_place(name, y, x, size)
        return field_window(self.receptive_field(name), y, x, self.size, size)

    def first_filters(self) -> Tensor | None:
        """Give the weights ``[n, c, k, k]`` of a convolution that is the first stage and reads the image."""
        module = dict(self.module.named_modules()).get(self.watched[0])
        if isinstance(module, nn.Conv2d) and module.in_channels == self.input_channels:
            return module.weight
        return None

    def parameters(self, name: str) -> int:
        """Count the weights and biases of the module that a stage is named after."""
        module = dict(self.module.named_modules()).get(self.stage(name).name)
        return 0 if module is None else sum(tensor.numel() for tensor in module.parameters())

    @property
    def rectifies(self) -> bool:
        """Tell whether the forward has a ReLU at all."""
        return self._rectifies

    @property
    def input_channels(self) -> int:
        """Give the channels of the images that the module takes, 3 for colour."""
        return self._channels

    @property
    def _weight(self) -> Tensor:
        return next(self.module.parameters(), torch.empty(0))

    def blank(self, count: int, size: Pair) -> Tensor:
        """Make ``count`` inputs on the net's device; grey noise, because a net may divide by its norm."""
        generator = torch.Generator().manual_seed(0)
        noise = torch.rand((1, self._channels, *size), generator=generator)
        return noise.expand(count, -1, -1, -1).to(self.device, self.dtype)


def _stage_of(found: Found) -> Stage:
    return Stage(found.name, found.kind, found.channels, rectified=found.rectified)


def _map_size(values: Tensor) -> Pair:
    return (1, 1) if values.ndim == 2 else (values.shape[2], values.shape[3])


def _input_channels(module: nn.Module) -> int:
    """Give the channels that the first convolution reads, 3 where there is none."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            return part.in_channels
    return 3


def _default(found: Sequence[Found], module: nn.Module) -> tuple[str, ...]:
    """Choose the last rectified stage of every block, those outside blocks, and the logits."""
    rectified = [one for one in found if one.rectified and one.kind != "pool"] or list(found)
    total = max(sum(one.relu for one in found), 1)
    inside: dict[str, list[Found]] = {}
    for one in found:
        for block in one.blocks:
            inside.setdefault(block, []).append(one)
    bodies = {block for block, ones in inside.items() if sum(one.relu for one in ones) > BODY * total}
    chosen: dict[str, str] = {}
    for one in rectified:
        outermost = next((block for block in one.blocks if block not in bodies), None)
        chosen[one.name if outermost is None else f"block {outermost}"] = one.name
    heads = [one.name for one in found if one.kind == "fc"]
    names = {*chosen.values(), *heads[-1:]}
    return tuple(
        one.name
        for kind in (False, True)
        for one in found
        if one.name in names and (one.kind == "fc") == kind
    )
