"""Images in files: a folder as a source."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image

from zfexplore.errors import ExploreError
from zfexplore.files import expanded
from zfexplore.images.content import REMEMBERED_FROM, content_of_file, remembered
from zfexplore.images.decode import read_rgb
from zfexplore.images.formats import HEAD, is_read, suffixes_read, verdict
from zfexplore.images.layout import arrange
from zfexplore.images.listed import ListedSource
from zfexplore.images.naming import natural_key, shown
from zfexplore.images.remarks import left_out_lines
from zfexplore.images.sources import LeftOut, NoImages
from zfexplore.opening import NotPlain, open_plain, strange

# What systems and tools leave in folders of pictures, in lower case.
_OF_SYSTEMS = {
    "@eadir", "@tmp", "@recycle", "@__thumb", "#recycle", "#snapshot", "$recycle.bin", "recycler",
    "system volume information", "lost+found", "__macosx", "__pycache__", "thumbs.db", "ehthumbs.db",
    "desktop.ini", "icon\r",
}  # fmt: skip
OF_SYSTEM = "made by a system or a tool"
_HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One file of a source: its path, the name shown for it, and its label or None."""

    path: str
    name: str
    label: int | None


class FileSource(ListedSource):
    """A source of the files given, in their order."""

    def __init__(
        self,
        name: str,
        files: Sequence[ImageFile],
        classes: Sequence[str] = (),
        left_out: Sequence[LeftOut] = (),
    ) -> None:
        names, labels = [file.name for file in files], [file.label for file in files]
        super().__init__(name, names, labels, classes, left_out)
        self._paths = [file.path for file in files]

    def path(self, index: int) -> Path:
        """Give the file of an image."""
        return Path(self._paths[index])

    def byte_count(self, index: int) -> int | None:
        """Give the bytes of an image's file, None if there is none."""
        try:
            return os.stat(self._paths[index]).st_size
        except OSError:
            return None

    def fingerprint(self) -> str:
        """Hash every image's name, label and content, whatever the folder is called and wherever it lies."""
        if len(self) < REMEMBERED_FROM:
            return super().fingerprint()
        said = f"{self._names}{self._labels}{self.classes}"
        return remembered(self._paths, said, super().fingerprint)

    def _decode(self, index: int) -> Image.Image:
        return read_rgb(self._paths[index])

    def _contents(self) -> Iterator[str]:
        return map(content_of_file, self._paths)


def open_folder(
    folder: str | os.PathLike[str],
    *,
    limit: int | None = None,
    labels: str | os.PathLike[str] | None = None,
) -> FileSource:
    """Open all images below ``folder``, in natural order.

    ``layout`` tells what its subfolders mean. With ``labels``, a file as ``labels.py`` reads them, they mean
    nothing. What is hidden, what systems and tools left there, pictures of a kind that is not read, and
    subfolders that cannot be listed are in the source's ``left_out``; other files are passed over. Raises
    ExploreError if there is no such folder, if it holds no images, if it cannot be listed, or if its
    subfolders are the parts of a set.
    """
    root = expanded(folder)
    if root.is_file():
        raise ExploreError(f"{folder} is a file; give the folder that holds the images", usage=True)
    if (what := strange(root)) is not None:
        raise ExploreError(f"{folder} is {what}; give the folder that holds the images", usage=True)
    if not root.is_dir():
        raise NoImages(f"there is no folder {os.fspath(folder)!r}", usage=True)
    left_out: list[LeftOut] = []
    found = sorted(_walk(root, left_out), key=natural_key)
    left_out.sort(key=lambda one: natural_key(one.name))
    if not found:
        raise NoImages(none_found(os.fspath(folder), left_out))
    layout = arrange(found, os.fspath(folder), labels)
    files = [
        ImageFile(os.path.join(root, path), shown(name), label)
        for path, name, label in zip(found, layout.names, layout.labels, strict=True)
    ]
    return FileSource(
        shown(root.resolve().name),
        files[:limit],
        [shown(name) for name in layout.classes],
        [*left_out, *layout.left_out],
    )


def _walk(
    folder: Path | str, left_out: list[LeftOut], above: str = "", seen: frozenset[str] = frozenset()
) -> Iterator[str]:
    """Yield the images below ``folder`` as paths relative to it, with forward slashes.

    Links to folders are followed, because sets are often put together from links. A link that leads
    back up is not. A link to nowhere is kept: it will be named as unreadable. Pipes, devices and the like are
    left out: opening them could wait for ever.
    """
    real = os.path.realpath(folder)
    if real in seen:
        return
    try:
        with os.scandir(folder) as listed:
            entries = list(listed)
    except OSError as error:
        why = (error.strerror or "unreadable").lower()
        if not above:
            raise NoImages(f"cannot list {folder}: {why}") from error
        left_out.append(LeftOut(shown(above.rstrip("/")), f"the folder cannot be listed: {why}"))
        return
    reason: str | None
    for entry in entries:
        path = above + entry.name
        is_folder = _is_folder(entry)
        reason = aside(entry.name, is_folder)
        if reason is None and is_folder:
            yield from _walk(entry.path, left_out, f"{path}/", seen | {real})
        elif reason is None:
            reason = verdict(entry.name, partial(_head, entry))
            plain = reason is None or entry.is_file(follow_symlinks=False)
            what = None if plain else strange(entry.path)
            if what is not None:
                reason = NotPlain(what, entry.path).strerror
            elif reason == "":
                yield path
        if reason:
            left_out.append(LeftOut(shown(path), reason))


def aside(name: str, is_folder: bool) -> str | None:
    """Give the reason why a file or folder of this name is left out unseen; None if there is none.

    It is ``""``, which is not worth telling, for hidden files that are no pictures.
    """
    if name.casefold() in _OF_SYSTEMS or (name.startswith("._") and not is_folder):
        return OF_SYSTEM
    if name.startswith("."):
        return _HIDDEN if is_folder or is_read(name) else ""
    return None


def none_found(place: str, left_out: Sequence[LeftOut]) -> str:
    """Say that there are no images, and what was left out, if anything."""
    told = f"no images below {place} (looked for .jpg, .jpeg, .png and {len(suffixes_read()) - 3} more)"
    return "; ".join([told, *left_out_lines(left_out)])


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to a place that may not be looked at
        return False


def _head(entry: os.DirEntry[str]) -> bytes:
    """Give the first bytes of a file; none if they cannot be had, or if it is no plain file."""
    try:
        with open_plain(entry.path) as file:
            head: bytes = file.read(HEAD)
        return head
    except OSError:
        return b""
