"""From an RGB image to a network's input, and back (ZF section 3: short side, centre square, mean).

::

    image, any size --prepare--------> uint8 [size, size, 3]      what the network sees
                    --prepare_large--> uint8 [resize, resize, 3]  where random and ten crops start
                                       --shrink--> the same for a smaller input
    uint8 [n, h, w, 3] --normalise--> float32 [n, 3, h, w] --denormalise--> uint8 [n, h, w, 3]

The short side is resized to ``resize`` pixels by Pillow's antialiased bilinear filter (the papers name
no filter; torchvision uses this one). Only the square that is kept is computed. ``prepare`` gives,
pixel for pixel, the centre of what ``prepare_large`` gives, from row and column ``(resize - size) // 2``
on. Small images are enlarged by the same rule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from PIL import Image

from zfexplore.choices import Fit
from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError

if TYPE_CHECKING:
    from torch import Tensor

# The margins of a letterboxed image. This grey is close to the mean that is subtracted, so it excites
# the filters least. It is also the grey that stands for zero in a projection.
MARGIN_GREY = (128, 128, 128)


def prepare(image: Image.Image, convention: InputConvention, fit: Fit = "crop") -> np.ndarray:
    """Give the part of an RGB ``image`` that the network sees, not yet normalised: uint8 ``[size, size, 3]``.

    ``crop`` takes the centre of the centre square, as the papers do. ``whole`` fits the whole image in
    and centres it between grey margins.
    """
    _check_fit(fit)
    image = _as_seen(image, convention)
    size = convention.size
    if fit == "whole":
        return np.array(_letterbox(image, size))
    start = crop_offset(convention)
    return prepare_large(image, convention)[start : start + size, start : start + size].copy()


def prepare_large(image: Image.Image, convention: InputConvention) -> np.ndarray:
    """Give the whole centre square of an RGB ``image``: uint8 ``[resize, resize, 3]``."""
    side = (convention.resize, convention.resize)
    image = _as_seen(image, convention)
    square = image.resize(side, Image.Resampling.BILINEAR, box=_square(image.width, image.height))
    return np.array(square.convert("RGB"))


def shrink(squares: Tensor, side: int) -> Tensor:
    """Give smaller squares of squares: uint8 ``[n, R, R, 3]`` to ``[n, side, side, 3]``.

    It takes a fifth of a millisecond an image. By the bicubic filter, for it comes nearest to what
    ``prepare_large`` gives at once: one level of 255 off in the mean, where the bilinear filter, applied to
    what it has smoothed already, blurs.
    """
    import torch.nn.functional as F

    if not len(squares):
        return squares.new_empty(0, side, side, 3)
    smaller = F.interpolate(squares.permute(0, 3, 1, 2), size=(side, side), mode="bicubic", antialias=True)
    return smaller.permute(0, 2, 3, 1).contiguous()


def crop_offset(convention: InputConvention) -> int:
    """Give the row and column of the ``resize`` square where the centre crop of ``size`` begins."""
    if convention.size > convention.resize:
        raise ExploreError(
            f"the network's input of {convention.size} pixels exceeds the {convention.resize} pixels "
            "that images are resized to"
        )
    return (convention.resize - convention.size) // 2


def box_seen(
    box: tuple[float, float, float, float], size: tuple[int, int], convention: InputConvention,
    fit: Fit = "crop",
) -> tuple[float, float, float, float]:  # fmt: skip
    """Give a box of an image of ``size`` (width, height) in the pixels of what ``prepare`` makes of it.

    Boxes are left, top, right, bottom. What the network does not see of it lies outside the input.
    """
    _check_fit(fit)
    x0, y0, x1, y1 = box
    (scale_x, left), (scale_y, top) = (_axis_seen(side, size, convention, fit) for side in size)
    return x0 * scale_x + left, y0 * scale_y + top, x1 * scale_x + left, y1 * scale_y + top


def _axis_seen(
    side: int, size: tuple[int, int], convention: InputConvention, fit: Fit
) -> tuple[float, float]:
    """Give the scale along an axis where the image has ``side`` pixels, and where it begins in the input."""
    if fit == "whole":
        fitted = max(1, round(side * convention.size / max(size)))
        return fitted / side, (convention.size - fitted) // 2
    scale = convention.resize / min(size)
    return scale, -(side - min(size)) / 2 * scale - crop_offset(convention)


def normalise(batch: Any, convention: InputConvention) -> Tensor:
    """Turn uint8 ``[n, h, w, 3]`` (array or tensor) into the network's input, float32 ``[n, c, h, w]``.

    The input is ``(rgb * scale - mean) / std`` with rgb in [0, 1], on the device of the tensor. With a
    mean image h and w must be ``resize``, or ``size`` for its centre crop; without one they are free.
    """
    import torch

    pixels = torch.as_tensor(batch)
    return normaliser(convention, (pixels.shape[1], pixels.shape[2]), pixels.device)(pixels)


def normaliser(
    convention: InputConvention, shape: tuple[int, int], device: Any
) -> Callable[[Tensor], Tensor]:
    """Give what ``normalise`` does to batches of ``shape`` (h, w) on a device, its constants there already.

    They are put there once. A GPU would finish all its work before it takes them anew with every batch.
    """
    import torch

    mean = _along_rows(mean_of(convention, shape, device), shape[1])
    std = _along_rows(per_channel(convention.std, device), shape[1])

    def normalised(batch: Tensor) -> Tensor:
        pixels = batch.permute(0, 3, 1, 2)  # [n, 3, h, w], channels last in memory
        if convention.channels == 1:
            pixels = pixels[:, :1]  # ``prepare`` gives a net that sees grey three equal colours
        scaled = pixels.to(torch.float32).mul_(convention.scale / 255.0)
        return scaled.sub_(mean).div_(std)

    return normalised


def denormalise(batch: Tensor, convention: InputConvention) -> Tensor:
    """Undo ``normalise``: float ``[n, c, h, w]`` to uint8 ``[n, h, w, 3]``, rounded and clipped."""
    import torch

    mean = mean_of(convention, (batch.shape[2], batch.shape[3]), batch.device)
    scaled = batch.to(torch.float32) * per_channel(convention.std, batch.device) + mean
    values = (scaled * (255.0 / convention.scale)).round_().clamp_(0, 255)
    return values.to(torch.uint8).expand(-1, 3, -1, -1).permute(0, 2, 3, 1).contiguous()


def mean_of(convention: InputConvention, shape: tuple[int, int], device: Any) -> Tensor:
    """Give the mean to subtract from a batch of ``shape`` (h, w), in scaled units: ``[1, 3, h, w]``.

    Without a mean image h and w are 1.
    """
    import torch

    if convention.mean_image is None:
        return per_channel(convention.mean, device)
    mean = torch.as_tensor(convention.mean_image, dtype=torch.float32, device=device)[None]
    size, resize = convention.size, convention.resize
    if shape == (resize, resize):
        return mean
    if shape == (size, size):
        start = crop_offset(convention)
        return mean[:, :, start : start + size, start : start + size]
    raise ExploreError(
        f"this network subtracts a mean image, so its input must be {size} or {resize} pixels square, "
        f"not {shape[1]} x {shape[0]}"
    )


def per_channel(values: tuple[float, ...], device: Any) -> Tensor:
    """Give one value a channel as a tensor ``[1, c, 1, 1]`` to combine with a batch."""
    import torch

    return torch.tensor(values, dtype=torch.float32, device=device).view(1, -1, 1, 1)


def _along_rows(values: Tensor, width: int) -> Tensor:
    """Repeat ``[1, 3, 1, 1]`` along a row, in the pixels' layout: long runs are six times faster."""
    import torch

    if values.shape[3] != 1:  # a mean image
        return values
    return values.expand(-1, -1, -1, width).contiguous(memory_format=torch.channels_last)


def ten_crop(batch: Tensor, size: int) -> Tensor:
    """Cut ``[n, c, R, R]`` into the ten views of K and ZF: ``[n, 10, c, size, size]``.

    They are top left, top right, bottom left, bottom right, centre, then the mirror image of each.
    """
    import torch

    views = torch.stack(
        [
            batch[:, :, top : top + size, left : left + size]
            for top, left in ten_crop_corners(batch.shape[-1], size)
        ],
        dim=1,
    )  # [n, 5, c, size, size]
    return torch.cat([views, views.flip(-1)], dim=1)


def ten_crop_corners(large: int, size: int) -> list[tuple[int, int]]:
    """Give top and left of the five places of ``ten_crop`` in a square of ``large`` pixels."""
    if size > large:
        raise ExploreError(f"cannot cut crops of {size} pixels from images of {large}")
    far, centre = large - size, (large - size) // 2
    return [(0, 0), (0, far), (far, 0), (far, far), (centre, centre)]


def _as_seen(image: Image.Image, convention: InputConvention) -> Image.Image:
    """Give the image in the colours that the net takes: RGB, or its luminance (``L``).

    The latter becomes three equal colours once it is small. Raises ExploreError for a net that takes other
    channels, which no image file holds.
    """
    if convention.channels == 1:
        return image.convert("L")
    if convention.channels != 3:
        raise ExploreError(
            f"this net takes {convention.channels} channels where images have 3 colours: from Python, "
            "`zfexplore.project` takes tensors of any channels"
        )
    return image


def _square(width: int, height: int) -> tuple[float, float, float, float]:
    """Give the centre square of an image as Pillow's box: left, top, right, bottom."""
    short = min(width, height)
    left, top = (width - short) / 2, (height - short) / 2
    return left, top, left + short, top + short


def _letterbox(image: Image.Image, size: int) -> Image.Image:
    scale = size / max(image.width, image.height)
    width = max(1, round(image.width * scale))
    height = max(1, round(image.height * scale))
    canvas = Image.new("RGB", (size, size), MARGIN_GREY)
    fitted = image.resize((width, height), Image.Resampling.BILINEAR)
    canvas.paste(fitted, ((size - width) // 2, (size - height) // 2))
    return canvas


def _check_fit(fit: str) -> None:
    if fit not in get_args(Fit):
        raise ExploreError(f"fit must be crop or whole, not {fit!r}", usage=True)
