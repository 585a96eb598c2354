"""Training's random views, made from whole batches on the batch's own device.

Every draw depends only on (seed, epoch, index of the image). The same image gets the same view in any
batch, order, worker or device, so an interrupted run goes on as if it had not been interrupted. A
counter-based generator (SplitMix64) draws a few numbers per image on the CPU; the pixels never leave
the device.

The mean image, if there is one, is subtracted before cropping, so each pixel loses its own mean.
Resized crops are two matrix products with the weights of an antialiased bilinear filter (Pillow's).
They cost about a hundredth of ZFNet's own products and need no second filter against aliasing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from zfexplore.choices import Crops
from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.images.transforms import mean_of, per_channel, ten_crop_corners

if TYPE_CHECKING:
    from torch import Tensor

# The numbers drawn per image. Each augmentation has its own columns, so switching one on or off does
# not change the draws of the others.
_DRAWS = 9
_TOP, _LEFT, _FLIP, _AREA, _ASPECT, _BRIGHTNESS, _RED, _GREEN, _BLUE = range(_DRAWS)


@dataclass(frozen=True)
class Augmentation:
    """Which random views training takes.

    ``crops`` are at ``random`` places (K), one of the ``ten`` crops (ZF), ``resized`` (a part of the
    area, stretched and brought to size), or always the ``centre``. ``flip`` mirrors half of the images
    (``ten`` includes its own flips; ``centre`` takes none). ``area`` (a share of the square) and
    ``aspect`` (width / height) are the ranges of resized crops. ``brightness`` b multiplies an image by
    a number in 1 - b to 1 + b; ``colour`` c multiplies each channel by its own in 1 - c to 1 + c.
    """

    crops: Crops = "random"
    flip: bool = True
    area: tuple[float, float] = (0.25, 1.0)
    aspect: tuple[float, float] = (3 / 4, 4 / 3)
    brightness: float = 0.0
    colour: float = 0.0

    def __post_init__(self) -> None:
        choices = get_args(Crops)
        if self.crops not in choices:
            raise ExploreError(f"crops must be one of {', '.join(choices)}, not {self.crops!r}", usage=True)


def augment(
    batch: Tensor,
    indices: Any,
    convention: InputConvention,
    augmentation: Augmentation | None = None,
    *,
    epoch: int,
    seed: int,
) -> Tensor:
    """Take one random view of each image and normalise it: float32 ``[n, 3, size, size]``.

    ``batch`` is uint8 ``[n, R, R, 3]`` as ``prepare_large`` gives it (R = ``convention.resize``).
    ``indices`` are the n images' places in their source. Runs on the device of ``batch``.
    """
    import torch

    chosen = augmentation or Augmentation()
    draws = uniform(indices, epoch=epoch, seed=seed)  # [n, 9] in [0, 1)
    with torch.no_grad(), torch.autocast(batch.device.type, enabled=False):
        pixels = _normalised(batch, draws, convention, chosen)  # [n, 3, R, R]
        if chosen.crops == "resized":
            return _resized_crops(pixels, draws, convention.size, chosen)
        top, left, flipped = _places(draws, pixels.shape[-1], convention.size, chosen)
        return _cut(pixels, top, left, flipped, convention.size)


def uniform(indices: Any, *, epoch: int, seed: int) -> np.ndarray:
    """Draw nine numbers in [0, 1) for each image, float64 ``[n, 9]``, only from (seed, epoch, index)."""
    index = np.asarray(indices, dtype=np.uint64).reshape(-1, 1)
    column = np.arange(1, _DRAWS + 1, dtype=np.uint64)
    key = _mix(_mix(_mix(np.full((1, 1), seed % 2**64, np.uint64)) + np.uint64(epoch)) + index)
    bits = _mix(key + column * np.uint64(0x9E3779B97F4A7C15))  # [n, 9]
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mix(state: np.ndarray) -> np.ndarray:
    """Scramble 64-bit counters: the finaliser of SplitMix64 (Steele, Lea, Flood 2014); wraps by intent."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def _normalised(
    batch: Tensor, draws: np.ndarray, convention: InputConvention, augmentation: Augmentation
) -> Tensor:
    """Scale, jitter and normalise ``[n, R, R, 3]`` to ``[n, 3, R, R]``. Gains act on rgb, before the mean."""
    import torch

    pixels = batch.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)
    gains = _gains(draws, augmentation) * (convention.scale / 255.0)  # [n, 3]
    pixels.mul_(torch.as_tensor(gains, dtype=torch.float32, device=batch.device)[:, :, None, None])
    if augmentation.brightness or augmentation.colour:
        pixels.clamp_(max=convention.scale)  # brighter than white is white
    mean = mean_of(convention, (pixels.shape[2], pixels.shape[3]), pixels.device)
    return pixels.sub_(mean).div_(per_channel(convention.std, pixels.device))


def _gains(draws: np.ndarray, augmentation: Augmentation) -> np.ndarray:
    """Give the factor of each image's channels, ``[n, 3]``."""
    brightness = 2.0 * draws[:, [_BRIGHTNESS]] - 1.0
    colour = 2.0 * draws[:, _RED : _BLUE + 1] - 1.0
    return (1.0 + augmentation.brightness * brightness) * (1.0 + augmentation.colour * colour)


def _places(
    draws: np.ndarray, large: int, size: int, augmentation: Augmentation
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give top, left and whether to mirror, ``[n]`` each."""
    corners = np.array(ten_crop_corners(large, size))  # also refuses a size that does not fit
    flipped = (draws[:, _FLIP] < 0.5) & augmentation.flip
    if augmentation.crops == "random":
        places = np.floor(draws[:, [_TOP, _LEFT]] * (large - size + 1)).astype(np.int64)
        return places[:, 0], places[:, 1], flipped
    if augmentation.crops == "ten":
        corner = corners[np.floor(draws[:, _TOP] * len(corners)).astype(np.int64)]
        return corner[:, 0], corner[:, 1], draws[:, _FLIP] < 0.5
    centre = np.broadcast_to(corners[-1], (len(draws), 2))
    return centre[:, 0], centre[:, 1], np.zeros(len(draws), dtype=bool)


def _cut(pixels: Tensor, top: np.ndarray, left: np.ndarray, flipped: np.ndarray, size: int) -> Tensor:
    """Cut one square from each image of ``[n, c, R, R]``, mirrored if ``flipped``: ``[n, c, size, size]``."""
    import torch

    across = np.arange(size)
    rows = top[:, None] + across  # [n, size]
    columns = left[:, None] + np.where(flipped[:, None], across[::-1], across)  # [n, size]
    image, channel, row, column = (
        torch.as_tensor(index, device=pixels.device)
        for index in (
            np.arange(len(pixels))[:, None, None, None],
            np.arange(pixels.shape[1])[None, :, None, None],
            rows[:, None, :, None],
            columns[:, None, None, :],
        )
    )
    return pixels[image, channel, row, column]


def cuts(
    indices: Any, convention: InputConvention, augmentation: Augmentation, *, epoch: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Give where ``augment`` cuts its views and how bright they are, without looking at a pixel.

    The boxes, float32 ``[4, n]``: the upper edge, the rows of the square from one output pixel to the next,
    the left edge, and the columns; a mirrored view goes from its right edge to the left. The gains of the
    colours, float32 ``[n, 3]``.
    """
    draws, large, size = uniform(indices, epoch=epoch, seed=seed), convention.resize, convention.size
    if augmentation.crops == "resized":
        boxes = _boxes(draws, large, size, augmentation)
    else:
        top, left, flipped = _places(draws, large, size, augmentation)
        one = np.ones(len(draws))
        boxes = np.stack([top, one, np.where(flipped, left + size, left), np.where(flipped, -one, one)])
    return boxes.astype(np.float32), _gains(draws, augmentation).astype(np.float32)


def _boxes(draws: np.ndarray, large: int, size: int, augmentation: Augmentation) -> np.ndarray:
    """Draw parts of random area and shape of a square of ``large`` pixels: ``[4, n]``, as ``cuts`` does."""
    low, high = augmentation.area
    area = low + (high - low) * draws[:, _AREA]
    narrow, wide = np.log(augmentation.aspect)
    aspect = np.exp(narrow + (wide - narrow) * draws[:, _ASPECT])
    height = np.minimum(np.sqrt(area / aspect), 1.0) * large
    width = np.minimum(np.sqrt(area * aspect), 1.0) * large
    flipped = (draws[:, _FLIP] < 0.5) & augmentation.flip
    left = (large - width) * draws[:, _LEFT]
    return np.stack(  # a mirrored crop is sampled from its right edge to the left
        [
            (large - height) * draws[:, _TOP],
            height / size,
            np.where(flipped, left + width, left),
            np.where(flipped, -width, width) / size,
        ]
    )


def _resized_crops(pixels: Tensor, draws: np.ndarray, size: int, augmentation: Augmentation) -> Tensor:
    """Cut a part of random area and shape from each image and resize it: ``[n, c, size, size]``."""
    import torch

    large = pixels.shape[-1]
    boxes = _boxes(draws, large, size, augmentation)
    top, down, side, across = torch.as_tensor(boxes, dtype=torch.float32, device=pixels.device)  # each [n]
    rows = _filter_weights(top, down, large, size)[:, None]  # [n, 1, size, R]
    columns = _filter_weights(side, across, large, size)[:, None]
    return rows @ pixels @ columns.transpose(-1, -2)


def _filter_weights(start: Tensor, step: Tensor, large: int, size: int) -> Tensor:
    """Give the weights that sample ``size`` pixels, ``step`` apart from ``start``: ``[n, size, large]``.

    Each output pixel has a triangle around its centre, as wide as the step but never narrower than one
    input pixel. Its weights sum to 1. This is Pillow's antialiased BILINEAR.
    """
    import torch

    outputs = torch.arange(size, device=start.device) + 0.5
    inputs = torch.arange(large, device=start.device) + 0.5
    centre = start[:, None] + outputs * step[:, None]  # [n, size]
    reach = step.abs().clamp(min=1.0)[:, None, None]
    weights = (1.0 - (inputs - centre[:, :, None]).abs() / reach).clamp_(min=0.0)
    return weights / weights.sum(dim=-1, keepdim=True)
