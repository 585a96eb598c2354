"""The cache by kinds of files: how much there is, what is old, and its removal.

Only files whose names are exactly those that zfexplore gives are counted as a kind and ever removed, so
that a folder chosen by mistake loses nothing. A file is old when nobody has read or written it for a month.
What was used within a day stays in any case, and so does what a living process holds; sets of images that
were downloaded are the user's own matter.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from zfexplore import locks
from zfexplore.doctor.records import Cache, Kind
from zfexplore.errors import ExploreError
from zfexplore.files import cache_dir, check_folder
from zfexplore.tui.log import log_path

DAYS = 30
_DAY = 86_400.0  # seconds
_FOLDERS = r"(atlases|archives|fingerprints|starts|places(/[0-9a-f]{16})?)"
# What is not yet in its place, under a name or in a folder of its own, and locks: they end with their holder.
_TEMPORARY = r"(\.[\w.-]+\.[0-9a-f]{8}(\.\w+)?|\.zfexplore-[0-9a-f]{8}/[\w.-]+)"
_LEFT = (
    rf"({_FOLDERS}/{_TEMPORARY}|(\.zfexplore-[0-9a-f]{{8}}/|\.)explorer\.[\w.]+|atlases/[0-9a-f]{{16}}\.lock)"
)


@dataclass(frozen=True)
class _Kind:
    name: str
    about: str
    pattern: re.Pattern[str]  # of the path below the cache folder
    removable: bool = True


def _kind(name: str, about: str, pattern: str, *, removable: bool = True) -> _Kind:
    return _Kind(name, about, re.compile(pattern, re.ASCII), removable)


_KINDS = (
    _kind("indexes", "made again when they are needed", r"atlases/[0-9a-f]{16}\.safetensors"),
    _kind("unfinished indexes", "a broken-off pass goes on from them", r"atlases/[0-9a-f]{16}\.partial"),
    _kind("starts", "steps of `export gradients`, taken again when needed", r"starts/[0-9a-f]{16}\.json"),
    _kind("unpacked archives", "unpacked again when they are needed", r"archives/[0-9a-f]{32}\.tar"),
    _kind("digests", "what large folders of images hold", r"fingerprints/[0-9a-f]{32}"),
    _kind("places", "where indexed images lay", r"places/[0-9a-f]{16}/[0-9a-f]{16}\.json"),
    _kind("leftovers", "of programs that were killed while they wrote", _LEFT),
    _kind("log and session", "the explorer's", r"explorer\.(log|json)", removable=False),
    _kind("sets of images", "downloaded", r"datasets/.+", removable=False),
)


_Found = tuple[Path, _Kind, int, float]  # a file, its kind, its bytes, and when it was last used


@dataclass(frozen=True)
class Old:
    """A file that may go: its kind, its bytes, and for how many days nobody has used it."""

    path: Path
    kind: str
    size: int
    days: int


def look(days: int = DAYS) -> Cache:
    """Count the files in the cache by kind; those are old that were not used for ``days`` days."""
    folder = cache_dir()
    found = list(_files(folder))
    old = {each.path for each in _old_of(found, days)}
    kinds = []
    for kind in _KINDS:
        own = [(path, size) for path, its, size, _ in found if its is kind]
        aged = [size for path, size in own if path in old]
        total = sum(size for _, size in own)
        kinds.append(Kind(kind.name, kind.about, len(own), total, len(aged), sum(aged)))
    return Cache(str(folder), _problem(folder), _free(folder), days, tuple(kinds))


def old_files(days: int = DAYS) -> list[Old]:
    """Give what may be removed: not used for ``days`` days (at least one), and held by no living process.

    On Linux is known what processes hold; elsewhere the time alone speaks. Unpacked archives stay while an
    explorer runs. Raises ExploreError for less than a day.
    """
    if days < 1:
        raise ExploreError(
            f"what was used within a day stays: --older-than must be at least 1, not {days}", usage=True
        )
    return _old_of(_files(cache_dir(), sets=False), days)


def remove(old: Sequence[Old]) -> tuple[int, list[str]]:
    """Remove files that ``old_files`` gave, unless they were used since.

    Gives the bytes that this frees, and a line for each file that stays, with the reason.
    """
    freed, stays = 0, []
    held = _held(cache_dir())
    for each in old:
        try:
            status = os.lstat(each.path)
            again = time.time() - _used(status) < _DAY or _in_use(each.path, held)
            if again or not _unlinked(each.path):
                stays.append(f"{each.path} stays: it is in use again")
                continue
            freed += each.size
            if each.kind == "places" or each.path.parent.name.startswith(".zfexplore-"):
                with suppress(OSError):  # it has another file
                    each.path.parent.rmdir()
        except FileNotFoundError:
            continue
        except OSError as error:
            why = (error.strerror or type(error).__name__).lower()
            stays.append(f"{each.path} cannot be removed: {why}")
    return freed, stays


def _unlinked(path: Path) -> bool:
    """Remove a file; give False for the lock of a living process."""
    if path.suffix == ".lock":
        return locks.remove_unheld(path)
    path.unlink()
    return True


def _old_of(files: Iterable[_Found], days: int) -> list[Old]:
    held, now = _held(cache_dir()), time.time()
    explorer_runs = os.path.realpath(log_path()) in held
    old = []
    for path, kind, size, used in files:
        idle = (now - used) / _DAY
        if not kind.removable or idle < days or _in_use(path, held):
            continue
        if not (explorer_runs and kind.name == "unpacked archives"):
            old.append(Old(path, kind.name, size, int(idle)))
    return sorted(old, key=lambda each: each.path)


def _files(folder: Path, *, sets: bool = True) -> Iterator[_Found]:
    """Yield each file of a known kind, with or without those of downloaded sets; no link is followed."""
    for parent, names, files in os.walk(folder):
        names[:] = [name for name in names if not os.path.islink(os.path.join(parent, name))]
        if parent == str(folder):
            names[:] = [name for name in names if _OWN.fullmatch(name) and (sets or name != "datasets")]
        for name in files:
            path = Path(parent, name)
            below = path.relative_to(folder).as_posix()
            kind = next((kind for kind in _KINDS if kind.pattern.fullmatch(below)), None)
            with suppress(OSError):  # gone meanwhile
                status = os.lstat(path)
                if kind is not None and stat.S_ISREG(status.st_mode):
                    yield path, kind, status.st_size, _used(status)


_OWN = re.compile(rf"{_FOLDERS}|datasets|\.zfexplore-[0-9a-f]{{8}}")


def _in_use(path: Path, held: set[str]) -> bool:
    """Whether a process holds a file, the temporary folder that it lies in, or the lock beside it."""
    own = Path(os.path.realpath(path))
    return not held.isdisjoint(map(str, (own, own.parent, own.with_suffix(".lock"))))


def _used(status: os.stat_result) -> float:
    """Give the time of the last reading or writing; many systems note readings once a day only."""
    return max(status.st_atime, status.st_mtime)


def _held(folder: Path) -> set[str]:
    """Give the files below ``folder`` that living processes have open or mapped, as far as Linux tells."""
    start = os.path.realpath(folder) + os.sep
    held: set[str] = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # ended meanwhile, or another user's
            for entry in os.scandir(process / "fd"):
                with suppress(OSError):
                    held.add(os.readlink(entry.path))
        with suppress(OSError):
            lines = (process / "maps").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
            held |= {line[line.index("/") :] for line in lines if "/" in line}
    return {path for path in held if path.startswith(start)}


def _problem(folder: Path) -> str:
    try:
        check_folder(folder)
    except ExploreError as error:
        return str(error)
    return ""


def _free(folder: Path) -> int:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0
