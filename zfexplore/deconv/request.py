"""Which units to project, and what a projection gives back.

Images, channels and positions are broadcast like array axes: of each there is one, or as many as there
are rows. One image and several channels give one row a channel; several images and one channel give one
row an image; equal numbers go row by row. Everything that a caller can get wrong is refused here, with
the range that would have been right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zfexplore.errors import ExploreError
from zfexplore.figures.display import in_colours
from zfexplore.nets.net import Net, Stage
from zfexplore.units import Unit

NAMED = 3  # rows of a projection that its repr names
DRAWN = 9  # rows that a notebook shows

Positions = Tensor | Sequence[Sequence[int]] | Literal["all"] | None


@dataclass(frozen=True, repr=False)
class Projection:
    """Units of one stage brought back to pixels, one a row.

    ``pixels [n, 3, h, w]`` signed, in the units of the normalised input, never rectified, zero outside
    the window; ``activation [n]`` the units' values (a last logit's may be negative);
    ``position [n, 2]`` row and column in the stage's map; ``window [n, 4]`` y0, x0, y1, x1 in input
    pixels, half open and clipped; ``channel [n]``. The integers are int64 on the CPU.
    """

    stage: str
    channel: Tensor
    pixels: Tensor
    activation: Tensor
    position: Tensor
    window: Tensor

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.channel)

    def unit(self, row: int) -> Unit:
        """Give the channel with the place of a row."""
        y, x = self.position[row].tolist()
        return Unit(self.stage, int(self.channel[row]), y, x)

    def __repr__(self) -> str:
        named = [
            f"{self.unit(row)} {float(self.activation[row]):.4g}" for row in range(min(len(self), NAMED))
        ]
        more = [f"and {len(self) - NAMED} more"] if len(self) > NAMED else []
        return f"<Projection of {', '.join([*named, *more])}>"

    def _repr_png_(self) -> bytes:
        """Show the first nine rows in a notebook, each inside its window and on its own scale."""
        from zfexplore.figures.inline import png_of

        return png_of([self._inside(row) for row in range(min(len(self), DRAWN))])

    def _inside(self, row: int) -> NDArray[np.float32]:
        y0, x0, y1, x1 = self.window[row].tolist()
        return in_colours(self.pixels[row, :, y0:y1, x0:x1].float().cpu().numpy())


@dataclass(frozen=True)
class Request:
    """The rows asked for: row ``i`` projects channel ``channel[i]`` of image ``image[i]``.

    ``position [n, 2]`` holds row and column, or is None for each channel's own maximum. ``whole_map``
    projects all of the channel's units together instead.
    """

    stage: Stage
    size: tuple[int, int]
    image: Tensor
    channel: Tensor
    position: Tensor | None
    whole_map: bool

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.channel)

    def take(self, rows: Tensor) -> Request:
        """Give some rows, by index, as a request of their own."""
        position = None if self.position is None else self.position[rows]
        return replace(self, image=self.image[rows], channel=self.channel[rows], position=position)


def read_request(
    net: Net, images: Tensor, stage: str, channels: int | Sequence[int] | Tensor, positions: Positions
) -> tuple[Tensor, Request]:
    """Check what was asked for; give the images on the net's device and in its type, and the rows.

    Raises ExploreError naming the valid range for an unknown stage, a channel or position out of
    range, numbers that do not fit together, and images that are not ``[n, channels, h, w]`` floats.
    """
    images = _check_images(net, images)
    size = (images.shape[2], images.shape[3])
    return images, read_units(net, len(images), size, stage, channels, positions)


def read_units(
    net: Net,
    images: int,
    size: tuple[int, int],
    stage: str,
    channels: int | Sequence[int] | Tensor,
    positions: Positions,
) -> Request:
    """Check which units of ``images`` images of ``size`` were asked for, and give them as rows."""
    chosen = net.stage(stage)
    net.map_size(stage, size)  # refuses images that the net does not take
    channel = _check_channels(chosen, channels)
    position = None
    if positions is not None and not isinstance(positions, str):
        position = _check_positions(chosen, net.map_size(stage, size), positions)
    elif isinstance(positions, str) and positions != "all":
        told = f"positions must be None, pairs of row and column, or 'all', not {positions!r}"
        raise ExploreError(told, usage=True)
    rows = _row_count(images, len(channel), None if position is None else len(position))
    return Request(
        chosen,
        size,
        _stretch(torch.arange(images), rows),
        _stretch(channel, rows),
        None if position is None else _stretch(position, rows),
        whole_map=isinstance(positions, str),
    )


def strongest(maps: Tensor) -> Tensor:
    """Give the place of the maximum of each map ``[n, h, w]`` as ``[n, 2]``; ties go to the first."""
    flat = maps.flatten(1).argmax(1).cpu()
    return torch.stack([flat // maps.shape[2], flat % maps.shape[2]], dim=1)


def input_windows(net: Net, request: Request, position: Tensor) -> Tensor:
    """Give each row's window ``[n, 4]`` in input pixels; a whole map's reaches from first to last unit."""
    if not request.whole_map:
        places = position.tolist()
        return torch.tensor([list(net.window(request.stage.name, y, x, request.size)) for y, x in places])
    height, width = net.map_size(request.stage.name, request.size)
    first = net.window(request.stage.name, 0, 0, request.size)
    last = net.window(request.stage.name, height - 1, width - 1, request.size)
    return torch.tensor([[first.y0, first.x0, last.y1, last.x1]]).expand(len(request), 4).clone()


def join(parts: Sequence[Projection], order: Tensor | None = None) -> Projection:
    """Concatenate projections of one stage; their row ``i`` becomes row ``order[i]``."""
    if len(parts) == 1:
        return parts[0]
    columns = ("channel", "pixels", "activation", "position", "window")
    stacked = {name: torch.cat([getattr(part, name) for part in parts]) for name in columns}
    if order is not None:
        back = order.argsort()
        stacked = {name: values[back] for name, values in stacked.items()}
    return Projection(parts[0].stage, **stacked)


def _check_images(net: Net, images: Tensor) -> Tensor:
    channels = net.input_channels
    if images.ndim != 4 or len(images) == 0 or images.shape[1] != channels:
        shape = " x ".join(map(str, images.shape))
        raise ExploreError(f"images must be [n, {channels}, height, width] with n >= 1, not {shape}")
    if not images.is_floating_point():
        raise ExploreError(f"images must be normalised floats, not {images.dtype}: normalise them first")
    return images.to(net.device, net.dtype)


def _check_channels(stage: Stage, channels: int | Sequence[int] | Tensor) -> Tensor:
    channel = torch.as_tensor(channels, device="cpu").reshape(-1)
    if len(channel) == 0:
        raise ExploreError(f"no channel was asked for: {stage.name} has 0-{stage.channels - 1}", usage=True)
    if channel.is_floating_point() or channel.dtype == torch.bool:
        raise ExploreError(f"channels must be whole numbers, not {channel.dtype}", usage=True)
    outside = channel[(channel < 0) | (channel >= stage.channels)]
    if len(outside):
        raise ExploreError(
            f"{stage.name} has no channel {outside[0].item()}: it has 0-{stage.channels - 1}", usage=True
        )
    return channel.long()


def _check_positions(
    stage: Stage, map_size: tuple[int, int], positions: Tensor | Sequence[Sequence[int]]
) -> Tensor:
    position = torch.as_tensor(positions, device="cpu")
    height, width = map_size
    if position.ndim != 2 or position.shape[1] != 2 or len(position) == 0 or position.is_floating_point():
        raise ExploreError("positions must be whole numbers [n, 2], a row and a column each", usage=True)
    outside = ((position < 0) | (position >= torch.tensor([height, width]))).any(1)
    if outside.any():
        y, x = position[outside][0].tolist()
        raise ExploreError(
            f"{stage.name} has no unit at row {y}, column {x}: "
            f"rows are 0-{height - 1} and columns 0-{width - 1} for images of this size",
            usage=True,
        )
    return position.long()


def _row_count(images: int, channels: int, positions: int | None) -> int:
    counts = {"images": images, "channels": channels}
    if positions is not None:
        counts["positions"] = positions
    rows = max(counts.values())
    if any(count not in (1, rows) for count in counts.values()):
        told = ", ".join(f"{count} {name}" for name, count in counts.items())
        raise ExploreError(f"{told} do not fit together: each must be 1 or {rows}", usage=True)
    return rows


def _stretch(values: Tensor, rows: int) -> Tensor:
    return values.expand(rows, *values.shape[1:]) if len(values) == 1 else values
