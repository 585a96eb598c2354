"""The measure of clean pictures, held against pictures whose shares are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.cleanness import luminance_share, measure, speckle_share, strongest_projections
from benchmarks.pictures import share
from zfexplore.atlas.build import build_atlas
from zfexplore.convention import InputConvention
from zfexplore.images.open import open_images
from zfexplore.nets.checkpoint import Checkpoint, Metadata
from zfexplore.nets.trunk import Trunk
from zfexplore.progress import finish

WAVE = np.sin(2 * np.pi * np.arange(32) / 8)[None, :] * np.ones((32, 1))  # an eighth of a cycle a pixel


def colours(red, green, blue, picture=WAVE):
    return np.stack([red * picture, green * picture, blue * picture])


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (colours(1, 1, 1), 1.0),
        (colours(1, -1, 0), 0.0),
        (colours(1, 0, 0), 1 / 3),
        (colours(2, 1, 0), 3 / 5),  # 3 x 1^2 of 2^2 + 1^2
        (np.stack([colours(1, 1, 1), colours(1, -1, 0)]), 3 / 5),  # filters count by their energy
    ],
)
def test_luminance_is_what_the_average_of_the_colours_keeps(picture, expected):
    assert luminance_share(picture) == pytest.approx(expected, abs=1e-12)


def test_speckle_is_what_changes_within_four_pixels():
    checks = np.indices((32, 32)).sum(0) % 2 * 2.0 - 1  # half a cycle both ways
    assert speckle_share(colours(1, 1, 1)) == pytest.approx(0, abs=1e-12)
    assert speckle_share(colours(1, -1, 0, checks)) == pytest.approx(1)
    # A wave's energy is half its amplitude's square, that of checks all of it.
    assert speckle_share(colours(1, 1, 1, WAVE + checks)) == pytest.approx(2 / 3)
    slanted = np.sin(2 * np.pi * np.indices((32, 32)).sum(0) * 7 / 32)  # 0.31 cycles along the diagonal
    assert speckle_share(colours(1, 1, 1, slanted)) == pytest.approx(1)


def test_noise_has_a_third_in_luminance_and_four_fifths_in_speckle():
    noise = np.random.default_rng(0).normal(size=(3, 128, 128))
    assert luminance_share(noise) == pytest.approx(1 / 3, abs=0.01)
    assert speckle_share(noise) == pytest.approx(1 - np.pi / 16, abs=0.01)


def test_every_firing_channel_of_every_stage_is_measured():
    torch.manual_seed(0)
    net = nn.Sequential(
        *(nn.Conv2d(3, 8, 7, stride=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(8, 16, 5), nn.ReLU(), nn.MaxPool2d(3, 2)),
    )
    convention = InputConvention(size=64, resize=72, scale=1.0, mean=(0.5, 0.5, 0.5))
    net.eval().requires_grad_(False)
    checkpoint = Checkpoint(net, Trunk(net), Metadata("stack", {}, (), convention))
    source = open_images("photographs", limit=3)
    atlas = finish(build_atlas(checkpoint, source))
    rows = list(measure(checkpoint, source, atlas))
    assert [row.stage for row in rows] == ["conv1", "conv2", "pool2"]
    for row in rows:
        assert row.count == int((atlas.stage(row.stage).max > 0).sum())
    first = [luminance_share(pixels) for pixels in strongest_projections(checkpoint, source, atlas, "conv1")]
    assert rows[0].luminance == pytest.approx(np.mean(first))


@pytest.mark.parametrize(("value", "text"), [(0.0581, ".058"), (1.0, "1.000"), (0.0, ".000")])
def test_shares_are_written_as_the_papers_do(value, text):
    assert share(value) == text
