"""What a shard holds: a tar in the WebDataset convention, gone through once and kept in the cache.

The members of a sample have one name up to its first dot: ``000123.jpg``, ``000123.cls``. The picture is the
member whose whole ending is a picture's. The class is what ``.cls`` holds, or else the label in ``.json``. A
``.txt`` is mostly a caption: what it holds is kept too, and counts only where it names a class.

The index has each picture's place, so that any of them is read without those before it. A shard that was
touched is gone through again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Any

from zfexplore.errors import ExploreError
from zfexplore.images.archive import MAX_MEMBER, aside_inside, inner_path
from zfexplore.images.content import content_of, remembered
from zfexplore.images.formats import HEAD, verdict
from zfexplore.images.naming import shown
from zfexplore.images.tar import DamagedTar, TarMember, members
from zfexplore.opening import open_plain
from zfexplore.plain import UNFIT, parse

LONGEST = 200  # characters of a class
MAX_CLASS, MAX_JSON = 4096, 2**20  # bytes of a member that holds a label
DIGITS = 32  # of what tells a picture's content
_LOOKED_AT = 64  # members that tell whether a tar is a shard
_FORM = "zfexplore shard 1"  # what the cache keeps; another form has another number

_NAMES_IN_JSON = ("class_name", "label_name", "classname")
_LABELS_IN_JSON = ("label", "cls", "class", "class_id", "target")

_PACKED = {
    b"\x1f\x8b": "gunzip -k",
    b"BZh": "bunzip2 -k",
    b"\xfd7zXZ\0": "unxz -k",
    b"\x28\xb5\x2f\xfd": "zstd -d",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A picture in a shard: its path there, its place in bytes, its content in short, and its class.

    ``label`` is the text of its class, None if nothing gives one; ``caption`` that of its ``.txt``.
    """

    path: str
    offset: int
    size: int
    content: str
    label: str | None = None
    caption: str | None = None


@dataclass(frozen=True, slots=True)
class Index:
    """The pictures of a shard in their order, and (name, reason) of what is left out."""

    entries: list[Entry]
    left_out: list[tuple[str, str]]


def index_of(shard: str) -> Index:
    """Give what a shard holds, from the cache or by going through it.

    Raises ExploreError for what is no tar, is compressed, or is not whole.
    """
    text = remembered([shard], _FORM, lambda: _written(_gone_through(shard)))
    with suppress(*UNFIT):
        return _read(text)
    return _gone_through(shard)  # what the cache kept is damaged


def is_shard(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file is a tar whose first pictures have their classes beside them."""
    found = _Collected()
    try:
        with open_plain(path) as file:
            for number, member in enumerate(members(file, os.fstat(file.fileno()).st_size)):
                if number == _LOOKED_AT:
                    break
                found.add(file, member)
    except (OSError, DamagedTar):
        pass  # so far it may have been one; if not, as an archive it says what is wrong
    return any(entry.label is not None for entry in found.index().entries)


def _gone_through(shard: str) -> Index:
    found = _Collected()
    try:
        with open_plain(shard) as file:
            head = file.read(HEAD)
            for magic, command in _PACKED.items():
                if head.startswith(magic):
                    raise ExploreError(
                        f"{shard} is compressed, and nothing in it can be found: unpack it once, "
                        f"with `{command}`",
                        usage=True,
                    )
            for member in members(file, os.fstat(file.fileno()).st_size):
                found.add(file, member)
    except DamagedTar as error:
        raise ExploreError(f"{shard} is no whole shard: {error}; make or copy it anew") from error
    except OSError as error:
        raise ExploreError(f"cannot read {shard}: {(error.strerror or 'unreadable').lower()}") from error
    return found.index()


@dataclass(slots=True)
class _Sample:
    """The members of one name: pictures by path, and texts of classes by the whole ending in lower case."""

    pictures: dict[str, Entry] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def entries(self) -> Iterator[tuple[Entry, str]]:
        """Yield each picture with its class, and why it is left out, if it is."""
        whole = [path for path in self.pictures if "." not in _ending(path).lstrip(".")]
        for path, entry in self.pictures.items():
            reason = ""
            if whole and path != whole[0]:
                reason = "another picture of its sample comes first"
            stem = os.path.splitext(_ending(path).lower())[0]  # of x.left.jpg it is .left
            label, caption = (
                next((self.texts[one] for one in endings if one in self.texts), None)
                for endings in (
                    [f"{stem}.cls", ".cls", f"{stem}.json", ".json"],
                    [f"{stem}.txt", ".txt"],
                )
            )
            yield Entry(entry.path, entry.offset, entry.size, entry.content, label, caption), reason


class _Collected:
    """What was found in a shard so far, sample by sample."""

    def __init__(self) -> None:
        self._samples: dict[str, _Sample] = {}
        self._left_out: dict[str, str] = {}

    def add(self, file: IO[bytes], member: TarMember) -> None:
        """Take a member in: read its label, or what tells its picture from others."""
        path = inner_path(member.name)
        if path is None:
            self._leave(member.name, "its name leads out of the archive")
            return
        if (hidden := aside_inside(path)) is not None:
            if hidden[1]:
                self._leave(*hidden)
            return
        if _suffix(path) in _TEXTS:
            self._add_text(file, member, path)
            return
        reason = verdict(path, partial(_head, file, member))
        if reason is None:
            return
        if not reason and not (reason := member.refusal) and member.size > MAX_MEMBER:
            reason = f"it is larger than {MAX_MEMBER // 2**20} MB"
        if reason:
            self._leave(path, reason)
            return
        sample = self._sample(path)
        if path in sample.pictures:
            self._leave(path, "a later member has the same name")
        content = content_of(file, path, start=member.offset, size=member.size)
        sample.pictures[path] = Entry(path, member.offset, member.size, content)

    def index(self) -> Index:
        """Give what was found, in the shard's order."""
        entries = []
        for sample in self._samples.values():
            for entry, reason in sample.entries():
                if reason:
                    self._leave(entry.path, reason)
                else:
                    entries.append(entry)
        entries.sort(key=lambda entry: entry.offset)
        return Index(entries, [(shown(name), reason) for name, reason in self._left_out.items()])

    def _add_text(self, file: IO[bytes], member: TarMember, path: str) -> None:
        suffix = _suffix(path)
        if member.refusal:
            self._leave(path, member.refusal)
            return
        if member.size > (MAX_JSON if suffix == ".json" else MAX_CLASS):
            if suffix != ".txt":
                self._leave(path, "it is too large for a label")
            return
        file.seek(member.offset)
        try:
            label = _TEXTS[suffix](file.read(member.size))
        except UNFIT:
            if suffix != ".txt":
                self._leave(path, "no label can be read from it")
            return
        if label is not None:
            self._sample(path).texts[_ending(path).lower()] = label

    def _sample(self, path: str) -> _Sample:
        return self._samples.setdefault(path[: len(path) - len(_ending(path))], _Sample())

    def _leave(self, path: str, reason: str) -> None:
        self._left_out.setdefault(path, reason)


def _ending(path: str) -> str:
    """Give a path's name from its first dot on, in the case in which it stands."""
    name = path.rpartition("/")[2]
    dot = name.find(".")
    return "" if dot < 0 else name[dot:]


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def _of_cls(data: bytes) -> str | None:
    """Read a class: a whole number, or a word; raises ValueError for what is no short line."""
    text = data.decode("utf-8").strip("\0 \t\r\n")
    if not text or len(text) > LONGEST or not text.isprintable():
        raise ValueError("no class")
    return str(int(text)) if text.isascii() and text.isdecimal() else text


def _of_json(data: bytes) -> str | None:
    """Read the class from words about a picture; None if they tell none."""
    values = parse(data)
    if not isinstance(values, dict):
        return None
    found = (values[key] for key in (*_NAMES_IN_JSON, *_LABELS_IN_JSON) if key in values)
    label = next((one for one in found if isinstance(one, str | int) and not isinstance(one, bool)), None)
    return None if label is None else _of_cls(str(label).encode())


_TEXTS = {".cls": _of_cls, ".json": _of_json, ".txt": _of_cls}


def _head(file: IO[bytes], member: TarMember) -> bytes:
    if member.refusal:
        return b""
    file.seek(member.offset)
    return file.read(min(HEAD, member.size))


def _written(index: Index) -> str:
    rows = [[one.path, one.offset, one.size, one.content, one.label, one.caption] for one in index.entries]
    return json.dumps({"entries": rows, "left_out": index.left_out}, separators=(",", ":"))


def _read(text: str) -> Index:
    """Read what ``_written`` wrote; raises one of UNFIT for anything else."""
    values = parse(text)
    entries = [Entry(*row) for row in values["entries"]]
    left_out = [(name, reason) for name, reason in values["left_out"]]
    for one in entries:
        _require(one.path, str)
        _require(one.content, str)
        if len(one.content) != DIGITS:
            raise ValueError("no digest")
        _require(one.label, str, type(None))
        _require(one.caption, str, type(None))
        for number in (one.offset, one.size):
            _require(number, int)
            if not 0 <= number < 2**62:
                raise ValueError("no place in a file")
    for each in left_out:
        for part in each:
            _require(part, str)
    return Index(entries, left_out)


def _require(value: Any, *kinds: type) -> None:
    if type(value) not in kinds:
        raise ValueError("not of its kind")
