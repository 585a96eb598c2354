"""Tar shards in the WebDataset convention as a source: a folder of them, a pattern, or one of them.

Nothing is unpacked. The index of each shard (``shard_index``) tells where a picture lies, and it is read from
there, so that any order costs the same on a local disk: training shuffles shards as it shuffles a folder.
"""

from __future__ import annotations

import glob
import io
import os
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from zfexplore.errors import ExploreError
from zfexplore.images.decode import UndecodableError, read_rgb
from zfexplore.images.folder import aside, none_found
from zfexplore.images.formats import is_read
from zfexplore.images.labels import labels_from
from zfexplore.images.layout import Layout, arrange
from zfexplore.images.listed import ListedSource
from zfexplore.images.naming import natural_key, shown
from zfexplore.images.room import unpacking
from zfexplore.images.shard_classes import classes_of, names_beside
from zfexplore.images.shard_index import DIGITS, Entry, Index, index_of, is_shard
from zfexplore.images.sources import LeftOut, NoImages
from zfexplore.opening import open_plain

MOST_SHARDS = 100_000
_AT_ONCE = 8  # shards that are gone through side by side: most of it is waiting for the disk

_TAR = re.compile(r"\.(tar|tgz|tbz2?|txz)(\.(gz|bz2|xz|zst))?$", re.IGNORECASE)
_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")


class ShardSource(ListedSource):
    """The images of shards, in the order in which they lie there."""

    def __init__(
        self,
        name: str,
        shards: Sequence[str],
        places: Sequence[tuple[int, Entry]],
        names: Sequence[str],
        labels: Sequence[int | None],
        classes: Sequence[str],
        left_out: Sequence[LeftOut],
    ) -> None:
        super().__init__(name, names, labels, classes, left_out)
        self._shards = list(shards)
        self._states = [_state(shard) for shard in shards]
        # A million pictures as four rows of numbers, which worker processes share.
        self._numbers = array("L", (number for number, _ in places))
        self._offsets = array("Q", (entry.offset for _, entry in places))
        self._sizes = array("Q", (entry.size for _, entry in places))
        self._digests = "".join(entry.content for _, entry in places)

    def shard(self, index: int) -> int:
        """Give the number of the shard that an image lies in."""
        return self._numbers[index]

    def byte_count(self, index: int) -> int:
        """Give the bytes of an image in its shard."""
        return self._sizes[index]

    def _decode(self, index: int) -> Image.Image:
        number, size = self._numbers[index], self._sizes[index]
        shard = self._shards[number]
        try:
            with open_plain(shard) as file, unpacking(2 * size):
                if _state_of(os.fstat(file.fileno())) != self._states[number]:
                    raise UndecodableError(f"{os.path.basename(shard)} has changed since it was opened")
                file.seek(self._offsets[index])
                data = file.read(size)
                if len(data) != size:
                    raise UndecodableError(f"{os.path.basename(shard)} is cut short")
                return read_rgb(io.BytesIO(data), self._names[index])
        except OSError as error:
            raise UndecodableError((error.strerror or "unreadable").lower()) from error

    def _contents(self) -> Iterator[str]:
        return (self._digests[at : at + DIGITS] for at in range(0, len(self._digests), DIGITS))


def open_shards(
    shards: Sequence[Path],
    title: str,
    *,
    limit: int | None = None,
    labels: str | os.PathLike[str] | None = None,
) -> ShardSource:
    """Open the images of shards; ``title`` is what the user wrote.

    Their classes are those of ``labels``, a file as ``labels.py`` reads them, or else those beside the
    images, or else, where nothing stands beside any, the folders inside the shards. Raises ExploreError for
    a shard that is compressed, damaged, cut short or none, and NoImages where there are no images.
    """
    files = [os.path.abspath(shard) for shard in shards]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        indexes = list(pool.map(index_of, files))
    prefixes = _prefixes(files)
    places = [(number, entry) for number, index in enumerate(indexes) for entry in index.entries]
    left_out = _left_out(indexes, prefixes)
    if not places:
        raise NoImages(none_found(title, left_out))
    names = [prefixes[number] + entry.path for number, entry in places]
    layout = _layout(places, names, title, Path(files[0]).parent, labels)
    return ShardSource(
        shown(_name_of(title)),
        files,
        places[:limit],
        [shown(name) for name in names[:limit]],
        layout.labels[:limit],
        [shown(name) for name in layout.classes],
        [*left_out, *layout.left_out],
    )


def find_shards(text: str, path: Path) -> list[Path] | None:
    """Give the shards that the user's ``text`` names, ``path`` with the home in full; None if it names none.

    It names shards if it is a pattern, a folder of tars without pictures or folders beside them, or a tar
    with classes beside its pictures. Raises ExploreError for a pattern to which shards are missing.
    """
    if is_pattern(text):
        return _matching(text, os.fspath(path))
    if path.is_dir():
        return _tars_alone_in(path)
    return [path] if path.is_file() and _TAR.search(path.name) and is_shard(path) else None


def is_pattern(text: str) -> bool:
    """Tell whether a text stands for files by braces or a glob: nothing is called so."""
    path = os.path.expanduser(text)
    return bool(glob.has_magic(text) or _BRACES.search(text)) and not os.path.lexists(path)


def _matching(text: str, pattern: str) -> list[Path] | None:
    found: list[str] = []
    missing: list[str] = []
    for each in _expanded(pattern, text):
        if os.path.lexists(each) or not glob.has_magic(each):
            (found if os.path.lexists(each) else missing).append(each)
        else:
            found += sorted(glob.glob(each), key=natural_key)
    if not found and not _TAR.search(pattern):
        return None  # a name that is mistyped, and no shards
    if not found:
        raise NoImages(
            f"no files match {text!r}: give the shards as in 'train-{{0000..0146}}.tar'", usage=True
        )
    if missing:
        raise ExploreError(
            f"{len(missing):,} of the shards of {text!r} are missing, the first is {missing[0]}: "
            "copy them, or write another range",
            usage=True,
        )
    if (other := next((each for each in found if not _TAR.search(os.path.basename(each))), None)) is not None:
        raise ExploreError(f"{text!r} names {other}, which is no shard: they end in .tar", usage=True)
    return [Path(each) for each in dict.fromkeys(found)]


def _expanded(pattern: str, text: str) -> list[str]:
    """Write out the braces of a pattern, ``{0000..0146}`` and ``{train,val}``, as a shell does."""
    done, left = [], [pattern]
    while left:
        each = left.pop()
        place = next((one for one in _BRACES.finditer(each) if _choices(one[1])), None)
        if place is None:
            done.append(each)
        else:
            choices = _choices(place[1])
            left += [each[: place.start()] + one + each[place.end() :] for one in reversed(choices)]
        if len(done) + len(left) > MOST_SHARDS:
            raise ExploreError(f"{text!r} names more than {MOST_SHARDS:,} shards", usage=True)
    return done


def _choices(inside: str) -> list[str]:
    if (ends := _RANGE.fullmatch(inside)) is None:
        return inside.split(",") if "," in inside else []
    first, last = int(ends[1][:18]), int(ends[2][:18])
    width = max(len(ends[1]), len(ends[2])) if "0" in (ends[1][0], ends[2][0]) else 0
    step = 1 if first <= last else -1
    numbers = range(first, last + step, step)[: MOST_SHARDS + 1]
    return [str(number).zfill(width) for number in numbers]


def _tars_alone_in(folder: Path) -> list[Path] | None:
    try:
        with os.scandir(folder) as listed:
            entries = [(entry.name, entry.path, entry.is_dir()) for entry in listed]
    except OSError:
        return None  # whoever opens the folder says why
    seen = [entry for entry in entries if aside(entry[0], entry[2]) is None and not entry[0].startswith(".")]
    if any(is_dir or is_read(name) for name, _, is_dir in seen):
        return None
    tars = sorted((path for name, path, _ in seen if _TAR.search(name)), key=natural_key)
    return [Path(path) for path in tars] or None


def _layout(
    places: Sequence[tuple[int, Entry]],
    names: Sequence[str],
    title: str,
    folder: Path,
    labels: str | os.PathLike[str] | None,
) -> Layout:
    """Give the classes: of a file of labels, of what stands beside the images, or of the folders inside."""
    if labels is not None:
        given = labels_from(labels, names)
        return Layout(list(names), given.labels, given.classes, given.left_out)
    found = classes_of(
        [entry.label for _, entry in places], [entry.caption for _, entry in places], names_beside(folder)
    )
    without = [LeftOut(shown(names[index]), reason) for index, reason in found.without.items()]
    if found.classes or without:
        return Layout(list(names), found.labels, found.classes, without)
    paths = sorted({entry.path for _, entry in places}, key=natural_key)
    inside = arrange(paths, title)
    label_of = dict(zip(paths, inside.labels, strict=True))
    return Layout(list(names), [label_of[entry.path] for _, entry in places], inside.classes)


def _left_out(indexes: Sequence[Index], prefixes: Sequence[str]) -> list[LeftOut]:
    return [
        LeftOut(shown(prefix) + name, reason)
        for prefix, index in zip(prefixes, indexes, strict=True)
        for name, reason in index.left_out
    ]


def _prefixes(files: Sequence[str]) -> list[str]:
    """Give what stands before the names of each shard's images: its own name, if there are several."""
    if len(files) == 1:
        return [""]
    above = os.path.commonpath([os.path.dirname(file) for file in files])
    names = [os.path.relpath(file, above).replace(os.sep, "/") for file in files]
    short = [_TAR.sub("", name) for name in names]
    count = Counter(short)
    return [f"{one if count[one] == 1 else name}/" for one, name in zip(short, names, strict=True)]


def _name_of(title: str) -> str:
    name = os.path.basename(os.path.abspath(os.path.expanduser(title)))
    return _TAR.sub("", name) or name


def _state(shard: str) -> tuple[int, int]:
    try:
        return _state_of(os.stat(shard))
    except OSError as error:
        raise ExploreError(f"cannot read {shard}: {(error.strerror or 'unreadable').lower()}") from error


def _state_of(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns
