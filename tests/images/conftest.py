from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def photograph() -> Image.Image:
    """A smooth colour picture, 60 x 40, that JPEG hardly changes; each quarter has a colour of its own."""
    y, x = np.mgrid[0:40, 0:60]
    pixels = np.stack([40 + x * 3, 60 + y * 4, 200 - x - y], axis=-1).astype(np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture
def folder(tmp_path: Path, photograph: Image.Image):
    """Give a function that writes the photograph to the given relative paths and gives their folder."""

    def write(*names: str, root: str = "photos") -> Path:
        base = tmp_path / root
        base.mkdir(exist_ok=True)
        for name in names:
            (base / name).parent.mkdir(parents=True, exist_ok=True)
            photograph.save(base / name)
        return base

    return write
