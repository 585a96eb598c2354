"""What a figure shows of one channel: its strongest units' projections and what they looked at.

Blocks are plain records of numpy arrays. ``block_from`` makes them from exemplars, of which it uses only
attributes, so nothing here depends on networks. ``projection_tile`` and ``patch_tile`` draw one
receptive field at its place in a square, with neutral grey where the field reaches past the border.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zfexplore.figures.display import GREY, scale_of, to_rgb
from zfexplore.units import Unit, Window

SHOWN = 9  # three by three
FIELDS = (
    "rank", "activation", "image", "name", "label", "y", "x", "y0", "x0", "y1", "x1", "scale",
)  # of a unit's row  # fmt: skip
WHOLE_PIXELS = 8  # from this enlargement on, pixels are drawn as squares


class Field(Protocol):
    """A receptive field: its size, the step between units, and the first pixel of unit (0, 0)."""

    @property
    def size(self) -> tuple[int, int]: ...  # noqa: D102
    @property
    def jump(self) -> tuple[int, int]: ...  # noqa: D102
    @property
    def start(self) -> tuple[int, int]: ...  # noqa: D102


@dataclass(frozen=True)
class BlockUnit:
    """One unit on one image: the projection inside its window, and the same window of the image.

    ``projection`` is ``float32 [3, h, w]`` and ``patch`` ``uint8 [h, w, 3]``. ``top`` and ``left`` are the
    pixels of the receptive field that the image's border cut off above and left of them. ``image`` is
    the whole image that the net saw, ``uint8 [H, W, 3]``. ``rank`` counts from 0.
    """

    projection: NDArray[np.float32]
    patch: NDArray[np.uint8]
    top: int
    left: int
    window: Window
    image: NDArray[np.uint8]
    rank: int
    value: float
    index: int
    name: str
    label: str | None
    y: int
    x: int

    @property
    def scale(self) -> float:
        """The value that is drawn at full brightness."""
        return scale_of(self.projection)

    def row(self) -> dict[str, Any]:
        """Give the unit's row in the table of its channel."""
        window = {"y0": self.window.y0, "x0": self.window.x0, "y1": self.window.y1, "x1": self.window.x1}
        return {
            "rank": self.rank + 1,
            "activation": self.value,
            "image": self.index,
            "name": self.name,
            "label": self.label,
            "y": self.y,
            "x": self.x,
            **window,
            "scale": self.scale,
        }


@dataclass(frozen=True)
class ChannelBlock:
    """A channel, such as ``conv5:130``, and its strongest units, the strongest first; none if it never fires.

    ``side`` is the edge, in input pixels, of the square that a tile shows. ``kernel``, ``[3, k, k]``, is the
    channel's own filter if it reads the input itself (conv1); it is drawn instead of projections.
    ``class_name`` is the class that a channel of the last fully connected layer stands for. ``unreadable``
    counts the units that are left out because their images cannot be read.
    """

    name: str
    side: int
    units: tuple[BlockUnit, ...]
    kernel: NDArray[np.float32] | None = None
    class_name: str | None = None
    unreadable: int = 0

    @property
    def silence(self) -> str:
        """Why no unit is shown: the channel never fires, or its images cannot be read."""
        return "unreadable" if self.unreadable else "dead"

    @property
    def strongest(self) -> float:
        """The highest activation, 0 for a channel that never fires."""
        return max((unit.value for unit in self.units), default=0.0)

    @property
    def projections(self) -> list[NDArray[np.float32]]:
        """Each unit's projection inside its window, ``[3, h, w]``."""
        return [unit.projection for unit in self.units]

    @property
    def patches(self) -> list[NDArray[np.uint8]]:
        """The same windows of the images, ``[h, w, 3]``, in the same order."""
        return [unit.patch for unit in self.units]

    def rows(self) -> list[dict[str, Any]]:
        """Give the channel's table, one row per unit."""
        return [unit.row() for unit in self.units]


def block_from(
    name: Unit | str, exemplars: Iterable[Any], field: Field | None = None, *,
    classes: Sequence[str] = (), kernel: NDArray[np.float32] | None = None, class_name: str | None = None,
    most: int | None = SHOWN, unreadable: int = 0,
) -> ChannelBlock:  # fmt: skip
    """Make the block of channel ``name`` from its ``exemplars``, taking the first nine, or all (``most``).

    An exemplar has ``place`` (value, image, name, label, y, x), ``window``, ``crop [3, h, w]`` (its
    projection there), ``patch [h, w, 3]``, ``image [H, W, 3]`` and ``activation``. ``field`` is the stage's
    receptive field; with it, a window that was clipped at the border is put at its exact place in the
    tile. Without it, such a window is put at the border that it touches. ``classes`` turns labels into
    names. A place may know its ``rank`` in the channel; where some are left out, the others keep theirs.
    """
    units = [
        _block_unit(exemplar, rank, field, classes) for rank, exemplar in enumerate(islice(exemplars, most))
    ]
    side = max((max(unit.window.height, unit.window.width, 1) for unit in units), default=1)
    if field is not None and units:
        height, width = units[0].image.shape[:2]
        side = max(side, min(field.size[0], height), min(field.size[1], width))
    tidy = tuple(_within(unit, side) for unit in units)
    return ChannelBlock(str(name), side, tidy, kernel, class_name, unreadable)


def projection_tile(unit: BlockUnit, side: int, tile: int) -> Image.Image:
    """Draw a unit's projection on a mid-grey square of ``tile`` x ``tile`` pixels."""
    rgb, _ = to_rgb(unit.projection)
    return _tile(rgb, unit, side, tile)


def patch_tile(unit: BlockUnit, side: int, tile: int) -> Image.Image:
    """Draw what the unit looked at, at the same place as its projection and on the same grey."""
    return _tile(unit.patch, unit, side, tile)


def kernel_tile(kernel: NDArray[np.float32], tile: int) -> Image.Image:
    """Draw a filter ``[3, k, k]`` in the orientation of the image, on its own scale."""
    rgb, _ = to_rgb(kernel)
    return Image.fromarray(rgb).resize((tile, tile), Image.Resampling.NEAREST)  # a pixel per number


def enlarged(rgb: NDArray[np.uint8], height: int, width: int) -> Image.Image:
    """Resample ``uint8 [h, w, 3]`` to ``height`` x ``width`` pixels.

    If a pixel becomes eight or more pixels wide (the 7 x 7 windows of conv1), it is drawn as a square:
    smoothing would show finer shapes than the filter has. Otherwise Lanczos resampling is used, which
    keeps edges sharp both ways.
    """
    whole = height >= WHOLE_PIXELS * rgb.shape[0]
    method = Image.Resampling.NEAREST if whole else Image.Resampling.LANCZOS
    return Image.fromarray(rgb).resize((width, height), method)


def _tile(rgb: NDArray[np.uint8], unit: BlockUnit, side: int, tile: int) -> Image.Image:
    canvas = Image.new("RGB", (tile, tile), (GREY, GREY, GREY))
    height, width = rgb.shape[:2]
    top, bottom = (round(tile * edge / side) for edge in (unit.top, unit.top + height))
    left, right = (round(tile * edge / side) for edge in (unit.left, unit.left + width))
    if bottom > top and right > left:
        canvas.paste(enlarged(rgb, bottom - top, right - left), (left, top))
    return canvas


def _block_unit(exemplar: Any, rank: int, field: Field | None, classes: Sequence[str]) -> BlockUnit:
    place, image = exemplar.place, np.asarray(exemplar.image)
    y0, x0, y1, x1 = (int(edge) for edge in exemplar.window)
    window = Window(y0, x0, y1, x1)
    top, left = _inset(window, place, image.shape[:2], field)
    return BlockUnit(
        projection=np.asarray(exemplar.crop),
        patch=np.asarray(exemplar.patch),
        top=top,
        left=left,
        window=window,
        image=image,
        rank=max(rank, getattr(place, "rank", 0)),
        value=float(exemplar.activation),
        index=int(place.image),
        name=str(place.name),
        label=_label(place.label, classes),
        y=int(place.y),
        x=int(place.x),
    )


def _label(label: int | None, classes: Sequence[str]) -> str | None:
    if label is None or label < 0:
        return None
    return classes[label] if label < len(classes) else str(label)


def _inset(window: Window, place: Any, image: Sequence[int], field: Field | None) -> tuple[int, int]:
    """Give how many rows and columns of the field lie outside the image, above and left of the window."""
    if field is not None:
        return (
            window.y0 - (field.start[0] + field.jump[0] * int(place.y)),
            window.x0 - (field.start[1] + field.jump[1] * int(place.x)),
        )
    far = max(image)  # larger than any tile; ``_within`` limits it to the edge
    return (
        far if window.y0 == 0 and window.y1 < image[0] else 0,
        far if window.x0 == 0 and window.x1 < image[1] else 0,
    )


def _within(unit: BlockUnit, side: int) -> BlockUnit:
    """Move the window inside the square: a field larger than the image is not drawn whole."""
    top = min(max(unit.top, 0), side - unit.window.height)
    left = min(max(unit.left, 0), side - unit.window.width)
    return replace(unit, top=top, left=left)
