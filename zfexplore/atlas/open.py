"""The atlas of some weights and images: read from the user's cache, or built and kept there.

The cache holds one file per atlas, named by its fingerprint, and beside it the unfinished state of an
atlas that is being built. It is safe to delete: an atlas that is missing, damaged or made with other
weights is built again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from zfexplore.atlas.believed import check_atlas
from zfexplore.atlas.build import Event, build_atlas
from zfexplore.atlas.container import read_header
from zfexplore.atlas.maxima import Layout
from zfexplore.atlas.store import Atlas, describe
from zfexplore.choices import Fit, Precision
from zfexplore.errors import ExploreError
from zfexplore.files import cache_dir
from zfexplore.images.sources import Source
from zfexplore.nets.checkpoint import Checkpoint
from zfexplore.progress import Finished, Note

# The settings in which two atlases of the same images and architecture may differ, in words.
_DECISIVE = {
    "weights": "weights",
    "images": "images",
    "input": "input convention",
    "fit": "fit",
    "k": "number of places",
    "precision": "precision",
    "watched": "layers",
}


def open_or_build(
    checkpoint: Checkpoint,
    source: Source,
    *,
    k: int = 9,
    fit: Fit = "crop",
    stages: Sequence[str] | None = None,
    precision: Precision = "float32",
    again: bool = False,
    **options: Any,
) -> Iterator[Event]:
    """Open the atlas of these weights and images, or build it and keep it; ``Finished`` carries it.

    The events are those of ``build_atlas``, which also takes the ``options``. If the cache has an atlas of
    the same images' name and architecture that does not fit, a note says why a new one is built. An
    interrupted build continues where it stopped. ``again`` builds anew although an atlas exists: for
    images that changed unnoticed or are now decoded differently.
    """
    header = describe(checkpoint, source, k=k, fit=fit, stages=stages, precision=precision)
    path = atlas_path(header["fingerprint"])
    if again and path.exists():
        path.unlink()
        yield Note("the index is built again, as asked")
    elif path.exists():
        try:
            yield Finished(load_believed(path, header, checkpoint, source))
            return
        except ExploreError as damage:
            yield Note(f"the index is built again: {damage}")
    elif (reason := _why_anew(header)) is not None:
        yield Note(reason)
    events = build_atlas(
        checkpoint,
        source,
        k=k,
        fit=fit,
        stages=stages,
        precision=precision,
        path=path.with_suffix(".partial"),
        **options,
    )
    for event in events:
        if isinstance(event, Finished):
            event.result.save(path)
        yield event


def load_believed(path: Path, header: dict[str, Any], checkpoint: Checkpoint, source: Source) -> Atlas:
    """Read the atlas at ``path``; raises ExploreError unless it is the one that ``header`` tells of."""
    atlas = Atlas.load(path)
    layout = Layout.of(checkpoint.net, header["watched"], checkpoint.metadata.input.size)
    try:
        check_atlas(atlas, header, layout, source)
    except ValueError as error:
        raise ExploreError(f"{path} is not the atlas of these weights and images: {error}") from error
    return atlas


def atlas_folder() -> Path:
    """Give the folder in the user's cache that holds the atlases."""
    return cache_dir() / "atlases"


def atlas_path(fingerprint: str) -> Path:
    """Give the file of the atlas with this fingerprint."""
    return atlas_folder() / f"{fingerprint}.safetensors"


def _why_anew(header: dict[str, Any]) -> str | None:
    """Give a line that says how the new atlas differs from the most similar one in the cache."""
    others = (read_header(path) for path in atlas_folder().glob("*.safetensors"))
    differences = [
        [what for key, what in _DECISIVE.items() if other.get(key) != header[key]]
        for other in others
        if other is not None and all(other.get(key) == header[key] for key in ("architecture", "images_name"))
    ]
    if not differences:
        return None
    fewest = min(differences, key=lambda changed: (len(changed), changed))
    changes = ", ".join(f"other {what}" for what in fewest)
    return f"{header['images_name']} is indexed again: {changes} than before"
