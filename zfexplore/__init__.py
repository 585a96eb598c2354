"""See inside a convolutional network: the deconvnet of Zeiler and Fergus as a tool and a library.

Importing this package is free; each of the ten names below is loaded at its first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zfexplore.atlas.build import build_atlas as build_atlas
    from zfexplore.atlas.store import Atlas as Atlas
    from zfexplore.deconv.project import project as project
    from zfexplore.deconv.request import Projection as Projection
    from zfexplore.figures.grid import grid_figure as grid_figure
    from zfexplore.images.open import open_images as open_images
    from zfexplore.nets.checkpoint import load_checkpoint as load_checkpoint
    from zfexplore.nets.trunk import Trunk as Trunk
    from zfexplore.nets.zfnet import ZFNet as ZFNet
    from zfexplore.training.loop import train as train

__version__ = "0.1.0"

_HOMES = {
    "ZFNet": "zfexplore.nets.zfnet",
    "Trunk": "zfexplore.nets.trunk",
    "load_checkpoint": "zfexplore.nets.checkpoint",
    "open_images": "zfexplore.images.open",
    "build_atlas": "zfexplore.atlas.build",
    "Atlas": "zfexplore.atlas.store",
    "project": "zfexplore.deconv.project",
    "Projection": "zfexplore.deconv.request",
    "grid_figure": "zfexplore.figures.grid",
    "train": "zfexplore.training.loop",
}

__all__ = list(_HOMES)  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    """Load one of the ten names at its first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'zfexplore' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the ten names beside the module's own."""
    return sorted({*globals(), *_HOMES})
