"""See inside a convolutional network: the deconvnet of Zeiler and Fergus as a tool and a library.

Importing this package is free; each name below is loaded at its first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zfexplore.atlas.build import build_atlas as build_atlas
    from zfexplore.atlas.store import Atlas as Atlas
    from zfexplore.convention import InputConvention as InputConvention
    from zfexplore.deconv.project import project as project
    from zfexplore.deconv.request import Projection as Projection
    from zfexplore.errors import ExploreError as ExploreError
    from zfexplore.exemplars.records import Exemplar as Exemplar
    from zfexplore.explorer import Explorer as Explorer
    from zfexplore.images.open import open_images as open_images
    from zfexplore.nets.anynet import AnyNet as AnyNet
    from zfexplore.nets.checkpoint import load_checkpoint as load_checkpoint
    from zfexplore.nets.trunk import Trunk as Trunk
    from zfexplore.nets.zfnet import ZFNet as ZFNet
    from zfexplore.training.loop import train as train
    from zfexplore.units import Unit as Unit

__version__ = "0.1.0"

_HOMES = {
    "Explorer": "zfexplore.explorer",
    "Unit": "zfexplore.units",
    "Exemplar": "zfexplore.exemplars.records",
    "load_checkpoint": "zfexplore.nets.checkpoint",
    "open_images": "zfexplore.images.open",
    "build_atlas": "zfexplore.atlas.build",
    "Atlas": "zfexplore.atlas.store",
    "InputConvention": "zfexplore.convention",
    "project": "zfexplore.deconv.project",
    "Projection": "zfexplore.deconv.request",
    "ZFNet": "zfexplore.nets.zfnet",
    "Trunk": "zfexplore.nets.trunk",
    "AnyNet": "zfexplore.nets.anynet",
    "train": "zfexplore.training.loop",
    "ExploreError": "zfexplore.errors",
}

__all__ = list(_HOMES)  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    """Load one of the names at its first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'zfexplore' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List those names beside the module's own."""
    return sorted({*globals(), *_HOMES})
