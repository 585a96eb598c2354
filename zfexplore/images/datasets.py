"""torchvision's image sets by name: how each lies on disk, and how it is downloaded, if it can be.

torchvision downloads and reads the lists. Decoding is ours, so all sources treat orientation, alpha
and truncated files alike. Sets live in ``$ZFEXPLORE_DATA``, or in ``datasets`` below the cache folder.
A new set is one line in the table and one function.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zfexplore.errors import ExploreError
from zfexplore.files import cache_dir, expanded

if TYPE_CHECKING:
    from zfexplore.images.folder import FileSource

Listing = tuple[list[tuple[str, int]], tuple[str, ...]]  # (path, label) of each image, and the classes


@dataclass(frozen=True)
class ImageSet:
    """One of torchvision's sets: its parts (the first is the default), and how to list its files."""

    name: str
    about: str
    parts: tuple[str, ...]
    folder: str  # the folder of its images, below the root
    list_files: Callable[[Path, str, bool], Listing]
    downloads: bool = True


def default_root() -> Path:
    """Give the folder that holds downloaded sets."""
    chosen = os.environ.get("ZFEXPLORE_DATA")
    return expanded(chosen) if chosen else cache_dir() / "datasets"


def names() -> tuple[str, ...]:
    """Give the names of all sets, as ``open_images`` takes them."""
    return tuple(known.name for known in SETS)


def find(name: str) -> ImageSet | None:
    """Give the set of that name in upper or lower case, or None."""
    return next((known for known in SETS if known.name == name.lower()), None)


def is_here(known: ImageSet, root: str | os.PathLike[str] | None = None) -> bool:
    """Tell whether the folder of the set's images is below ``root``; no image is read."""
    return (Path(root or default_root()) / known.folder).is_dir()


def open_set(
    known: ImageSet,
    *,
    limit: int | None = None,
    download: bool = False,
    root: str | os.PathLike[str] | None = None,
    split: str | None = None,
) -> FileSource:
    """Open one of torchvision's sets: ``limit`` keeps only the first images, ``split`` names the part.

    Raises ExploreError for an unknown part, and for a set that is missing, empty or cannot be downloaded.
    """
    part = split or known.parts[0]
    if part not in known.parts:
        raise ExploreError(f"{known.name} has the parts {', '.join(known.parts)}, not {part!r}", usage=True)
    home = expanded(root or default_root())
    if not is_here(known, home):
        _refuse_unless_fetchable(known, home, download)
    try:
        files, classes = known.list_files(home, part, download)
    except ExploreError:
        raise
    except Exception as error:  # torchvision raises RuntimeError, OSError, URLError, KeyError and more
        raise ExploreError(_failure(known, home, download, error)) from error
    from zfexplore.images.folder import FileSource, ImageFile

    entries = [ImageFile(path, _short_name(path, home / known.folder), label) for path, label in files]
    if not entries:
        raise ExploreError(f"{known.name} has no images below {home / known.folder}")
    title = known.name if len(known.parts) == 1 else f"{known.name}-{part}"
    return FileSource(title, entries[:limit], classes)


def _refuse_unless_fetchable(known: ImageSet, home: Path, download: bool) -> None:
    place = home / known.folder
    if not known.downloads:
        raise ExploreError(
            f"{known.name} is not in {place}, and its licence forbids fetching it for you; "
            "put its folders there, or set ZFEXPLORE_DATA to where they are"
        )
    if not download:
        raise ExploreError(
            f"{known.name} is not in {place}; add --download to fetch it, "
            "or set ZFEXPLORE_DATA to the folder it is in"
        )


def _failure(known: ImageSet, home: Path, download: bool, error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"reading {known.name} needs {error.name}: pip install {error.name}"
    reason = " ".join(str(error).split()) or type(error).__name__
    doing = "downloaded to" if download else "read from"
    return f"{known.name} could not be {doing} {home}: {reason}"


def _short_name(path: str, folder: Path) -> str:
    return os.path.relpath(path, folder).replace(os.sep, "/")


def _caltech101(home: Path, _part: str, download: bool) -> Listing:
    """List the 101 classes without BACKGROUND_Google, as torchvision does."""
    from torchvision.datasets import Caltech101

    images = Caltech101(os.fspath(home), download=download)
    folder = Path(images.root) / "101_ObjectCategories"
    files = [
        (os.fspath(folder / images.categories[label] / f"image_{number:04d}.jpg"), label)
        for number, label in zip(images.index, images.y, strict=True)
    ]
    return files, tuple(images.categories)


def _imagenette(home: Path, part: str, download: bool) -> Listing:
    from torchvision.datasets import Imagenette

    images = Imagenette(home, split=part, size="320px", download=download)
    return _listed(images._samples), tuple(names[0] for names in images.classes)


def _flowers102(home: Path, part: str, download: bool) -> Listing:
    from torchvision.datasets import Flowers102

    images = Flowers102(home, split=part, download=download)
    classes = tuple(getattr(images, "classes", None) or (f"flower {number}" for number in range(1, 103)))
    return _listed(zip(images._image_files, images._labels, strict=True)), classes


def _pets(home: Path, part: str, download: bool) -> Listing:
    from torchvision.datasets import OxfordIIITPet

    images = OxfordIIITPet(home, split=part, download=download)
    return _listed(zip(images._images, images._labels, strict=True)), tuple(images.classes)


def _imagenet(home: Path, part: str, _download: bool) -> Listing:
    from torchvision.datasets import ImageNet

    images = ImageNet(home / "imagenet", split=part)
    return _listed(images.samples), tuple(names[0] for names in images.classes)


def _listed(pairs: Iterable[tuple[Any, int]]) -> list[tuple[str, int]]:
    return [(os.fspath(path), int(label)) for path, label in pairs]


SETS: tuple[ImageSet, ...] = (
    ImageSet(
        "caltech101", "8,677 photographs of 101 kinds of things", ("all",),
        "caltech101/101_ObjectCategories", _caltech101,
    ),
    ImageSet(
        "imagenette", "13,394 photographs of 10 ImageNet classes, short side 320", ("train", "val"),
        "imagenette2-320", _imagenette,
    ),
    ImageSet(
        "flowers102", "8,189 photographs of 102 flowers", ("train", "val", "test"),
        "flowers-102/jpg", _flowers102,
    ),
    ImageSet(
        "oxfordiiitpet", "7,349 photographs of 37 breeds of cats and dogs", ("trainval", "test"),
        "oxford-iiit-pet/images", _pets,
    ),
    ImageSet(
        "imagenet", "1.3 million photographs of 1000 classes (ILSVRC 2012)", ("train", "val"),
        "imagenet", _imagenet, downloads=False,
    ),
)  # fmt: skip
