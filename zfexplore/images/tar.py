"""The members of a plain tar, one header after another, strictly: nothing is passed over in silence.

Python's ``tarfile`` reads each header here. Going from one to the next is ours, because its own walk ends
without a word at a damaged header, as at the end of the tar, and reads a long name of any length into memory.
A tar that is cut short, damaged, or goes on behind its end is an error that says where.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

BLOCK = tarfile.BLOCKSIZE
MAX_EXTENDED = 2**20  # bytes of a long name, or of other words about a member
_CHUNK = 2**20

_LONG = {tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK}
_PAX = {tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE}
_LINKS = {tarfile.SYMTYPE, tarfile.LNKTYPE}
_NO_DATA = {*_LINKS, tarfile.DIRTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE}
_PLAIN = {tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE}


class DamagedTar(Exception):
    """A tar is not whole; its text says in a few words what is wrong, and where."""


@dataclass(frozen=True, slots=True)
class TarMember:
    """A file or a link: its name, where its data begins, its bytes, and why it is not read, if so."""

    name: str
    offset: int
    size: int
    refusal: str = ""


def members(file: IO[bytes], length: int) -> Iterator[TarMember]:
    """Yield what a tar of ``length`` bytes holds, folders left out; raises DamagedTar and OSError.

    Whoever reads from ``file`` between two members need not put it back.
    """
    place, said = 0, _Said()
    while True:
        block = _block(file, place)
        if block == bytes(BLOCK):
            _check_end(file, place)
            return
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            if not block:
                raise DamagedTar(f"it is cut short: it has no end at byte {place:,}") from error
            raise DamagedTar("it is no tar" if place == 0 else f"no header at byte {place:,}") from error
        start = place + BLOCK
        if info.type == tarfile.GNUTYPE_SPARSE:
            start = _behind_map(file, start, block)
        has_data = info.type not in _NO_DATA
        size = said.size if said.size is not None and has_data else info.size
        end = start + (-(-size // BLOCK) * BLOCK if has_data else 0)
        if size < 0 or end > length:
            raise DamagedTar(f"it is cut short: the member at byte {place:,} says that it has {size:,} bytes")
        if info.type in _LONG or info.type in _PAX or info.type == tarfile.XGLTYPE:
            if size > MAX_EXTENDED:
                raise DamagedTar(f"an absurd header at byte {place:,}")
            file.seek(start)
            said = _with(said, info.type, file.read(size), place)
        else:
            name = info.name if said.name is None else said.name
            if info.type != tarfile.DIRTYPE:
                yield TarMember(name, start, size, said.refusal or _refusal(info.type))
            said = _Said()
        place = end


@dataclass(frozen=True, slots=True)
class _Said:
    """What headers of their own say of the member behind them."""

    name: str | None = None
    size: int | None = None
    refusal: str = ""


def _with(said: _Said, kind: bytes, data: bytes, place: int) -> _Said:
    if kind == tarfile.GNUTYPE_LONGLINK:
        return said
    if kind == tarfile.GNUTYPE_LONGNAME:
        return _Said(_text(data.split(b"\0", 1)[0]), said.size, said.refusal)
    name, size, refusal = said.name, said.size, said.refusal
    for key, value in _records(data, place):
        if kind == tarfile.XGLTYPE and key in (b"path", b"size"):
            raise DamagedTar(f"one name or size for all members at byte {place:,}")
        if key == b"path":
            name = _text(value.rstrip(b"\0"))
        elif key == b"size":
            if not value.isdigit() or len(value) > 18:
                raise DamagedTar(f"a damaged header at byte {place:,}")
            size = int(value)
        elif key.startswith(b"GNU.sparse"):
            refusal = "it is no plain file"
    return _Said(name, size, refusal)


def _records(data: bytes, place: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield key and value of every line of a pax header, each of which begins with its own length."""
    while data.strip(b"\0"):
        digits, _, _ = data.partition(b" ")
        length = int(digits) if digits.isdigit() and len(digits) < 8 else 0
        key, equals, value = data[len(digits) + 1 : length - 1].partition(b"=")
        if not len(digits) + 1 < length <= len(data) or not equals or data[length - 1 : length] != b"\n":
            raise DamagedTar(f"a damaged header at byte {place:,}")
        yield key, value
        data = data[length:]


def _behind_map(file: IO[bytes], start: int, header: bytes) -> int:
    """Give where the data of a sparse file begins: behind the blocks that go on with its map."""
    goes_on = header[482]
    while goes_on:
        block = _block(file, start)
        if len(block) < BLOCK:
            raise DamagedTar(f"it is cut short: it has no end at byte {start:,}")
        goes_on, start = block[504], start + BLOCK
    return start


def _check_end(file: IO[bytes], place: int) -> None:
    """Raise unless only zeros follow: of tars put together with ``cat`` only the first would be read."""
    file.seek(place)
    while chunk := file.read(_CHUNK):
        if chunk.count(0) != len(chunk):
            raise DamagedTar(f"it goes on behind its end at byte {place:,}, as tars put together with cat do")


def _refusal(kind: bytes) -> str:
    if kind in _LINKS:
        return "a link in an archive is not followed"
    return "" if kind in _PLAIN else "it is no plain file"


def _block(file: IO[bytes], place: int) -> bytes:
    file.seek(place)
    return file.read(BLOCK)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
