"""What identifies images by their content, quickly: for each file its size and a hash of some blocks.

At most a few blocks of a large file are read, about 20,000 small files a second. Two pictures of one size
that agree in all those blocks would be taken for one. In compressed formats that does not happen by chance;
of others more blocks are read.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import IO

from zfexplore.errors import ExploreError
from zfexplore.files import cache_dir, write_text
from zfexplore.opening import open_plain, read_text

WHOLE = 64 * 1024  # bytes up to which a file is hashed whole
BLOCK = 4096
_BLOCKS = 3  # the first, the middle and the last one
_BLOCKS_UNCOMPRESSED = 64  # pictures of one size are files of one size, and may have equal margins
_UNCOMPRESSED = (
    ".bmp",
    ".dib",
    ".tif",
    ".tiff",
    ".ppm",
    ".pgm",
    ".pbm",
    ".pnm",
    ".pfm",
    ".tga",
    ".ras",
    ".sgi",
)

# Reading many files takes longer than looking at their times, above all from a distant disk.
REMEMBERED_FROM = 5000
_SETTLED = 2.0  # seconds after which a change of a file shows in its times


def content_of(file: IO[bytes], name: str, *, start: int = 0, size: int | None = None) -> str:
    """Give a short text for the content of ``file``, of ``size`` bytes from ``start`` on (None: all)."""
    if size is None:
        size = file.seek(0, os.SEEK_END)
    digest = hashlib.blake2b(size.to_bytes(8, "little"), digest_size=16)
    if size <= WHOLE:
        file.seek(start)
        digest.update(file.read(size))
        return digest.hexdigest()
    last = (_BLOCKS_UNCOMPRESSED if name.lower().endswith(_UNCOMPRESSED) else _BLOCKS) - 1
    for number in range(last + 1):
        file.seek(start + (size - BLOCK) * number // last)
        digest.update(file.read(BLOCK))
    return digest.hexdigest()


def content_of_file(path: str) -> str:
    """Give a short text for the content of a file, also if it is missing or cannot be read."""
    try:
        with open_plain(path, buffering=0) as file:
            return content_of(file, path)
    except OSError:
        return "unreadable" if os.path.lexists(path) else "missing"


def remembered(paths: Iterable[str], said: str, compute: Callable[[], str]) -> str:
    """Give what ``compute`` gives for these files, and ``said`` of them, or what it gave before.

    The cache keeps it until a file is touched: until its number, its size or one of its times differs, of
    which no program can set back that of the last change. Nothing is kept on Windows, which has no such time.
    """
    if os.name == "nt":
        return compute()
    digest, newest = hashlib.sha256(said.encode("utf-8", "surrogateescape")), 0
    for path in paths:
        try:
            status = os.stat(path)
        except OSError:
            return compute()
        state = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        digest.update(f"{path}\0{state}\n".encode("utf-8", "surrogateescape"))
        newest = max(newest, status.st_ctime_ns)
    kept = cache_dir() / "fingerprints" / digest.hexdigest()[:32]
    with suppress(OSError, UnicodeDecodeError):
        if text := read_text(kept, "ascii"):
            return text
    settled = time.time_ns() - newest > _SETTLED * 1e9
    found = compute()
    if settled:
        with suppress(ExploreError):  # a full disk costs time, nothing else
            write_text(kept, found)
    return found
