"""Where images come from: a length, and by index an RGB image, a label or none, and a name.

``open_images`` turns what the user wrote into a source: a folder, one of torchvision's sets,
``photographs``, which are built in, or ``specimens``, which are drawn. Sources hold only names until an
image is asked for; they pickle, so worker processes can decode.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from PIL import Image

from zfexplore.choices import DEFAULT_IMAGES, PHOTOGRAPHS, SPECIMENS
from zfexplore.errors import ExploreError
from zfexplore.files import printable
from zfexplore.images.decode import UndecodableError, read_rgb

EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")

# Folders named so hold parts of a set, not classes of one.
_PARTS = {"train", "val", "valid", "validation", "test"}


@dataclass(frozen=True, slots=True)
class Picture:
    """One image of a source: upright RGB, its class's index or None, and its name."""

    image: Image.Image
    label: int | None
    name: str


class UnreadableImage(ExploreError):
    """An image of a source that cannot be decoded; the caller counts it, names it and goes on."""

    def __init__(self, index: int, name: str, reason: str) -> None:
        super().__init__(f"image {index} ({name}) cannot be read: {reason}")
        self.index, self.name, self.reason = index, name, reason

    def __reduce__(self) -> tuple[type, tuple[int, str, str]]:
        """Survive the way out of a worker process."""
        return UnreadableImage, (self.index, self.name, self.reason)


class Source(Protocol):
    """What every part of the program asks of images. Labels index ``classes``, empty without labels."""

    name: str
    classes: tuple[str, ...]

    def __len__(self) -> int:
        """Count the images."""

    def __getitem__(self, index: int) -> Picture:
        """Decode one image; raises UnreadableImage naming it, and IndexError beyond the end."""

    def label(self, index: int) -> int | None:
        """Give the class of an image without decoding it."""

    def image_name(self, index: int) -> str:
        """Give the name of an image without decoding it."""

    def fingerprint(self) -> str:
        """Give a short text that changes whenever the images may have changed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a source: its path, the name it is shown by, its label or None."""

    path: str
    name: str
    label: int | None


class FileSource:
    """Images in files, in the order given."""

    def __init__(self, name: str, entries: Sequence[Entry], classes: Sequence[str] = ()) -> None:
        self.name = name
        self.classes = tuple(classes)
        self._entries = list(entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int) -> Picture:
        entry = self._entries[index]
        try:
            return Picture(read_rgb(entry.path), entry.label, entry.name)
        except UndecodableError as error:
            raise UnreadableImage(index, entry.name, str(error)) from error

    def __iter__(self) -> Iterator[Picture]:
        return (self[index] for index in range(len(self)))

    def label(self, index: int) -> int | None:
        """Give the class of an image without decoding it."""
        return self._entries[index].label

    def image_name(self, index: int) -> str:
        """Give the name of an image without decoding it."""
        return self._entries[index].name

    def path(self, index: int) -> Path:
        """Give the file of an image."""
        return Path(self._entries[index].path)

    def fingerprint(self) -> str:
        """Hash every file's name, label, size and time of change: no file is read."""
        digest = hashlib.sha256(f"{self.name}\n{len(self)}\n{self.classes}\n".encode())
        for entry in self._entries:
            digest.update(f"{entry.name}\0{entry.label}\0{_size_and_time(entry.path)}\n".encode())
        return digest.hexdigest()[:16]


def open_images(
    spec: str | os.PathLike[str] = DEFAULT_IMAGES,
    *,
    limit: int | None = None,
    download: bool = False,
    root: str | os.PathLike[str] | None = None,
    split: str | None = None,
    seed: int = 0,
) -> Source:
    """Open the images that ``spec`` names: ``photographs``, ``specimens``, a set of torchvision's, a folder.

    ``limit`` keeps the first so many. ``download``, ``root`` and ``split`` are for torchvision's sets:
    whether to fetch what is missing, the folder they live in, and which part to take. ``seed`` is for
    specimens. A folder of the name wins over a set of it when written as a path (``./flowers102``).
    Raises ExploreError for an unknown name, a folder without images, or data that is not there.
    """
    from zfexplore.images import datasets

    if limit is not None and limit < 1:
        raise ExploreError(f"--limit must be at least 1, not {limit}", usage=True)
    text = os.fspath(spec)
    if not text:
        raise ExploreError("no images named; " + _choices(), usage=True)
    known = datasets.find(text)
    if known is not None:
        return datasets.open_set(known, limit=limit, download=download, root=root, split=split)
    if split is not None:
        raise ExploreError(f"{text} has no parts to choose from with split {split!r}", usage=True)
    if text == PHOTOGRAPHS:
        from zfexplore.images.photographs import Photographs

        return Photographs(limit=limit)
    if text == SPECIMENS:
        from zfexplore.images.specimens.source import Specimens

        return Specimens(seed=seed, limit=limit)
    return open_folder(text, limit=limit)


def is_name(spec: str) -> bool:
    """Say whether ``open_images`` takes ``spec`` for a name, even where a folder is called so."""
    from zfexplore.images import datasets

    return spec in (PHOTOGRAPHS, SPECIMENS) or datasets.find(spec) is not None


def open_folder(folder: str | os.PathLike[str], *, limit: int | None = None) -> FileSource:
    """Open all images below ``folder``, in natural order; hidden files and folders are left out.

    Where every image lies in a subfolder, the first level of subfolders are the classes (as
    torchvision's ImageFolder has it); where some lie directly in ``folder`` there are no labels. A
    folder that holds nothing but one other folder stands for that one.
    """
    root = Path(folder).expanduser()
    if root.is_file():
        raise ExploreError(f"{folder} is a file; give the folder that holds the images", usage=True)
    if not root.is_dir():
        raise ExploreError(_unknown(os.fspath(folder)), usage=True)
    files = sorted(_walk(root), key=natural_key)
    if not files:
        raise ExploreError(f"no images below {folder} (looked for {', '.join(EXTENSIONS)})")
    prefix = _only_folder(files)
    names = [name[len(prefix) :] for name in files]
    classes = _classes(names, os.fspath(folder))
    number = {name: index for index, name in enumerate(classes)}
    entries = [
        Entry(os.path.join(root, file), _shown(name), number[name.split("/")[0]] if classes else None)
        for file, name in zip(files, names, strict=True)
    ]
    return FileSource(_shown(root.resolve().name), entries[:limit], [_shown(name) for name in classes])


def natural_key(text: str) -> tuple[object, ...]:
    """Sort key that counts: image2 before image10, folder by folder, capitals beside small letters."""
    return tuple(
        tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in _pieces(piece))
        for piece in text.casefold().split("/")
    ) + (text,)


def _pieces(text: str) -> list[str]:
    return [part for part in re.split(r"(\d+)", text) if part]


def _walk(folder: Path | str, above: str = "", seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the images below ``folder`` as paths relative to it, with forward slashes.

    Links to folders are followed (sets are often put together from links) unless they lead back up.
    What is neither file, folder nor link is left out: opening a pipe would wait for ever.
    """
    real = os.path.realpath(folder)
    if real in seen:
        return
    for entry in _listing(folder):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _walk(entry.path, f"{above}{entry.name}/", seen | {real})
        elif entry.name.lower().endswith(EXTENSIONS) and (entry.is_file() or entry.is_symlink()):
            yield above + entry.name


def _listing(folder: Path | str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise ExploreError(f"cannot list {folder}: {(error.strerror or 'unreadable').lower()}") from error


def _shown(name: str) -> str:
    """Give a file's name as text that can be printed and stored, whatever bytes are in it."""
    return printable(name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def _only_folder(files: Sequence[str]) -> str:
    """Give the leading folders that all files share as long as they hold nothing else, as a prefix.

    At least one level stays below them: with ``a/b/1.png`` and ``a/c/2.png`` the prefix is ``a/``, and
    with ``a/1.png`` alone there is none.
    """
    shared = os.path.commonprefix([file.split("/")[:-1] for file in files])
    deepest = min(file.count("/") for file in files)
    kept = shared[: max(deepest - 1, 0)]
    return "".join(f"{part}/" for part in kept)


def _classes(names: Sequence[str], folder: str) -> list[str]:
    """Give the first-level subfolders as classes, or none where an image lies beside them."""
    if any("/" not in name for name in names):
        return []
    classes = list(dict.fromkeys(name.split("/")[0] for name in names))
    if len(classes) > 1 and {name.lower() for name in classes} <= _PARTS:
        raise ExploreError(
            f"{folder} holds the parts {', '.join(classes)} of a set; "
            f"give one of them, such as {os.path.join(folder, classes[0])}",
            usage=True,
        )
    return classes


def _unknown(spec: str) -> str:
    return f"no folder {spec!r}, and no images of that name; " + _choices()


def _choices() -> str:
    from zfexplore.images import datasets

    return f"give a folder or one of {', '.join([PHOTOGRAPHS, SPECIMENS, *datasets.names()])}"


def _size_and_time(path: str) -> str:
    try:
        status = os.stat(path)
    except OSError:
        return "missing"
    return f"{status.st_size}\0{status.st_mtime_ns}"
