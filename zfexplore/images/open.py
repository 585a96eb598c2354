"""A source of images by the name or the path that the user wrote.

The source is a folder, an archive, tar shards, one of torchvision's sets, the built-in ``photographs``, or
the drawn ``specimens``.
"""

from __future__ import annotations

import os
from pathlib import Path

from zfexplore.arguments import path_text, whole
from zfexplore.choices import DEFAULT_IMAGES, PHOTOGRAPHS, SPECIMENS
from zfexplore.errors import ExploreError
from zfexplore.files import expanded
from zfexplore.images import datasets
from zfexplore.images.archive import open_archive, split_path
from zfexplore.images.folder import open_folder
from zfexplore.images.shards import find_shards, open_shards
from zfexplore.images.sources import NoImages, Source
from zfexplore.opening import strange


def open_images(
    spec: str | os.PathLike[str] = DEFAULT_IMAGES,
    *,
    limit: int | None = None,
    download: bool = False,
    root: str | os.PathLike[str] | None = None,
    split: str | None = None,
    seed: int = 0,
    labels: str | os.PathLike[str] | None = None,
) -> Source:
    """Open the images of a folder or an archive, or those of a name.

    The names are ``photographs``, ``specimens`` and those of torchvision's sets. A part of an archive is
    written as if that were a folder: ``album.zip/train``. Shards are a folder of tars, or a pattern of them,
    ``train-{0000..0146}.tar`` or ``train-*.tar``; ``shards`` tells what counts as such.

    ``limit`` keeps only the first images. ``download``, ``root`` and ``split`` apply to torchvision's
    sets: whether to fetch a missing set, the folder that holds the sets, and the part to take. ``seed``
    applies to specimens. ``labels`` is a file that gives the images of a folder their classes. A name wins
    over a folder of the same name; write the folder as a path (``./flowers102``). Raises ExploreError for
    an unknown name or missing data, and its subclass NoImages where a path leads to no images.
    """
    limit = None if limit is None else whole(limit, "--limit")
    if limit is not None and limit < 1:
        raise ExploreError(f"--limit must be at least 1, not {limit}", usage=True)
    text = path_text(spec, "images")
    root = None if root is None else path_text(root, "root")
    labels = None if labels is None else path_text(labels, "the labels")
    if not text:
        raise ExploreError(f"no images named; {_choices()}", usage=True)
    if labels is not None and is_name(text):
        raise ExploreError(f"{text} has its own classes: --labels needs a folder of images", usage=True)
    known = datasets.find(text)
    if known is not None:
        try:
            return datasets.open_set(known, limit=limit, download=download, root=root, split=split)
        except ExploreError as error:
            if error.usage or datasets.is_here(known, root) or not Path(text).is_dir():
                raise
            raise ExploreError(f"{error}; for the folder of that name here, write ./{text}") from error
    if split is not None:
        raise ExploreError(f"{text} has no parts to choose from with split {split!r}", usage=True)
    if text == PHOTOGRAPHS:
        from zfexplore.images.photographs import Photographs

        return Photographs(limit=limit)
    if text == SPECIMENS:
        from zfexplore.images.specimens.source import Specimens

        return Specimens(seed=whole(seed, "seed"), limit=limit)
    path = expanded(text)
    if (shards := find_shards(text, path)) is not None:
        return open_shards(shards, text, limit=limit, labels=labels)
    if not path.is_dir() and (archive := split_path(path)) is not None:
        file, inside = archive
        return open_archive(file, inside=inside, limit=limit, labels=labels)
    if (what := strange(path)) is not None:
        raise NoImages(f"{text} is {what}; {_choices()}", usage=True)
    if not path.is_dir():
        raise NoImages(f"no folder {text!r}, and no images of that name; {_choices()}", usage=True)
    return open_folder(text, limit=limit, labels=labels)


def is_name(spec: str) -> bool:
    """Tell whether ``open_images`` reads ``spec`` as a name, even if there is a folder of that name."""
    return spec in (PHOTOGRAPHS, SPECIMENS) or datasets.find(spec) is not None


def _choices() -> str:
    return f"give a folder or one of {', '.join([PHOTOGRAPHS, SPECIMENS, *datasets.names()])}"
