"""An archive of images as a source: zip, tar, and compressed tar, by the same rules as a folder.

Members are read where they lie, each with a file handle of its own, so threads and processes share nothing.
Only of a compressed tar a plain one is made first, once, in the cache folder: in the middle of a stream
nothing can be found. No member is ever written under its own name, no link is followed, and what unpacks
to more than it says, or to an absurd size, is refused.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from PIL import Image

from zfexplore.errors import ExploreError
from zfexplore.files import NotWritten, atomic_path, cache_dir, expanded, scratch_folder
from zfexplore.images.content import content_of, content_of_file
from zfexplore.images.decode import UndecodableError, read_rgb
from zfexplore.images.folder import aside, none_found
from zfexplore.images.formats import HEAD, verdict
from zfexplore.images.layout import arrange
from zfexplore.images.listed import ListedSource
from zfexplore.images.naming import natural_key, shown
from zfexplore.images.room import unpacking
from zfexplore.images.sources import LeftOut, NoImages
from zfexplore.images.tar import DamagedTar, members
from zfexplore.opening import open_plain

MAX_MEMBER = 512 * 2**20  # bytes of one image, unpacked
MAX_TAR = 2**30  # bytes to which any compressed tar may unpack; a larger one, to so many times its own size:
MAX_RATIO = 200

_STORED, _DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
_LOCAL_HEADER = struct.Struct(
    "<4s22xHH"
)  # of a zip's member: signature, lengths of the name and the extra field
_ENCRYPTED = 0x1
_COPIED = 2**20

_COMPRESSED: dict[bytes, Any] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}
_ZIP = (b"PK\3\4", b"PK\5\6")  # by its beginning: a tar may well end with a zip
_OTHER_ARCHIVES = (b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"\x28\xb5\x2f\xfd")  # the last is zstandard's


@dataclass(frozen=True, slots=True)
class Member:
    """Where an image lies in the archive, and as how many bytes; ``crc`` is None in a tar."""

    path: str
    offset: int  # of the data in a tar, of the member's header in a zip
    packed: int
    size: int
    method: int = _STORED
    crc: int | None = None


# Copies that the cache could not take, by their place there: where they are, and what is told of it.
_copies: dict[Path, tuple[Path, str]] = {}


class ArchiveSource(ListedSource):
    """The images of an archive, in their order. ``remark`` tells of a copy that the cache could not take."""

    remark: str | None = None

    def __init__(
        self,
        name: str,
        file: str,
        members: Sequence[Member],
        names: Sequence[str],
        labels: Sequence[int | None],
        classes: Sequence[str],
        left_out: Sequence[LeftOut],
    ) -> None:
        super().__init__(name, names, labels, classes, left_out)
        self._file, self._members = file, list(members)

    def byte_count(self, index: int) -> int:
        """Give the bytes of an image as it is packed."""
        return self._members[index].packed

    def _decode(self, index: int) -> Image.Image:
        member = self._members[index]
        try:
            with open_plain(self._file) as file, unpacking(member.packed + member.size):
                return read_rgb(io.BytesIO(_data(file, member)), member.path)
        except OSError as error:
            raise UndecodableError((error.strerror or "unreadable").lower()) from error

    def _contents(self) -> Iterator[str]:
        try:
            with open_plain(self._file, buffering=0) as file:
                for member in self._members:
                    if member.crc is not None:
                        yield f"{member.size} {member.crc}"
                    else:
                        yield content_of(file, member.path, start=member.offset, size=member.size)
        except OSError as error:
            raise ExploreError(
                f"cannot read {self._file}: {(error.strerror or 'unreadable').lower()}"
            ) from error


def open_archive(
    archive: str | os.PathLike[str],
    *,
    inside: str = "",
    limit: int | None = None,
    labels: str | os.PathLike[str] | None = None,
) -> ArchiveSource:
    """Open the images of an archive, or those in its folder ``inside``, as ``open_folder`` opens a folder's.

    Raises ExploreError if it is no archive or a damaged one, if it unpacks to an absurd size, if it holds no
    images, or if its folders are the parts of a set.
    """
    given = expanded(archive)
    file = _readable(given)
    left_out: list[LeftOut] = []
    place = f"{os.fspath(archive)}/{inside}".rstrip("/")
    found = {member.path: member for member in _images(file, given, left_out)}
    prefix = f"{inside.strip('/')}/" if inside else ""
    paths = sorted((path[len(prefix) :] for path in found if path.startswith(prefix)), key=natural_key)
    left_out = sorted(
        (one for one in left_out if one.name.startswith(shown(prefix))), key=lambda one: natural_key(one.name)
    )
    if not paths:
        raise NoImages(none_found(place, left_out))
    layout = arrange(paths, place, labels)
    source = ArchiveSource(
        shown(_title(inside.rpartition("/")[2] or given.name)),
        os.path.abspath(file),
        [found[prefix + path] for path in paths[:limit]],
        [shown(name) for name in layout.names[:limit]],
        layout.labels[:limit],
        [shown(name) for name in layout.classes],
        [*left_out, *layout.left_out],
    )
    source.remark = next((why for copy, why in _copies.values() if copy == file), None)
    return source


def split_path(path: Path) -> tuple[Path, str] | None:
    """Split ``album.zip/train`` into the file and the folder inside; None if no part of it is a file."""
    for file in (path, *path.parents):
        if file.is_file():
            inside = path.relative_to(file).as_posix()
            return file, "" if inside == "." else inside
    return None


def is_archive(path: Path) -> bool:
    """Tell by its first bytes whether a file is an archive, or ``path`` leads into one."""
    found = split_path(path)
    if found is None:
        return False
    file, inside = found
    try:
        with open_plain(file) as opened:
            head = opened.read(HEAD)
            packed = head.startswith((*_ZIP, *_OTHER_ARCHIVES, *_COMPRESSED)) or _is_tar(opened)
    except OSError:
        return False
    return packed or bool(inside)


def _title(name: str) -> str:
    return re.sub(r"(\.tar)?\.(zip|tar|gz|bz2|xz|tgz|tbz2?|txz|cbz)$", "", name, flags=re.IGNORECASE) or name


def _readable(given: Path) -> Path:
    """Give a file of which members can be read where they lie: the archive, or its plain copy."""
    try:
        with open_plain(given) as file:
            head = file.read(HEAD)
            if head.startswith(_OTHER_ARCHIVES):
                raise ExploreError(
                    f"{given} is packed in a way that is not read: unpack it, or make it a zip", usage=True
                )
            if head.startswith(_ZIP) or _is_tar(file):
                openers = (opener for magic, opener in _COMPRESSED.items() if head.startswith(magic))
                opener = next(openers, None)
                return given if opener is None else _plain_copy(given, opener)
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise ExploreError(f"cannot read {given}: {error}") from error
    told = "is a file; give the folder that holds the images, or an archive of them (.zip, .tar, .tar.gz)"
    raise ExploreError(f"{given} {told}", usage=True)


def _is_tar(file: IO[bytes]) -> bool:
    file.seek(0)
    return tarfile.is_tarfile(file)


def _plain_copy(given: Path, opener: Callable[..., IO[bytes]]) -> Path:
    plain = cache_dir() / "archives" / f"{content_of_file(os.fspath(given))}.tar"
    if os.path.isfile(plain):
        return plain
    if plain not in _copies:
        try:
            _unpack(given, opener, plain)
            return plain
        except NotWritten as error:
            remedy = "ZFEXPLORE_CACHE names the folder of the cache"
            why = f"{given} is unpacked anew each time: {error}: {remedy}"
        copy = scratch_folder() / plain.name
        _unpack(given, opener, copy)
        _copies[plain] = copy, why
    return _copies[plain][0]


def _unpack(given: Path, opener: Callable[..., IO[bytes]], plain: Path) -> None:
    left = max(MAX_TAR, MAX_RATIO * given.stat().st_size)
    with (
        atomic_path(plain) as temporary,
        open_plain(given) as file,
        opener(file, "rb") as packed,
        open(temporary, "wb") as copy,
    ):
        while data := _next(packed, given):
            left -= len(data)
            if left < 0:
                raise ExploreError(f"{given} unpacks to an absurd size (a decompression bomb?)")
            copy.write(data)


def _next(packed: IO[bytes], given: Path) -> bytes:
    try:
        return packed.read(_COPIED)
    except OSError as error:  # told apart from what may go wrong with the copy
        raise ExploreError(f"cannot read {given}: {error}") from error


def _images(file: Path, given: Path, left_out: list[LeftOut]) -> Iterator[Member]:
    """Yield the images among the members, and note what is left out; a later one replaces its namesake."""
    told: set[str] = set()

    def leave(path: str, reason: str) -> None:
        if path not in told:
            told.add(path)
            left_out.append(LeftOut(shown(path), reason))

    seen: set[str] = set()
    with open_plain(file) as data:
        for member, refusal in _members(file, given):
            path = inner_path(member.path)
            if path is None:
                leave(member.path, "its name leads out of the archive")
                continue
            if (hidden := aside_inside(path)) is not None:
                if hidden[1]:
                    leave(*hidden)
                continue
            placed = Member(path, member.offset, member.packed, member.size, member.method, member.crc)
            reason = verdict(path, partial(_head, data, placed, refusal))
            if reason is None:
                continue
            if reason or refusal:
                leave(path, reason or refusal)
                continue
            if path in seen:
                leave(path, "a later member has the same name")
            seen.add(path)
            yield placed


def inner_path(name: str) -> str | None:
    """Give a member's path without ``.`` and empty parts; None if it is absolute or leads upward."""
    name = name.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", name):
        return None
    return "/".join(parts)


def aside_inside(path: str) -> tuple[str, str] | None:
    """Give the folder or file on the way to ``path`` that is left out for its name, and the reason."""
    parts = path.split("/")
    for number, part in enumerate(parts):
        reason = aside(part, number < len(parts) - 1)
        if reason is not None:
            return "/".join(parts[: number + 1]), reason
    return None


def _members(file: Path, given: Path) -> Iterator[tuple[Member, str]]:
    """Yield every file and link in the archive, and the reason why it cannot be read, if there is one."""
    try:
        with open_plain(file) as opened:
            is_zip = opened.read(4).startswith(_ZIP)
            opened.seek(0)
            if is_zip:
                with zipfile.ZipFile(opened) as packed:
                    yield from (
                        (_of_zip(info), _refusal_in_zip(info))
                        for info in packed.infolist()
                        if not info.is_dir()
                    )
                return
            for one in members(opened, os.fstat(opened.fileno()).st_size):
                member = Member(one.name, one.offset, one.size, one.size)
                yield member, one.refusal or _too_large(one.size)
    except (
        zipfile.BadZipFile,
        DamagedTar,
        OSError,
        EOFError,
        ValueError,
        NotImplementedError,
    ) as error:
        raise ExploreError(f"{given} is a damaged archive: {error}") from error


def _of_zip(info: zipfile.ZipInfo) -> Member:
    return Member(
        info.filename, info.header_offset, info.compress_size, info.file_size, info.compress_type, info.CRC
    )  # fmt: skip


def _refusal_in_zip(info: zipfile.ZipInfo) -> str:
    if stat.S_ISLNK(info.external_attr >> 16):
        return "a link in an archive is not followed"
    if info.flag_bits & _ENCRYPTED:
        return "it is encrypted: unpack the archive"
    if info.compress_type not in (_STORED, _DEFLATED):
        return "it is packed in a rare way: unpack the archive"
    return _too_large(max(info.file_size, info.compress_size))


def _too_large(size: int) -> str:
    return f"it unpacks to more than {MAX_MEMBER // 2**20} MB" if size > MAX_MEMBER else ""


def _head(file: IO[bytes], member: Member, refusal: str) -> bytes:
    if refusal:
        return b""
    try:
        return _data(file, member, HEAD)
    except (UndecodableError, OSError):
        return b""


def _data(file: IO[bytes], member: Member, only: int | None = None) -> bytes:
    """Unpack a member, or its first bytes; raises UndecodableError if it is not what the archive says."""
    packed = member.packed if only is None else min(member.packed, only + 1024)
    file.seek(member.offset)
    if member.crc is None:
        return _whole(file.read(packed if only is None else min(packed, only)), member, only)
    signature, name_length, extra_length = _LOCAL_HEADER.unpack(_exactly(file, _LOCAL_HEADER.size))
    if signature != b"PK\3\4":
        raise UndecodableError("the archive is damaged")
    file.seek(name_length + extra_length, os.SEEK_CUR)
    data = file.read(packed)
    if member.method == _DEFLATED:
        try:
            data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, (only or member.size) + 1)
        except zlib.error as error:
            raise UndecodableError("the archive is damaged") from error
    data = _whole(data[:only], member, only)
    if only is None and zlib.crc32(data) != member.crc:
        raise UndecodableError("the archive is damaged")
    return data


def _whole(data: bytes, member: Member, only: int | None) -> bytes:
    if only is None and len(data) != member.size:
        raise UndecodableError("the archive is cut short, or unpacks to more than it says")
    return data


def _exactly(file: IO[bytes], count: int) -> Any:
    data = file.read(count)
    if len(data) != count:
        raise UndecodableError("the archive is cut short")
    return data
