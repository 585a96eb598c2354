"""Images in files: a folder as a source, its subfolders as classes."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from zfexplore.errors import ExploreError
from zfexplore.files import printable
from zfexplore.images.decode import UndecodableError, read_rgb
from zfexplore.images.sources import Picture, UnreadableImage

EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")

# Folders of these names hold parts of a set, not classes of one.
_PARTS = {"train", "val", "valid", "validation", "test"}


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One file of a source: its path, the name shown for it, and its label or None."""

    path: str
    name: str
    label: int | None


class FileSource:
    """A source of the files given, in their order."""

    def __init__(self, name: str, files: Sequence[ImageFile], classes: Sequence[str] = ()) -> None:
        self.name = name
        self.classes = tuple(classes)
        self._files = list(files)

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> Picture:
        file = self._files[index]
        try:
            return Picture(read_rgb(file.path), file.label, file.name)
        except UndecodableError as error:
            raise UnreadableImage(index, file.name, str(error)) from error

    def __iter__(self) -> Iterator[Picture]:
        return (self[index] for index in range(len(self)))

    def label(self, index: int) -> int | None:
        """Give the class of an image without decoding it."""
        return self._files[index].label

    def image_name(self, index: int) -> str:
        """Give the name of an image without decoding it."""
        return self._files[index].name

    def path(self, index: int) -> Path:
        """Give the file of an image."""
        return Path(self._files[index].path)

    def fingerprint(self) -> str:
        """Hash every file's name, label, size and time of change. No file is read."""
        digest = hashlib.sha256(f"{self.name}\n{len(self)}\n{self.classes}\n".encode())
        for file in self._files:
            digest.update(f"{file.name}\0{file.label}\0{_size_and_time(file.path)}\n".encode())
        return digest.hexdigest()[:16]


def open_folder(folder: str | os.PathLike[str], *, limit: int | None = None) -> FileSource:
    """Open all images below ``folder``, in natural order, without hidden files and folders.

    The first level of subfolders are the classes (as in torchvision's ImageFolder) if every image lies
    in a subfolder. If some images lie directly in ``folder``, there are no labels. A folder that holds
    only one other folder stands for that one. Raises ExploreError if there is no such folder, if it
    holds no images, if it cannot be listed, or if its subfolders are the parts of a set.
    """
    root = Path(folder).expanduser()
    if root.is_file():
        raise ExploreError(f"{folder} is a file; give the folder that holds the images", usage=True)
    if not root.is_dir():
        raise ExploreError(f"there is no folder {os.fspath(folder)!r}", usage=True)
    found = sorted(_walk(root), key=natural_key)
    if not found:
        raise ExploreError(f"no images below {folder} (looked for {', '.join(EXTENSIONS)})")
    prefix = _only_folder(found)
    names = [path[len(prefix) :] for path in found]
    classes = _classes(names, os.fspath(folder))
    number = {name: index for index, name in enumerate(classes)}
    files = [
        ImageFile(os.path.join(root, path), _shown(name), number[name.split("/")[0]] if classes else None)
        for path, name in zip(found, names, strict=True)
    ]
    return FileSource(_shown(root.resolve().name), files[:limit], [_shown(name) for name in classes])


def natural_key(text: str) -> tuple[object, ...]:
    """Give a sort key for paths: image2 before image10, folder by folder, upper and lower case together."""
    return tuple(
        tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in _pieces(piece))
        for piece in text.casefold().split("/")
    ) + (text,)


def _pieces(text: str) -> list[str]:
    return [part for part in re.split(r"(\d+)", text) if part]


def _walk(folder: Path | str, above: str = "", seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the images below ``folder`` as paths relative to it, with forward slashes.

    Links to folders are followed, because sets are often put together from links. A link that leads
    back up is not. Anything that is not a file, folder or link is left out: opening a pipe would block.
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
    """Turn a file's name, whatever bytes it holds, into text that can be printed and stored."""
    return printable(name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def _only_folder(files: Sequence[str]) -> str:
    """Give the prefix of leading folders that hold nothing but one other folder.

    At least one level stays below the prefix. For ``a/b/1.png`` and ``a/c/2.png`` it is ``a/``; for
    ``a/1.png`` alone it is empty.
    """
    shared = os.path.commonprefix([file.split("/")[:-1] for file in files])
    deepest = min(file.count("/") for file in files)
    kept = shared[: max(deepest - 1, 0)]
    return "".join(f"{part}/" for part in kept)


def _classes(names: Sequence[str], folder: str) -> list[str]:
    """Give the first-level subfolders as classes, or no classes if an image lies beside them."""
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


def _size_and_time(path: str) -> str:
    try:
        status = os.stat(path)
    except OSError:
        return "missing"
    return f"{status.st_size}\0{status.st_mtime_ns}"
