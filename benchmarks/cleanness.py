"""How clean a net's pictures are, in numbers, so that new weights are not judged by eye alone.

    python -m benchmarks.cleanness                           the shipped weights on the photographs
    python -m benchmarks.cleanness --checkpoint runs/main/checkpoint.safetensors

For every channel of a stage, the strongest unit on the images is projected back to pixels. Two shares of
the projection's energy inside its window are measured, and averaged over the stage's firing channels:

- in luminance: the energy left when the three colours are averaged. Features of photographs are mostly
  light and dark; the random colours of untrained filters leave a third here.
- above a quarter cycle per pixel, in any direction: speckle. White noise has four fifths there.

For conv1, the first is also measured on all its filters together. This table holds the weights shipped
before (204 classes, 12,328 photographs) and those shipped now (517 classes, 69,561), measured over the
built-in photographs::

                      in luminance      above a quarter cycle
                      before   now      before   now
    conv1, filters    .576     .648
    conv1             .462     .501     .189     .169
    conv2             .687     .743     .109     .078
    conv3             .584     .694     .090     .058
    conv4             .594     .747     .138     .059
    conv5             .562     .778     .133     .060
    pool5             .562     .778     .132     .060

When they were trained, other units of conv5 on 48 other photographs gave .593 (before) and .892 (now) in
luminance, and .133 and .058 above a quarter cycle.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from benchmarks.pictures import parser, share, table
from zfexplore.atlas.open import open_or_build
from zfexplore.atlas.store import Atlas
from zfexplore.deconv.project import project
from zfexplore.exemplars.seen import see
from zfexplore.images.open import open_images
from zfexplore.images.sources import Source
from zfexplore.nets.checkpoint import Checkpoint, load_checkpoint
from zfexplore.progress import finish

SPECKLE = 0.25  # cycles per pixel; the most that pixels can show is half a cycle


@dataclass(frozen=True)
class Cleanness:
    """Means over the projections of ``count`` channels of a stage, in [0, 1]."""

    stage: str
    count: int
    luminance: float
    speckle: float


def luminance_share(picture: NDArray[np.floating]) -> float:
    """Give the share of the energy of ``picture [..., 3, h, w]`` that is in the average of its colours."""
    average = picture.mean(axis=-3, keepdims=True)  # [..., 1, h, w]
    return float(3 * np.square(average).sum() / np.square(picture).sum())


def speckle_share(picture: NDArray[np.floating]) -> float:
    """Give the share of the energy of ``picture [3, h, w]`` above ``SPECKLE`` cycles per pixel."""
    energy = np.square(np.abs(np.fft.fft2(picture)))  # [3, h, w]
    rows, columns = (np.fft.fftfreq(length) for length in picture.shape[-2:])
    frequency = np.hypot(rows[:, None], columns)  # [h, w], cycles per pixel
    return float(energy[:, frequency > SPECKLE].sum() / energy.sum())


def measure(checkpoint: Checkpoint, source: Source, atlas: Atlas) -> Iterator[Cleanness]:
    """Measure every stage except the fully connected ones, whose projections cover whole images."""
    for name, record in atlas.stages.items():
        if record.kind == "fc":
            continue
        shares = [
            (luminance_share(pixels), speckle_share(pixels))
            for pixels in strongest_projections(checkpoint, source, atlas, name)
        ]
        luminance, speckle = np.mean(shares, axis=0)
        yield Cleanness(name, len(shares), float(luminance), float(speckle))


def strongest_projections(
    checkpoint: Checkpoint, source: Source, atlas: Atlas, stage: str
) -> Iterator[NDArray[np.floating]]:
    """Yield each firing channel's strongest projection ``[3, h, w]`` inside its window, image by image."""
    wanted = defaultdict(list)
    for channel in range(atlas.stage(stage).channels):
        place = atlas.top(stage, channel)[0]
        if place.value > 0:
            wanted[place.image].append((channel, (place.y, place.x)))
    for image, units in wanted.items():
        batch = see(checkpoint, source[image].image, atlas.header["fit"]).batch
        channels, positions = zip(*units, strict=True)
        projection = project(checkpoint.net, batch, stage, channels, positions)
        for pixels, (y0, x0, y1, x1) in zip(projection.pixels, projection.window.tolist(), strict=True):
            yield pixels[:, y0:y1, x0:x1].cpu().numpy()


def main() -> None:
    """Parse the options, measure, and print the table."""
    asked = parser("cleanness", __doc__).parse_args()
    checkpoint = load_checkpoint(asked.checkpoint)
    source = open_images(asked.images, limit=asked.limit)
    atlas = finish(open_or_build(checkpoint, source))
    headings = ("stage", "channels", "in luminance", "above a quarter cycle a pixel")
    found = table(f"{len(source)} images of {source.name}", headings)
    filters = next(step for step in checkpoint.net.steps if step.kind == "conv").module.weight
    found.add_row(
        f"{checkpoint.net.names[0]}, filters", str(len(filters)), share(luminance_share(filters.numpy()))
    )
    for row in measure(checkpoint, source, atlas):
        found.add_row(row.stage, str(row.count), share(row.luminance), share(row.speckle))
    Console(highlight=False).print(found)


if __name__ == "__main__":
    main()
