"""The whole examination: what is here, and from it what is wrong and what is worth knowing, in sentences."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from zfexplore import __version__
from zfexplore.doctor import cache, installation, screen
from zfexplore.doctor.probe import Torch, ask_torch
from zfexplore.doctor.records import Cache, Device, Machine, Package, Part, Report, Screen, Setting
from zfexplore.errors import ExploreError
from zfexplore.files import expanded
from zfexplore.opening import read_text
from zfexplore.tui.session import are_keys, keymap_path, session_path

LOW = 2**30  # bytes of free disk below which a large index or an unpacked archive may not fit
FULL = 2**23  # and below which most indexes do not: those of the shipped net take 5 to 26 MB
NVIDIA = Path("/proc/driver/nvidia/version")


def examine(*, days: int = cache.DAYS) -> Report:
    """Look at everything and give it as plain records, with ``wrong`` and ``remarks`` in sentences.

    It takes as long as torch takes to be imported. ``days`` is after how many a file in the cache is old.
    """
    told = ask_torch()
    needed, came = installation.packages(), installation.parts()
    terminal, kept = screen.look(), _cache(days)
    settings = tuple(_settings())
    return Report(
        zfexplore=__version__,
        folder=str(Path(__file__).resolve().parent.parent),
        python=f"{platform.python_version()}, {sys.executable}",
        system=platform.platform(),
        packages=needed,
        optional=installation.optional(),
        machine=_machine(told),
        screen=terminal,
        cache=kept,
        parts=came,
        settings=settings,
        wrong=tuple(_wrong(told, needed, came, kept, settings)),
        remarks=tuple([*_of_machine(told), *_of_screen(terminal), *_of_cache(kept), *_of_settings(settings)]),
    )


def _wrong(
    told: Torch,
    needed: tuple[Package, ...],
    came: tuple[Part, ...],
    kept: Cache,
    settings: tuple[Setting, ...],
) -> Iterator[str]:
    yield from installation.complaints(needed)
    missing = {package.name for package in needed if package.version is None}
    if told.problem and missing.isdisjoint({"torch", "torchvision"}):  # else that is said already
        yield f"{told.problem}: install the two that pytorch.org gives together"
    for part in came:
        if part.problem:
            yield f"{part.name}: {part.path} {part.problem}; install zfexplore again"
    yield from _of_a_cache_that_fails(kept)
    for each in settings:
        if each.problem and each.name == "keys":
            yield f"{each.path} {each.problem}"


def _machine(told: Torch) -> Machine:
    return Machine(
        cores=_cores(),
        cores_in_all=os.cpu_count() or 1,
        threads=told.threads,
        devices=tuple(Device(name, memory) for name, memory in told.devices),
        without_cuda=told.without_cuda,
    )


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cache(days: int) -> Cache:
    """Look at the cache; without a home there may be none."""
    try:
        return cache.look(days)
    except ExploreError as error:
        return Cache("", str(error), 0, days, ())


def _of_a_cache_that_fails(found: Cache) -> Iterator[str]:
    if not found.folder:
        yield found.problem
    elif found.problem:
        yield f"the cache {found.problem}; set ZFEXPLORE_CACHE to another folder"
    elif found.free < FULL and not _takes(Path(found.folder), FULL):
        yield (
            f"the disk of the cache {found.folder} is full, {in_bytes(found.free)} are left: no index can be "
            "kept; make room, or set ZFEXPLORE_CACHE to a folder on another disk"
        )


def _takes(folder: Path, size: int) -> bool:
    """Whether a file of ``size`` bytes finds room: some disks, as of a cloud, tell that none is free."""
    place = next(each for each in (folder, *folder.absolute().parents) if each.is_dir())
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(bytes(size))
    except OSError:
        return False
    return True


def _of_machine(told: Torch) -> Iterator[str]:
    if told.cpu_build and NVIDIA.exists():
        yield "this machine has an NVIDIA driver, but torch is a build for CPUs: see pytorch.org for CUDA"
    elif told.without_cuda and not told.cpu_build and NVIDIA.exists():
        yield f"this machine has an NVIDIA driver, but torch cannot use it: {told.without_cuda}"


def _of_screen(found: Screen) -> Iterator[str]:
    if not found.there:
        return
    if not found.utf8:
        yield "the terminal's locale has no UTF-8: the explorer draws in ASCII (LC_ALL=C.UTF-8 changes it)"
    if found.colours < 256:
        told = found.colours or "no"
        yield f"the terminal has {told} colours, as TERM and COLORTERM tell: pictures need 256"
    if os.environ.get("NO_COLOR"):
        yield "NO_COLOR is set: the explorer draws in grey, and does not ask the terminal what it can draw"
    columns, rows = found.size
    if columns < 80 or rows < 24:
        yield f"the terminal has {columns} x {rows} characters: the explorer wants 80 x 24"
    if found.graphics and find_spec("textual_image") is None:
        yield "the terminal draws pixels: with `pip install textual-image` the explorer's `z` shows them"


def _of_cache(found: Cache) -> Iterator[str]:
    number, size = sum(kind.old_files for kind in found.kinds), sum(kind.old_size for kind in found.kinds)
    if number:
        files = "1 file of the cache was" if number == 1 else f"{number:,} files of the cache were"
        yield (
            f"{files} not used for {found.days} days ({in_bytes(size)}): "
            "`zfexplore doctor --clean` removes what is old"
        )
    if not found.problem and FULL <= found.free < LOW:
        yield f"the disk of the cache {found.folder} has only {in_bytes(found.free)} left"


def _of_settings(settings: tuple[Setting, ...]) -> Iterator[str]:
    if (chosen := os.environ.get("ZFEXPLORE_DATA")) and not os.path.isdir(expanded(chosen)):
        yield f"ZFEXPLORE_DATA is {chosen}, which is no folder"
    for each in settings:
        if each.problem and each.name != "keys":
            yield f"{each.path} {each.problem}"


def _settings() -> Iterator[Setting]:
    """Give each file of settings; without a home there is no place for it."""
    for read in (_keys, _session):
        with suppress(ExploreError):
            yield read()


def _keys() -> Setting:
    """Read the keys that the user has changed; the explorer itself overlooks what is wrong with them."""
    path = keymap_path()
    values, problem = _object(path)
    if values:
        from zfexplore.tui.keys import TABLES

        known = {key.id for table in TABLES.values() for key in table}
        unknown = [name for name in values if name not in known]
        wrong = [name for name, keys in values.items() if not are_keys(keys)]
        if unknown:
            problem = f"names no key: {', '.join(map(repr, unknown))}; docs/explorer.md has their ids"
        elif wrong:
            problem = f"gives {', '.join(map(repr, wrong))} something else than keys in quotes"
    return Setting("keys", str(path), os.path.lexists(path), problem)


def _session() -> Setting:
    path = session_path()
    _, problem = _object(path)
    told = f"{problem}: the explorer begins anew" if problem else ""
    return Setting("session", str(path), os.path.lexists(path), told)


def _object(path: Path) -> tuple[dict[str, object], str]:
    try:
        values = json.loads(read_text(path))
    except (FileNotFoundError, NotADirectoryError):  # the latter is told of the folder
        return {}, ""
    except OSError as error:
        return {}, f"cannot be read ({(error.strerror or 'unreadable').lower()})"
    except (ValueError, RecursionError):
        return {}, "is no JSON, and is overlooked"
    return (values, "") if isinstance(values, dict) else ({}, "is no JSON object, and is overlooked")


def in_bytes(size: int) -> str:
    """Write a size as people do: 512 bytes, 4.2 kB, 29.5 MB, 3.1 GB."""
    if size < 1000:
        return f"{size} bytes"
    amount, units = size / 1000, ["kB", "MB", "GB", "TB"]
    while amount >= 999.95 and len(units) > 1:
        amount, units = amount / 1000, units[1:]
    return f"{amount:.1f} {units[0]}"
