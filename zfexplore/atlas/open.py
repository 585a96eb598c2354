"""The atlas of some weights and images: read from the user's cache, or built and kept there.

The cache holds one file per atlas, named by its fingerprint, and beside it the unfinished state of an
atlas that is being built. It is safe to delete: an atlas that is missing, damaged or made with other
weights is built again.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

from zfexplore.atlas.believed import check_atlas
from zfexplore.atlas.build import Event, Unkept, build_atlas
from zfexplore.atlas.container import read_header
from zfexplore.atlas.maxima import Layout
from zfexplore.atlas.store import Atlas, describe
from zfexplore.choices import Fit, Precision
from zfexplore.errors import ExploreError
from zfexplore.files import cache_dir, cannot_write, make_folder
from zfexplore.images.sources import Source
from zfexplore.locks import Held, sweep, take
from zfexplore.nets.checkpoint import Checkpoint
from zfexplore.nets.ranks import ALONE, Ranks
from zfexplore.progress import Finished, Note, Progress

SECONDS_BETWEEN_LOOKS = 0.2  # whether another process has done what this one waits for

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

_LOCKS = re.compile(r"[0-9a-f]{16}\.lock")
_told: set[Path] = set()  # the folders for the cache of which was told that they cannot be written


def open_or_build(
    checkpoint: Checkpoint,
    source: Source,
    *,
    k: int = 9,
    fit: Fit = "crop",
    stages: Sequence[str] | None = None,
    precision: Precision = "float32",
    again: bool = False,
    wait: bool = True,
    ranks: Ranks = ALONE,
    **options: Any,
) -> Iterator[Event]:
    """Open the atlas of these weights and images, or build it and keep it; ``Finished`` carries it.

    The events are those of ``build_atlas``, which also takes the ``options``. If the cache has an atlas of
    the same images' name and architecture that does not fit, a note says why a new one is built. An
    interrupted build continues where it stopped. ``again`` builds anew although an atlas exists: for
    images that changed unnoticed or are now decoded differently.

    While another process builds the same atlas, this one waits for it, and says so. Without ``wait`` it
    builds beside that one and keeps nothing unfinished, until either is done. Where the cache cannot be
    written, a note says so once and how to point it elsewhere, and the atlas is built all the same.

    Of several ``ranks`` the first does this, and the others help it build: they have no ``Finished``.
    """
    how: dict[str, Any] = {"k": k, "fit": fit, "stages": stages, "precision": precision, "ranks": ranks}
    if not ranks.first:
        if ranks.numbers(0)[0] == (1,):  # it builds
            yield from build_atlas(checkpoint, source, **how, **options)
        return
    header = describe(checkpoint, source, k=k, fit=fit, stages=stages, precision=precision)
    path = atlas_path(header["fingerprint"])
    damage, this = None, (path, header, checkpoint, source)
    if not again and os.path.exists(path):
        try:
            found = load_believed(path, header, checkpoint, source)
            ranks.numbers(0)
            yield Finished(found)
            return
        except ExploreError as error:
            damage = error
    with ExitStack() as stack:
        keep = yield from _locked(path.with_suffix(".lock"), stack, wait and not ranks.many)
        if ranks.many and not keep and path.with_suffix(".lock").exists():  # the others cannot wait with it
            raise ExploreError("another process indexes these images already: begin when it has ended")
        if not again and (atlas := _ready(*this)) is not None:  # while this one waited
            ranks.numbers(0)
            yield Finished(atlas)
            return
        if again and os.path.exists(path):
            with suppress(OSError):
                path.unlink()
            yield Note("the index is built again, as asked")
        elif damage is not None:
            yield Note(f"the index is built again: {damage}")
        elif (reason := _why_anew(header)) is not None:
            yield Note(reason)
        ranks.numbers(1)
        events: Any = build_atlas(
            checkpoint,
            source,
            **how,
            path=path.with_suffix(".partial"),
            keep=keep,
            **options,
        )
        with closing(events):
            for event in events:
                if isinstance(event, Finished):
                    yield from _keep(event.result, path)
                elif isinstance(event, Unkept):
                    yield from _tell_once(event.text)
                    continue
                elif not (keep or again or ranks.many) and (atlas := _ready(*this)) is not None:
                    event = Finished(atlas)  # the other process was faster
                yield event
                if isinstance(event, Finished):
                    return


def _locked(path: Path, stack: ExitStack, wait: bool) -> Generator[Event, None, bool]:
    """Take the lock on an atlas until ``stack`` ends; give whether this process writes the unfinished one."""
    told = False
    while True:
        try:
            make_folder(path.parent)
            stack.enter_context(take(path))
            sweep(path.parent, _LOCKS)
            return True
        except OSError as error:
            yield from _tell_once(f"the index is not kept: {cannot_write(path.parent, error)}")
            return False
        except Held as held:
            if held.own or not wait:
                if not held.own:
                    yield Note(f"{held.holder} indexes these images too: the first to be done is used")
                return False
            if not told:
                yield Note(f"{held.holder} indexes these images already: waiting for it")
                told = True
            yield Progress(f"waiting for {held.holder}")
            time.sleep(SECONDS_BETWEEN_LOOKS)


def _ready(path: Path, header: dict[str, Any], checkpoint: Checkpoint, source: Source) -> Atlas | None:
    """Give the atlas that another process has finished meanwhile; None without one."""
    if not os.path.exists(path):
        return None
    with suppress(ExploreError):
        return load_believed(path, header, checkpoint, source)
    return None


def _keep(atlas: Atlas, path: Path) -> Iterator[Note]:
    try:
        atlas.save(path)
    except ExploreError as error:
        yield from _tell_once(f"the index is not kept: {error}")


def _tell_once(text: str) -> Iterator[Note]:
    """Tell that the cache cannot be written, and what helps: once, although more will be wanted of it."""
    folder = cache_dir()
    if folder not in _told:
        _told.add(folder)
        yield Unkept(f"{text}: ZFEXPLORE_CACHE names the folder of the cache")


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
