"""Exemplars as the atlas and the deconvnet give them, by hand: no network needed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from zfexplore.figures.grid import Page
from zfexplore.units import Window

# A stage whose units see 6 x 6 pixels, 4 apart, the first starting one pixel outside the image.
FIELD = SimpleNamespace(size=(6, 6), jump=(4, 4), start=(-1, -1))
IMAGE = 16


def make_exemplar(rank=0, *, y=1, x=1, field=FIELD, image=IMAGE, value=None, label=None, seed=0):
    """One unit at (y, x): a window clipped at the image's border, random numbers inside it, zero outside."""
    random = np.random.default_rng([seed, rank])
    y0, x0 = (field.start[axis] + field.jump[axis] * (y, x)[axis] for axis in (0, 1))
    window = Window(max(y0, 0), max(x0, 0), min(y0 + field.size[0], image), min(x0 + field.size[1], image))
    seen = random.integers(0, 256, (image, image, 3), dtype=np.uint8)
    pixels = np.zeros((3, image, image), np.float32)
    inside = (slice(None), slice(window.y0, window.y1), slice(window.x0, window.x1))
    pixels[inside] = random.normal(size=pixels[inside].shape)
    return SimpleNamespace(
        rank=rank,
        place=SimpleNamespace(image=10 + rank, name=f"picture {rank}.jpg", label=label, y=y, x=x),
        pixels=pixels,
        crop=pixels[inside],
        window=window,
        patch=seen[window.y0 : window.y1, window.x0 : window.x1],
        image=seen,
        activation=10.0 - rank if value is None else value,
    )


def draw_page(blocks, **options):
    """The picture of a page with ``blocks`` on it."""
    page = Page(len(blocks), **options)
    for block in blocks:
        page.add(block)
    return page.image


@pytest.fixture
def grid_figure():
    return draw_page


@pytest.fixture
def exemplar():
    return make_exemplar


@pytest.fixture
def field():
    return FIELD


@pytest.fixture
def nine():
    """Nine exemplars of one channel, the strongest first."""
    return [make_exemplar(rank) for rank in range(9)]
